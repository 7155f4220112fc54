// Units written to the disk by 1, 16 and 256 coroutines at a time: one flush serves those that
// wait.
#include <filesystem>

#include <benchmark/benchmark.h>

#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/store/store.h"

namespace babilu::store {
namespace {

constexpr Migration migrations[] = {
    {1, "create table counter (id integer primary key, value integer not null) strict"}};
const Schema schema{"bench", migrations};

/// A database on the disk that the benchmark runs on, gone afterwards.
class Database {
 public:
  Database() : directory_(std::filesystem::temp_directory_path() / "babilu-micro-XXXXXX") {
    std::string name = directory_.string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = name;
    StoreOptions options;
    options.path = directory_ / "bench.db";
    options.kind = "bench";
    options.schemas = {schema};
    store_ = Store::open(std::move(options)).value();
  }
  ~Database() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  Store& store() { return *store_; }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Store> store_;
};

task<> write_one(Runtime& runtime, Store& store, std::int64_t id) {
  auto unit = [id](Transaction& transaction) {
    transaction.execute(
        "insert into counter values (?, 1) on conflict do update set value = value + 1", id);
    return commit();
  };
  const auto written = co_await store.write(runtime, unit, no_deadline);
  if (!written) throw std::runtime_error(written.error().to_string());
}

task<> write_all(Runtime& runtime, Store& store, std::int64_t units) {
  Scope scope(runtime);
  for (std::int64_t i = 0; i < units; ++i) scope.spawn("unit", write_one(runtime, store, i));
  co_await scope.join();
}

void group_commit(benchmark::State& state) {
  Database database;
  Runtime runtime;
  for (auto _ : state) runtime.run(write_all(runtime, database.store(), state.range(0)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(group_commit)->Arg(1)->Arg(16)->Arg(256)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace babilu::store

BENCHMARK_MAIN();
