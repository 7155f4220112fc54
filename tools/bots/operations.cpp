#include "tools/bots/operations.h"

#include <algorithm>
#include <stdexcept>

#include "tools/bots/call.h"
#include "tools/bots/scenario.h"

namespace babilu::bots {

namespace {

using namespace std::chrono_literals;

/// Whom a login is for: in the sign-up scenario anybody who was acknowledged, else the bot itself.
Account login_account(Swarm& swarm, Bot& bot) {
  if (swarm.config.scenario != Scenario::signup) return bot.account.value();
  const auto& accounts = swarm.ledger.accounts.kept();
  return accounts[bot.random.below(accounts.size())];
}

task<rpc::Status> start(Swarm& swarm, const Attempt& attempt, Operation operation) {
  Bot& bot = attempt.bot;
  switch (operation) {
    case Operation::echo:
      return echo(swarm, attempt);
    case Operation::sign_up:
      return sign_up(swarm, attempt, bot.names_used++);
    case Operation::login:
      return login(swarm, attempt, login_account(swarm, bot));
    case Operation::whoami:
      return whoami(swarm, attempt);
    case Operation::encrypt:
      return encrypt(swarm, attempt);
    case Operation::decrypt:
      return decrypt(swarm, attempt);
    case Operation::sign:
      return sign(swarm, attempt);
    case Operation::verify:
      return verify(swarm, attempt);
  }
  throw std::logic_error("no such choice");
}

/// Once more with the same key and name, as long as that may help.
task<bool> insist(Swarm& swarm, Bot& bot, Operation operation, Deadline deadline) {
  constexpr Clock::duration pause = 100ms;
  Attempt attempt = new_attempt(swarm, bot, swarm.runtime.now());
  const std::uint32_t number = bot.names_used;
  for (;;) {
    attempt.meant = swarm.runtime.now();
    bot.names_used = number;
    const rpc::Status status = co_await start(swarm, attempt, operation);
    if (status.ok()) co_return true;
    const auto again = swarm.runtime.now() + std::max<Clock::duration>(status.retry_after, pause);
    if (!worth_another_try(status.code) || again >= deadline || swarm.stop.load()) co_return false;
    co_await swarm.stop.wait(again);
  }
}

}  // namespace

task<rpc::Status> perform(Swarm& swarm, Bot& bot, Operation operation, Clock::time_point meant) {
  const Attempt attempt = new_attempt(swarm, bot, meant);
  rpc::Status status = co_await start(swarm, attempt, operation);
  if (status.code == rpc::Code::unauthenticated && operation != Operation::login) bot.token.clear();
  co_return status;
}

task<bool> set_up(Swarm& swarm, Bot& bot, Deadline deadline) {
  std::vector<Operation> steps;
  if (needs_account(swarm.config.scenario)) steps = {Operation::sign_up, Operation::login};
  if (swarm.config.scenario == Scenario::mixed) {
    steps.insert(steps.end(), {Operation::encrypt, Operation::sign});
  }
  for (const Operation step : steps) {
    const bool done = co_await insist(swarm, bot, step, deadline);
    if (!done) co_return false;
  }
  co_return true;
}

}  // namespace babilu::bots
