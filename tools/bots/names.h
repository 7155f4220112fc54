#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/crypto/random.h"

namespace babilu::bots {

/// What the accounts of one run are called, and their passwords, so that neither has to be kept.
/// From 64 random bits for the names and 256 for the passwords; or all from a seed, and then
/// whoever knows the seed knows the passwords.
class Names {
 public:
  Names(crypto::Random& random, std::optional<std::uint64_t> seed);

  /// "bot-07c3…-12-345": the run, the bot, the how-manieth of that bot.
  std::string name(std::uint32_t bot, std::uint32_t number) const;
  std::string password(std::uint32_t bot, std::uint32_t number) const;
  /// What the choices of one bot start from.
  std::uint64_t choices_of(std::uint32_t bot) const;

 private:
  std::uint64_t run_;
  std::uint64_t choices_;
  Secret password_key_;
};

}  // namespace babilu::bots
