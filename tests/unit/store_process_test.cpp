// Processes that share a file. The test program starts itself again, with --child and what to do.

#include <array>
#include <csignal>
#include <cstdio>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/store/turn_lock.h"
#include "tests/support/size.h"
#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

/// This program, started again; its standard output can be read, its input is ours to close.
class Child {
 public:
  Child(std::string task, const std::filesystem::path& database, int number) {
    int output[2];
    EXPECT_EQ(::pipe2(output, O_CLOEXEC), 0);
    const std::string number_text = std::to_string(number);
    const std::string path = database.string();
    const char* const arguments[] = {"store_test", "--child",           task.c_str(),
                                     path.c_str(), number_text.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    EXPECT_EQ(::posix_spawn(&process_, "/proc/self/exe", &actions, nullptr,
                            const_cast<char* const*>(arguments), environ),
              0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(output[1]);
    output_ = ::fdopen(output[0], "r");
  }
  ~Child() {
    if (process_ > 0) kill();
    std::fclose(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// A whole line, or nothing at the end.
  std::optional<std::string> line() {
    std::array<char, 64> buffer;
    if (std::fgets(buffer.data(), buffer.size(), output_) == nullptr) return std::nullopt;
    std::string text(buffer.data());
    if (text.empty() || text.back() != '\n') return std::nullopt;
    text.pop_back();
    return text;
  }
  void signal(int number) { ::kill(process_, number); }
  void kill() {
    signal(SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
};

// --- What children do -------------------------------------------------------------------------

template <class Each>
task<> in_parallel(Store& store, Runtime& runtime, int writers, Each each) {
  Scope scope(runtime);
  for (int i = 0; i < writers; ++i) scope.spawn("writer", each(store, runtime, i));
  co_await scope.join();
}

task<> count_up(Store& store, Runtime& runtime, int times) {
  for (int i = 0; i < times; ++i) {
    (co_await store.write(runtime, increment("shared"), no_deadline)).value();
  }
}

/// Writes an item, says its number when it has been answered, and so on.
task<> acknowledge(Store& store, Runtime& runtime, std::int64_t first) {
  for (std::int64_t id = first; id < first + 1'000'000; ++id) {
    auto unit = [id](Transaction& transaction) { return insert_item(transaction, id); };
    (co_await store.write(runtime, unit, no_deadline)).value();
    std::printf("%lld\n", static_cast<long long>(id));
    std::fflush(stdout);
  }
}

int hold_turn(const std::filesystem::path& database) {
  const auto lock = TurnLock::open(database.string() + ".lock").value();
  if (!lock->acquire(std::chrono::steady_clock::now() + 60s)) return 1;
  std::puts("held");
  std::fflush(stdout);
  ::pause();
  return 0;
}

int run_child(std::string_view task, const std::filesystem::path& database, int number) {
  if (task == "hold") return hold_turn(database);
  Runtime runtime;
  const auto store = open_store(options_for(database));
  if (task == "count") {
    runtime.run(in_parallel(*store, runtime, 8, [number](Store& s, Runtime& r, int) {
      return count_up(s, r, number);
    }));
  } else {
    runtime.run(in_parallel(*store, runtime, 4, [number](Store& s, Runtime& r, int i) {
      return acknowledge(s, r, number + i * 10'000'000LL);
    }));
  }
  return 0;
}

// --- The tests --------------------------------------------------------------------------------

TEST(Processes, CountTogetherExactly) {
  TemporaryDirectory directory;
  Child first("count", directory / "db", 100);
  Child second("count", directory / "db", 100);
  const auto store = open_store(options_for(directory / "db"));
  for (int i = 0; i < 100; ++i) write(*store, increment("shared")).value();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(counter(*store, "shared"), 2 * 8 * 100 + 100);
}

TEST(Processes, WhatWasAnsweredOutlivesAKilledWriter) {
  TemporaryDirectory directory;
  std::set<std::int64_t> answered;
  for (int round = 0; round < test::repetitions(20, 200); ++round) {
    Child writer("acknowledge", directory / "db", round * 100'000);
    for (int lines = 0; lines < 10 + 7 * (round % 20); ++lines) {
      const auto line = writer.line();
      ASSERT_TRUE(line);
      answered.insert(std::stoll(*line));
    }
    writer.signal(SIGKILL);
    while (const auto line = writer.line()) answered.insert(std::stoll(*line));
    writer.wait();
    const auto store = open_store(options_for(directory / "db"));
    const auto ids = read(*store, [](Snapshot& snapshot) {
                       return snapshot.query<std::int64_t>("select id from item");
                     }).value();
    const std::set<std::int64_t> there(ids.begin(), ids.end());
    ASSERT_EQ(there.size(), ids.size());
    for (const auto id : answered) ASSERT_TRUE(there.contains(id)) << id << " in round " << round;
    const auto whole = read(*store, [](Snapshot& snapshot) {
      return *snapshot.find<std::string>("pragma integrity_check");
    });
    ASSERT_EQ(whole.value(), "ok");
  }
}

TEST(Processes, AKilledWriterLeavesNoGapBesideALivingOne) {
  TemporaryDirectory directory;
  const auto store = open_store(options_for(directory / "db"));
  std::int64_t written = 0;
  for (int round = 0; round < test::repetitions(10, 100); ++round) {
    Child writer("acknowledge", directory / "db", round * 100'000);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(writer.line());
      EXPECT_EQ(write(*store, increment("mine")).value(), ++written);
    }
    writer.kill();
  }
  EXPECT_EQ(counter(*store, "mine"), written);
}

task<> with_deadline(Store& store, Runtime& runtime, Clock::duration left,
                     std::optional<StoreResult<std::int64_t>>& out) {
  out.emplace(co_await store.write(runtime, increment("x"), runtime.now() + left));
}

TEST(Processes, AStoppedHolderDelaysNobodyBeyondTheDeadlineAndItsDeathFreesTheTurn) {
  TemporaryDirectory directory;
  const auto store = open_store(options_for(directory / "db"));
  Child holder("hold", directory / "db", 0);
  ASSERT_EQ(holder.line(), "held");
  holder.signal(SIGSTOP);
  Runtime& runtime = runtime_of_this_thread();
  std::optional<StoreResult<std::int64_t>> result;
  runtime.run(with_deadline(*store, runtime, 500ms, result));
  ASSERT_TRUE(result->has_error());
  EXPECT_EQ(result->error().code, ErrorCode::unavailable);
  EXPECT_EQ(counter(*store, "x"), 0) << "readers go on";
  holder.kill();
  EXPECT_EQ(write(*store, increment("x")).value(), 1);
}

}  // namespace
}  // namespace babilu::store

int main(int argc, char** argv) {
  if (argc == 5 && std::string_view(argv[1]) == "--child") {
    return babilu::store::run_child(argv[2], argv[3], std::stoi(argv[4]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
