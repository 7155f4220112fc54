#include "roles/backend/identity/tokens.h"

#include <algorithm>

#include "core/crypto/digest.h"
#include "core/crypto/secret.h"
#include "roles/api/reasons.h"

namespace babilu::backend {

using rpc::Status;

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t id_at = 1;
constexpr std::size_t account_at = 9;
constexpr std::size_t expires_at = 17;
constexpr std::size_t random_at = 25;
constexpr std::size_t mac_at = 41;
constexpr std::size_t token_bytes = 73;

void store(Secret& out, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

std::uint64_t load(ByteView bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= std::uint64_t{bytes[at + i]} << (8 * i);
  return value;
}

}  // namespace

Secret Tokens::issue(std::uint64_t account, std::chrono::sys_seconds expires,
                     crypto::Random& random) const {
  Secret token(token_bytes);
  token[0] = version;
  std::copy(deployment_.id().begin(), deployment_.id().end(), token.begin() + id_at);
  store(token, account_at, account);
  store(token, expires_at, static_cast<std::uint64_t>(expires.time_since_epoch().count()));
  crypto::fill_random(random, MutableByteView(token).subspan(random_at, mac_at - random_at));
  const auto mac = crypto::hmac_sha256(deployment_.token_key(), {ByteView(token).first(mac_at)});
  std::copy(mac.begin(), mac.end(), token.begin() + mac_at);
  return token;
}

rpc::Outcome<Identified> Tokens::check(std::string_view token,
                                       std::chrono::system_clock::time_point now) const {
  if (token.empty()) return Status(api::reasons.token_missing, "log in first: identity.Login");
  const ByteView bytes = bytes_of(token);
  if (bytes.size() != token_bytes || bytes[0] != version) {
    return Status(api::reasons.token_malformed, "this is no token of version 1");
  }
  if (!std::ranges::equal(bytes.subspan(id_at, deployment_.id().size()), deployment_.id())) {
    return Status(api::reasons.token_foreign, "this token is of another deployment; log in here");
  }
  const auto mac = crypto::hmac_sha256(deployment_.token_key(), {bytes.first(mac_at)});
  if (!crypto::equal(mac, bytes.subspan(mac_at))) {
    return Status(api::reasons.token_forged, "this token was not issued here; log in");
  }
  const std::chrono::sys_seconds expires(std::chrono::seconds(load(bytes, expires_at)));
  if (now >= expires)
    return Status(api::reasons.token_expired, "the token has expired; log in again");
  return Identified{load(bytes, account_at), expires};
}

}  // namespace babilu::backend
