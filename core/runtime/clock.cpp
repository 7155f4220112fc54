#include "core/runtime/clock.h"

#include <cassert>

namespace babilu {

void Alarm::set(Deadline due) {
  cancel();
  if (due == no_deadline) return;
  due_ = due;
  clock_.insert(*this);
}

void Alarm::cancel() noexcept {
  if (is_set()) clock_.erase(*this);
}

Clock::time_point Clock::earliest() const noexcept {
  return heap_.empty() ? time_point::max() : heap_.front()->due_;
}

void Clock::fire_due(time_point now) {
  // Alarms that are set while these run wait for the next call, so a callback that sets itself
  // again for "now" cannot hold the thread.
  const std::uint64_t newest = next_sequence_;
  while (!heap_.empty()) {
    Alarm& alarm = *heap_.front();
    if (alarm.due_ > now || alarm.sequence_ >= newest) break;
    erase(alarm);
    alarm.callback_(alarm.context_);
  }
}

void Clock::insert(Alarm& alarm) {
  alarm.sequence_ = next_sequence_++;
  heap_.push_back(&alarm);
  alarm.index_ = heap_.size() - 1;
  sift_up(alarm.index_);
}

void Clock::erase(Alarm& alarm) noexcept {
  const std::size_t index = alarm.index_;
  assert(index < heap_.size() && heap_[index] == &alarm);
  Alarm* last = heap_.back();
  heap_.pop_back();
  alarm.index_ = Alarm::unset;
  if (last == &alarm) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void Clock::place(std::size_t index, Alarm* alarm) noexcept {
  heap_[index] = alarm;
  alarm->index_ = index;
}

void Clock::sift_up(std::size_t index) noexcept {
  Alarm* moving = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!moving->before(*heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, moving);
}

void Clock::sift_down(std::size_t index) noexcept {
  Alarm* moving = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->before(*heap_[child])) ++child;
    if (!heap_[child]->before(*moving)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, moving);
}

}  // namespace babilu
