#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {

/// The production clock: the system's steady and wall clocks, one timer of the io_context.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(boost::asio::io_context& context);

  time_point now() const noexcept override;
  std::chrono::system_clock::time_point wall() const noexcept override;

 private:
  void earliest_changed() override;
  void arm();

  using Steady = std::chrono::steady_clock;
  boost::asio::basic_waitable_timer<Steady, boost::asio::wait_traits<Steady>, Executor> timer_;
  time_point armed_ = time_point::max();
};

}  // namespace babilu
