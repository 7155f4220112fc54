#include "core/telemetry/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace babilu::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(HistogramBuckets, CoverTheRangeWithoutGapOrOverlap) {
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < HistogramBuckets::count; ++i) {
    const std::uint64_t edge = HistogramBuckets::upper_edge(i);
    ASSERT_GE(edge, next);
    EXPECT_EQ(HistogramBuckets::index_of(next), i);
    EXPECT_EQ(HistogramBuckets::index_of(edge), i);
    // The promised width: less than 1/64 of the smallest value inside.
    EXPECT_LE((edge - next) * 64, next) << "bucket " << i;
    next = edge + 1;
  }
  EXPECT_EQ(next, HistogramBuckets::largest + 1);
  EXPECT_EQ(HistogramBuckets::index_of(UINT64_MAX), HistogramBuckets::count - 1);
}

struct Distribution {
  std::string name;
  std::function<double(std::mt19937_64&)> draw;
};

class QuantileError : public ::testing::TestWithParam<Distribution> {};

TEST_P(QuantileError, StaysWithinItsBound) {
  std::mt19937_64 random(20240607);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> samples;
  for (int i = 0; i < 50'000; ++i) {
    const double drawn = std::clamp(GetParam().draw(random), 0.0, 4e12);
    samples.push_back(static_cast<std::uint64_t>(drawn));
    histogram.record_value(samples.back());
  }
  std::sort(samples.begin(), samples.end());

  for (const double q : {0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const double rank = std::ceil(q * static_cast<double>(samples.size()));
    const std::uint64_t exact = samples[rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1];
    const std::uint64_t told = histogram.quantile(q);
    EXPECT_GE(told, exact) << "q " << q;
    EXPECT_LE((told - exact) * 64, exact) << "q " << q << " exact " << exact << " told " << told;
  }
  EXPECT_EQ(histogram.count(), samples.size());
  EXPECT_EQ(histogram.min(), samples.front());
  EXPECT_EQ(histogram.max(), samples.back());
  const auto sum = std::accumulate(samples.begin(), samples.end(), std::uint64_t{0});
  EXPECT_EQ(histogram.sum(), sum);
  EXPECT_DOUBLE_EQ(histogram.mean(), static_cast<double>(sum) / 50'000);
}

INSTANTIATE_TEST_SUITE_P(
    Of, QuantileError,
    ::testing::Values(
        Distribution{"uniform", [](auto& r) { return std::uniform_real_distribution(0., 1e9)(r); }},
        Distribution{"tiny", [](auto& r) { return std::uniform_real_distribution(0., 200.)(r); }},
        Distribution{"exponential", [](auto& r) { return std::exponential_distribution(1e-6)(r); }},
        Distribution{"lognormal", [](auto& r) { return std::lognormal_distribution(13., 2.)(r); }},
        Distribution{"pareto",
                     [](auto& r) {
                       return 1e4 / std::pow(std::uniform_real_distribution(1e-8, 1.)(r), 1 / 1.1);
                     }},
        Distribution{"bimodal",
                     [](auto& r) {
                       return r() % 100 == 0 ? std::normal_distribution(2e9, 1e8)(r)
                                             : std::normal_distribution(1e5, 1e4)(r);
                     }},
        Distribution{"constant", [](auto&) { return 123'456'789.; }}),
    [](const auto& suite) { return suite.param.name; });

TEST(LatencyHistogram, IsZeroWhenEmpty) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.mean(), 0.0);
}

TEST(LatencyHistogram, TakesAnyDuration) {
  LatencyHistogram histogram;
  histogram.record(-5s);
  EXPECT_EQ(histogram.max(), 0u);
  histogram.record(std::chrono::nanoseconds::max());
  histogram.record_value(UINT64_MAX);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.max(), UINT64_MAX);
  EXPECT_EQ(histogram.quantile(1.0), UINT64_MAX);
  EXPECT_EQ(histogram.sum(), 2 * HistogramBuckets::largest);
}

TEST(LatencyHistogram, ClampsTheQuantileAsked) {
  LatencyHistogram histogram;
  histogram.record_value(3);
  histogram.record_value(90);
  EXPECT_EQ(histogram.quantile(-1), 3u);
  EXPECT_EQ(histogram.quantile(7), 90u);
  EXPECT_EQ(histogram.quantile(std::nan("")), 90u);
}

