#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/signature.h"
#include "tools/bots/payload.h"

namespace babilu::bots {

/// An account that the stack acknowledged; its name and password come from Names.
struct Account {
  std::uint32_t bot = 0;
  std::uint32_t number = 0;
  std::uint64_t id = 0;
  crypto::PublicKey signing_key{};
};

/// What vault.Encrypt gave for the payload of a seed, under the account of a bot.
struct Sealed {
  std::uint32_t bot = 0;
  std::uint64_t seed = 0;
  std::string ciphertext;
};

/// What vault.Sign gave for a message made from a seed, under the account of a bot.
struct Signed {
  std::uint32_t bot = 0;
  std::uint64_t seed = 0;
  crypto::Signature signature{};
};

/// All of what was offered, or, beyond the capacity, a sample in which each has the same chance
/// (Vitter, algorithm R).
template <class T>
class Reservoir {
 public:
  explicit Reservoir(std::size_t capacity) : capacity_(capacity) {}

  void offer(T item, QuickRandom& random) {
    ++offered_;
    if (kept_.size() < capacity_) {
      kept_.push_back(std::move(item));
    } else if (const std::uint64_t place = random.below(offered_); place < capacity_) {
      kept_[place] = std::move(item);
    }
  }
  std::uint64_t offered() const noexcept { return offered_; }
  const std::vector<T>& kept() const noexcept { return kept_; }

 private:
  std::size_t capacity_;
  std::uint64_t offered_ = 0;
  std::vector<T> kept_;
};

/// What the stack acknowledged, to be asked for when the load is over. Bounded: a million accounts
/// (64 bytes each), and of ciphertexts and signatures as many as the configuration says, of
/// ciphertexts at most 64 MiB.
struct Ledger {
  Ledger(std::size_t keep, std::size_t payload);

  Reservoir<Account> accounts;
  Reservoir<Sealed> ciphertexts;
  Reservoir<Signed> signatures;
};

}  // namespace babilu::bots
