#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/base/bytes.h"
#include "core/crypto/random.h"

namespace babilu::crypto {

enum class AeadAlgorithm : std::uint8_t {
  aes_256_gcm,        ///< NIST SP 800-38D; the fast one wherever the processor has AES.
  chacha20_poly1305,  ///< RFC 8439.
};

/// Authenticated encryption under one 256-bit key: what is sealed cannot be read, changed, or moved
/// to other associated data without the key.
///
/// Made once for a key and used again: making one costs as much as sealing ten small messages.
/// Thread: one at a time. Nothing is counted here: the caller never seals twice with one nonce
/// under one key, and changes the key in time. A repeated GCM nonce gives both plaintexts away and
/// lets anyone forge. Associated data is authenticated, not sealed; it must mean one thing only
/// (fixed sizes, or a length before each part).
class Aead {
 public:
  static constexpr std::size_t key_size = 32;
  static constexpr std::size_t nonce_size = 12;
  static constexpr std::size_t tag_size = 16;
  using Nonce = std::array<std::uint8_t, nonce_size>;
  using Tag = std::array<std::uint8_t, tag_size>;

  /// Throws std::invalid_argument unless `key` has key_size bytes.
  explicit Aead(ByteView key, AeadAlgorithm algorithm = AeadAlgorithm::aes_256_gcm);
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  /// Appends ciphertext and tag, plaintext.size() + tag_size bytes, to `out`. `plaintext` must not
  /// lie in `out`.
  void seal(const Nonce& nonce, ByteView associated_data, ByteView plaintext, Bytes& out);

  /// Turns `data` into its ciphertext where it lies, and gives the tag.
  [[nodiscard]] Tag seal_in_place(const Nonce& nonce, ByteView associated_data,
                                  MutableByteView data);

  /// The plaintext of ciphertext and tag; nothing if anything about them, the nonce or the
  /// associated data is not as it was sealed.
  [[nodiscard]] std::optional<Secret> open(const Nonce& nonce, ByteView associated_data,
                                           ByteView sealed);

  /// Turns the ciphertext in `data` into its plaintext where it lies. False, with `data` wiped, if
  /// it was not sealed so.
  [[nodiscard]] bool open_in_place(const Nonce& nonce, ByteView associated_data,
                                   MutableByteView data, const Tag& tag);

 private:
  struct Ciphers;
  std::unique_ptr<Ciphers> ciphers_;
};

/// Seals under a random nonce and puts it first: nonce ‖ ciphertext ‖ tag. For keys with a bounded
/// number of uses and no place to keep a counter. At most 2^32 messages under one key, by all who
/// use it together (NIST SP 800-38D §8.3): beyond, two nonces may be equal with a chance above
/// 2^-32. The caller keeps count.
[[nodiscard]] Bytes seal_with_random_nonce(Aead& aead, Random& random, ByteView associated_data,
                                           ByteView plaintext);

/// Opens what seal_with_random_nonce made.
[[nodiscard]] std::optional<Secret> open_with_nonce(Aead& aead, ByteView associated_data,
                                                    ByteView sealed);

}  // namespace babilu::crypto
