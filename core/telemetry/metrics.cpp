#include "core/telemetry/metrics.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "core/telemetry/histogram_summary.h"
#include "core/telemetry/metric_names.h"

namespace babilu::telemetry {

constinit thread_local std::size_t Counter::thread_shard_ = 0;

std::size_t Counter::choose_shard() noexcept {
  // Which thread has which shard is no one's state: it only spreads writers over cache lines.
  static std::atomic<std::size_t> threads{0};
  const std::size_t shard = threads.fetch_add(1, std::memory_order_relaxed) % shard_count;
  thread_shard_ = shard + 1;
  return shard;
}

std::uint64_t Counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.count.load(std::memory_order_relaxed);
  return sum;
}

CallbackRegistration& CallbackRegistration::operator=(CallbackRegistration&& other) noexcept {
  if (this != &other) {
    reset();
    remove_ = std::exchange(other.remove_, nullptr);
  }
  return *this;
}

void CallbackRegistration::reset() noexcept {
  if (const auto remove = std::exchange(remove_, nullptr)) remove();
}

namespace {

/// Series of a family that are shown: what a scraper should be asked to take.
constexpr std::size_t series_limit = 1000;

using Series = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>,
                            std::unique_ptr<AtomicHistogram>, Metrics::Callback>;

struct Family {
  std::string help;
  MetricKind kind = MetricKind::counter;
  HistogramUnit unit = HistogramUnit::count;
  std::map<Labels, Series> series;
};

void check_unit(std::string_view name, HistogramUnit unit) {
  const std::string_view named = unit_of(name, MetricKind::histogram);
  const bool seconds = unit == HistogramUnit::seconds;
  const bool bytes = unit == HistogramUnit::bytes;
  if (seconds != (named == "seconds") || bytes != (named == "bytes")) {
    throw std::invalid_argument("metric " + std::string(name) + ": its name must end in its unit");
  }
}

SeriesSnapshot read(const Labels& labels, const Series& series, HistogramUnit unit) {
  SeriesSnapshot read{labels, 0, {}};
  if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&series)) {
    read.value = static_cast<double>((*counter)->value());
  } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&series)) {
    read.value = static_cast<double>((*gauge)->value());
  } else if (const auto* histogram = std::get_if<std::unique_ptr<AtomicHistogram>>(&series)) {
    read.histogram = summarise((*histogram)->snapshot(), unit);
  } else {
    read.value = std::get<Metrics::Callback>(series)();
  }
  return read;
}

}  // namespace

struct Metrics::State {
  mutable std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  Family& family(std::string_view name, std::string_view help, MetricKind kind,
                 HistogramUnit unit) {
    check_family(name, help, kind);
    const auto found = families.find(name);
    if (found == families.end()) {
      refuse_same_base(name, kind);
      return families.emplace(name, Family{std::string(help), kind, unit, {}}).first->second;
    }
    Family& family = found->second;
    if (family.kind != kind || family.help != help || family.unit != unit) {
      throw std::invalid_argument("metric " + std::string(name) + " is already something else");
    }
    return family;
  }

  // OpenMetrics drops _total from a counter's family name, where it may meet another's.
  void refuse_same_base(std::string_view name, MetricKind kind) const {
    const std::string_view base = base_name(name, kind);
    const bool counter = kind == MetricKind::counter;
    const std::string other = counter ? std::string(base) : std::string(base) + "_total";
    if (families.contains(other)) {
      throw std::invalid_argument("metric " + std::string(name) + " is too like " + other);
    }
  }

  template <class T>
  T& series(std::string_view name, std::string_view help, Labels labels, MetricKind kind,
            HistogramUnit unit = HistogramUnit::count) {
    check_labels(name, labels);
    const std::lock_guard lock(mutex);
    Family& owner = family(name, help, kind, unit);
    auto found = owner.series.find(labels);
    Series& held =
        found != owner.series.end()
            ? found->second
            : owner.series.emplace(std::move(labels), std::make_unique<T>()).first->second;
    if (auto* object = std::get_if<std::unique_ptr<T>>(&held)) return **object;
    throw std::invalid_argument("metric " + std::string(name) + ": the series is a callback");
  }

  CallbackRegistration callback(std::string_view name, std::string_view help, Labels labels,
                                MetricKind kind, Callback callback) {
    check_labels(name, labels);
    const std::lock_guard lock(mutex);
    Family& owner = family(name, help, kind, HistogramUnit::count);
    if (owner.series.contains(labels)) {
      throw std::invalid_argument("metric " + std::string(name) + ": the series exists already");
    }
    owner.series.emplace(labels, std::move(callback));
    return CallbackRegistration([this, &owner, labels = std::move(labels)] {
      const std::lock_guard remove_lock(mutex);
      owner.series.erase(labels);
    });
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  return state_->series<Counter>(name, help, std::move(labels), MetricKind::counter);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  return state_->series<Gauge>(name, help, std::move(labels), MetricKind::gauge);
}

AtomicHistogram& Metrics::histogram(std::string_view name, std::string_view help, Labels labels,
                                    HistogramUnit unit) {
  check_unit(name, unit);
  return state_->series<AtomicHistogram>(name, help, std::move(labels), MetricKind::histogram,
                                         unit);
}

CallbackRegistration Metrics::counter_callback(std::string_view name, std::string_view help,
                                               Labels labels, Callback callback) {
  return state_->callback(name, help, std::move(labels), MetricKind::counter, std::move(callback));
}

CallbackRegistration Metrics::gauge_callback(std::string_view name, std::string_view help,
                                             Labels labels, Callback callback) {
  return state_->callback(name, help, std::move(labels), MetricKind::gauge, std::move(callback));
}

void Metrics::remove(Labels labels) {
  std::ranges::sort(labels);
  const std::lock_guard lock(state_->mutex);
  for (auto& [name, family] : state_->families) {
    const auto found = family.series.find(labels);
    if (found == family.series.end()) continue;
    if (!std::holds_alternative<Callback>(found->second)) family.series.erase(found);
  }
}

namespace {

FamilySnapshot about_left_out(std::size_t left_out) {
  FamilySnapshot about{"babilu_metrics_series_left_out",
                       "Series that are not shown because their families have too many",
                       {},
                       MetricKind::gauge,
                       {}};
  about.series.push_back({{}, static_cast<double>(left_out), {}});
  return about;
}

}  // namespace

std::vector<FamilySnapshot> Metrics::snapshot() const {
  std::vector<FamilySnapshot> families;
  std::size_t left_out = 0;
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, family] : state_->families) {
    FamilySnapshot snapshot{
        name, family.help, std::string(unit_of(name, family.kind)), family.kind, {}};
    for (const auto& [labels, series] : family.series) {
      if (snapshot.series.size() == series_limit) break;
      try {
        snapshot.series.push_back(read(labels, series, family.unit));
      } catch (...) {
        // One callback that fails must not take the others' figures with it.
      }
    }
    if (family.series.size() > series_limit) left_out += family.series.size() - series_limit;
    if (!snapshot.series.empty()) families.push_back(std::move(snapshot));
  }
  if (left_out > 0) {
    FamilySnapshot about = about_left_out(left_out);
    const auto place = std::ranges::lower_bound(families, about.name, {}, &FamilySnapshot::name);
    families.insert(place, std::move(about));
  }
  return families;
}

}  // namespace babilu::telemetry
