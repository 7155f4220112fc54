// Argon2id at the cost that accounts have by default.
#include <benchmark/benchmark.h>

#include "core/crypto/password.h"
#include "core/crypto/random.h"

namespace babilu::crypto {
namespace {

void password_hash(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(hash_password("correct horse", {}, system_random()));
  }
}
BENCHMARK(password_hash)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace babilu::crypto
