// AES-256-GCM of 256 bytes, as the vault does it.
#include <benchmark/benchmark.h>

#include "core/crypto/aead.h"

namespace babilu::crypto {
namespace {

void aead_seal(benchmark::State& state) {
  Aead aead(Secret(Aead::key_size, 1));
  const Bytes plaintext(static_cast<std::size_t>(state.range(0)), 7);
  Bytes out;
  for (auto _ : state) {
    out.clear();
    aead.seal({}, {}, plaintext, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(aead_seal)->Arg(256);

void aead_open(benchmark::State& state) {
  Aead aead(Secret(Aead::key_size, 1));
  Bytes sealed;
  aead.seal({}, {}, Bytes(static_cast<std::size_t>(state.range(0)), 7), sealed);
  for (auto _ : state) {
    auto opened = aead.open({}, {}, sealed);
    benchmark::DoNotOptimize(opened);
  }
}
BENCHMARK(aead_open)->Arg(256);

}  // namespace
}  // namespace babilu::crypto
