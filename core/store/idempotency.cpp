#include "core/store/idempotency.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/endian/conversion.hpp>

#include "core/crypto/aead.h"
#include "core/crypto/digest.h"
#include "core/crypto/secret.h"

namespace babilu::store {

namespace {

constexpr std::string_view purpose = "babilu idempotency 1";
// More than one is deleted for each that is kept, so that a backlog shrinks.
constexpr std::int64_t purged_at_once = 4;

// Numbers rise within an account, so the oldest of an account are found without counting. Rowids
// rise too, so the oldest of all are at the table's head.
constexpr Migration steps[] = {{.version = 1, .sql = R"(
  create table babilu_reply (
    row integer primary key,
    id blob not null unique,
    account blob not null,
    number integer not null,
    expires integer not null,
    request blob not null,
    reply blob not null
  ) strict;
  create unique index babilu_reply_of_account on babilu_reply (account, number);
)"}};

using Id = std::array<std::uint8_t, 32>;

// The nonce is derived from what is sealed (as in RFC 5297): a unit that runs again seals another
// reply under the same key, and must not do it under the same nonce.
crypto::Aead::Nonce nonce_for(ByteView nonce_key, ByteView reply) {
  const auto digest = crypto::hmac_sha256(nonce_key, {reply});
  crypto::Aead::Nonce nonce;
  std::copy_n(digest.begin(), nonce.size(), nonce.begin());
  return nonce;
}

}  // namespace

const Schema idempotency_schema{.name = "idempotency", .migrations = steps};

/// The table, and the only code that sees inside an IdempotentRequest.
class Replies {
 public:
  static void derive(IdempotentRequest& out, ByteView key, std::uint16_t method, ByteView message);
  static Recalled recall(Snapshot& snapshot, const IdempotentRequest& request, WallTime now);
  static void remember(Transaction& transaction, const IdempotentRequest& request, ByteView account,
                       ByteView reply, WallTime now, const IdempotencyOptions& options);

 private:
  static Bytes associated_data(const IdempotentRequest& request);
  static Bytes seal(const IdempotentRequest& request, ByteView reply);
  static Secret open(const IdempotentRequest& request, ByteView sealed);
  static void purge(Transaction& transaction, WallTime now, const IdempotencyOptions& options);
};

void Replies::derive(IdempotentRequest& out, ByteView key, std::uint16_t method, ByteView message) {
  constexpr std::size_t part = 32;
  const Secret keys = crypto::hkdf_sha256(key, {}, bytes_of(purpose), 4 * part);
  const ByteView all(keys);
  std::copy_n(all.begin(), part, out.id_.begin());
  std::array<std::uint8_t, 2> method_bytes;
  boost::endian::store_little_u16(method_bytes.data(), method);
  out.request_ = crypto::hmac_sha256(all.subspan(part, part), {method_bytes, message});
  out.seal_key_.assign(keys.begin() + 2 * part, keys.begin() + 3 * part);
  out.nonce_key_.assign(keys.begin() + 3 * part, keys.end());
}

Bytes Replies::associated_data(const IdempotentRequest& request) {
  Bytes data(request.id_.begin(), request.id_.end());
  data.insert(data.end(), request.request_.begin(), request.request_.end());
  return data;
}

Bytes Replies::seal(const IdempotentRequest& request, ByteView reply) {
  const auto nonce = nonce_for(request.nonce_key_, reply);
  Bytes sealed(nonce.begin(), nonce.end());
  crypto::Aead(request.seal_key_).seal(nonce, associated_data(request), reply, sealed);
  return sealed;
}

Secret Replies::open(const IdempotentRequest& request, ByteView sealed) {
  crypto::Aead aead(request.seal_key_);
  auto reply = crypto::open_with_nonce(aead, associated_data(request), sealed);
  if (!reply) throw DatabaseError({ErrorCode::corrupt, "a kept reply was changed"});
  return std::move(*reply);
}

Recalled Replies::recall(Snapshot& snapshot, const IdempotentRequest& request, WallTime now) {
  auto found = snapshot.find<WallTime, Id, Bytes>(
      "select expires, request, reply from babilu_reply where id = ?", request.id_);
  if (!found) return {};
  auto& [expires, made_for, sealed] = *found;
  if (expires <= now) return {};
  if (!crypto::equal(made_for, request.request_)) return {Recalled::Kind::conflict, {}};
  return {Recalled::Kind::replayed, open(request, sealed)};
}

void Replies::remember(Transaction& transaction, const IdempotentRequest& request, ByteView account,
                       ByteView reply, WallTime now, const IdempotencyOptions& options) {
  purge(transaction, now, options);
  const auto number = *transaction.find<std::int64_t>(
      "select coalesce(max(number), 0) + 1 from babilu_reply where account = ?", account);
  transaction.execute(
      "insert or replace into babilu_reply (id, account, number, expires, request, reply) values "
      "(?, ?, ?, ?, ?, ?)",
      request.id_, account, number, now + options.keep, request.request_, seal(request, reply));
  const std::int64_t cap = account.empty() ? options.cap_of_nobody : options.cap;
  transaction.execute("delete from babilu_reply where account = ? and number <= ?", account,
                      number - cap);
}

void Replies::purge(Transaction& transaction, WallTime now, const IdempotencyOptions& options) {
  // Times far ahead were written by a clock that was wrong; they would block the head for long.
  const WallTime impossible = now + 2 * options.keep;
  const auto oldest =
      transaction.find<WallTime>("select expires from babilu_reply order by row limit 1");
  if (!oldest || (*oldest > now && *oldest <= impossible)) return;
  transaction.execute(
      "delete from babilu_reply where row in (select row from babilu_reply order by row limit ?) "
      "and (expires <= ? or expires > ?)",
      purged_at_once, now, impossible);
}

std::optional<IdempotentRequest> IdempotentRequest::make(ByteView key, std::uint16_t method,
                                                         ByteView message) {
  if (key.size() != key_size) return std::nullopt;
  IdempotentRequest request;
  Replies::derive(request, key, method, message);
  return request;
}

Recalled recall(Snapshot& snapshot, const IdempotentRequest& request, WallTime now) {
  return Replies::recall(snapshot, request, now);
}

void remember(Transaction& transaction, const IdempotentRequest& request, ByteView account,
              ByteView reply, WallTime now, const IdempotencyOptions& options) {
  Replies::remember(transaction, request, account, reply, now, options);
}

}  // namespace babilu::store
