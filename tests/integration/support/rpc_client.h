#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/net/tcp.h"
#include "core/rpc/typed.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/tls/context.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {

/// What a client of this stack trusts.
tls::ContextPtr client_context(const Stack& stack);

/// One lasting session with a stack, in this process. Calls block.
class RpcClient {
 public:
  /// Without a context it has one of its own. With TLS, clients of one context share tickets.
  explicit RpcClient(const Stack& stack, tls::ContextPtr context = nullptr);
  ~RpcClient();

  template <class Service, class Request, class Answer>
  rpc::Outcome<Answer> call(const rpc::Method<Service, Request, Answer>& method,
                            const Request& request, std::string token = {},
                            Clock::duration time = patience) {
    std::optional<rpc::Outcome<Answer>> outcome;
    time_ = time;
    runtime_.run(call_into(method, request, token, outcome));
    time_ = patience;
    return std::move(*outcome);
  }

  /// All at once; `meanwhile` runs in between, when this many have been answered.
  template <class Service, class Request, class Answer>
  std::vector<rpc::Outcome<Answer>> call_all(const rpc::Method<Service, Request, Answer>& method,
                                             const std::vector<Request>& requests,
                                             std::size_t answered,
                                             const std::function<void()>& meanwhile,
                                             Clock::duration time = patience) {
    std::vector<std::optional<rpc::Outcome<Answer>>> outcomes(requests.size());
    time_ = time;
    runtime_.run(all(method, requests, outcomes, answered, meanwhile));
    time_ = patience;
    std::vector<rpc::Outcome<Answer>> made;
    for (auto& outcome : outcomes) made.push_back(std::move(*outcome));
    return made;
  }

  std::uint64_t reconnects() const noexcept { return channel_->reconnects(); }

 private:
  Deadline deadline() const { return runtime_.now() + time_; }

  template <class Service, class Request, class Answer>
  task<> call_into(const rpc::Method<Service, Request, Answer>& method, const Request& request,
                   std::string token, std::optional<rpc::Outcome<Answer>>& outcome) {
    outcome.emplace(co_await rpc::Client<Service>(*channel_).call(
        method, request, {.deadline = deadline(), .token = token}));
    ++answered_;
  }

  template <class Service, class Request, class Answer>
  task<> all(const rpc::Method<Service, Request, Answer>& method,
             const std::vector<Request>& requests,
             std::vector<std::optional<rpc::Outcome<Answer>>>& outcomes, std::size_t answered,
             const std::function<void()>& meanwhile) {
    co_await channel_->ready(deadline());
    answered_ = 0;
    Scope scope(runtime_);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      scope.spawn("call", call_into(method, requests[i], std::string(), outcomes[i]));
    }
    while (answered_ < answered) co_await runtime_.sleep_for(std::chrono::milliseconds(1));
    meanwhile();
    co_await scope.join();
  }

  Runtime runtime_;
  net::TcpNetwork network_{runtime_};
  std::unique_ptr<net::Security> security_;
  std::unique_ptr<rpc::Channel> channel_;
  std::size_t answered_ = 0;
  Clock::duration time_ = patience;
};

}  // namespace babilu::testing
