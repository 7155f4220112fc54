#pragma once

#include "core/rpc/status.h"
#include "tools/bots/swarm.h"

/// What bots ask of the stack: one measured request each, whose answer is looked at before it
/// counts. What is acknowledged goes to the ledger.
namespace babilu::bots {

enum class Operation { echo, sign_up, login, whoami, encrypt, decrypt, sign, verify };

/// Does one operation for a bot; `meant` is when it was due. The bot must have what it needs
/// (see set_up). The status is the request's.
task<rpc::Status> perform(Swarm& swarm, Bot& bot, Operation operation, Clock::time_point meant);

/// Gets a bot the account, token, ciphertext and signature that the scenario starts from, trying
/// again until the deadline what may succeed later. True when it has them.
task<bool> set_up(Swarm& swarm, Bot& bot, Deadline deadline);

// The operations themselves, for perform() and set_up().
struct Attempt;
task<rpc::Status> echo(Swarm& swarm, const Attempt& attempt);
/// An account with the bot's `number`-th name; becomes the bot's own if it has none.
task<rpc::Status> sign_up(Swarm& swarm, const Attempt& attempt, std::uint32_t number);
/// As some acknowledged account; when it is the bot's own, its token is kept.
task<rpc::Status> login(Swarm& swarm, const Attempt& attempt, Account account);
task<rpc::Status> whoami(Swarm& swarm, const Attempt& attempt);
task<rpc::Status> encrypt(Swarm& swarm, const Attempt& attempt);
task<rpc::Status> decrypt(Swarm& swarm, const Attempt& attempt);
task<rpc::Status> sign(Swarm& swarm, const Attempt& attempt);
task<rpc::Status> verify(Swarm& swarm, const Attempt& attempt);

/// What a bot signs.
inline std::string message_of(std::uint64_t seed) {
  return make_payload(seed, 64);
}

}  // namespace babilu::bots
