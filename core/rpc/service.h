#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "core/net/stream.h"
#include "core/rpc/status.h"
#include "core/runtime/task.h"

namespace babilu {
class Runtime;
}
namespace babilu::wire {
class Hello;
}

namespace babilu::rpc {

/// What a handler knows of one request. Lives until its reply.
struct Call {
  Runtime& runtime;
  std::uint16_t method = 0;
  ByteView message;
  /// Who asks; empty without one. A secret.
  std::string_view token;
  /// 32 bytes on a mutating method. A secret.
  std::string_view idempotency_key;
  std::string_view client_address;  ///< as far as it is known
  std::string_view request_id;
  Deadline deadline = no_deadline;
  const net::PeerIdentity& peer;
};

/// Handles one method. Runs as a coroutine of its session's scope.
using Handler = std::function<task<Reply>(Call&)>;

/// How a method behaves, for whoever calls, relays or serves it.
struct MethodTraits {
  std::uint16_t id = 0;   ///< service × 256 + number
  const char* name = "";  ///< "registry.SignUp"
  bool mutating = false;  ///< needs an idempotency key, which makes it retryable
};

/// The services of one side, and who handles their methods. Filled at start-up, then only read;
/// several Runtimes may share one.
class ServiceTable {
 public:
  struct Entry {
    MethodTraits traits;
    Handler handler;
  };

  /// `id` is the high byte of the service's methods.
  void offer(std::uint8_t id, std::string name, std::uint32_t revision);
  void add(const MethodTraits& traits, Handler handler);

  const Entry* find(std::uint16_t method) const;
  /// Lists the services in a hello.
  void describe(wire::Hello& hello) const;

 private:
  struct Service {
    std::uint8_t id;
    std::string name;
    std::uint32_t revision;
  };
  std::vector<Service> services_;
  boost::unordered_flat_map<std::uint16_t, std::unique_ptr<Entry>> methods_;
};

}  // namespace babilu::rpc
