#pragma once

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// Names to addresses, by the system's resolver (getaddrinfo(3)), which blocks: each look-up has a
/// thread of its own, a few at once.
///
/// Thread: the Runtime's. The destructor waits for look-ups that are still on their way.
class Resolver {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;

  explicit Resolver(Runtime& runtime) : runtime_(runtime) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Fails with host_not_found, host_not_found_try_again, timed_out, or no_buffer_space when too
  /// many look-ups take too long.
  task<Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port,
                                              Deadline deadline);

 private:
  struct Lookup;
  struct Running {
    std::shared_ptr<Lookup> lookup;
    std::thread thread;
  };

  Runtime& runtime_;
  std::list<Running> running_;
};

}  // namespace babilu::net
