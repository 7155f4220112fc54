#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "bench/load/clock.h"

namespace babilu::load {

/// An epoll descriptor. Level-triggered: whoever has not read all is told again.
class Poll {
 public:
  Poll();
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  /// `owner` comes back with each event; nullptr is for the listener.
  void add(int descriptor, void* owner, std::uint32_t events) const;
  void change(int descriptor, void* owner, std::uint32_t events) const;
  /// What happened, after `patience` at the latest.
  std::span<const epoll_event> wait(Nanoseconds patience);

 private:
  int descriptor_;
  std::array<epoll_event, 512> events_{};
};

}  // namespace babilu::load
