#include "roles/proxy/refusals.h"

#include <algorithm>

namespace babilu::proxy {

namespace {

constexpr std::string_view session_reasons[] = {
    "too_many_sessions",   "too_many_sessions_of_address", "too_many_addresses",
    "too_many_handshakes", "too_many_handshakes_in_all",   "too_many_without_header"};

constexpr std::string_view request_reasons[] = {"too_many_requests", "too_many_streams",
                                                "hop_not_allowed",   "unknown_service",
                                                "no_backend",        "backends_busy",
                                                "backend_lost",      "deadline",
                                                "cancelled",         "draining",
                                                "request_too_large", "item_too_large",
                                                "credit_exceeded",   "backend_exceeded_credit"};

}  // namespace

Refusals::Refusals(telemetry::Metrics& metrics, std::string_view name, std::string_view help,
                   std::span<const std::string_view> reasons) {
  const auto add = [&](std::string_view reason) {
    std::string text(reason);
    entries_.push_back({text, metrics.counter(name, help, {{"reason", text}})});
  };
  std::ranges::for_each(reasons, add);
  add("other");
}

void Refusals::count(std::string_view reason) noexcept {
  auto found = std::ranges::find(entries_, reason, &Entry::reason);
  if (found == entries_.end()) --found;
  found->counter.add();
}

Refusals refused_sessions(telemetry::Metrics& metrics) {
  return {metrics, "babilu_proxy_sessions_refused_total", "Connections that a limit did not let in",
          session_reasons};
}

Refusals refused_requests(telemetry::Metrics& metrics) {
  return {metrics, "babilu_proxy_requests_refused_total",
          "Requests that the proxy itself answered with an error", request_reasons};
}

}  // namespace babilu::proxy
