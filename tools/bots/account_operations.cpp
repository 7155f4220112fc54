// Sign-up, login and whoami.
#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "roles/api/registry.pb.h"
#include "tools/bots/call.h"
#include "tools/bots/operations.h"

namespace babilu::bots {

namespace {

Flaw inspect_account(const api::SignUpReply& reply) {
  if (reply.account_id() == 0) return "no account id";
  if (!crypto::parse_public_key(bytes_of(reply.signing_key()))) return "no usable signing key";
  return std::nullopt;
}

Account account_of(const Bot& bot, std::uint32_t number, const api::SignUpReply& reply) {
  return {bot.index, number, reply.account_id(),
          *crypto::parse_public_key(bytes_of(reply.signing_key()))};
}

/// The name belongs to us: nobody may have it under another key, with whatever password.
task<> try_name_again(Swarm& swarm, Bot& bot, const api::SignUpRequest& request) {
  const IdempotencyKey other_key = crypto::random_array<32>(swarm.runtime.random());
  const rpc::CallOptions options{.idempotency_key = text_of(other_key)};
  const auto answer = co_await send(swarm, bot, api::Registry::sign_up, request, options);
  ++swarm.checks.names_retried;
  if (answer) {
    swarm.findings.duplicated("the name " + request.name() + " was given twice, to the ids " +
                              "that it had and " + std::to_string(answer->account_id()));
  } else if (answer.error().code == rpc::Code::already_exists) {
    ++swarm.checks.names_refused;
  } else {
    swarm.recorder.record_error("registry.SignUp of a taken name", answer.error());
  }
}

/// Nobody else makes names of this run, unless the run itself is made from a seed.
void look_at_refusal(Swarm& swarm, const std::string& name, const rpc::Status& status) {
  if (status.code != rpc::Code::already_exists || swarm.config.seed) return;
  swarm.findings.duplicated("the name " + name + " was taken before anybody was told that it was");
}

}  // namespace

task<rpc::Status> sign_up(Swarm& swarm, const Attempt& attempt, std::uint32_t number) {
  Bot& bot = attempt.bot;
  api::SignUpRequest request;
  request.set_name(swarm.names.name(bot.index, number));
  request.set_password(swarm.names.password(bot.index, number));
  const Probe probe = swarm.probes.next();
  const auto answer = co_await measure_mutating(swarm, attempt, probe, api::Registry::sign_up,
                                                request, inspect_account);
  if (!answer) {
    look_at_refusal(swarm, request.name(), answer.error());
    co_return answer.error();
  }
  const Account account = account_of(bot, number, *answer);
  swarm.ledger.accounts.offer(account, bot.random);
  if (!bot.account) bot.account = account;
  if (probe == Probe::other_key) co_await try_name_again(swarm, swarm.neighbour(bot), request);
  co_return rpc::Status();
}

task<rpc::Status> login(Swarm& swarm, const Attempt& attempt, Account account) {
  Bot& bot = attempt.bot;
  api::LoginRequest request;
  request.set_name(swarm.names.name(account.bot, account.number));
  request.set_password(swarm.names.password(account.bot, account.number));
  Probe probe = swarm.probes.next();
  if (probe == Probe::other_key) probe = Probe::again;  // two logins are two tokens, rightly
  const auto inspect = [&account](const api::LoginReply& reply) -> Flaw {
    if (reply.account_id() != account.id) return "a login gave another account's id";
    if (reply.token().empty()) return "a login gave no token";
    return std::nullopt;
  };
  const auto answer =
      co_await measure_mutating(swarm, attempt, probe, api::Identity::login, request, inspect);
  if (!answer) co_return answer.error();
  if (bot.account && bot.account->id == account.id) {
    bot.token.assign(answer->token().begin(), answer->token().end());
  }
  co_return rpc::Status();
}

task<rpc::Status> whoami(Swarm& swarm, const Attempt& attempt) {
  const Account account = attempt.bot.account.value();
  const Secret token = attempt.bot.token;
  const auto inspect = [&swarm, &account](const api::WhoamiReply& reply) -> Flaw {
    if (reply.name() != swarm.names.name(account.bot, account.number)) return "another name";
    if (reply.account_id() != account.id) return "another account id";
    if (reply.signing_key() != text_of(account.signing_key)) return "another signing key";
    return std::nullopt;
  };
  const api::WhoamiRequest request;
  const rpc::CallOptions options{.token = text_of(token)};
  const auto answer =
      co_await measure(swarm, attempt, api::Identity::whoami, request, options, inspect);
  co_return answer ? rpc::Status() : answer.error();
}

}  // namespace babilu::bots
