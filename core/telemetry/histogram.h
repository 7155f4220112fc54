#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace babilu::telemetry {

/// How both histograms divide 0 … 2⁴² − 1 (of nanoseconds: 73 minutes) into buckets, log-linearly:
/// values below 128 have a bucket each, every further power of two has 64 equal ones. So a bucket
/// is narrower than 1/64 of the values in it. Larger values go to the last bucket.
struct HistogramBuckets {
  static constexpr unsigned range_bits = 42;
  static constexpr std::uint64_t largest = (std::uint64_t{1} << range_bits) - 1;
  static constexpr std::size_t count = 128 + (range_bits - 7) * 64;  // 2,368: 19 KiB

  static std::size_t index_of(std::uint64_t value) noexcept;
  /// The greatest value that falls into the bucket.
  static std::uint64_t upper_edge(std::size_t index) noexcept;
};

/// A distribution of durations (ns), sizes or counts in constant memory (19 KiB).
///
/// A quantile is never less than the exact one (nearest rank) and at most 1/64 (1.6 %) above it,
/// for values up to `HistogramBuckets::largest`. count, min and max are exact; so are sum and mean,
/// except that a value beyond the range counts in them as the range's end. A negative duration is
/// 0. Thread: one at a time. Cost: record a few nanoseconds, quantile and merge a pass over the
/// buckets.
class LatencyHistogram {
 public:
  LatencyHistogram();
  LatencyHistogram(const LatencyHistogram& other);
  LatencyHistogram& operator=(const LatencyHistogram& other);
  LatencyHistogram(LatencyHistogram&&) noexcept = default;
  LatencyHistogram& operator=(LatencyHistogram&&) noexcept = default;
  ~LatencyHistogram() = default;

  void record(std::chrono::nanoseconds duration) noexcept {
    record_value(duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count()));
  }
  void record_value(std::uint64_t value, std::uint64_t times = 1) noexcept;
  void merge(const LatencyHistogram& other) noexcept;
  void clear() noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t sum() const noexcept { return sum_; }
  /// 0 when empty, as are min, mean and every quantile.
  std::uint64_t max() const noexcept { return max_; }
  std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  double mean() const noexcept;
  /// The value that a share of `q` (0 … 1, clamped) of the samples do not exceed; 1 gives max.
  std::uint64_t quantile(double q) const noexcept;
  /// How many samples are in buckets that end at or below `value`: samples less than 1.6 % under it
  /// may be missing. Never decreases as `value` or time goes on.
  std::uint64_t count_up_to(std::uint64_t value) const noexcept;

 private:
  friend class AtomicHistogram;
  using Counts = std::array<std::uint64_t, HistogramBuckets::count>;

  std::unique_ptr<Counts> counts_;  // null after a move: then only assign or destroy
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

/// Values of one thread on their way to one AtomicHistogram or several: the place of each is looked
/// up once, and those that follow one another in the same place are one.
class HistogramBatch {
 public:
  void add(std::chrono::nanoseconds duration) {
    add_value(duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count()));
  }
  void add_value(std::uint64_t value);
  void clear() noexcept;
  std::uint64_t count() const noexcept { return count_; }

 private:
  friend class AtomicHistogram;
  struct Run {
    std::size_t index;
    std::uint64_t count;
  };
  void begin_run(std::uint64_t value);

  std::vector<Run> runs_;
  std::uint64_t last_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

inline void HistogramBatch::add_value(std::uint64_t value) {
  // What happened at one time took the same time, often.
  if (runs_.empty() || value != last_) begin_run(value);
  ++runs_.back().count;
  ++count_;
  sum_ += std::min(value, HistogramBuckets::largest);
}

/// The same distribution, recorded by several threads without a lock (two relaxed additions) and
/// read through a snapshot. A snapshot taken while others record may lack their last samples, but
/// its count is always the number of samples in its buckets.
class AtomicHistogram {
 public:
  AtomicHistogram();

  void record(std::chrono::nanoseconds duration) noexcept {
    record_value(duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count()));
  }
  void record_value(std::uint64_t value) noexcept;
  void record_all(const HistogramBatch& batch) noexcept;
  LatencyHistogram snapshot() const;

 private:
  using Counts = std::array<std::atomic<std::uint64_t>, HistogramBuckets::count>;

  std::unique_ptr<Counts> counts_;
  alignas(64) std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> min_{UINT64_MAX};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace babilu::telemetry
