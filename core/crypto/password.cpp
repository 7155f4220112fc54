#include "core/crypto/password.h"

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>

#include <botan/pwdhash.h>

#include "core/crypto/encoding.h"
#include "core/crypto/secret.h"

namespace babilu::crypto {

namespace {

constexpr std::size_t salt_size = 16;
constexpr std::size_t hash_size = 32;

// What others' hashes may have, so that accounts can be brought along.
constexpr std::size_t min_salt_size = 8;
constexpr std::size_t min_hash_size = 16;
constexpr std::size_t max_part_size = 64;
constexpr std::size_t max_stored_size = 256;

struct StoredPassword {
  PasswordCost cost;
  Secret salt;
  Secret hash;
};

/// Reads a text from the front; a failed step leaves `ok` false for good.
struct Reader {
  std::string_view rest;
  bool ok = true;

  void expect(std::string_view literal) {
    ok = ok && rest.starts_with(literal);
    if (ok) rest.remove_prefix(literal.size());
  }

  std::uint32_t number() {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    ok = ok && error == std::errc{} && rest.front() != '0';
    if (ok) rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return value;
  }

  Secret base64_until(char end, std::size_t min_size) {
    const std::string_view text = rest.substr(0, rest.find(end));
    auto bytes = from_base64(text);
    ok = ok && bytes && bytes->size() >= min_size && bytes->size() <= max_part_size;
    if (!ok) return {};
    rest.remove_prefix(text.size());
    return std::move(*bytes);
  }
};

std::optional<StoredPassword> parse(std::string_view text) {
  if (text.size() > max_stored_size) return std::nullopt;
  Reader reader{text};
  StoredPassword stored;
  reader.expect("$argon2id$v=19$m=");
  stored.cost.memory_kib = reader.number();
  reader.expect(",t=");
  stored.cost.passes = reader.number();
  reader.expect(",p=");
  stored.cost.lanes = reader.number();
  reader.expect("$");
  stored.salt = reader.base64_until('$', min_salt_size);
  reader.expect("$");
  stored.hash = reader.base64_until('$', min_hash_size);
  if (!reader.ok || !reader.rest.empty() || !is_valid(stored.cost)) return std::nullopt;
  return stored;
}

std::string format(const PasswordCost& cost, ByteView salt, ByteView hash) {
  return "$argon2id$v=19$m=" + std::to_string(cost.memory_kib) +
         ",t=" + std::to_string(cost.passes) + ",p=" + std::to_string(cost.lanes) + "$" +
         to_base64(salt) + "$" + to_base64(hash);
}

Secret argon2id(std::string_view password, const PasswordCost& cost, ByteView salt,
                std::size_t size) {
  Secret hash(size);
  Botan::PasswordHashFamily::create_or_throw("Argon2id")
      ->from_params(cost.memory_kib, cost.passes, cost.lanes)
      ->hash(hash, password, salt);
  return hash;
}

void require_valid(const PasswordCost& cost) {
  if (!is_valid(cost)) throw std::invalid_argument("password cost out of bounds");
}

}  // namespace

bool is_valid(const PasswordCost& cost) noexcept {
  return cost.passes >= 1 && cost.passes <= max_password_cost.passes &&  //
         cost.lanes >= 1 && cost.lanes <= max_password_cost.lanes &&
         cost.memory_kib >= 8 * cost.lanes && cost.memory_kib <= max_password_cost.memory_kib;
}

std::string hash_password(std::string_view password, const PasswordCost& cost, Random& random) {
  require_valid(cost);
  const auto salt = random_array<salt_size>(random);
  return format(cost, salt, argon2id(password, cost, salt, hash_size));
}

PasswordCheck verify_password(std::string_view password, std::string_view stored_text) {
  const auto stored = parse(stored_text);
  if (!stored) return PasswordCheck::malformed;
  const Secret hash = argon2id(password, stored->cost, stored->salt, stored->hash.size());
  return equal(hash, stored->hash) ? PasswordCheck::match : PasswordCheck::mismatch;
}

PasswordCheck verify_decoy(std::string_view password, const PasswordCost& cost) {
  require_valid(cost);
  const std::array<std::uint8_t, salt_size> salt{};
  const std::array<std::uint8_t, hash_size> hash{};
  std::ignore = verify_password(password, format(cost, salt, hash));
  return PasswordCheck::mismatch;
}

bool needs_rehash(std::string_view stored_text, const PasswordCost& cost) {
  const auto stored = parse(stored_text);
  return !stored || stored->cost != cost || stored->salt.size() < salt_size ||
         stored->hash.size() < hash_size;
}

}  // namespace babilu::crypto