TEST(LatencyHistogram, SumSaturates) {
  LatencyHistogram histogram;
  histogram.record_value(HistogramBuckets::largest, UINT64_MAX / 2);
  EXPECT_EQ(histogram.sum(), UINT64_MAX);
}

TEST(LatencyHistogram, MergedEqualsRecordedTogether) {
  std::mt19937_64 random(7);
  LatencyHistogram left, right, both;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random() % 1'000'000'000;
    (i % 3 == 0 ? left : right).record_value(value);
    both.record_value(value);
  }
  LatencyHistogram merged = left;
  merged.merge(right);
  merged.merge(LatencyHistogram());
  for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
    EXPECT_EQ(merged.quantile(q), both.quantile(q));
  }
  EXPECT_EQ(merged.count(), both.count());
  EXPECT_EQ(merged.sum(), both.sum());
  EXPECT_EQ(merged.min(), both.min());
  EXPECT_EQ(merged.max(), both.max());
  EXPECT_NE(left.count(), merged.count());  // the copy was one
}

TEST(LatencyHistogram, RecordsManyAtOnceAndForgets) {
  LatencyHistogram histogram;
  histogram.record_value(10, 99);
  histogram.record_value(1000, 1);
  histogram.record_value(5, 0);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.min(), 10u);
  EXPECT_EQ(histogram.quantile(0.99), 10u);
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  histogram.record_value(7);
  EXPECT_EQ(histogram.min(), 7u);
}

TEST(LatencyHistogram, CountsUpToABound) {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record_value(value);
  EXPECT_EQ(histogram.count_up_to(0), 0u);
  EXPECT_EQ(histogram.count_up_to(50), 50u);  // exact below 128
  EXPECT_EQ(histogram.count_up_to(UINT64_MAX), 100u);

  LatencyHistogram millisecond;
  millisecond.record(980us);
  millisecond.record(1ms);  // in a bucket that ends after the bound
  millisecond.record(1020us);
  EXPECT_GE(millisecond.count_up_to(1'000'000), 1u);
  EXPECT_LE(millisecond.count_up_to(1'000'000), 2u);
}

TEST(AtomicHistogram, LosesNothingBetweenThreads) {
  AtomicHistogram histogram;
  LatencyHistogram expected;
  constexpr int thread_count = 4;
  constexpr std::uint64_t each = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&histogram, t] {
      for (std::uint64_t i = 0; i < each; ++i) histogram.record_value(i * 977 + std::uint64_t(t));
    });
  }
  for (int t = 0; t < thread_count; ++t) {
    for (std::uint64_t i = 0; i < each; ++i) expected.record_value(i * 977 + std::uint64_t(t));
  }
  // Readers at the same time see something consistent.
  for (int i = 0; i < 20; ++i) {
    const LatencyHistogram seen = histogram.snapshot();
    EXPECT_LE(seen.count(), thread_count * each);
    EXPECT_LE(seen.min(), seen.quantile(0.5));
    EXPECT_LE(seen.quantile(0.5), seen.max());
  }
  for (std::thread& thread : threads) thread.join();

  const LatencyHistogram snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), expected.count());
  EXPECT_EQ(snapshot.sum(), expected.sum());
  EXPECT_EQ(snapshot.min(), expected.min());
  EXPECT_EQ(snapshot.max(), expected.max());
  EXPECT_EQ(snapshot.quantile(0.9), expected.quantile(0.9));
}

TEST(AtomicHistogram, EmptySnapshotIsEmpty) {
  EXPECT_EQ(AtomicHistogram().snapshot().count(), 0u);
  EXPECT_EQ(AtomicHistogram().snapshot().min(), 0u);
}

TEST(AtomicHistogram, TakesManyAtOnceAsOneByOne) {
  const std::vector<std::uint64_t> values{5, 5, 5, 70'000, 70'001, 5, 900, 0, UINT64_MAX};
  AtomicHistogram together;
  AtomicHistogram apart;
  HistogramBatch batch;
  for (const std::uint64_t value : values) {
    batch.add_value(value);
    apart.record_value(value);
  }
  EXPECT_EQ(batch.count(), values.size());
  together.record_all(batch);
  batch.clear();
  together.record_all(batch);
  const auto a = together.snapshot();
  const auto b = apart.snapshot();
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.mean(), b.mean());
  for (const double q : {0.0, 0.1, 0.5, 0.8, 0.9, 1.0})
    EXPECT_EQ(a.quantile(q), b.quantile(q)) << q;
}

}  // namespace
}  // namespace babilu::telemetry
