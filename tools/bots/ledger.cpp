#include "tools/bots/ledger.h"

#include <algorithm>

namespace babilu::bots {

namespace {

constexpr std::size_t most_accounts = 1'000'000;
constexpr std::size_t most_ciphertext_bytes = 64 * 1024 * 1024;
/// About what a ciphertext has beside the payload, and what keeping one costs.
constexpr std::size_t ciphertext_overhead = 128;

}  // namespace

Ledger::Ledger(std::size_t keep, std::size_t payload)
    : accounts(most_accounts),
      ciphertexts(std::clamp<std::size_t>(most_ciphertext_bytes / (payload + ciphertext_overhead),
                                          1, std::max<std::size_t>(keep, 1))),
      signatures(keep) {}

}  // namespace babilu::bots
