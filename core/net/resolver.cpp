#include "core/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/error.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/runtime.h"

namespace babilu::net {

namespace error = boost::asio::error;

namespace {

/// So that names whose servers are silent, each of which keeps a thread for many seconds, do not
/// keep others from being looked up.
constexpr std::size_t most_at_once = 64;

/// So that a family that leads nowhere costs one attempt, not as many as it has addresses.
void take_turns(std::vector<Resolver::Endpoint>& addresses) {
  for (std::size_t i = 1; i < addresses.size(); ++i) {
    const auto before = addresses[i - 1].protocol();
    const auto rest = addresses.begin() + static_cast<std::ptrdiff_t>(i);
    const auto other = std::find_if(rest, addresses.end(), [&](const Resolver::Endpoint& address) {
      return address.protocol() != before;
    });
    if (other != addresses.end()) std::rotate(rest, other, other + 1);
  }
}

}  // namespace

/// Of the Runtime's thread alone.
struct Resolver::Lookup {
  Lookup(Runtime& runtime, std::string name) : host(std::move(name)), done(runtime) {}
  const std::string host;
  Condition done;
  bool ended = false;
  Found found;
};

/// Where threads bring what they found, while anybody is there.
struct Resolver::Home {
  explicit Home(Runtime& its_runtime) : runtime(&its_runtime) {}

  void bring(const std::weak_ptr<Lookup>& to, Found found) {
    const std::lock_guard lock(mutex);
    if (runtime == nullptr) return;
    runtime->post([to, found = std::move(found)] {
      const auto lookup = to.lock();
      if (!lookup) return;
      lookup->found = found;
      lookup->ended = true;
      lookup->done.notify_all();
    });
  }
  void leave() {
    const std::lock_guard lock(mutex);
    runtime = nullptr;
  }

  std::mutex mutex;
  Runtime* runtime;
};

Resolver::Resolver(Runtime& runtime, Find find)
    : runtime_(runtime), find_(std::move(find)), home_(std::make_shared<Home>(runtime)) {}

Resolver::~Resolver() {
  home_->leave();
}

Resolver::Found Resolver::ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  Found found{.problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &list), .addresses = {}};
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Endpoint address;
    if (entry->ai_addrlen > address.capacity()) continue;
    std::memcpy(address.data(), entry->ai_addr, entry->ai_addrlen);
    address.resize(entry->ai_addrlen);
    found.addresses.push_back(address);
  }
  if (list != nullptr) ::freeaddrinfo(list);
  return found;
}

/// The one that is under way, or a new one; none when there are too many.
std::shared_ptr<Resolver::Lookup> Resolver::look_up(const std::string& host) {
  std::erase_if(running_, [](const auto& lookup) { return lookup->ended; });
  const auto same = std::ranges::find(running_, host, [](const auto& one) { return one->host; });
  if (same != running_.end()) return *same;
  if (running_.size() >= most_at_once) return nullptr;

  auto lookup = std::make_shared<Lookup>(runtime_, host);
  const std::weak_ptr<Lookup> to = lookup;
  try {
    std::thread([find = find_, home = home_, to, host] { home->bring(to, find(host)); }).detach();
  } catch (const std::system_error&) {
    return nullptr;
  }
  running_.push_back(lookup);
  return lookup;
}

task<Result<std::vector<Resolver::Endpoint>>> Resolver::resolve(std::string host,
                                                                std::uint16_t port,
                                                                Deadline deadline) {
  const auto lookup = look_up(host);
  if (!lookup) co_return error_code(error::no_buffer_space);
  while (!lookup->ended) {
    const bool notified = co_await lookup->done.wait(deadline);
    if (!notified) co_return error_code(error::timed_out);
  }
  if (lookup->found.problem == EAI_AGAIN) co_return error_code(error::host_not_found_try_again);
  if (lookup->found.problem != 0) co_return error_code(error::host_not_found);
  std::vector<Endpoint> endpoints = lookup->found.addresses;
  for (Endpoint& endpoint : endpoints) endpoint.port(port);
  take_turns(endpoints);
  co_return endpoints;
}

}  // namespace babilu::net
