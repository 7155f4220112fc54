// The Relay's watch over what backends leave unanswered.
#include <algorithm>
#include <vector>

#include "core/runtime/runtime.h"
#include "roles/proxy/link.h"
#include "roles/proxy/pool.h"
#include "roles/proxy/relay.h"
#include "roles/proxy/relayed.h"

namespace babilu::proxy {

using rpc::Multiplexer;

namespace {

/// A backend knows best what became of a request: its own answer may be a moment late.
constexpr auto late_answer_time = std::chrono::milliseconds(10);

/// The least time between two looks through all that is unanswered, and what each request that is
/// looked at adds to it: many times what that costs.
constexpr auto expiry_interval = std::chrono::milliseconds(10);
constexpr auto expiry_interval_of_each = std::chrono::microseconds(1);

}  // namespace

void Relay::look_at_deadlines(Deadline due) {
  next_expiry_ = due;
  expiry_.set(std::max(due + late_answer_time, earliest_look_));
}

/// Nothing is kept in order of deadlines: that would cost each request more than this, which is
/// rare, costs all of them.
void Relay::expire() {
  const auto now = runtime_.now();
  earliest_look_ = now + expiry_interval;
  next_expiry_ = no_deadline;
  Deadline next = no_deadline;
  std::vector<Relayed*> late;
  pool_->each_unanswered([&](Multiplexer::Tag tag) {
    Relayed* const relayed = Relayed::from(tag);
    earliest_look_ += expiry_interval_of_each;
    if (relayed->session == nullptr) return;
    const Deadline due = relayed->deadline();
    if (due <= now - late_answer_time) {
      late.push_back(relayed);
    } else {
      next = std::min(next, due);
    }
  });
  for (Relayed* const relayed : late) time_out(*relayed);
  if (next < next_expiry_) look_at_deadlines(next);
}

void Relay::time_out(Relayed& relayed) {
  if (relayed.session == nullptr) return;
  if (!relayed.excuses_lateness(*relayed.link)) relayed.link->note_silence();
  break_off(relayed, {rpc::reasons.deadline, "the backend did not answer until the time was up"});
}

}  // namespace babilu::proxy
