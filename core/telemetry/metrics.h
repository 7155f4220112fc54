#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/telemetry/histogram.h"
#include "core/telemetry/metric_snapshot.h"

namespace babilu::telemetry {

/// Only grows. Each of up to eight threads adds to a cache line of its own, so cores that count the
/// same thing do not slow each other: one uncontended atomic addition (512 bytes a counter).
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    shards_[shard_of_this_thread()].count.fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept;

 private:
  static constexpr std::size_t shard_count = 8;
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> count{0};
  };

  static std::size_t shard_of_this_thread() noexcept {
    return thread_shard_ != 0 ? thread_shard_ - 1 : choose_shard();
  }
  static std::size_t choose_shard() noexcept;

  static constinit thread_local std::size_t thread_shard_;  // 0: not chosen yet
  std::array<Shard, shard_count> shards_;
};

/// A whole number that goes up and down: sessions open, bytes queued.
class alignas(64) Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void subtract(std::int64_t n = 1) noexcept { value_.fetch_sub(n, std::memory_order_relaxed); }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// What a histogram's integers mean; it also chooses the bounds that a scrape shows.
enum class HistogramUnit {
  seconds,  // recorded in ns; 50 µs … 60 s. The name ends in _seconds
  bytes,    // 64 B … 64 MiB. The name ends in _bytes
  count,    // 1 … 4,096: things in a batch, rows
};

/// Keeps a callback registered. Its destructor waits for a scrape that is calling it. Must not
/// outlive the registry.
class [[nodiscard]] CallbackRegistration {
 public:
  CallbackRegistration() = default;
  explicit CallbackRegistration(std::function<void()> remove) : remove_(std::move(remove)) {}
  CallbackRegistration(CallbackRegistration&& other) noexcept
      : remove_(std::exchange(other.remove_, nullptr)) {}
  CallbackRegistration& operator=(CallbackRegistration&& other) noexcept;
  ~CallbackRegistration() { reset(); }
  void reset() noexcept;

 private:
  std::function<void()> remove_;
};

/// The metrics of one node. Not a singleton: a simulated world holds many, one for each node.
///
/// Registration locks and may allocate; asking again for the same name and labels returns the same
/// object. References stay valid as long as the registry, or until their series is removed. Updates
/// go to the objects themselves, from any thread, without lock or allocation. A mistake in a
/// registration (a name that Prometheus or OpenMetrics forbids, one name with two kinds or helps)
/// throws std::invalid_argument: it is a bug.
///
/// Counters end in _total; names are in base units (seconds, bytes); labels are static. Any number
/// of series may be registered; a snapshot shows the first 1,000 of a family, in order of labels.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  AtomicHistogram& histogram(std::string_view name, std::string_view help, Labels labels = {},
                             HistogramUnit unit = HistogramUnit::seconds);

  /// Computed when scraped, on the scraping thread, under the registry's lock: it must not touch
  /// the registry. An exception leaves the series out of that scrape. Each series has one callback.
  using Callback = std::function<double()>;
  CallbackRegistration counter_callback(std::string_view name, std::string_view help, Labels labels,
                                        Callback callback);
  CallbackRegistration gauge_callback(std::string_view name, std::string_view help, Labels labels,
                                      Callback callback);

  /// Takes out the series that have exactly these labels, in all families. Nobody may use them any
  /// more. Those of callbacks stay: their registrations own them.
  void remove(Labels labels);

  /// All families, in order of name, their series in order of labels: the same for the same
  /// updates. Any thread. A family without series is left out. When one has more series than are
  /// shown, babilu_metrics_series_left_out says how many are missing in all.
  std::vector<FamilySnapshot> snapshot() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace babilu::telemetry
