#include "tools/bots/limits.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/rpc/multiplexer.h"
#include "core/wire/envelope.pb.h"
#include "tools/bots/units.h"

namespace babilu::bots {

namespace {

constexpr std::size_t most_entries = 8;

std::string format_address(const std::optional<LimitsReport::Address>& address) {
  if (!address) return "not said";
  std::vector<std::string> parts;
  const auto add = [&](std::uint32_t limit, const char* unit) {
    if (limit != 0) parts.push_back(format_count(limit) + unit);
  };
  add(address->sessions, " sessions");
  add(address->handshakes_per_second, " handshakes/s");
  add(address->requests_per_second, " requests/s");
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string format_bytes(std::uint32_t bytes) {
  return bytes % 1024 == 0 ? format_count(bytes / 1024) + " KiB" : format_count(bytes) + " bytes";
}

}  // namespace

LimitsReport limits_in(const wire::Hello& hello) {
  constexpr rpc::MultiplexerLimits usual;
  const auto or_usual = [](std::uint32_t said, std::uint32_t otherwise) {
    return said == 0 ? otherwise : said;
  };
  LimitsReport limits{.streams = or_usual(hello.streams_limit(), usual.streams),
                      .frame_bytes = or_usual(hello.frame_limit(), usual.frame)};
  if (hello.has_address_limits()) {
    const auto& said = hello.address_limits();
    limits.address = {said.sessions(), said.handshakes_per_second(), said.requests_per_second()};
  }
  return limits;
}

void LimitsHeard::add(const LimitsReport& limits) {
  const auto known = std::ranges::find(entries_, limits, &Entry::limits);
  if (known != entries_.end()) {
    ++known->sessions;
  } else if (entries_.size() < most_entries) {
    entries_.push_back({limits, 1});
  }
}

std::string format_limits(const LimitsReport& limits) {
  return fmt::format(
      "limits of this address: {}\n"
      "limits of a session: {} unanswered requests, frames of {}\n",
      format_address(limits.address), format_count(limits.streams),
      format_bytes(limits.frame_bytes));
}

}  // namespace babilu::bots
