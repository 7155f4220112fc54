// The Relay's requests that wait for a backend.
#include <memory>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/runtime/runtime.h"
#include "roles/api/reasons.h"
#include "roles/proxy/client_session.h"
#include "roles/proxy/link.h"
#include "roles/proxy/pool.h"
#include "roles/proxy/relay.h"
#include "roles/proxy/relayed.h"
#include "roles/proxy/waiting_lists.h"

namespace babilu::proxy {

using rpc::Reply;

namespace {

/// Hint for clients while no backend is there: about the time in which one reconnects.
constexpr auto reconnect_hint = std::chrono::milliseconds(250);

}  // namespace

void Relay::wait(RelayedPtr relayed, Clock::duration most) {
  const auto now = runtime_.turn_began();
  if (!relayed->time_left(now)) {
    answer(*relayed, refusal(*relayed, why_too_late(*relayed)));
    return;
  }
  if (!pool_->may_come_to_offer(relayed->service()) || !may_wait(*relayed->session)) {
    answer(*relayed, refusal(*relayed, why_no_link(*relayed)));
    return;
  }
  relayed->link = nullptr;
  relayed->comparable = false;
  // Some of its time is left for the way back: an answer that says why is worth more than silence.
  const Deadline deadline = relayed->deadline();
  const Deadline latest = deadline - (deadline - now) / 10;
  relayed->patience =
      std::make_unique<Relayed::Patience>(runtime_.clock(), *this, *relayed, now + most, latest);
  relayed->session->begins_to_wait();
  ++waiting_;
  waiting_lists_->add(*relayed.release());
}

/// With dynamic thresholds (Choudhury and Hahne 1998) nobody can take all places.
bool Relay::may_wait(const ClientSession& session) const noexcept {
  if (waiting_ >= options_.most_waiting) return false;
  return session.waiting() <= options_.most_waiting - waiting_;
}

void Relay::serve_waiting(const Link& link) {
  while (Relayed* const next = waiting_lists_->next_for(link)) {
    if (!still_fits(*next)) {
      const RelayedPtr taken = take_waiting(*next);
      answer(*taken, Reply::refuse(taken->sends == 0 ? too_large(*taken->session) : lost()));
      continue;
    }
    // The link has room, so what keeps it is its own time, which is up before its alarm could say.
    if (!send(*next, next->what_was_kept(), nullptr)) {
      give_up(*next);
      continue;
    }
    RelayedPtr relayed = take_waiting(*next);
    relayed->patience.reset();
    if (relayed->sends > 1) observer_.on_resent(*relayed->link);
    std::ignore = relayed.release();
  }
}

Relay::RelayedPtr Relay::take_waiting(Relayed& relayed) {
  waiting_lists_->remove(relayed);
  --waiting_;
  if (relayed.session != nullptr) relayed.session->waits_no_more();
  return RelayedPtr(&relayed, Recycle{this});
}

void Relay::give_up(Relayed& relayed) {
  const RelayedPtr taken = take_waiting(relayed);
  answer(*taken,
         refusal(*taken, taken->patience->expires ? why_too_late(*taken) : why_no_link(*taken)));
}

rpc::Status Relay::why_too_late(const Relayed& relayed) const {
  return {rpc::reasons.deadline, pool_->offers(relayed.service())
                                     ? "every backend had as much as it takes until the time was up"
                                     : "no backend was connected until the time was up"};
}

rpc::Status Relay::why_no_link(const Relayed& relayed) const {
  if (pool_->never_offers(relayed.service())) {
    return {api::reasons.unknown_service,
            fmt::format("no backend offers service {} now", relayed.service())};
  }
  const bool busy = pool_->offers(relayed.service());
  rpc::Status status =
      busy ? rpc::Status(api::reasons.backends_busy,
                         "every backend has as much as it takes; try again")
           : rpc::Status(api::reasons.no_backend, "no backend is connected now; try again");
  status.retry_after = reconnect_hint;
  return status;
}

/// What belongs to a stream that waits for a backend would have to wait with it: the caller may
/// begin again as well.
void Relay::end_waiting(Relayed& relayed) {
  const RelayedPtr taken = take_waiting(relayed);
  answer(*taken, refusal(*taken, why_no_link(*taken)));
}

}  // namespace babilu::proxy
