#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/crypto/random.h"

namespace babilu::crypto {

// Passwords, by Argon2id (RFC 9106). Each call that hashes takes tens of ms and `memory_kib` of
// memory: it belongs on an offload pool, never on a runtime's thread. Any bytes are a password,
// none too; what people may choose, how long it may be, and Unicode normalisation are the caller's
// rules.

/// What one hash costs, for us and for who guesses.
struct PasswordCost {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t passes = 2;
  std::uint32_t lanes = 1;

  bool operator==(const PasswordCost&) const = default;
};

/// Takes microseconds and protects nothing. For tests and simulations only.
inline constexpr PasswordCost insecure_test_cost{.memory_kib = 8, .passes = 1, .lanes = 1};

/// Above these a stored hash is malformed: who can write into the database must not be able to take
/// all memory or time.
inline constexpr PasswordCost max_password_cost{
    .memory_kib = 256 * 1024, .passes = 16, .lanes = 16};

/// Whether a cost is within RFC 9106's limits and max_password_cost. Ask it of a configuration.
[[nodiscard]] bool is_valid(const PasswordCost& cost) noexcept;

enum class PasswordCheck : std::uint8_t {
  match,
  mismatch,
  malformed,  ///< `stored` is no hash that could have been stored: the store is at fault. Costs
              ///< nothing.
};

/// The hash to store, with a random 16-byte salt, as a PHC string:
/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. Throws std::invalid_argument if the cost is not
/// valid.
[[nodiscard]] std::string hash_password(std::string_view password, const PasswordCost& cost,
                                        Random& random);

/// Whether `password` is the one `stored` was made of, at the cost that `stored` names, in constant
/// time.
[[nodiscard]] PasswordCheck verify_password(std::string_view password, std::string_view stored);

/// What verify_password does, for an account that does not exist: the same work at `cost`, and the
/// answer `mismatch`. Without it, the time that a login takes tells who has an account. Those whose
/// hash is of an older cost stand out all the same, until they are rehashed.
PasswordCheck verify_decoy(std::string_view password, const PasswordCost& cost);

/// Whether `stored` should be made anew at the next good login: it is malformed, its cost is not
/// `cost`, or its salt or hash is shorter than what hash_password makes.
[[nodiscard]] bool needs_rehash(std::string_view stored, const PasswordCost& cost);

}  // namespace babilu::crypto
