#include "core/telemetry/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace babilu::telemetry {

namespace {

constexpr unsigned sub_bucket_bits = 6;  // 64 buckets a power of two

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

template <class Compare>
void replace_unless(std::atomic<std::uint64_t>& extreme, std::uint64_t value, Compare holds) {
  std::uint64_t seen = extreme.load(std::memory_order_relaxed);
  while (!holds(seen, value) &&
         !extreme.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

std::size_t HistogramBuckets::index_of(std::uint64_t value) noexcept {
  value = std::min(value, largest);
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  if (width <= sub_bucket_bits + 1) return static_cast<std::size_t>(value);
  // The leading 1 and the next six bits choose the bucket; `shift` counts the bits not looked at.
  const unsigned shift = width - (sub_bucket_bits + 1);
  return (static_cast<std::size_t>(shift) << sub_bucket_bits) +
         static_cast<std::size_t>(value >> shift);
}

std::uint64_t HistogramBuckets::upper_edge(std::size_t index) noexcept {
  constexpr std::size_t exact = std::size_t{1} << (sub_bucket_bits + 1);
  if (index < exact) return index;
  const unsigned shift = static_cast<unsigned>(index >> sub_bucket_bits) - 1;
  const std::uint64_t lead = index - (static_cast<std::size_t>(shift) << sub_bucket_bits);
  return ((lead + 1) << shift) - 1;
}

LatencyHistogram::LatencyHistogram() : counts_(std::make_unique<Counts>()) {}

LatencyHistogram::LatencyHistogram(const LatencyHistogram& other)
    : counts_(std::make_unique<Counts>(*other.counts_)),
      count_(other.count_),
      sum_(other.sum_),
      min_(other.min_),
      max_(other.max_) {}

LatencyHistogram& LatencyHistogram::operator=(const LatencyHistogram& other) {
  if (this != &other) *this = LatencyHistogram(other);
  return *this;
}

void LatencyHistogram::record_value(std::uint64_t value, std::uint64_t times) noexcept {
  if (times == 0) return;
  (*counts_)[HistogramBuckets::index_of(value)] += times;
  count_ += times;
  const std::uint64_t counted = std::min(value, HistogramBuckets::largest);
  sum_ = saturating_add(sum_, saturating_multiply(counted, times));
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  for (std::size_t i = 0; i < counts_->size(); ++i) (*counts_)[i] += (*other.counts_)[i];
  count_ += other.count_;
  sum_ = saturating_add(sum_, other.sum_);
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void LatencyHistogram::clear() noexcept {
  counts_->fill(0);
  count_ = sum_ = max_ = 0;
  min_ = UINT64_MAX;
}

double LatencyHistogram::mean() const noexcept {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::uint64_t LatencyHistogram::quantile(double q) const noexcept {
  if (count_ == 0) return 0;
  if (!(q < 1.0)) return max_;
  const double share = std::max(q, 0.0) * static_cast<double>(count_);
  const auto rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(share)), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 1 < counts_->size(); ++i) {
    seen += (*counts_)[i];
    if (seen >= rank) return std::min(HistogramBuckets::upper_edge(i), max_);
  }
  return max_;  // the last bucket also holds what was beyond the range
}

std::uint64_t LatencyHistogram::count_up_to(std::uint64_t value) const noexcept {
  if (value >= HistogramBuckets::largest) return count_;
  const std::size_t last = HistogramBuckets::index_of(value);
  const bool whole = HistogramBuckets::upper_edge(last) <= value;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < last + (whole ? 1 : 0); ++i) seen += (*counts_)[i];
  return seen;
}

void HistogramBatch::begin_run(std::uint64_t value) {
  last_ = value;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  const std::size_t index = HistogramBuckets::index_of(value);
  if (runs_.empty() || runs_.back().index != index) runs_.push_back({index, 0});
}

void HistogramBatch::clear() noexcept {
  runs_.clear();
  count_ = sum_ = max_ = 0;
  min_ = UINT64_MAX;
}

AtomicHistogram::AtomicHistogram() : counts_(std::make_unique<Counts>()) {}

void AtomicHistogram::record_value(std::uint64_t value) noexcept {
  (*counts_)[HistogramBuckets::index_of(value)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(std::min(value, HistogramBuckets::largest), std::memory_order_relaxed);
  replace_unless(max_, value, [](std::uint64_t seen, std::uint64_t v) { return seen >= v; });
  replace_unless(min_, value, [](std::uint64_t seen, std::uint64_t v) { return seen <= v; });
}

void AtomicHistogram::record_all(const HistogramBatch& batch) noexcept {
  if (batch.count_ == 0) return;
  for (const auto& [index, count] : batch.runs_) {
    (*counts_)[index].fetch_add(count, std::memory_order_relaxed);
  }
  sum_.fetch_add(batch.sum_, std::memory_order_relaxed);
  replace_unless(max_, batch.max_, [](std::uint64_t seen, std::uint64_t v) { return seen >= v; });
  replace_unless(min_, batch.min_, [](std::uint64_t seen, std::uint64_t v) { return seen <= v; });
}

LatencyHistogram AtomicHistogram::snapshot() const {
  LatencyHistogram copy;
  copy.min_ = min_.load(std::memory_order_relaxed);
  copy.max_ = max_.load(std::memory_order_relaxed);
  copy.sum_ = sum_.load(std::memory_order_relaxed);
  std::size_t first = counts_->size();
  std::size_t last = 0;
  for (std::size_t i = 0; i < counts_->size(); ++i) {
    const std::uint64_t samples = (*counts_)[i].load(std::memory_order_relaxed);
    if (samples == 0) continue;
    (*copy.counts_)[i] = samples;
    copy.count_ += samples;
    first = std::min(first, i);
    last = i;
  }
  if (copy.count_ == 0) return {};
  // A sample may be in its bucket before it is in the extremes.
  copy.min_ = std::min(copy.min_, HistogramBuckets::upper_edge(first));
  if (HistogramBuckets::index_of(copy.max_) < last) {
    copy.max_ = HistogramBuckets::upper_edge(last);
  }
  return copy;
}

}  // namespace babilu::telemetry
