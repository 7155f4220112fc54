#include "core/sim/world.h"

#include <deque>
#include <stdexcept>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/failure.h"
#include "core/sim/seeded_random.h"
#include "core/sim/virtual_clock.h"

namespace babilu::sim {

namespace asio = boost::asio;

namespace {

constexpr std::size_t backlog = 1024;

/// What other coroutines refer to has been unwound under them: their frames must not be destroyed,
/// not even at the end of the program.
std::vector<std::unique_ptr<Runtime>>& never_destroyed() {
  static auto& runtimes = *new std::vector<std::unique_ptr<Runtime>>;
  return runtimes;
}

}  // namespace

/// A listener: what was connected to it and not yet accepted.
class World::Accepting final : public net::Listener {
 public:
  Accepting(World& world, net::Address local)
      : world_(world), local_(std::move(local)), changed_(*world.runtime_) {
    world_.listeners_[local_.to_string()] = this;
  }
  ~Accepting() override { close(); }

  task<Result<net::StreamPtr>> accept() override {
    while (open_ && waiting_.empty()) co_await changed_.wait();
    if (!open_) co_return error_code(asio::error::operation_aborted);
    net::StreamPtr next = std::move(waiting_.front());
    waiting_.pop_front();
    co_return next;
  }
  const net::Address& local() const noexcept override { return local_; }
  void close() noexcept override {
    if (!open_) return;
    open_ = false;
    world_.listeners_.erase(local_.to_string());
    waiting_.clear();
    changed_.notify_all();
  }

  bool full() const { return waiting_.size() >= backlog; }
  void add(net::StreamPtr stream) {
    waiting_.push_back(std::move(stream));
    changed_.notify_all();
  }

 private:
  World& world_;
  net::Address local_;
  Condition changed_;
  std::deque<net::StreamPtr> waiting_;
  bool open_ = true;
};

class World::Host final : public net::Network {
 public:
  Host(World& world, std::string name) : world_(world), name_(std::move(name)) {}

  using Network::listen;
  Result<net::ListenerPtr> listen(const net::Address& at, ListenOptions) override {
    net::Address local{name_, at.port == 0 ? next_port_++ : at.port};
    if (world_.listeners_.contains(local.to_string())) {
      return error_code(asio::error::address_in_use);
    }
    return net::ListenerPtr(std::make_unique<Accepting>(world_, std::move(local)));
  }

  task<Result<net::StreamPtr>> connect(const net::Address& to, Deadline deadline) override {
    Runtime& runtime = *world_.runtime_;
    if (world_.partitioned(name_, to.host)) {
      co_await runtime.sleep_until(deadline);
      co_return error_code(asio::error::timed_out);
    }
    co_await runtime.sleep_for(2 * world_.options_.latency);
    const auto found = world_.listeners_.find(to.to_string());
    if (found == world_.listeners_.end() || found->second->full()) {
      co_return error_code(asio::error::connection_refused);
    }
    const net::Address from{name_, next_port_++};
    net::MemoryPair pair = net::make_memory_pair(runtime, world_.cable_options(from, to));
    world_.connections_.push_back({name_, to.host, pair.cable});
    found->second->add(std::move(pair.b));
    co_return std::move(pair.a);
  }

 private:
  World& world_;
  std::string name_;
  std::uint16_t next_port_ = 40000;
};

World::World(std::uint64_t seed, NetworkOptions options)
    : options_(options), network_random_(seed), random_(std::make_unique<SeededRandom>(seed)) {
  auto clock = std::make_unique<VirtualClock>();
  clock_ = clock.get();
  runtime_ = std::make_unique<Runtime>(
      Runtime::Parts{.clock = std::move(clock), .random = random_.get(), .simulated = true});
  runtime_->on_failure([this](std::string_view coroutine, const std::exception_ptr& thrown) {
    on_death(coroutine, thrown);
  });
}

World::~World() {
  if (runtime_->abandoned()) never_destroyed().push_back(std::move(runtime_));
}

net::Network& World::host(const std::string& name) {
  auto& host = hosts_[name];
  if (!host) host = std::make_unique<Host>(*this, name);
  return *host;
}

namespace {

struct Ending {
  bool reached = false;
  std::exception_ptr thrown;
};

task<> note_ending(task<> main, std::shared_ptr<Ending> ending) {
  try {
    co_await std::move(main);
  } catch (...) {
    ending->thrown = std::current_exception();
  }
  ending->reached = true;
}

}  // namespace

void World::run(task<> main, Clock::duration limit) {
  const auto ending = std::make_shared<Ending>();
  const auto latest = clock_->now() + limit;
  asio::io_context& context = runtime_->context();
  asio::co_spawn(context, note_ending(std::move(main), ending), asio::detached);
  while (!ending->reached) {
    context.restart();
    context.poll();
    if (ending->reached) break;
    if (!clock_->step()) give_up("simulation: everybody waits for nothing");
    if (clock_->now() > latest) give_up("simulation: the time limit has passed");
  }
  if (ending->thrown) {
    runtime_->abandon();
    std::rethrow_exception(ending->thrown);
  }
  if (!died_.empty()) throw std::runtime_error("simulation: it ended" + std::exchange(died_, {}));
}

void World::stand_still(Clock::duration time) {
  clock_->jump(time);
}

void World::on_death(std::string_view coroutine, const std::exception_ptr& thrown) {
  died_ += fmt::format("; coroutine {} threw {}", coroutine, describe(thrown));
}

void World::give_up(const char* why) {
  runtime_->abandon();
  throw std::logic_error(why + died_);
}

net::MemoryOptions World::cable_options(const net::Address& from, const net::Address& to) {
  return {.name_a = from,
          .name_b = to,
          .latency = options_.latency,
          .jitter = [this, way = from.to_string() + " - " + to.to_string()] {
            if (options_.trace) note(way);
            const auto most = static_cast<std::uint64_t>(options_.jitter.count());
            return Clock::duration(static_cast<std::int64_t>(network_random_() % (most + 1)));
          }};
}

template <class Visit>
void World::for_each_between(const std::string& a, const std::string& b, Visit&& visit) {
  std::erase_if(connections_, [](const Connection& c) { return c.cable.expired(); });
  for (const Connection& connection : connections_) {
    const bool between = (connection.from == a && connection.to == b) ||
                         (connection.from == b && connection.to == a);
    if (!between) continue;
    if (auto cable = connection.cable.lock()) visit(*cable);
  }
}

void World::cut(const std::string& a, const std::string& b) {
  for_each_between(a, b, [](net::MemoryCable& cable) { cable.cut(); });
}

void World::partition(const std::string& a, const std::string& b) {
  partitions_.emplace_back(a, b);
  for_each_between(a, b, [](net::MemoryCable& cable) { cable.pause(); });
}

void World::heal(const std::string& a, const std::string& b) {
  std::erase_if(partitions_, [&](const auto& pair) {
    return pair == std::pair(a, b) || pair == std::pair(b, a);
  });
  for_each_between(a, b, [](net::MemoryCable& cable) { cable.resume(); });
}

bool World::partitioned(const std::string& a, const std::string& b) const {
  for (const auto& [x, y] : partitions_) {
    if ((x == a && y == b) || (x == b && y == a)) return true;
  }
  return false;
}

void World::note(std::string_view event) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_->now().time_since_epoch());
  events_.push_back(fmt::format("{:>12} {}", micros.count(), event));
}

}  // namespace babilu::sim
