// One server process: what it brings without being asked, and how it ends.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

#include "core/admin/admin.h"
#include "core/node/loop_lag.h"
#include "core/node/node.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/sim/world.h"
#include "tests/sim/broken_network.h"

namespace babilu::node {
namespace {

NodeConfig config(unsigned threads) {
  NodeConfig made;
  made.name = "test";
  made.threads = threads;
  made.admin_listen = "127.0.0.1:0";
  made.log_level = telemetry::LogLevel::error;
  return made;
}

/// What several loops found out.
struct Ports {
  std::mutex mutex;
  std::multiset<std::uint16_t> taken;
  std::multiset<std::uint16_t> others;
};

task<> take_ports(Node& node, net::Network& network, Runtime& runtime, Ports& ports,
                  unsigned threads) {
  const auto listener = node.listen(network, "127.0.0.1:0", "--listen");
  const auto other = node.listen(network, "127.0.0.1:0", "--other");
  bool last = false;
  {
    const std::lock_guard lock(ports.mutex);
    ports.taken.insert(listener->local().port);
    ports.others.insert(other->local().port);
    last = ports.taken.size() == threads;
  }
  node.started();
  if (last) node.lifecycle().advance(Phase::draining);
  co_await node.lifecycle().draining(runtime);
}

TEST(Node, AnyPortIsTheSameForAllLoops) {
  constexpr unsigned threads = 4;
  Node node(config(threads));
  Ports ports;
  const int code = node.run([&](Runtime& runtime, net::Network& network, unsigned) {
    return take_ports(node, network, runtime, ports, threads);
  });
  EXPECT_EQ(code, 0);
  ASSERT_EQ(ports.taken.size(), threads);
  EXPECT_EQ(ports.taken.count(*ports.taken.begin()), threads);
  EXPECT_EQ(ports.others.count(*ports.others.begin()), threads);
  EXPECT_NE(*ports.taken.begin(), *ports.others.begin()) << "each flag has one of its own";
}

TEST(Node, KeepsItsMemoryToItself) {
  ::prctl(PR_SET_DUMPABLE, 1);
  const Node node(config(1));
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
  rlimit core{1, 1};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &core), 0);
  EXPECT_EQ(core.rlim_cur, 0U);
}

TEST(Node, HasTheMetricsOfItselfAndOfItsLog) {
  Node node(config(1));
  const auto families = node.metrics().snapshot();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_max_fds", "process_threads", "process_start_time_seconds",
                           "babilu_log_entries_total", "babilu_log_suppressed_total",
                           "babilu_log_lost_total", "babilu_loop_lag_seconds", "babilu_phase"}) {
    EXPECT_TRUE(std::ranges::any_of(families, [&](const auto& f) { return f.name == name; }))
        << name;
  }
}

task<> stand_still_for_a_while(sim::World& world, telemetry::AtomicHistogram& lag) {
  Scope scope(world.runtime());
  scope.spawn("loop lag", watch_loop_lag(world.runtime(), lag));
  co_await world.runtime().sleep_for(std::chrono::seconds(1));
  world.stand_still(std::chrono::seconds(3));
  co_await world.runtime().sleep_for(std::chrono::milliseconds(10));
  co_await scope.close();
}

TEST(LoopLag, TellsForHowLongALoopStoodStill) {
  sim::World world(1);
  telemetry::Metrics metrics;
  auto& lag = metrics.histogram("lag_seconds", "how late");
  world.run(stand_still_for_a_while(world, lag));
  EXPECT_GE(lag.snapshot().count(), 4U);
  EXPECT_GE(lag.snapshot().max(), 2'700'000'000U);
}

task<> die() {
  throw std::runtime_error("oops");
  co_return;
}

task<> serve_with(Node& node, Runtime& runtime, bool essential, bool& drained) {
  Scope scope(runtime);
  node.started();
  if (essential) {
    scope.spawn_essential("acceptor", die());
  } else {
    scope.spawn("guest", die());
    node.lifecycle().advance(Phase::draining);
  }
  co_await node.lifecycle().draining(runtime);
  co_await scope.join();
  drained = true;
}

TEST(Node, DrainsAndFailsWhenAnEssentialCoroutineDies) {
  Node node(config(2));
  bool drained[2] = {};
  const int code = node.run([&](Runtime& runtime, net::Network&, unsigned index) {
    return serve_with(node, runtime, true, drained[index]);
  });
  EXPECT_EQ(code, 1);
  EXPECT_TRUE(drained[0] && drained[1]) << "its work is not cut off";
}

TEST(Node, GoesOnWhenAnotherCoroutineDies) {
  Node node(config(1));
  bool drained = false;
  const int code = node.run([&](Runtime& runtime, net::Network&, unsigned) {
    return serve_with(node, runtime, false, drained);
  });
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(drained);
}

task<> look_beside(Node& node, Runtime& runtime, Phase& seen) {
  node.started();
  co_await runtime.yield();
  seen = node.lifecycle().phase();
  node.lifecycle().advance(Phase::draining);
  co_await node.lifecycle().draining(runtime);
}

TEST(Node, CannotDoWithoutItsAdminEndpoint) {
  Node node(config(1), [](Runtime&) { return std::make_unique<test::BrokenNetwork>(); });
  Phase seen = Phase::ready;
  const int code = node.run(
      [&](Runtime& runtime, net::Network&, unsigned) { return look_beside(node, runtime, seen); });
  EXPECT_EQ(code, 1);
  EXPECT_EQ(seen, Phase::draining);
}

}  // namespace
}  // namespace babilu::node
