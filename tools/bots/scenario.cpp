#include "tools/bots/scenario.h"

#include <stdexcept>
#include <utility>

namespace babilu::bots {

namespace {

/// In hundredths. A sign-up or login costs the stack a password hash, a hundred times the rest.
constexpr std::pair<Operation, std::uint64_t> mixture[] = {
    {Operation::encrypt, 26}, {Operation::decrypt, 22}, {Operation::echo, 20},
    {Operation::whoami, 10},  {Operation::sign, 10},    {Operation::verify, 10},
    {Operation::sign_up, 1},  {Operation::login, 1},
};

Operation draw(QuickRandom& random) {
  std::uint64_t drawn = random.below(100);
  for (const auto& [operation, share] : mixture) {
    if (drawn < share) return operation;
    drawn -= share;
  }
  throw std::logic_error("no such choice");
}

}  // namespace

Operation next_operation(Scenario scenario, Bot& bot) {
  switch (scenario) {
    case Scenario::echo:
      return Operation::echo;
    case Scenario::signup:
      return bot.account && bot.random.below(10) == 0 ? Operation::login : Operation::sign_up;
    case Scenario::encrypt:
      return bot.token.empty() ? Operation::login : Operation::encrypt;
    case Scenario::mixed:
      return bot.token.empty() ? Operation::login : draw(bot.random);
  }
  throw std::logic_error("no such choice");
}

}  // namespace babilu::bots
