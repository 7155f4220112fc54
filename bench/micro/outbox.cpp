// Frames appended to an Outbox and written in one go, onto a stream in memory.
#include <benchmark/benchmark.h>

#include <boost/asio/error.hpp>

#include "core/net/outbox.h"
#include "core/runtime/runtime.h"
#include "core/wire/frame.h"

namespace babilu::net {
namespace {

/// Takes everything, like a socket whose other end is always faster.
class Sink final : public Stream {
 public:
  Transfer read_some(MutableByteView) override { return {0, boost::asio::error::would_block}; }
  Transfer write_some(ByteView bytes) override {
    ++writes;
    benchmark::DoNotOptimize(bytes.data());
    return {bytes.size(), {}};
  }
  task<error_code> readable(Deadline) override { co_return error_code{}; }
  bool when_readable(Waiter&) override { return true; }
  task<error_code> writable(Deadline) override { co_return error_code{}; }
  void shutdown() noexcept override {}
  void close() noexcept override {}
  const Address& remote() const noexcept override { return remote_; }

  std::size_t writes = 0;

 private:
  Address remote_;
};

struct Nobody final : Outbox::Owner {
  void on_outbox_failed(error_code) override {}
};

void outbox_batch(benchmark::State& state) {
  Runtime runtime;
  Sink sink;
  Scope scope(runtime);
  const Outbox::Limits limits;
  Nobody nobody;
  Outbox outbox(runtime, sink, scope, limits, nobody);
  const Bytes message(64, 7);
  const auto batch = state.range(0);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < batch; ++i) {
      wire::append(outbox.pending(), {.kind = wire::Kind::reply, .stream = 1}, {}, message);
      outbox.flush();
    }
    runtime.context().restart();
    runtime.context().poll();
  }
  state.SetItemsProcessed(state.iterations() * batch);
  state.counters["frames_a_write"] =
      static_cast<double>(state.iterations() * batch) / static_cast<double>(sink.writes);
}
BENCHMARK(outbox_batch)->Arg(1)->Arg(64);

}  // namespace
}  // namespace babilu::net
