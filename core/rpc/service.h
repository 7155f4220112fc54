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
  /// The caller has had its answer: it cancelled, or its time was up. What the handler has not
  /// begun may be left out; what it returns goes nowhere.
  bool given_up = false;
  /// Called when that happens, in a handler that waits; must not throw. It is the handler's, which
  /// takes it away before what it refers to ends.
  std::function<void()> when_given_up = {};
};

/// Handles one method. Runs as a coroutine of its session's scope.
using Handler = std::function<task<Reply>(Call&)>;

/// What it means to call a method twice.
enum class MethodKind : std::uint8_t {
  idempotent,  ///< no more than calling it once, so it may be sent again at will
  mutating,    ///< it needs an idempotency key, under which its effect happens once
};

/// How a method behaves, for whoever calls, relays or serves it.
struct MethodTraits {
  std::uint16_t id = 0;   ///< service × 256 + number
  const char* name = "";  ///< "registry.SignUp"
  MethodKind kind = MethodKind::idempotent;
  /// What a request takes of the machine, in echoes, 256 at most: it counts as so many where the
  /// requests of a client are counted.
  std::uint16_t cost = 1;

  constexpr std::uint8_t service() const noexcept { return static_cast<std::uint8_t>(id >> 8); }
  constexpr bool mutating() const noexcept { return kind == MethodKind::mutating; }
};

/// The services of one side, and who handles their methods. Filled at start-up, then only read;
/// several Runtimes may share one. What cannot be right throws std::logic_error, which says why.
class ServiceTable {
 public:
  struct Entry {
    MethodTraits traits;
    Handler handler;
  };

  /// `id` is the high byte of the service's methods. Neither id nor name may be offered already.
  void offer(std::uint8_t id, std::string name, std::uint32_t revision);
  /// A method of a service that is offered already. No other may have its id.
  void add(const MethodTraits& traits, Handler handler);

  const Entry* find(std::uint16_t method) const;
  /// Whether any method needs a place where its replies are kept.
  bool has_mutating() const noexcept;
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
