#include "bench/load/poll.h"

#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace babilu::load {

namespace {

epoll_event event_for(void* owner, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = owner;
  return event;
}

}  // namespace

Poll::Poll() : descriptor_(epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) throw std::runtime_error("no epoll descriptor");
}

Poll::~Poll() {
  close(descriptor_);
}

void Poll::add(int descriptor, void* owner, std::uint32_t events) const {
  epoll_event event = event_for(owner, events);
  if (epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    throw std::runtime_error("epoll takes no more descriptors");
  }
}

void Poll::change(int descriptor, void* owner, std::uint32_t events) const {
  epoll_event event = event_for(owner, events);
  epoll_ctl(descriptor_, EPOLL_CTL_MOD, descriptor, &event);
}

std::span<const epoll_event> Poll::wait(Nanoseconds patience) {
  // epoll_wait counts in milliseconds, too coarse for requests that are due at a certain time.
  const timespec timeout{static_cast<time_t>(patience / 1'000'000'000),
                         static_cast<long>(patience % 1'000'000'000)};
  const int count = epoll_pwait2(descriptor_, events_.data(), static_cast<int>(events_.size()),
                                 &timeout, nullptr);
  if (count < 0 && errno != EINTR) throw std::runtime_error("epoll cannot wait");
  return std::span(events_).first(count < 0 ? 0 : static_cast<std::size_t>(count));
}

}  // namespace babilu::load
