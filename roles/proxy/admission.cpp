#include "roles/proxy/admission.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace babilu::proxy {

namespace ip = boost::asio::ip;
using rpc::Code;
using rpc::Status;

namespace {

ip::address normal(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest));
}

/// What is counted as one: the address, or the first half of one of IPv6.
std::string key_of(const ip::address& address) {
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    return {bytes.begin(), bytes.end()};
  }
  const auto bytes = address.to_v6().to_bytes();
  return {bytes.begin(), bytes.begin() + 8};
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Status busy(const char* reason, std::string message, std::chrono::milliseconds retry_after) {
  Status status(Code::resource_exhausted, reason, std::move(message));
  status.retry_after = retry_after;
  return status;
}

}  // namespace

boost::system::result<Cidr> Cidr::parse(std::string_view text) {
  const auto malformed = make_error_code(boost::system::errc::invalid_argument);
  Cidr cidr;
  const auto slash = text.find('/');
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return malformed;
  cidr.network_ = normal(address);
  const unsigned most = cidr.network_.is_v4() ? 32 : 128;
  cidr.prefix_ = most;
  if (slash == std::string_view::npos) return cidr;
  if (!read_number(text.substr(slash + 1), cidr.prefix_) || cidr.prefix_ > most) return malformed;
  return cidr;
}

bool Cidr::contains(const ip::address& given) const {
  const ip::address address = normal(given);
  if (address.is_v4() != network_.is_v4()) return false;
  if (address.is_v4()) {
    return same_prefix(address.to_v4().to_bytes(), network_.to_v4().to_bytes(), prefix_);
  }
  return same_prefix(address.to_v6().to_bytes(), network_.to_v6().to_bytes(), prefix_);
}

boost::system::result<AdmissionOptions::Override> AdmissionOptions::parse_override(
    std::string_view text, const AddressLimits& each) {
  const auto malformed = make_error_code(boost::system::errc::invalid_argument);
  const auto space = text.find(' ');
  const auto network = Cidr::parse(text.substr(0, space));
  if (!network || space == std::string_view::npos) return malformed;
  Override made{*network, each};
  text.remove_prefix(space);
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) break;
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) return malformed;
    const std::string_view name = word.substr(0, equals);
    unsigned* const limit = name == "sessions"     ? &made.limits.sessions
                            : name == "handshakes" ? &made.limits.handshakes_per_second
                            : name == "requests"   ? &made.limits.requests_per_second
                                                   : nullptr;
    if (limit == nullptr || !read_number(word.substr(equals + 1), *limit)) return malformed;
  }
  return made;
}

bool Bucket::take(Clock::time_point now, unsigned per_second) noexcept {
  if (per_second == 0) return false;
  const std::int64_t interval = 1'000'000'000 / per_second;
  const std::int64_t burst = 2'000'000'000;
  const std::int64_t time = now.time_since_epoch().count();
  std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t after = std::max(before, time) + interval;
    if (after - time > burst) return false;
    if (empty_until_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
}

bool Bucket::full(Clock::time_point now) const noexcept {
  return empty_until_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
}

struct Admission::Address {
  Bucket handshakes;
  Bucket requests;
  std::atomic<unsigned> requests_per_second{0};
  ip::address first;      ///< the first that came; decides the limits
  unsigned sessions = 0;  ///< under the mutex
};

Admission::Admission(AdmissionOptions options) : options_(std::move(options)) {}

const AddressLimits* Admission::limits_of(const ip::address& address) const {
  const auto holds = [&](const Cidr& network) { return network.contains(address); };
  if (std::ranges::any_of(options_.exempt, holds)) return nullptr;
  const AddressLimits* limits = &options_.each;
  unsigned longest = 0;
  for (const auto& entry : options_.overrides) {
    if (!holds(entry.network) || entry.network.prefix_bits() < longest) continue;
    longest = entry.network.prefix_bits();
    limits = &entry.limits;
  }
  return limits;
}

boost::system::result<Admission::Ticket, Status> Admission::admit(const ip::address& given,
                                                                  Clock::time_point now) {
  using namespace std::chrono_literals;
  const ip::address address = normal(given);
  const std::lock_guard lock(mutex_);
  if (sessions_.load(std::memory_order_relaxed) >= options_.sessions) {
    return busy("too_many_sessions", "as many sessions are open as this proxy takes; try again",
                1s);
  }
  const AddressLimits* const limits = limits_of(address);
  if (limits == nullptr) {
    sessions_.fetch_add(1, std::memory_order_relaxed);
    return Ticket(*this, nullptr);
  }
  if (addresses_.size() >= forget_at_) forget_idle(now);
  auto& entry = addresses_[key_of(address)];
  if (!entry) {
    entry = std::make_shared<Address>();
    entry->first = address;
  }
  entry->requests_per_second.store(limits->requests_per_second, std::memory_order_relaxed);
  if (entry->sessions >= limits->sessions) {
    return busy("too_many_sessions_of_address",
                "your address has as many sessions open as it may; end some", 1s);
  }
  if (!entry->handshakes.take(now, limits->handshakes_per_second)) {
    return busy("too_many_handshakes", "your address connects too often; keep sessions open", 1s);
  }
  ++entry->sessions;
  sessions_.fetch_add(1, std::memory_order_relaxed);
  return Ticket(*this, entry);
}

Admission::Ticket::~Ticket() {
  if (admission_ != nullptr) admission_->leave(address_.get());
}

std::optional<Status> Admission::Ticket::take_request(Clock::time_point now) {
  if (!address_) return std::nullopt;
  const unsigned rate = address_->requests_per_second.load(std::memory_order_relaxed);
  if (address_->requests.take(now, rate)) return std::nullopt;
  return busy("too_many_requests",
              fmt::format("your address may ask {} times a second; try again", rate),
              std::chrono::milliseconds(100));
}

void Admission::leave(Address* address) {
  sessions_.fetch_sub(1, std::memory_order_relaxed);
  if (address == nullptr) return;
  const std::lock_guard lock(mutex_);
  --address->sessions;
}

/// Those without sessions whose buckets are full again: nobody notices.
void Admission::forget_idle(Clock::time_point now) {
  std::erase_if(addresses_, [&](const auto& entry) {
    const Address& address = *entry.second;
    return address.sessions == 0 && address.handshakes.full(now) && address.requests.full(now);
  });
  forget_at_ = std::max<std::size_t>(1024, 2 * addresses_.size());
}

void Admission::set_options(AdmissionOptions options) {
  const std::lock_guard lock(mutex_);
  options_ = std::move(options);
  for (const auto& [key, address] : addresses_) {
    const AddressLimits* const limits = limits_of(address->first);
    const unsigned rate = limits == nullptr ? ~0U : limits->requests_per_second;
    address->requests_per_second.store(rate, std::memory_order_relaxed);
  }
}

AdmissionOptions Admission::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

}  // namespace babilu::proxy
