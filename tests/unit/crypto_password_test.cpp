#include "core/crypto/password.h"

#include <botan/pwdhash.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "core/crypto/encoding.h"
#include "core/crypto/random.h"

namespace babilu::crypto {
namespace {

struct Known {
  std::string_view password;
  std::string_view stored;
};

// The test suite of Argon2's reference implementation.
constexpr Known reference[] = {
    {"password",
     "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
    {"password",
     "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
    {"password",
     "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg"},
    {"differentpassword",
     "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"},
    {"password",
     "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"},
};

// Made by OpenSSL's Argon2: the default cost and an empty password, UTF-8 and two lanes, NUL bytes.
constexpr Known openssl[] = {
    {"",
     "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw"
     "$MVSMP3rBIzE7F86FWHKNemRnE6hkgY2O2buZdxt7Gkw"},
    {"pässwörd",
     "$argon2id$v=19$m=64,t=3,p=2$AAECAwQFBgcICQoLDA0ODw"
     "$WIknuWkyDLv5zBP5ggJw5U5uNOpgfq7Dk+MybjFcYeU"},
    {{"\0a\0", 3},
     "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw"
     "$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs"},
};

TEST(CryptoPassword, AgreesWithOtherImplementations) {
  for (const auto& [password, stored] : reference)
    EXPECT_EQ(verify_password(password, stored), PasswordCheck::match) << stored;
  for (const auto& [password, stored] : openssl)
    EXPECT_EQ(verify_password(password, stored), PasswordCheck::match) << stored;
  // Ten megabytes of "x", by OpenSSL.
  EXPECT_EQ(verify_password(std::string(10'000'000, 'x'),
                            "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw"
                            "$DCDyqsJz9EZm0AHbSQJrxvULRh9Pvw/ACT0xFZN+zPM"),
            PasswordCheck::match);
}

TEST(CryptoPassword, TheLibraryBelowMatchesRfc9106) {
  // §5.3 has a secret and associated data, which stored passwords here have not; so this asks Botan
  // itself.
  Bytes tag(32);
  Botan::PasswordHashFamily::create_or_throw("Argon2id")
      ->from_params(32, 3, 4)
      ->hash(tag, std::string(32, '\1'), Bytes(16, 2), Bytes(12, 4), Bytes(8, 3));
  EXPECT_EQ(to_hex(tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}

TEST(CryptoPassword, AHashMatchesItsPasswordOnly) {
  const std::string ten_megabytes(10'000'000, 'x');
  const std::vector<std::string> passwords = {
      "", "a", "b", std::string("\0", 1), "correct horse", "correct horse ", ten_megabytes};
  for (const auto& password : passwords) {
    const std::string stored = hash_password(password, insecure_test_cost, system_random());
    for (const auto& other : passwords) {
      EXPECT_EQ(verify_password(other, stored),
                other == password ? PasswordCheck::match : PasswordCheck::mismatch);
    }
  }
}

TEST(CryptoPassword, EachHashHasItsOwnSalt) {
  const auto one = hash_password("secret", insecure_test_cost, system_random());
  EXPECT_NE(one, hash_password("secret", insecure_test_cost, system_random()));
}

TEST(CryptoPassword, TheFormIsPhcs) {
  const auto stored = hash_password("secret", PasswordCost{}, system_random());
  const std::string prefix = "$argon2id$v=19$m=19456,t=2,p=1$";
  EXPECT_TRUE(stored.starts_with(prefix)) << stored;
  EXPECT_EQ(stored.size(), prefix.size() + 22 + 1 + 43);
  EXPECT_EQ(verify_password("secret", stored), PasswordCheck::match);
}

TEST(CryptoPassword, EveryTruncationIsMalformed) {
  // But for those that only shorten the hash: down to the least size they are hashes, of no
  // password.
  const auto stored = hash_password("secret", insecure_test_cost, system_random());
  const std::size_t hash_start = stored.rfind('$') + 1;
  for (std::size_t size = 0; size < stored.size(); ++size) {
    const auto check = verify_password("secret", std::string_view(stored).substr(0, size));
    EXPECT_NE(check, PasswordCheck::match) << size;
    if (size < hash_start + 22) EXPECT_EQ(check, PasswordCheck::malformed) << size;
  }
}

TEST(CryptoPassword, EveryChangedCharacterIsNoMatch) {
  const auto stored = hash_password("secret", insecure_test_cost, system_random());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    for (const char c : {'$', '0', '2', '9', 'A', '=', ',', '\0', '\n', ' ', '\xff'}) {
      if (stored[i] == c) continue;
      std::string changed = stored;
      changed[i] = c;
      EXPECT_NE(verify_password("secret", changed), PasswordCheck::match) << changed;
    }
  }
}

TEST(CryptoPassword, MalformedIsToldApartFromAWrongPassword) {
  const std::string salt_and_hash =
      "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs";
  const auto check = [](const std::string& stored) { return verify_password("x", stored); };
  ASSERT_EQ(check("$argon2id$v=19$m=8,t=1,p=1" + salt_and_hash), PasswordCheck::mismatch);

  for (const std::string& head :
       {// other algorithms and versions
        "", "$", "$argon2i$v=19$m=8,t=1,p=1", "$argon2d$v=19$m=8,t=1,p=1",
        "$argon2id$v=16$m=8,t=1,p=1", "$argon2id$m=8,t=1,p=1", "$argon2id$v=190$m=8,t=1,p=1",
        "$2b$12", "argon2id$v=19$m=8,t=1,p=1", "$ARGON2ID$v=19$m=8,t=1,p=1",
        // parameters that are not numbers, in another order, missing, or more
        "$argon2id$v=19$m=,t=1,p=1", "$argon2id$v=19$m=-8,t=1,p=1", "$argon2id$v=19$m=+8,t=1,p=1",
        "$argon2id$v=19$m= 8,t=1,p=1", "$argon2id$v=19$m=08,t=1,p=1",
        "$argon2id$v=19$m=0x8,t=1,p=1", "$argon2id$v=19$m=8.0,t=1,p=1",
        "$argon2id$v=19$t=1,m=8,p=1", "$argon2id$v=19$m=8,t=1", "$argon2id$v=19$m=8,t=1,p=1,x=1",
        "$argon2id$v=19$m=8,t=1,p=1,keyid=AAAA", "$argon2id$v=19$m=8,t=1,p=1$",
        // too small
        "$argon2id$v=19$m=0,t=1,p=1", "$argon2id$v=19$m=7,t=1,p=1", "$argon2id$v=19$m=15,t=1,p=2",
        "$argon2id$v=19$m=8,t=0,p=1", "$argon2id$v=19$m=8,t=1,p=0",
        // too much: memory, time, lanes, more than 32 or 64 bits
        "$argon2id$v=19$m=262145,t=1,p=1", "$argon2id$v=19$m=4194304,t=1,p=1",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=255", "$argon2id$v=19$m=8,t=17,p=1",
        "$argon2id$v=19$m=8,t=4294967295,p=1", "$argon2id$v=19$m=1024,t=1,p=17",
        "$argon2id$v=19$m=4294967304,t=1,p=1", "$argon2id$v=19$m=8,t=4294967297,p=1",
        "$argon2id$v=19$m=18446744073709551624,t=1,p=1",
        "$argon2id$v=19$m=99999999999999999999999999,t=1,p=1"}) {
    EXPECT_EQ(check(head + salt_and_hash), PasswordCheck::malformed) << head;
  }

  const std::string head = "$argon2id$v=19$m=8,t=1,p=1";
  for (const std::string& tail :
       {// nothing, or too little, of salt or hash
        "", "$", "$$", "$AAECAwQFBgcICQoLDA0ODw", "$AAECAwQFBgcICQoLDA0ODw$",
        "$$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs",
        "$AAECAwQFBg$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs",
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYA",
        // base64 that is padded, of the other alphabet, not canonical, or none
        "$AAECAwQFBgcICQoLDA0ODw==$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs",
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs=",
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB_0ICgOLEUhTs",
        "$AAECAwQFBgcICQoLDA0ODx$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs",
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTt",
        "$AAECAwQFBgcICQoLDA0O*w$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs",
        // something behind it
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs$",
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs\n",
        "$AAECAwQFBgcICQoLDA0ODw$dpd0f392K0eY7TQqiAYAZux13MiboaB/0ICgOLEUhTs$AAAA"}) {
    EXPECT_EQ(check(head + tail), PasswordCheck::malformed) << tail;
  }
  EXPECT_EQ(check(head + salt_and_hash + std::string("\0", 1)), PasswordCheck::malformed);
  EXPECT_EQ(check(head + salt_and_hash + std::string(10'000'000, 'A')), PasswordCheck::malformed);
  EXPECT_EQ(check(head + "$" + std::string(88, 'A') + "$" + std::string(43, 'A')),
            PasswordCheck::malformed);  // 66 bytes of salt
  EXPECT_EQ(check(std::string(10'000'000, '$')), PasswordCheck::malformed);
}

TEST(CryptoPassword, CostsAreBounded) {
  EXPECT_TRUE(is_valid(PasswordCost{}));
  EXPECT_TRUE(is_valid(insecure_test_cost));
  EXPECT_TRUE(is_valid(max_password_cost));
  for (const PasswordCost& bad :
       {PasswordCost{0, 1, 1}, PasswordCost{8, 0, 1}, PasswordCost{8, 1, 0}, PasswordCost{7, 1, 1},
        PasswordCost{31, 1, 4}, PasswordCost{262'145, 1, 1}, PasswordCost{8, 17, 1},
        PasswordCost{1024, 1, 17}, PasswordCost{8, 1, 0xffff'ffff}, PasswordCost{8, 1, 1u << 29}}) {
    EXPECT_FALSE(is_valid(bad));
    EXPECT_THROW((void)hash_password("x", bad, system_random()), std::invalid_argument);
    EXPECT_THROW(verify_decoy("x", bad), std::invalid_argument);
  }
}

TEST(CryptoPassword, ADecoyNeverMatches) {
  for (const std::string_view password : {"", "x", "password"})
    EXPECT_EQ(verify_decoy(password, insecure_test_cost), PasswordCheck::mismatch);
  EXPECT_EQ(verify_decoy("x", PasswordCost{}), PasswordCheck::mismatch);
}

TEST(CryptoPassword, RehashWhereTheCostDiffersOrTheTextIsMalformed) {
  const PasswordCost cost{.memory_kib = 16, .passes = 1, .lanes = 1};
  const auto stored = hash_password("x", cost, system_random());
  EXPECT_FALSE(needs_rehash(stored, cost));
  EXPECT_TRUE(needs_rehash(stored, PasswordCost{}));
  EXPECT_TRUE(needs_rehash(stored, {.memory_kib = 17, .passes = 1, .lanes = 1}));
  EXPECT_TRUE(needs_rehash(stored, {.memory_kib = 16, .passes = 2, .lanes = 1}));
  EXPECT_TRUE(needs_rehash(stored, {.memory_kib = 16, .passes = 1, .lanes = 2}));
  EXPECT_TRUE(needs_rehash("", cost));
  EXPECT_TRUE(needs_rehash(stored.substr(0, stored.size() - 1), cost));
  // A salt of eight bytes is another's.
  EXPECT_TRUE(needs_rehash(reference[0].stored, {.memory_kib = 256, .passes = 2, .lanes = 1}));
}

}  // namespace
}  // namespace babilu::crypto
