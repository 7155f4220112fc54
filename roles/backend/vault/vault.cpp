#include "roles/backend/vault/vault.h"

#include "core/runtime/runtime.h"
#include "roles/api/reasons.h"
#include "roles/api/vault.pb.h"
#include "roles/backend/vault/ciphertext.h"

namespace babilu::backend {

using rpc::Status;

namespace {

constexpr std::size_t most_plaintext = 192 * 1024;
constexpr std::size_t most_associated_data = 4 * 1024;

}  // namespace

void Vault::offer(rpc::ServiceTable& table) {
  keyring_.check_store();
  api::offer<api::Vault>(table);
  rpc::add(table, api::Vault::encrypt, this, &Vault::encrypt);
  rpc::add(table, api::Vault::decrypt, this, &Vault::decrypt);
  rpc::add(table, api::Vault::sign, this, &Vault::sign);
}

task<rpc::Outcome<api::EncryptReply>> Vault::encrypt(rpc::Call& call,
                                                     const api::EncryptRequest& request) {
  const auto who = tokens_.check(call.token, call.runtime.clock().wall());
  if (!who) co_return who.error();
  if (request.plaintext().size() > most_plaintext) {
    co_return Status(api::reasons.plaintext_too_large, "encrypt at most 192 KiB at once");
  }
  if (request.associated_data().size() > most_associated_data) {
    co_return Status(api::reasons.associated_data_too_large, "associated data has at most 4 KiB");
  }
  const auto keys = co_await keyring_.open_to_encrypt(call, who->account);
  if (!keys) co_return keys.error();
  AccountKeys& account = **keys;
  const Bytes ciphertext = backend::encrypt(
      account.encryption.at(account.newest), {who->account, account.newest},
      bytes_of(request.associated_data()), bytes_of(request.plaintext()), call.runtime.random());
  api::EncryptReply reply;
  reply.set_ciphertext(ciphertext.data(), ciphertext.size());
  co_return reply;
}

task<rpc::Outcome<api::DecryptReply>> Vault::decrypt(rpc::Call& call,
                                                     const api::DecryptRequest& request) {
  const auto who = tokens_.check(call.token, call.runtime.clock().wall());
  if (!who) co_return who.error();
  const ByteView ciphertext = bytes_of(request.ciphertext());
  const auto header = CiphertextHeader::decode(ciphertext);
  if (!header) {
    co_return Status(api::reasons.ciphertext_malformed,
                     "this is no ciphertext of the vault's format 1");
  }
  if (header->account != who->account) {
    co_return Status(api::reasons.ciphertext_of_another_account,
                     "only the account that encrypted it can decrypt it");
  }
  const auto keys = co_await keyring_.open_version(call, who->account, header->key_version);
  if (!keys) co_return keys.error();
  const auto key = (*keys)->encryption.find(header->key_version);
  std::optional<Secret> plaintext;
  if (key != (*keys)->encryption.end()) {
    plaintext = backend::decrypt(key->second, ciphertext, bytes_of(request.associated_data()));
  }
  if (!plaintext) {
    co_return Status(api::reasons.ciphertext_corrupt,
                     "the ciphertext was changed, or the associated data is not the same");
  }
  api::DecryptReply reply;
  reply.set_plaintext(plaintext->data(), plaintext->size());
  co_return reply;
}

task<rpc::Outcome<api::SignReply>> Vault::sign(rpc::Call& call, const api::SignRequest& request) {
  const auto who = tokens_.check(call.token, call.runtime.clock().wall());
  if (!who) co_return who.error();
  const auto keys = co_await keyring_.open(call, who->account);
  if (!keys) co_return keys.error();
  const crypto::KeyPair& key = (*keys)->signing;
  const crypto::Signature signature = key.sign(bytes_of(request.message()));
  api::SignReply reply;
  reply.set_signature(signature.data(), signature.size());
  reply.set_signing_key(key.public_key().data(), key.public_key().size());
  co_return reply;
}

}  // namespace babilu::backend
