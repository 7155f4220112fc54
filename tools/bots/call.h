#pragma once

#include <optional>
#include <string>

#include "core/crypto/random.h"
#include "core/rpc/typed.h"
#include "core/runtime/runtime.h"
#include "tools/bots/outcome.h"
#include "tools/bots/reasons.h"
#include "tools/bots/swarm.h"

/// How requests are sent and held to what they must answer. Templates over the contracts of
/// roles/api; included by the few files that send requests.
namespace babilu::bots {

/// What is wrong with an answer; nothing when it is right.
using Flaw = std::optional<std::string>;

using IdempotencyKey = std::array<std::uint8_t, 32>;

/// One request: whose, when it was meant to be sent, with what key if it is mutating.
struct Attempt {
  Bot& bot;
  Clock::time_point meant;
  IdempotencyKey key{};
};

inline Attempt new_attempt(Swarm& swarm, Bot& bot, Clock::time_point meant) {
  return {bot, meant, crypto::random_array<32>(swarm.runtime.random())};
}

/// Sends once and counts nothing.
template <class Service, class Request, class Answer>
task<rpc::Outcome<Answer>> send(Swarm& swarm, Bot& bot,
                                const rpc::Method<Service, Request, Answer>& method,
                                const Request& request, rpc::CallOptions options) {
  options.deadline = swarm.runtime.now() + swarm.config.deadline;
  rpc::Client<Service> client(bot.channel);
  rpc::Outcome<Answer> answer = co_await client.call(method, request, options);
  co_return answer;
}

/// Sends, looks at the answer and counts. An ok answer with a flaw is `corrupt` and a failure.
template <class Service, class Request, class Answer, class Inspect>
task<rpc::Outcome<Answer>> measure(Swarm& swarm, const Attempt& attempt,
                                   const rpc::Method<Service, Request, Answer>& method,
                                   const Request& request, rpc::CallOptions options,
                                   Inspect inspect) {
  rpc::Outcome<Answer> answer = co_await send(swarm, attempt.bot, method, request, options);
  const Clock::duration latency = swarm.runtime.now() - attempt.meant;
  if (answer) {
    if (Flaw flaw = inspect(*answer)) {
      swarm.findings.corrupt(std::string(method.traits.name) + ": " + *flaw);
      answer = rpc::Status(reasons.wrong_answer, std::move(*flaw));
    }
  }
  swarm.recorder.record(method.traits, answer ? rpc::Status() : answer.error(), latency);
  co_return answer;
}

/// The second of two equal requests, on its way at the same time as the first.
template <class Service, class Request, class Answer>
task<> send_copy(Swarm& swarm, Bot& bot, const rpc::Method<Service, Request, Answer>& method,
                 const Request& request, rpc::CallOptions options, rpc::Outcome<Answer>& answer) {
  answer = co_await send(swarm, bot, method, request, options);
}

/// Two requests with one key must have one answer. A refusal for want of room, or no answer, says
/// nothing.
template <class Answer>
void compare_answers(Swarm& swarm, const char* method, const rpc::Outcome<Answer>& first,
                     const rpc::Outcome<Answer>& second) {
  ++swarm.checks.resent;
  const bool silent = (!first && worth_another_try(first.error().code)) ||
                      (!second && worth_another_try(second.error().code));
  if (silent || (!first && !second)) {
    ++swarm.checks.resent_unanswered;
  } else if (first && second && rpc::encode(*first) == rpc::encode(*second)) {
    ++swarm.checks.answered_alike;
  } else if (first && second) {
    swarm.findings.duplicated(std::string(method) +
                              " sent twice with one key gave two different answers");
  } else {
    const rpc::Status& refusal = first ? second.error() : first.error();
    swarm.findings.duplicated(std::string(method) + " sent twice with one key was answered once " +
                              "ok and once " + refusal.to_string());
  }
}

/// measure() for a mutating method; now and then it goes out twice. If only the second is answered,
/// that is the answer.
template <class Service, class Request, class Answer, class Inspect>
task<rpc::Outcome<Answer>> measure_mutating(Swarm& swarm, const Attempt& attempt, Probe probe,
                                            const rpc::Method<Service, Request, Answer>& method,
                                            const Request& request, Inspect inspect) {
  const rpc::CallOptions options{.idempotency_key = text_of(attempt.key)};
  Bot& other = swarm.neighbour(attempt.bot);
  rpc::Outcome<Answer> copy = rpc::Status(rpc::Code::cancelled);
  Scope scope(swarm.runtime);
  if (probe == Probe::at_once) {
    scope.spawn("copy", send_copy(swarm, other, method, request, options, copy));
  }
  rpc::Outcome<Answer> answer = co_await measure(swarm, attempt, method, request, options, inspect);
  co_await scope.join();
  if (probe == Probe::again && answer) {
    copy = co_await send(swarm, other, method, request, options);
  }
  if (probe == Probe::at_once || (probe == Probe::again && answer)) {
    compare_answers(swarm, method.traits.name, answer, copy);
  }
  if (!answer && copy && !inspect(*copy)) co_return copy;
  co_return answer;
}

}  // namespace babilu::bots
