#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// Names to addresses, by the system's resolver (getaddrinfo(3)), which blocks and cannot be told
/// to stop: each look-up has a thread of its own, a few at once. Who asks for a name that is being
/// looked up waits for the same one.
///
/// No wait outlasts its deadline, nor does the destructor wait: a look-up that is still on its way
/// then ends alone, and nobody hears of it. Thread: the Runtime's.
class Resolver {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;
  /// What is known of a name: addresses without a port, or getaddrinfo(3)'s code.
  struct Found {
    int problem = 0;
    std::vector<Endpoint> addresses;
  };
  /// Looks up, in a thread of its own.
  using Find = std::function<Found(const std::string& host)>;

  /// Asks the system, or what a test puts in its place.
  explicit Resolver(Runtime& runtime, Find find = ask_system);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// In the order in which they should be tried (RFC 6724; families in turn, RFC 8305 §4). Fails
  /// with host_not_found, host_not_found_try_again, timed_out, or no_buffer_space when too many
  /// look-ups take too long.
  task<Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port,
                                              Deadline deadline);

  static Found ask_system(const std::string& host);

 private:
  struct Lookup;
  struct Home;
  std::shared_ptr<Lookup> look_up(const std::string& host);

  Runtime& runtime_;
  const Find find_;
  const std::shared_ptr<Home> home_;
  std::vector<std::shared_ptr<Lookup>> running_;
};

}  // namespace babilu::net
