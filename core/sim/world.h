#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/net/memory.h"
#include "core/net/network.h"
#include "core/runtime/runtime.h"

namespace babilu::sim {

class VirtualClock;
class SeededRandom;

/// How the simulated network treats bytes.
struct NetworkOptions {
  Clock::duration latency = std::chrono::microseconds(200);
  Clock::duration jitter = std::chrono::microseconds(100);  ///< up to this much is added
  bool trace = false;                                       ///< each write goes into the event log
};

/// A world in one thread: a virtual clock, a generator from a seed, hosts on a network in memory.
/// The production code runs in it unchanged, and twice from one seed it does the same.
///
/// Time moves only when nothing is ready to run. Owner and thread: the test's.
class World {
 public:
  explicit World(std::uint64_t seed, NetworkOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Runtime& runtime() noexcept { return *runtime_; }
  /// The network as seen from a host. Lives as long as the world.
  net::Network& host(const std::string& name);

  /// Runs `main` to its end. Throws what `main` throws; then nothing more can be run in this world,
  /// and who is still under way in it stays so, forever. Throws std::logic_error when nothing can
  /// ever happen again before its end (a lost wake-up), or after `limit` of virtual time; and
  /// std::runtime_error, at its end, when an exception has left a coroutine of a Scope.
  void run(task<> main, Clock::duration limit = std::chrono::hours(24));

  /// Breaks every connection between two hosts; both sides see a reset.
  void cut(const std::string& a, const std::string& b);
  /// Nothing passes between two hosts, and nobody is told, until heal().
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);

  /// Time passes and nobody runs, as in a process that was stopped: what was due meanwhile comes
  /// late, all at once.
  void stand_still(Clock::duration time);

  /// Adds a line with the virtual time to the event log.
  void note(std::string_view event);
  const std::vector<std::string>& events() const noexcept { return events_; }

 private:
  class Host;
  class Accepting;
  struct Connection {
    std::string from;
    std::string to;
    std::weak_ptr<net::MemoryCable> cable;
  };
  [[noreturn]] void give_up(const char* why);
  template <class Visit>
  void for_each_between(const std::string& a, const std::string& b, Visit&& visit);
  bool partitioned(const std::string& a, const std::string& b) const;
  void on_death(std::string_view coroutine, const std::exception_ptr& thrown);
  net::MemoryOptions cable_options(const net::Address& from, const net::Address& to);

  const NetworkOptions options_;
  std::mt19937_64 network_random_;
  std::unique_ptr<SeededRandom> random_;
  VirtualClock* clock_ = nullptr;
  std::unique_ptr<Runtime> runtime_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;
  std::map<std::string, Accepting*> listeners_;
  std::vector<Connection> connections_;
  std::vector<std::pair<std::string, std::string>> partitions_;
  std::vector<std::string> events_;
  std::string died_;  ///< coroutines that an exception has left, for people
};

}  // namespace babilu::sim
