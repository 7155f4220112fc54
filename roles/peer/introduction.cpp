#include "roles/peer/introduction.h"

#include "roles/api/peer.pb.h"
#include "roles/api/reasons.h"
#include "roles/peer/contact.h"

namespace babilu::peer {

using rpc::Status;

namespace {

constexpr char context[] = "babilu peer introduction 1";

void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Sizes are fixed but for the last part, so no two introductions give the same bytes.
Bytes signed_bytes(rpc::Side side, ByteView binding, const crypto::PublicKey& key,
                   std::string_view name) {
  Bytes out;
  append(out, bytes_of({context, sizeof context}));  // with its NUL
  out.push_back(side == rpc::Side::dialer ? 1 : 2);
  append(out, binding);
  append(out, key);
  append(out, bytes_of(name));
  return out;
}

}  // namespace

void introduce(const crypto::KeyPair& keys, std::string_view name, rpc::Side side, ByteView binding,
               api::IntroduceRequest& introduction) {
  const crypto::PublicKey& key = keys.public_key();
  const crypto::Signature signature = keys.sign(signed_bytes(side, binding, key, name));
  introduction.set_name(std::string(name));
  introduction.set_public_key(key.data(), key.size());
  introduction.set_signature(signature.data(), signature.size());
}

rpc::Outcome<Introduced> check_introduction(const api::IntroduceRequest& introduction,
                                            rpc::Side side, ByteView binding) {
  if (!is_valid_name(introduction.name())) {
    return Status(api::reasons.name_invalid,
                  "a name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and begins with a letter or a "
                  "digit");
  }
  const auto key = crypto::parse_public_key(bytes_of(introduction.public_key()));
  if (!key) return Status(api::peer_reasons.key_invalid, "this is no Ed25519 public key");
  const Bytes expected = signed_bytes(side, binding, *key, introduction.name());
  if (!crypto::verify(*key, expected, bytes_of(introduction.signature()))) {
    return Status(api::peer_reasons.bad_signature,
                  "the introduction is not signed by its key for this connection: the key is "
                  "another's, or somebody sits in between");
  }
  return Introduced{introduction.name(), *key};
}

}  // namespace babilu::peer
