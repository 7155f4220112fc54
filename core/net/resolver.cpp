#include "core/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cstring>

#include <boost/asio/error.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/runtime.h"

namespace babilu::net {

namespace error = boost::asio::error;

namespace {

constexpr std::size_t most_at_once = 16;

}  // namespace

/// Shared by the thread that looks up and the coroutine that waits; the Runtime's thread alone
/// touches it, apart from find().
struct Resolver::Lookup {
  explicit Lookup(Runtime& runtime) : done(runtime) {}

  void find(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
      Endpoint endpoint;
      if (entry->ai_addrlen > endpoint.capacity()) continue;
      std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
      endpoint.resize(entry->ai_addrlen);
      endpoints.push_back(endpoint);
    }
    if (found != nullptr) ::freeaddrinfo(found);
  }

  Condition done;
  int problem = 0;
  std::vector<Endpoint> endpoints;
  bool ended = false;
};

Resolver::~Resolver() {
  for (Running& running : running_) running.thread.join();
}

task<Result<std::vector<Resolver::Endpoint>>> Resolver::resolve(std::string host,
                                                                std::uint16_t port,
                                                                Deadline deadline) {
  std::erase_if(running_, [](Running& running) {
    if (running.lookup->ended) running.thread.join();
    return running.lookup->ended;
  });
  if (running_.size() >= most_at_once) co_return error_code(error::no_buffer_space);

  const auto lookup = std::make_shared<Lookup>(runtime_);
  running_.push_back({lookup, std::thread([&runtime = runtime_, lookup, host, port] {
                        lookup->find(host, port);
                        runtime.post([lookup] {
                          lookup->ended = true;
                          lookup->done.notify_all();
                        });
                      })});
  while (!lookup->ended) {
    const bool notified = co_await lookup->done.wait(deadline);
    if (!notified) co_return error_code(error::timed_out);
  }
  if (lookup->problem == 0) co_return std::move(lookup->endpoints);
  co_return lookup->problem == EAI_AGAIN ? error_code(error::host_not_found_try_again)
                                         : error_code(error::host_not_found);
}

}  // namespace babilu::net
