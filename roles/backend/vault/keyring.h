#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <unordered_map>

#include "core/crypto/aead.h"
#include "core/crypto/signature.h"
#include "core/rpc/service.h"
#include "roles/backend/deployment.h"

namespace babilu::store {
class Store;
}

namespace babilu::backend {

/// The opened keys of one account.
struct AccountKeys {
  crypto::KeyPair signing;
  /// By version; the newest encrypts, all decrypt.
  std::unordered_map<std::uint32_t, crypto::Aead> encryption;
  std::uint32_t newest = 0;
};

struct KeyringOptions {
  /// For how long keys are used without a look at the database, so that a revocation holds soon.
  Clock::duration fresh = std::chrono::seconds(2);
  std::size_t accounts = 10'000;  ///< opened at most; the longest unused make room
  /// Uses of a GCM key that are taken from the database at a time, and in all before there is a
  /// new version: random nonces are safe for 2³² messages (NIST SP 800-38D §8.3).
  std::int64_t lease = std::int64_t{1} << 20;
  std::int64_t most_uses = std::int64_t{1} << 32;
};

/// Keys of accounts, opened and kept for a while. One for each Runtime, so it locks nothing.
class Keyring {
 public:
  Keyring(store::Store& store, const Deployment& deployment, KeyringOptions options)
      : store_(store), deployment_(deployment), options_(options) {}

  using Keys = std::shared_ptr<AccountKeys>;

  /// Throws std::logic_error when the store lacks the tables of accounts.
  void check_store() const;

  /// The keys of an account. Errors: not_found (account_unknown), those of the store, data_loss
  /// when a key does not open.
  task<rpc::Outcome<Keys>> open(rpc::Call& call, std::uint64_t account);

  /// The same, for a version that another backend may have made since they were read here: only
  /// what is there may be kept, not that something is not.
  task<rpc::Outcome<Keys>> open_version(rpc::Call& call, std::uint64_t account,
                                        std::uint32_t version);

  /// The same, with the right to encrypt once under the newest version.
  task<rpc::Outcome<Keys>> open_to_encrypt(rpc::Call& call, std::uint64_t account);

 private:
  struct Entry {
    std::uint64_t account;
    Keys keys;
    Clock::time_point loaded;
    std::uint32_t leased_version = 0;
    std::int64_t uses_left = 0;
  };
  using Entries = std::list<Entry>;  // the most recently used first

  task<rpc::Outcome<Keys>> load(rpc::Call& call, std::uint64_t account);
  task<rpc::Status> take_lease(rpc::Call& call, std::uint64_t account, std::uint32_t newest);
  Entry& keep(std::uint64_t account, Keys keys, Clock::time_point now);
  Entry* find(std::uint64_t account);

  store::Store& store_;
  const Deployment& deployment_;
  const KeyringOptions options_;
  Entries entries_;
  std::unordered_map<std::uint64_t, Entries::iterator> by_account_;
};

}  // namespace babilu::backend
