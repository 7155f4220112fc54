#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/store/schema.h"
#include "core/store/transaction.h"

namespace babilu::store {

/// Where replies are kept. One of the schemas of a Store whose units use idempotent().
extern const Schema idempotency_schema;

struct IdempotencyOptions {
  std::chrono::seconds keep = std::chrono::hours(24);
  std::int64_t cap = 10'000;             ///< replies kept for an account; the oldest make room
  std::int64_t cap_of_nobody = 100'000;  ///< for requests without one, together
};

/// What the store keeps of an idempotency key and its request: nothing from which either can be
/// learnt. From the key, by HKDF-SHA-256: H(key), by which the reply is found; the key of an HMAC
/// over method and message, which tells another request under the same key from a repeat; and the
/// keys that seal the reply. Neither the key nor a plain digest of the message is stored: a message
/// may hold a password, which a digest would let anyone guess at.
///
/// Made on the caller's thread, from secrets that the unit then need not own.
/// Cost: about 2 µs and an HMAC over the message.
class IdempotentRequest {
 public:
  static constexpr std::size_t key_size = 32;

  /// Nothing if the key does not have key_size bytes: the request is invalid.
  static std::optional<IdempotentRequest> make(ByteView key, std::uint16_t method,
                                               ByteView message);

 private:
  friend class Replies;
  std::array<std::uint8_t, 32> id_{};
  std::array<std::uint8_t, 32> request_{};
  Secret seal_key_;
  Secret nonce_key_;
};

/// How a request relates to those before it.
struct Recalled {
  enum class Kind : std::uint8_t {
    fresh,     ///< not seen: do it
    replayed,  ///< seen and answered ok: `reply` is that answer
    conflict,  ///< the key was used for another request: invalid_argument
  };
  Kind kind = Kind::fresh;
  Secret reply;
};

/// Looks for a kept reply. Comes before any check of token, nonce or refresh: who holds the key
/// gets the same reply. `now` is the Runtime's clock().wall(). Throws DatabaseError; corrupt if
/// what is kept does not open.
Recalled recall(Snapshot& snapshot, const IdempotentRequest& request, WallTime now);

/// Keeps a reply, in the transaction that has the effect. Only ok replies are kept. `account` is
/// whatever identifies the account that pays for the room, empty for nobody. Also deletes a few
/// replies whose time is over, or for which the account has no more room.
void remember(Transaction& transaction, const IdempotentRequest& request, ByteView account,
              ByteView reply, WallTime now, const IdempotencyOptions& options);

}  // namespace babilu::store
