// A request and its reply through two multiplexers, without I/O.
#include <benchmark/benchmark.h>

#include "core/rpc/multiplexer.h"
#include "core/wire/envelope.pb.h"

namespace babilu::rpc {
namespace {

class Ignoring : public Multiplexer::Events {
 public:
  void on_hello(const wire::Hello&) override {}
  void on_request(const wire::Frame&, Multiplexer::Tag&) override {}
  void on_item(const wire::Frame&, Multiplexer::Tag, bool) override {}
  void on_credit(const wire::Frame&, Multiplexer::Tag, bool) override {}
  void on_reply(const wire::Frame&, Multiplexer::Tag) override {}
  void on_cancel(std::uint32_t, Multiplexer::Tag) override {}
  void on_pong(std::uint32_t) override {}
  void on_goaway(std::uint32_t, const Status&) override {}

 protected:
  ~Ignoring() = default;
};

/// Answers every request with its own payload.
struct Echoing final : Ignoring {
  Multiplexer* multiplexer = nullptr;
  void on_request(const wire::Frame& frame, Multiplexer::Tag&) override {
    multiplexer->relay_reply(frame.header.stream, {}, frame.payload());
  }
};

struct Counting final : Ignoring {
  std::size_t replies = 0;
  void on_reply(const wire::Frame&, Multiplexer::Tag) override { ++replies; }
};

void multiplexer_round_trip(benchmark::State& state) {
  Buffer to_listener;
  Buffer to_dialer;
  Multiplexer dialer(Side::dialer, {}, to_listener);
  Multiplexer listener(Side::listener, {}, to_dialer);
  Counting counting;
  Echoing echoing;
  echoing.multiplexer = &listener;
  dialer.send_hello({});
  listener.send_hello({});
  listener.receive(std::exchange(to_listener, {}), echoing);
  dialer.receive(std::exchange(to_dialer, {}), counting);

  const Bytes payload(64, 7);
  const auto batch = state.range(0);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < batch; ++i) {
      dialer.request({.flags = wire::flags::end, .method = 0x0101}, {}, payload, 1);
    }
    listener.receive(to_listener, echoing);
    to_listener.clear();
    dialer.receive(to_dialer, counting);
    to_dialer.clear();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(counting.replies));
}
BENCHMARK(multiplexer_round_trip)->Arg(1)->Arg(64);

}  // namespace
}  // namespace babilu::rpc
