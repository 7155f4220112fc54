// Echo, encryption and signatures.
#include "roles/api/echo.pb.h"
#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "roles/api/vault.pb.h"
#include "tools/bots/call.h"
#include "tools/bots/operations.h"

namespace babilu::bots {

namespace {

/// Shorter plaintexts may stand in a ciphertext by chance.
constexpr std::size_t telling_size = 16;

Flaw inspect_ciphertext(const std::string& ciphertext, const std::string& plaintext) {
  if (ciphertext.size() < plaintext.size()) return "a ciphertext shorter than the plaintext";
  if (plaintext.size() >= telling_size && ciphertext.find(plaintext) != std::string::npos) {
    return "a ciphertext with the plaintext in it";
  }
  return std::nullopt;
}

}  // namespace

task<rpc::Status> echo(Swarm& swarm, const Attempt& attempt) {
  api::EchoRequest request;
  request.set_payload(make_payload(attempt.bot.random(), swarm.config.payload.bytes));
  const auto inspect = [&request](const api::EchoReply& reply) -> Flaw {
    if (reply.payload() != request.payload()) return "an echo of something else";
    return std::nullopt;
  };
  const rpc::CallOptions options;
  const auto answer = co_await measure(swarm, attempt, api::Echo::echo, request, options, inspect);
  co_return answer ? rpc::Status() : answer.error();
}

task<rpc::Status> encrypt(Swarm& swarm, const Attempt& attempt) {
  Bot& bot = attempt.bot;
  const Secret token = bot.token;
  const std::uint64_t seed = bot.random();
  api::EncryptRequest request;
  request.set_plaintext(make_payload(seed, swarm.config.payload.bytes));
  const auto inspect = [&request](const api::EncryptReply& reply) {
    return inspect_ciphertext(reply.ciphertext(), request.plaintext());
  };
  const rpc::CallOptions options{.token = text_of(token)};
  auto answer = co_await measure(swarm, attempt, api::Vault::encrypt, request, options, inspect);
  if (!answer) co_return answer.error();
  Sealed sealed{bot.index, seed, std::move(*answer->mutable_ciphertext())};
  swarm.ledger.ciphertexts.offer(sealed, bot.random);
  bot.sealed = std::move(sealed);
  co_return rpc::Status();
}

task<rpc::Status> decrypt(Swarm& swarm, const Attempt& attempt) {
  const Secret token = attempt.bot.token;
  const std::string plaintext =
      make_payload(attempt.bot.sealed.value().seed, swarm.config.payload.bytes);
  api::DecryptRequest request;
  request.set_ciphertext(attempt.bot.sealed->ciphertext);
  const auto inspect = [&plaintext](const api::DecryptReply& reply) -> Flaw {
    if (reply.plaintext() != plaintext) return "a ciphertext decrypted to something else";
    return std::nullopt;
  };
  const rpc::CallOptions options{.token = text_of(token)};
  const auto answer =
      co_await measure(swarm, attempt, api::Vault::decrypt, request, options, inspect);
  if (answer) co_return rpc::Status();
  if (answer.error().code == rpc::Code::invalid_argument ||
      answer.error().code == rpc::Code::permission_denied) {
    swarm.findings.corrupt("a ciphertext of the vault was refused: " + answer.error().to_string());
  }
  co_return answer.error();
}

task<rpc::Status> sign(Swarm& swarm, const Attempt& attempt) {
  Bot& bot = attempt.bot;
  const Account account = bot.account.value();
  const Secret token = bot.token;
  const std::uint64_t seed = bot.random();
  api::SignRequest request;
  request.set_message(message_of(seed));
  const auto inspect = [&account, &request](const api::SignReply& reply) -> Flaw {
    if (reply.signing_key() != text_of(account.signing_key)) return "another signing key";
    if (!crypto::verify(account.signing_key, bytes_of(request.message()),
                        bytes_of(reply.signature()))) {
      return "a signature that does not verify";
    }
    return std::nullopt;
  };
  const rpc::CallOptions options{.token = text_of(token)};
  const auto answer = co_await measure(swarm, attempt, api::Vault::sign, request, options, inspect);
  if (!answer) co_return answer.error();
  Signed made{bot.index, seed, {}};
  std::copy(answer->signature().begin(), answer->signature().end(), made.signature.begin());
  swarm.ledger.signatures.offer(made, bot.random);
  bot.signed_message = made;
  co_return rpc::Status();
}

task<rpc::Status> verify(Swarm& swarm, const Attempt& attempt) {
  Bot& bot = attempt.bot;
  const Account account = bot.account.value();
  const Signed made = bot.signed_message.value();
  const bool changed = bot.random.below(2) == 0;
  api::VerifyRequest request;
  request.set_name(swarm.names.name(account.bot, account.number));
  request.set_message(message_of(made.seed) + (changed ? "!" : ""));
  request.set_signature(std::string(text_of(made.signature)));
  const auto inspect = [changed](const api::VerifyReply& reply) -> Flaw {
    if (reply.valid() && changed) return "a signature passed for another message";
    if (!reply.valid() && !changed) return "a signature of the vault did not pass";
    return std::nullopt;
  };
  const rpc::CallOptions options;
  const auto answer =
      co_await measure(swarm, attempt, api::Identity::verify, request, options, inspect);
  co_return answer ? rpc::Status() : answer.error();
}

}  // namespace babilu::bots
