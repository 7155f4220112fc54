#include "core/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/telemetry/open_files.h"
#include "core/telemetry/process_metrics.h"

namespace babilu::telemetry {
namespace {

using namespace std::chrono_literals;

std::optional<FamilySnapshot> family(const Metrics& metrics, const std::string& name) {
  for (FamilySnapshot& found : metrics.snapshot()) {
    if (found.name == name) return std::move(found);
  }
  return std::nullopt;
}

TEST(Metrics, SameNameAndLabelsAreTheSameObject) {
  Metrics metrics;
  Counter& vault = metrics.counter("babilu_requests_total", "Requests.", {{"service", "vault"}});
  Counter& other = metrics.counter("babilu_requests_total", "Requests.", {{"service", "mailbox"}});
  EXPECT_EQ(&vault, &metrics.counter("babilu_requests_total", "Requests.", {{"service", "vault"}}));
  EXPECT_NE(&vault, &other);
  // The order of labels does not tell series apart.
  EXPECT_EQ(&metrics.gauge("babilu_open", "Open.", {{"a", "1"}, {"b", "2"}}),
            &metrics.gauge("babilu_open", "Open.", {{"b", "2"}, {"a", "1"}}));
}

TEST(Metrics, AreNoSingleton) {
  Metrics proxy, backend;
  proxy.counter("babilu_requests_total", "Requests.").add(3);
  backend.counter("babilu_requests_total", "Requests.").add(1);
  EXPECT_EQ(family(proxy, "babilu_requests_total")->series.at(0).value, 3);
  EXPECT_EQ(family(backend, "babilu_requests_total")->series.at(0).value, 1);
}

TEST(Metrics, CountersLoseNothingBetweenThreads) {
  Metrics metrics;
  Counter& counter = metrics.counter("babilu_frames_total", "Frames.");
  Gauge& gauge = metrics.gauge("babilu_sessions", "Sessions.");
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {  // more threads than cache lines
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter.add(2);
        gauge.add(5);
        gauge.subtract(4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 240'000u);
  EXPECT_EQ(gauge.value(), 120'000);
  gauge.set(-7);
  EXPECT_EQ(family(metrics, "babilu_sessions")->series.at(0).value, -7);
}

TEST(Metrics, SnapshotIsInOrderWhateverTheOrderOfRegistration) {
  Metrics metrics;
  metrics.gauge("babilu_z", "Z.");
  metrics.counter("babilu_a_total", "A.", {{"x", "2"}});
  metrics.counter("babilu_a_total", "A.", {{"x", "1"}});
  const auto families = metrics.snapshot();
  ASSERT_EQ(families.size(), 2u);
  EXPECT_EQ(families[0].name, "babilu_a_total");
  EXPECT_EQ(families[0].series.at(0).labels, (Labels{{"x", "1"}}));
  EXPECT_EQ(families[0].series.at(1).labels, (Labels{{"x", "2"}}));
  EXPECT_EQ(families[1].name, "babilu_z");
}

TEST(Metrics, HistogramIsSummarisedInItsBaseUnit) {
  Metrics metrics;
  AtomicHistogram& latency = metrics.histogram("babilu_request_seconds", "Latency.");
  for (int i = 0; i < 98; ++i) latency.record(2ms);
  latency.record(700ms);
  latency.record(120s);  // beyond the last bound
  const auto found = family(metrics, "babilu_request_seconds");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->unit, "seconds");
  const HistogramSummary& summary = found->series.at(0).histogram;
  EXPECT_EQ(summary.count, 100u);
  EXPECT_NEAR(summary.sum, 98 * 0.002 + 0.7 + 120, 1e-9);
  EXPECT_DOUBLE_EQ(summary.max, 120.0);
  EXPECT_NEAR(summary.p50, 0.002, 0.002 / 64);
  EXPECT_NEAR(summary.p99, 0.7, 0.7 / 64);

  EXPECT_LE(summary.buckets.size(), 24u);  // a scrape stays small
  std::uint64_t before = 0;
  for (const auto& [upper_bound, cumulative] : summary.buckets) {
    EXPECT_GE(cumulative, before);
    before = cumulative;
    if (upper_bound == 0.001) {
      EXPECT_EQ(cumulative, 0u);
    }
    if (upper_bound == 0.0025) {
      EXPECT_EQ(cumulative, 98u);
    }
    if (upper_bound == 1.0) {
      EXPECT_EQ(cumulative, 99u);
    }
    if (upper_bound == 60.0) {
      EXPECT_EQ(cumulative, 99u);
    }
  }
  EXPECT_EQ(before, 100u);
}

TEST(Metrics, HistogramOfSizesAndCounts) {
  Metrics metrics;
  metrics.histogram("babilu_frame_bytes", "Sizes.", {}, HistogramUnit::bytes).record_value(1000);
  metrics.histogram("babilu_batch_units", "Batches.", {}, HistogramUnit::count).record_value(16);
  EXPECT_DOUBLE_EQ(family(metrics, "babilu_frame_bytes")->series.at(0).histogram.max, 1000);
  EXPECT_DOUBLE_EQ(family(metrics, "babilu_batch_units")->series.at(0).histogram.sum, 16);
}

TEST(Metrics, CallbacksAreReadAtTheSnapshotAndRemovedWithTheirOwner) {
  Metrics metrics;
  double level = 1.5;
  {
    const auto kept = metrics.gauge_callback("babilu_level", "Level.", {}, [&] { return level; });
    EXPECT_EQ(family(metrics, "babilu_level")->series.at(0).value, 1.5);
    level = 2.5;
    EXPECT_EQ(family(metrics, "babilu_level")->series.at(0).value, 2.5);
  }
  EXPECT_FALSE(family(metrics, "babilu_level"));
  const auto again = metrics.gauge_callback("babilu_level", "Level.", {}, [] { return 9.0; });
  EXPECT_EQ(family(metrics, "babilu_level")->series.at(0).value, 9);
}

TEST(Metrics, CallbackMovesWithItsRegistration) {
  Metrics metrics;
  CallbackRegistration kept;
  {
    auto made = metrics.counter_callback("babilu_x_total", "X.", {}, [] { return 4.0; });
    kept = std::move(made);
  }
  EXPECT_EQ(family(metrics, "babilu_x_total")->series.at(0).value, 4);
  kept.reset();
  kept.reset();
  EXPECT_FALSE(family(metrics, "babilu_x_total"));
}

TEST(Metrics, FailingCallbackIsLeftOutAlone) {
  Metrics metrics;
  const auto bad = metrics.gauge_callback("babilu_bad", "Bad.", {},
                                          []() -> double { throw std::runtime_error("gone"); });
  metrics.gauge("babilu_good", "Good.").set(1);
  EXPECT_FALSE(family(metrics, "babilu_bad"));
  EXPECT_TRUE(family(metrics, "babilu_good"));
}

TEST(Metrics, RefusesBadNames) {
  Metrics metrics;
  const auto refused = [&](const std::string& name) {
    EXPECT_THROW(metrics.gauge(name, "Help."), std::invalid_argument) << name;
  };
  for (const char* name : {"", "9lives", "with-dash", "with space", "new\nline", "rule:name", "né",
                           "x_count", "x_sum", "x_bucket", "x_created", "x_info", "x_total"}) {
    refused(name);
  }
  refused(std::string("nul\0", 4));
  EXPECT_THROW(metrics.counter("babilu_requests", "No _total."), std::invalid_argument);
  EXPECT_THROW(metrics.counter("_total", "Nothing before it."), std::invalid_argument);
  EXPECT_THROW(metrics.gauge("babilu_x", ""), std::invalid_argument);
  EXPECT_THROW(metrics.gauge("babilu_x", "two\nlines"), std::invalid_argument);
  EXPECT_THROW(metrics.gauge("babilu_x", "\xff"), std::invalid_argument);
  EXPECT_THROW(metrics.histogram("babilu_latency", "No unit."), std::invalid_argument);
  EXPECT_THROW(metrics.histogram("babilu_x_seconds", "Not so.", {}, HistogramUnit::count),
               std::invalid_argument);
  EXPECT_TRUE(metrics.snapshot().empty());
}

TEST(Metrics, RefusesBadLabels) {
  Metrics metrics;
  for (const Labels& labels :
       {Labels{{"le", "1"}}, Labels{{"quantile", "1"}}, Labels{{"__name__", "x"}},
        Labels{{"a-b", "x"}}, Labels{{"", "x"}}, Labels{{"a", "1"}, {"a", "2"}}}) {
    EXPECT_THROW(metrics.gauge("babilu_x", "X.", labels), std::invalid_argument);
  }
}

TEST(Metrics, RefusesOneNameForTwoThings) {
  Metrics metrics;
  metrics.counter("babilu_x_total", "X.");
  EXPECT_THROW(metrics.counter("babilu_x_total", "Other help."), std::invalid_argument);
  EXPECT_THROW(metrics.gauge("babilu_x", "The same family to OpenMetrics."), std::invalid_argument);
  metrics.gauge("babilu_y", "Y.");
  EXPECT_THROW(metrics.counter("babilu_y_total", "The same."), std::invalid_argument);
  EXPECT_THROW(metrics.histogram("babilu_y", "Y.", {}, HistogramUnit::count),
               std::invalid_argument);
  const auto kept = metrics.gauge_callback("babilu_z", "Z.", {}, [] { return 1.0; });
  EXPECT_THROW(metrics.gauge("babilu_z", "Z."), std::invalid_argument);
  EXPECT_THROW((void)metrics.gauge_callback("babilu_z", "Z.", {}, [] { return 1.0; }),
               std::invalid_argument);
}

TEST(Metrics, ShowsAsManySeriesAsAScraperTakes) {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i) metrics.gauge("babilu_x", "X.", {{"id", std::to_string(i)}});
  EXPECT_EQ(family(metrics, "babilu_x")->series.size(), 1000u);
  EXPECT_FALSE(family(metrics, "babilu_metrics_series_left_out"));
  Gauge& last = metrics.gauge("babilu_x", "X.", {{"id", "one more"}});
  last.set(7);
  EXPECT_EQ(last.value(), 7) << "whoever counts need not know";
  const auto kept =
      metrics.gauge_callback("babilu_x", "X.", {{"id", "yet another"}}, [] { return 1.0; });
  EXPECT_EQ(family(metrics, "babilu_x")->series.size(), 1000u);
  EXPECT_EQ(family(metrics, "babilu_metrics_series_left_out")->series.at(0).value, 2);
  metrics.remove({{"id", "7"}});
  metrics.remove({{"id", "8"}});
  EXPECT_EQ(family(metrics, "babilu_x")->series.size(), 1000u);
  EXPECT_FALSE(family(metrics, "babilu_metrics_series_left_out"));
}

TEST(Metrics, RemovesTheSeriesOfOneThing) {
  Metrics metrics;
  metrics.counter("babilu_x_total", "X.", {{"backend", "a"}, {"core", "1"}}).add(1);
  metrics.counter("babilu_x_total", "X.", {{"backend", "b"}, {"core", "1"}}).add(2);
  metrics.counter("babilu_x_total", "X.", {{"backend", "a"}}).add(3);
  metrics.gauge("babilu_y", "Y.", {{"core", "1"}, {"backend", "a"}}).set(4);
  const auto kept = metrics.gauge_callback("babilu_z", "Z.", {{"backend", "a"}, {"core", "1"}},
                                           [] { return 5.0; });
  metrics.remove({{"core", "1"}, {"backend", "a"}});
  EXPECT_EQ(family(metrics, "babilu_x_total")->series.size(), 2u);
  EXPECT_FALSE(family(metrics, "babilu_y"));
  EXPECT_TRUE(family(metrics, "babilu_z")) << "its registration owns it";
  metrics.remove({{"backend", "nobody"}});
  EXPECT_EQ(metrics.gauge("babilu_y", "Y.", {{"backend", "a"}, {"core", "1"}}).value(), 0)
      << "a new one";
}

TEST(ProcessMetrics, TellThisProcess) {
  Metrics metrics;
  const auto kept = register_process_metrics(metrics);
  const auto value = [&](const std::string& name) {
    const auto found = family(metrics, name);
    return found ? found->series.at(0).value : -1;
  };
  const double before = value("process_cpu_seconds_total");
  EXPECT_GT(before, 0);
  EXPECT_GE(value("process_cpu_seconds_total"), before);
  EXPECT_GT(value("process_resident_memory_bytes"), 100'000);
  EXPECT_GE(value("process_open_fds"), 1);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_threads"), 1);
  const double now = static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(
                                             std::chrono::system_clock::now().time_since_epoch())
                                             .count());
  EXPECT_GT(value("process_start_time_seconds"), 0);
  EXPECT_LE(value("process_start_time_seconds"), now + 2);
}

/// Files that are open for a while.
class Opened {
 public:
  explicit Opened(int count) {
    for (int i = 0; i < count; ++i) files_.push_back(::dup(STDERR_FILENO));
  }
  ~Opened() {
    for (const int file : files_) ::close(file);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  std::vector<int> files_;
};

TEST(OpenFiles, AreCountedOneByOneOrAtOnce) {
  const auto before = OpenFiles::count_one_by_one();
  ASSERT_TRUE(before);
  const Opened more(300);
  EXPECT_EQ(OpenFiles::count_one_by_one(), *before + 300);
  const auto at_once = OpenFiles::count_at_once();
  if (!at_once) GTEST_SKIP() << "this kernel does not say the size of /proc/self/fd";
  EXPECT_EQ(at_once, *before + 300);
}

TEST(OpenFiles, AreNeverListedByWhoeverAsks) {
  std::promise<std::thread::id> listed_by;
  std::promise<void> may_end;
  OpenFiles files([] { return std::nullopt; },
                  [&]() -> std::optional<std::size_t> {
                    listed_by.set_value(std::this_thread::get_id());
                    may_end.get_future().wait();
                    return 7;
                  });
  EXPECT_EQ(files.count(), std::nullopt) << "answered before the list has been read";
  EXPECT_NE(listed_by.get_future().get(), std::this_thread::get_id());
  may_end.set_value();
}

TEST(OpenFiles, WhatWasCountedLastIsTheAnswer) {
  std::atomic<std::size_t> open = 7;
  OpenFiles files([] { return std::nullopt; },
                  [&]() -> std::optional<std::size_t> { return open.load(); });
  const auto wait_for = [&](std::size_t count) {
    while (files.count() != count) std::this_thread::yield();
  };
  wait_for(7);
  open = 9;
  wait_for(9);
}

}  // namespace
}  // namespace babilu::telemetry
