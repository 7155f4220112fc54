// Encoding and decoding frames.
#include <benchmark/benchmark.h>

#include "core/wire/reader.h"

namespace babilu::wire {
namespace {

void frame_encode(benchmark::State& state) {
  const Bytes message(static_cast<std::size_t>(state.range(0)), 7);
  Buffer out;
  for (auto _ : state) {
    out.clear();
    append(out, {.kind = Kind::request, .flags = flags::end, .method = 0x0101, .stream = 1}, {},
           message);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(frame_encode)->Arg(64)->Arg(4096);

/// A read that holds 64 whole frames.
void frame_decode(benchmark::State& state) {
  const Bytes message(static_cast<std::size_t>(state.range(0)), 7);
  Buffer input;
  for (int i = 0; i < 64; ++i) {
    append(input, {.kind = Kind::request, .flags = flags::end, .method = 0x0101, .stream = 1}, {},
           message);
  }
  FrameReader reader;
  std::size_t frames = 0;
  for (auto _ : state) {
    reader.consume(input, [&](const Frame& frame) {
      benchmark::DoNotOptimize(frame.message().data());
      ++frames;
      return true;
    });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(frames));
}
BENCHMARK(frame_decode)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace babilu::wire
