#include "bench/load/idle.h"

#include <stdexcept>

#include "bench/load/crowd.h"
#include "bench/load/meter.h"

namespace babilu::load {

namespace {

constexpr Nanoseconds settling = from_seconds(0.5);
constexpr Nanoseconds answer_limit = from_seconds(10);

class Run final : private Replies {
 public:
  explicit Run(const IdleOptions& options)
      : options_(options), meter_(options.measured), crowd_(options.port, options.tls) {}

  Result run() {
    const double before = memory_at(options_.from);
    const double after = memory_at(options_.to);
    Result result;
    result.set("bytes", after);
    result.set("bytes_per_session",
               (after - before) / static_cast<double>(options_.to - options_.from));
    result.set("errors", static_cast<double>(errors_));
    return result;
  }

 private:
  void on_reply(Nanoseconds, bool good) override {
    if (!good) ++errors_;
  }

  double memory_at(std::size_t sessions) {
    const std::size_t before = crowd_.size();
    crowd_.grow(sessions, *this);
    for (std::size_t i = before; i < sessions; ++i) {
      crowd_.request(i, 1, now());
      if (i % 64 == 0) crowd_.serve(0, *this);
    }
    const Nanoseconds limit = now() + answer_limit;
    while (crowd_.unanswered() > 0 && now() < limit) crowd_.serve(from_seconds(0.01), *this);
    if (crowd_.unanswered() > 0) throw std::runtime_error("requests were not answered");
    for (const Nanoseconds until = now() + settling; now() < until;) {
      crowd_.serve(from_seconds(0.01), *this);
    }
    return meter_.memory();
  }

  const IdleOptions& options_;
  const Meter meter_;
  Crowd crowd_;
  std::size_t errors_ = 0;
};

}  // namespace

Result run_idle(const IdleOptions& options) {
  return Run(options).run();
}

}  // namespace babilu::load
