#include "bench/load/requests.h"

#include <algorithm>
#include <random>

#include "bench/load/crowd.h"
#include "bench/load/meter.h"

namespace babilu::load {

namespace {

constexpr Nanoseconds drain_limit = from_seconds(2);
constexpr Nanoseconds longest_wait = from_seconds(0.01);

/// The times at which a Poisson process of this rate has events.
class Arrivals {
 public:
  Arrivals(double rate, Nanoseconds from) : gap_(rate / 1e9), next_(static_cast<double>(from)) {
    step();
  }
  Nanoseconds next() const noexcept { return static_cast<Nanoseconds>(next_); }
  void step() { next_ += gap_(random_); }
  std::size_t pick(std::size_t count) { return random_() % count; }

 private:
  std::mt19937_64 random_{20};  // the same times for everyone who is measured
  std::exponential_distribution<double> gap_;
  double next_;
};

class Run final : private Replies {
 public:
  explicit Run(const RequestOptions& options)
      : options_(options), meter_(options.measured), crowd_(options.port, options.tls) {}
  Result run();

 private:
  void on_reply(Nanoseconds sent, bool good) override;
  /// Answers each reply with the next request.
  void serve_closed(Nanoseconds until);
  /// Sends what is due.
  void serve_open(Arrivals& arrivals, Nanoseconds until);
  void drain();

  const RequestOptions& options_;
  const Meter meter_;
  Crowd crowd_;
  Nanoseconds measured_from_ = ~Nanoseconds{0};
  Nanoseconds measured_until_ = ~Nanoseconds{0};
  std::uint64_t replies_ = 0;
  std::uint64_t errors_ = 0;
  std::vector<std::uint64_t> latencies_;
};

void Run::on_reply(Nanoseconds sent, bool good) {
  ++replies_;
  if (!good) ++errors_;
  if (sent >= measured_from_ && sent < measured_until_) latencies_.push_back(now() - sent);
}

void Run::serve_closed(Nanoseconds until) {
  for (Nanoseconds time = now(); time < until; time = now()) {
    crowd_.serve(std::min(longest_wait, until - time), *this, [&](Session& session) {
      const std::uint32_t missing = options_.depth - session.unanswered();
      if (missing > 0) session.request(missing, now());
    });
  }
}

void Run::serve_open(Arrivals& arrivals, Nanoseconds until) {
  for (Nanoseconds time = now(); time < until; time = now()) {
    for (; arrivals.next() <= time; arrivals.step()) {
      const std::size_t index = arrivals.pick(crowd_.size());
      if (crowd_.at(index).unanswered() < Session::depth_limit / 2) {
        crowd_.request(index, 1, arrivals.next());
      } else {
        ++errors_;  // hopelessly behind
      }
    }
    const Nanoseconds patience = arrivals.next() - time;
    crowd_.serve(std::min({longest_wait, patience, until - time}), *this);
  }
}

/// Waits for what is unanswered. Who is measured never answers a session that has left.
void Run::drain() {
  const Nanoseconds limit = now() + drain_limit;
  while (crowd_.unanswered() > 0 && now() < limit) crowd_.serve(from_seconds(0.01), *this);
  errors_ += crowd_.unanswered();
}

Result Run::run() {
  latencies_.reserve(1 << 20);
  crowd_.grow(options_.sessions, *this);
  Arrivals arrivals(std::max(options_.rate, 1.0), now());
  const auto serve = [&](Nanoseconds until) {
    options_.rate > 0 ? serve_open(arrivals, until) : serve_closed(until);
  };
  if (options_.rate == 0) {
    for (std::size_t i = 0; i < crowd_.size(); ++i) crowd_.request(i, options_.depth, now());
  }
  serve(now() + from_seconds(options_.warm_up));

  const Nanoseconds from = measured_from_ = now();
  const Nanoseconds until = from + from_seconds(options_.seconds);
  const Nanoseconds cpu = meter_.cpu();
  const Nanoseconds own_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  const std::uint64_t replies = replies_;
  serve(until);
  measured_until_ = now();
  Result result;
  result.set("seconds", static_cast<double>(measured_until_ - from) / 1e9);
  result.set("requests", static_cast<double>(replies_ - replies));
  result.set("cpu_us", static_cast<double>(meter_.cpu() - cpu) / 1e3);
  result.set("own_cpu_us",
             static_cast<double>(read_clock(CLOCK_PROCESS_CPUTIME_ID) - own_cpu) / 1e3);
  drain();
  result.set("all_requests", static_cast<double>(replies_));
  result.set("errors", static_cast<double>(errors_));
  result.set_quantiles(latencies_);
  return result;
}

}  // namespace

Result run_requests(const RequestOptions& options) {
  return Run(options).run();
}

}  // namespace babilu::load
