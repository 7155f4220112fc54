#include "tools/bots/names.h"

#include <fmt/format.h>

#include "core/crypto/digest.h"
#include "core/crypto/encoding.h"
#include "core/crypto/secret.h"
#include "tools/bots/payload.h"

namespace babilu::bots {

namespace {

constexpr std::size_t key_size = 32;

std::uint64_t random_word(crypto::Random& random) {
  std::uint64_t word = 0;
  for (const std::uint8_t byte : crypto::random_array<sizeof word>(random)) {
    word = word << 8 | byte;
  }
  return word;
}

Secret key_of_seed(std::uint64_t seed) {
  const std::string bytes = make_payload(~seed, key_size);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Names::Names(crypto::Random& random, std::optional<std::uint64_t> seed)
    : run_(seed ? QuickRandom(*seed)() : random_word(random)),
      choices_(seed ? *seed : random_word(random)),
      password_key_(seed ? key_of_seed(*seed) : crypto::random_secret(random, key_size)) {}

std::string Names::name(std::uint32_t bot, std::uint32_t number) const {
  return fmt::format("bot-{:016x}-{}-{}", run_, bot, number);
}

std::string Names::password(std::uint32_t bot, std::uint32_t number) const {
  const std::string name = this->name(bot, number);
  return crypto::to_base64url(crypto::hmac_sha256(password_key_, {bytes_of(name)}));
}

std::uint64_t Names::choices_of(std::uint32_t bot) const {
  return QuickRandom(choices_ ^ (std::uint64_t{bot} << 32))();
}

}  // namespace babilu::bots
