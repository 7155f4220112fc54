#include "core/runtime/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "core/runtime/descriptor.h"

namespace babilu {

namespace {

int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

int round_up_to_milliseconds(Clock::duration time) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, 60'000));
}

}  // namespace

Poller::Poller()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      ready_(std::make_unique<epoll_event[]>(batch)) {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event), "epoll_ctl");
}

Poller::~Poller() {
  ::close(wake_);
  ::close(epoll_);
}

bool Poller::add(Descriptor& descriptor) const noexcept {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                    .data = {.ptr = &descriptor}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor.get(), &event) == 0;
}

void Poller::remove(Descriptor& descriptor) noexcept {
  // Closing the last reference to the file takes it out of epoll; what was found stays in the
  // batch.
  for (int i = next_; i < count_; ++i) {
    if (ready_[i].data.ptr == &descriptor) ready_[i].data.ptr = nullptr;
  }
}

int Poller::poll(Clock::duration time) noexcept {
  static std::atomic<bool> has_nanoseconds{true};
  time = std::max(time, Clock::duration::zero());
  if (has_nanoseconds.load(std::memory_order_relaxed)) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
    const int found = ::epoll_pwait2(epoll_, ready_.get(), batch, &timeout, nullptr);
    // Kernels before 5.11 lack it, and some containers forbid what they do not know.
    if (found >= 0 || (errno != ENOSYS && errno != EPERM)) return found;
    has_nanoseconds.store(false, std::memory_order_relaxed);
  }
  return ::epoll_wait(epoll_, ready_.get(), batch, round_up_to_milliseconds(time));
}

void Poller::wait(Clock::time_point now, Deadline deadline) noexcept {
  constexpr Clock::duration longest = std::chrono::seconds(60);
  const Clock::duration time =
      deadline == no_deadline ? longest : std::min(deadline - now, longest);
  int found = poll(time);
  // A signal, such as the one that lets a stopped process go on, says nothing of what is there.
  if (found < 0) found = poll({});
  waiting_.store(false);
  next_ = 0;
  count_ = std::max(found, 0);
}

void Poller::dispatch() {
  while (next_ < count_) {
    const epoll_event& event = ready_[next_++];
    // What woke us has no owner, nor what was closed meanwhile.
    if (event.data.ptr != nullptr) static_cast<Descriptor*>(event.data.ptr)->on_ready(event.events);
  }
}

void Poller::wake() noexcept {
  if (!waiting_.exchange(false)) return;
  const std::uint64_t one = 1;
  // It can only fail when it is full, and then the wait ends too.
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

}  // namespace babilu
