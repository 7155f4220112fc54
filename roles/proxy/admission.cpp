#include "roles/proxy/admission.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "roles/api/reasons.h"

namespace babilu::proxy {

namespace ip = boost::asio::ip;
using rpc::Status;

namespace {

Status busy(const rpc::Reason& reason, std::string message,
            std::chrono::milliseconds retry_after = std::chrono::seconds(1)) {
  Status status(reason, std::move(message));
  status.retry_after = retry_after;
  return status;
}

/// Whoever has to wait should not ask each millisecond.
constexpr std::chrono::milliseconds least_wait{10};

}  // namespace

Admission::Admission(AdmissionOptions options, crypto::Random& random)
    : options_(std::move(options)), addresses_(random) {}

boost::system::result<Admission::Ticket, Status> Admission::admit(const ip::address& address,
                                                                  Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (sessions_.load(std::memory_order_relaxed) >= options_.sessions) {
    return busy(api::reasons.too_many_sessions,
                "as many sessions are open as this proxy takes; try again");
  }
  AddressEntry* const entry =
      addresses_.enter(options_.share_of(address), now, options_.resting_addresses);
  if (entry == nullptr) {
    return busy(api::reasons.too_many_addresses,
                "this proxy has too many new clients at once; try again");
  }
  const AddressLimits& limits = entry->limits;
  if (limits.sessions != 0 && entry->sessions >= limits.sessions) {
    return busy(api::reasons.too_many_sessions_of_address,
                "your address has as many sessions open as it may; end some");
  }
  if (!entry->handshakes.take(now, limits.handshakes_per_second)) {
    return busy(api::reasons.too_many_handshakes,
                "your address connects too often; keep sessions open");
  }
  // Last, so that an address over its own limit takes nothing from the others.
  if (!handshakes_.take(now, options_.total_handshakes_per_second)) {
    return busy(api::reasons.too_many_handshakes_in_all,
                "more clients connect than this proxy takes at once; try again");
  }
  addresses_.add_session(*entry);
  sessions_.fetch_add(1, std::memory_order_relaxed);
  return Ticket(*this, address, *entry);
}

Admission::Ticket::~Ticket() {
  if (admission_ != nullptr) admission_->leave(*entry_);
}

Status Admission::Ticket::too_many_requests(Clock::time_point now, std::uint32_t count) const {
  const unsigned rate = request_rate();
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(entry_->requests.wait(now, rate, count));
  std::string message = fmt::format("your address may ask {} times a second", rate);
  if (count > 1) message += fmt::format(", and this counts as {}", count);
  return busy(api::reasons.too_many_requests, message + "; try again", std::max(wait, least_wait));
}

AddressLimits Admission::Ticket::take_up_limits() {
  AddressLimits limits{0, 0, 0};
  if (admission_ != nullptr) {
    entry_ = &admission_->move_session(*entry_, ip::make_address_v6(remote_), limits);
  }
  return limits;
}

AddressEntry& Admission::move_session(AddressEntry& from, const ip::address& remote,
                                      AddressLimits& limits) {
  const std::lock_guard lock(mutex_);
  AddressEntry& to = addresses_.find(options_.share_of(remote));
  limits = to.limits;
  if (&to == &from) return to;
  addresses_.add_session(to);
  addresses_.remove_session(from);
  return to;
}

void Admission::leave(AddressEntry& entry) {
  const std::lock_guard lock(mutex_);
  addresses_.remove_session(entry);
  sessions_.fetch_sub(1, std::memory_order_relaxed);
}

void Admission::set_options(AdmissionOptions options) {
  const std::lock_guard lock(mutex_);
  options_ = std::move(options);
}

AdmissionOptions Admission::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

std::size_t Admission::addresses() const {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

}  // namespace babilu::proxy
