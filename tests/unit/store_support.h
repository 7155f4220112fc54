#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/sim/world.h"
#include "core/store/store.h"
#include "core/telemetry/metrics.h"

namespace babilu::store {

/// A directory of its own for each test, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "babilu-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline constexpr Migration counter_steps[] = {
    {.version = 1,
     .sql = "create table counter (name text primary key, value integer not null) strict;"
            "create table item (id integer primary key, body blob) strict;"}};
inline constexpr Schema counter_schema{.name = "counters", .migrations = counter_steps};

inline StoreOptions options_for(const std::filesystem::path& path) {
  StoreOptions options;
  options.path = path;
  options.kind = "test";
  options.schemas = {counter_schema};
  // However slow the machine is.
  options.group_time = std::chrono::hours(1);
  options.patience = std::chrono::minutes(1);
  return options;
}

inline std::unique_ptr<Store> open_store(StoreOptions options) {
  return Store::open(std::move(options)).value();
}

template <class F, class Result>
task<> write_into(Store& store, Runtime& runtime, F unit, Deadline deadline, AfterLostCommit after,
                  std::optional<Result>& out) {
  out.emplace(co_await store.write(runtime, std::move(unit), deadline, after));
}

template <class F, class Result>
task<> read_into(Store& store, Runtime& runtime, F unit, std::optional<Result>& out) {
  out.emplace(co_await store.read(runtime, std::move(unit), no_deadline));
}

/// Outlives every store of a test, as a Runtime must.
inline Runtime& runtime_of_this_thread() {
  static thread_local Runtime runtime;
  return runtime;
}

/// One unit, through the store's threads.
template <class F>
auto write(Store& store, F unit, AfterLostCommit after = AfterLostCommit::fail) {
  Runtime& runtime = runtime_of_this_thread();
  std::optional<StoreResult<typename detail::WriteWorkOf<F>::Value>> out;
  runtime.run(write_into(store, runtime, std::move(unit), no_deadline, after, out));
  return std::move(*out);
}

template <class F>
auto read(Store& store, F unit) {
  Runtime& runtime = runtime_of_this_thread();
  std::optional<StoreResult<typename detail::ReadWorkOf<F>::Value>> out;
  runtime.run(read_into(store, runtime, std::move(unit), out));
  return std::move(*out);
}

inline Verdict<void> insert_item(Transaction& transaction, std::int64_t id) {
  transaction.execute("insert into item (id, body) values (?, ?)", id, Bytes{1, 2, 3});
  return commit();
}

inline std::int64_t count_items(Store& store) {
  return read(store,
              [](Snapshot& snapshot) {
                return snapshot.find<std::int64_t>("select count(*) from item").value();
              })
      .value();
}

inline auto increment(std::string name) {
  return [name = std::move(name)](Transaction& transaction) {
    return commit(*transaction.find<std::int64_t>(
        "insert into counter (name, value) values (?, 1) on conflict (name) do update set value = "
        "value + 1 returning value",
        name));
  };
}

inline std::int64_t counter(Store& store, std::string name) {
  return read(store,
              [name = std::move(name)](Snapshot& snapshot) {
                return snapshot.find<std::int64_t>("select value from counter where name = ?", name)
                    .value_or(0);
              })
      .value();
}

inline double metric(const telemetry::Metrics& metrics, const std::string& name,
                     const telemetry::Labels& labels = {}) {
  for (const auto& family : metrics.snapshot()) {
    if (family.name != name) continue;
    for (const auto& series : family.series) {
      if (series.labels == labels) return series.value;
    }
  }
  throw std::runtime_error("no metric " + name);
}

}  // namespace babilu::store
