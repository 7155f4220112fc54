// Names, and hosts with more than one address.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netdb.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include "core/net/dial_first.h"
#include "core/net/memory.h"
#include "core/net/resolver.h"
#include "core/net/security.h"
#include "core/net/tcp.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/sim/world.h"

namespace babilu::net {
namespace {

using namespace std::chrono_literals;
namespace asio_error = boost::asio::error;
using Endpoint = Resolver::Endpoint;

/// How an address of a test behaves: when it says what.
struct Answer {
  Clock::duration after;
  error_code error = {};
};
constexpr Clock::duration silent = 10h;

struct Tried {
  std::vector<std::size_t> order;
  std::vector<Clock::duration> begun;
  std::size_t given_up = 0;
};

task<Result<StreamPtr>> answer(Runtime& runtime, Answer how, Tried& tried) {
  try {
    co_await runtime.sleep_for(how.after);
  } catch (...) {
    ++tried.given_up;
    throw;
  }
  if (how.error) co_return how.error;
  co_return std::move(make_memory_pair(runtime).a);
}

/// "connected", or why not, after how many milliseconds.
task<> race(Runtime& runtime, std::vector<Answer> answers, Clock::duration limit, Tried& tried,
            std::string& outcome) {
  const auto began = runtime.now();
  const DialOne dial = [&](std::size_t index) {
    tried.order.push_back(index);
    tried.begun.push_back(runtime.now() - began);
    return answer(runtime, answers.at(index), tried);
  };
  const auto stream = co_await dial_first(runtime, answers.size(), dial, began + limit);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(runtime.now() - began);
  outcome =
      (stream ? "connected" : stream.error().message()) + " after " + std::to_string(took.count());
}

std::string raced(std::vector<Answer> answers, Tried& tried, Clock::duration limit = 5s) {
  sim::World world(1);
  std::string outcome;
  world.run(race(world.runtime(), std::move(answers), limit, tried, outcome));
  return outcome;
}
std::string raced(std::vector<Answer> answers, Clock::duration limit = 5s) {
  Tried tried;
  return raced(std::move(answers), tried, limit);
}

TEST(DialFirst, TakesTheFirstThatAnswersAndWaitsForNoSilentOne) {
  Tried tried;
  EXPECT_EQ(raced({{silent}, {10ms}, {10ms}}, tried), "connected after 260");
  EXPECT_EQ(tried.order, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(tried.begun, (std::vector<Clock::duration>{0ms, 250ms}));
  EXPECT_EQ(tried.given_up, 1u) << "nothing of it is left";
}

TEST(DialFirst, GoesOnAtOnceWhenOneFails) {
  const error_code refused = asio_error::connection_refused;
  EXPECT_EQ(raced({{3ms, refused}, {4ms, refused}, {5ms}}), "connected after 12");
  EXPECT_EQ(raced({{silent}, {3ms, refused}, {5ms}}), "connected after 258");
}

TEST(DialFirst, LetsASlowOneWin) {
  EXPECT_EQ(raced({{600ms}, {silent}, {silent}}), "connected after 600");
}

TEST(DialFirst, SaysWhyTheFirstFailedWhenAllDo) {
  EXPECT_EQ(raced({{3ms, asio_error::connection_refused}, {3ms, asio_error::host_unreachable}}),
            error_code(asio_error::connection_refused).message() + " after 6");
  EXPECT_EQ(raced({{silent}, {silent}}, 2s),
            error_code(asio_error::timed_out).message() + " after 2000");
}

task<> cancelled(Runtime& runtime, Tried& tried) {
  Scope scope(runtime);
  std::string outcome;
  scope.spawn("race", race(runtime, {{silent}, {silent}}, 1h, tried, outcome));
  co_await runtime.sleep_for(1s);
  co_await scope.close();
  EXPECT_EQ(outcome, "");
}

TEST(DialFirst, EndsItsAttemptsWhenItIsCancelled) {
  sim::World world(1);
  Tried tried;
  world.run(cancelled(world.runtime(), tried));
  EXPECT_EQ(tried.given_up, 2u);
}

Endpoint number(const char* address) {
  return {boost::asio::ip::make_address(address), 0};
}

task<> resolve(Resolver& resolver, std::string host, Deadline deadline, std::string& outcome) {
  const auto found = co_await resolver.resolve(std::move(host), 80, deadline);
  outcome = found ? "" : found.error().message();
  if (!found) co_return;
  for (const Endpoint& endpoint : *found) {
    outcome += endpoint.address().to_string();
    outcome += ' ';
  }
}

TEST(Resolver, LetsFamiliesTakeTurns) {
  Runtime runtime;
  Resolver resolver(runtime, [](const std::string&) {
    return Resolver::Found{
        .problem = 0,
        .addresses = {number("2001:db8::1"), number("2001:db8::2"), number("2001:db8::3"),
                      number("192.0.2.1"), number("192.0.2.2")}};
  });
  std::string outcome;
  runtime.run(resolve(resolver, "host", no_deadline, outcome));
  EXPECT_EQ(outcome, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3 ");
}

/// Look-ups that do not end before the test lets them, or a minute is over.
struct Stuck {
  std::promise<void> release;
  std::shared_future<void> released{release.get_future()};
  std::atomic<int> asked{0};
  std::atomic<int> ended{0};

  static Resolver::Find of(const std::shared_ptr<Stuck>& stuck) {
    return [stuck](const std::string&) {
      ++stuck->asked;
      stuck->released.wait_for(1min);
      ++stuck->ended;
      return Resolver::Found{.problem = 0, .addresses = {number("192.0.2.1")}};
    };
  }
};

TEST(Resolver, NeitherAWaitNorTheEndOutlastsTheDeadline) {
  const auto stuck = std::make_shared<Stuck>();
  {
    Runtime runtime;
    Resolver resolver(runtime, Stuck::of(stuck));
    std::string outcome;
    runtime.run(resolve(resolver, "host", runtime.now() + 20ms, outcome));
    EXPECT_EQ(outcome, error_code(asio_error::timed_out).message());
  }
  EXPECT_EQ(stuck->ended, 0) << "nobody waited for it";
  stuck->release.set_value();
  while (stuck->ended == 0) std::this_thread::yield();
}

task<> resolve_many(Runtime& runtime, Resolver& resolver, Stuck& stuck) {
  std::vector<std::string> outcomes(90);
  Scope scope(runtime);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    scope.spawn("resolve", resolve(resolver, i < 20 ? "same" : "host " + std::to_string(i),
                                   no_deadline, outcomes[i]));
  }
  EXPECT_EQ(outcomes[82], "");
  EXPECT_EQ(outcomes[83], error_code(asio_error::no_buffer_space).message());
  stuck.release.set_value();
  co_await scope.join();
  for (std::size_t i = 0; i < 83; ++i) EXPECT_EQ(outcomes[i], "192.0.2.1 ") << i;
}

TEST(Resolver, LooksANameUpOnceForAllWhoAskAndNotTooManyAtOnce) {
  const auto stuck = std::make_shared<Stuck>();
  Runtime runtime;
  Resolver resolver(runtime, Stuck::of(stuck));
  runtime.run(resolve_many(runtime, resolver, *stuck));
  EXPECT_EQ(stuck->asked, 64);
}

TEST(Resolver, SaysWhetherItIsWorthTryingAgain) {
  for (const auto& [problem, why] : {std::pair{EAI_AGAIN, asio_error::host_not_found_try_again},
                                     std::pair{EAI_NONAME, asio_error::host_not_found}}) {
    Runtime runtime;
    Resolver resolver(runtime, [problem = problem](const std::string&) {
      return Resolver::Found{.problem = problem, .addresses = {}};
    });
    std::string outcome;
    runtime.run(resolve(resolver, "host", no_deadline, outcome));
    EXPECT_EQ(outcome, error_code(why).message());
  }
}

/// Takes one connection into its queue and lets every further one wait for ever.
task<> fill(Network& network, const Address& at, StreamPtr& kept) {
  auto stream = co_await network.connect(at, no_deadline);
  EXPECT_TRUE(stream);
  if (stream) kept = std::move(*stream);
}

task<> connect(Network& network, Address to, Deadline deadline, std::string& outcome) {
  const auto stream = co_await network.connect(to, deadline);
  outcome = stream ? (*stream)->remote().to_string() : stream.error().message();
}

TEST(TcpNetwork, TriesTheNextAddressWhenTheFirstIsSilent) {
  Runtime runtime;
  TcpNetwork network(runtime, [](const std::string&) {
    return Resolver::Found{.problem = 0, .addresses = {number("127.0.0.1"), number("127.0.0.2")}};
  });
  const auto deaf = network.listen({"127.0.0.1", 0}, {.backlog = 0});
  ASSERT_TRUE(deaf);
  const std::uint16_t port = (*deaf)->local().port;
  const auto there = network.listen({"127.0.0.2", port}, {});
  ASSERT_TRUE(there);
  StreamPtr first;
  runtime.run(fill(network, (*deaf)->local(), first));
  std::string outcome;
  runtime.run(connect(network, {"host.test", port}, runtime.now() + 20s, outcome));
  EXPECT_EQ(outcome, "127.0.0.2:" + std::to_string(port));
}

TEST(TcpNetwork, LocalhostIsThisMachineByEitherProtocol) {
  Runtime runtime;
  TcpNetwork network(runtime);
  for (const char* host : {"127.0.0.1", "::1"}) {
    const auto listener = network.listen({host, 0}, {});
    if (!listener) continue;  // without IPv6
    std::string outcome;
    const std::uint16_t port = (*listener)->local().port;
    runtime.run(connect(network, {"localhost", port}, runtime.now() + 20s, outcome));
    EXPECT_EQ(outcome, (*listener)->local().to_string());
  }
}

/// Notes whom it was to prove.
class Noting final : public Security {
 public:
  task<Result<StreamPtr>> dial(StreamPtr raw, const Address& to, Deadline) override {
    proved = to.host;
    co_return std::move(raw);
  }
  task<Result<StreamPtr>> accept(StreamPtr raw, Deadline) override { co_return std::move(raw); }
  bool encrypted() const noexcept override { return true; }
  std::string proved;
};

task<> dial_whole_name(Network& network, Noting& security, std::uint16_t port) {
  EXPECT_TRUE(co_await dial(network, security, {"backend.test.", port}, no_deadline));
}

TEST(TcpNetwork, ANameWithADotAtItsEndIsProvedWithoutIt) {
  Runtime runtime;
  std::string asked;
  TcpNetwork network(runtime, [&](const std::string& host) {
    asked = host;
    return Resolver::Found{.problem = 0, .addresses = {number("127.0.0.1")}};
  });
  const auto listener = network.listen({"127.0.0.1", 0}, {});
  ASSERT_TRUE(listener);
  Noting security;
  runtime.run(dial_whole_name(network, security, (*listener)->local().port));
  EXPECT_EQ(asked, "backend.test.");
  EXPECT_EQ(security.proved, "backend.test");
}

}  // namespace
}  // namespace babilu::net
