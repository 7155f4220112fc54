// The proxy between a client and a backend that both do as they like: every request gets exactly
// one final reply, nobody is sent more bytes of items than they granted, and neither the session
// nor the link ends for what happens on one stream.
//
// Input: a script, as in Play::next.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "core/runtime/runtime.h"
#include "core/sim/world.h"
#include "core/wire/envelope.pb.h"
#include "roles/proxy/proxy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/status.h"

namespace babilu::fuzz {
namespace {

using namespace std::chrono_literals;
using rpc::Multiplexer;
using wire::Frame;
using wire::Kind;

constexpr std::uint16_t method = 0x0101;

/// One end of a connection; knows what it granted and what it got.
class End final : private rpc::Connection::Handler {
 public:
  End(Runtime& runtime, net::StreamPtr stream, rpc::Side side, Scope& scope)
      : connection_(runtime, std::move(stream), side, options_, *this) {
    wire::Hello hello;
    auto* const service = hello.add_services();
    service->set_id(method >> 8);
    service->set_name("fuzz");
    connection_.greet(std::move(hello));
    scope.spawn("end", run());
  }

  struct Live {
    std::uint64_t granted = rpc::default_credit;
    std::uint64_t got = 0;
  };
  std::map<std::uint32_t, Live> asked;   ///< requests of this side, unanswered
  std::map<std::uint32_t, Live> served;  ///< requests to this side, unanswered
  bool over = false;
  rpc::Status why;

  bool may_ask() { return !over && connection_.multiplexer().may_request(); }
  void ask(std::uint8_t flags, std::uint32_t milliseconds, ByteView payload) {
    const wire::Header head{.flags = static_cast<std::uint8_t>(flags & wire::flags::retryable),
                            .method = method,
                            .value = milliseconds};
    asked.emplace(connection_.multiplexer().request(head, {}, payload, 1), Live{});
    connection_.flush();
  }
  void item(std::uint32_t stream, std::size_t bytes) {
    forward({.kind = Kind::item, .stream = stream}, Bytes(bytes, 1));
  }
  void grant(std::uint32_t stream, std::uint32_t bytes) {
    auto& live = asked.contains(stream) ? asked[stream] : served[stream];
    live.granted += bytes;
    forward({.kind = Kind::credit, .stream = stream, .value = bytes}, {});
  }
  void cancel(std::uint32_t stream) {
    connection_.multiplexer().cancel(stream);
    connection_.flush();
  }
  void reply(std::uint32_t stream, ByteView message) {
    served.erase(stream);
    connection_.multiplexer().relay_reply(stream, {}, message);
    connection_.flush();
  }
  void close() { connection_.close({}); }
  void cut() { connection_.abort(test::status(rpc::Code::unavailable, "cut")); }

 private:
  task<> run() {
    why = co_await connection_.run();
    over = true;
    served.clear();
  }
  void forward(const wire::Header& head, ByteView payload) {
    connection_.multiplexer().forward(head, payload);
    connection_.flush();
  }
  void on_request(const Frame& frame, Multiplexer::Tag& tag) override {
    tag = 1;
    check(served.emplace(frame.header.stream, Live{}).second, "a stream is opened once");
  }
  void on_item(const Frame& frame, Multiplexer::Tag, bool outgoing) override {
    auto& streams = outgoing ? asked : served;
    const auto found = streams.find(frame.header.stream);
    check(found != streams.end(), "an item belongs to a live stream");
    found->second.got += frame.payload().size();
    check(found->second.got <= found->second.granted, "no more comes than was granted");
  }
  void on_reply(const Frame& frame, Multiplexer::Tag) override {
    check(asked.erase(frame.header.stream) == 1, "a request is answered once");
  }

  const rpc::ConnectionOptions options_;
  rpc::Connection connection_;
};

/// Metrics have no part in what is looked at; one set serves every input.
struct Figured {
  telemetry::Metrics metrics;
  telemetry::Log log;
  proxy::Figures figures{metrics};
  proxy::Observer observer{metrics, log, log};
  /// Kept, so that its series are not made anew for each input.
  std::shared_ptr<proxy::BackendFigures> backend = figures.of("backend:7401");
};

Figured& figured() {
  static Figured all;
  return all;
}

proxy::ProxyOptions options() {
  proxy::ProxyOptions options;
  options.backends.push_back(proxy::Backend::parse("backend:7401").value());
  return options;
}

class Play {
 public:
  explicit Play(sim::World& world)
      : runtime_(world.runtime()),
        backend_listener_(*world.host("backend").listen({"backend", 7401})),
        network_(world.host("client")),
        proxy_(runtime_, world.host("proxy"), security_, security_,
               *world.host("proxy").listen({"proxy", 7400}), shared_, options()),
        scope_(runtime_) {}

  task<> run(Input input) {
    scope_.spawn("proxy", proxy_.run());
    scope_.spawn("backend", accept());
    auto stream = co_await network_.connect({"proxy", 7400}, no_deadline);
    client_ = std::make_unique<End>(runtime_, std::move(*stream), rpc::Side::dialer, scope_);
    while (proxy_.links_up() == 0 || !client_->may_ask()) co_await runtime_.sleep_for(1ms);
    while (!input.empty()) {
      if (input.byte() % 4 == 0) co_await runtime_.sleep_for(1ms);
      next(input);
      check(!client_->over, "the session goes on");
    }
    co_await settle();
    backend_listener_->close();
    client_->close();
    lifecycle_.advance(Phase::draining);
    co_await scope_.join();
  }

 private:
  task<> accept() {
    for (;;) {
      auto stream = co_await backend_listener_->accept();
      if (!stream) co_return;
      backends_.push_back(
          std::make_unique<End>(runtime_, std::move(*stream), rpc::Side::listener, scope_));
    }
  }

  void next(Input& input) {
    const std::uint8_t what = input.byte();
    End& backend = *backends_.back();
    const auto bytes = [&] { return std::size_t{input.byte()} * 257; };
    switch (what % 9) {
      case 0:
        if (client_->may_ask()) client_->ask(what / 9, input.byte() * 4u, input.bytes(what % 16));
        break;
      case 1:
        if (const auto stream = one_of(client_->asked, input)) client_->item(stream, bytes());
        break;
      case 2:
        if (const auto stream = one_of(client_->asked, input)) {
          client_->grant(stream, input.number<std::uint32_t>());
        }
        break;
      case 3:
        if (const auto stream = one_of(client_->asked, input)) client_->cancel(stream);
        break;
      case 4:
        if (const auto stream = one_of(backend.served, input)) backend.item(stream, bytes());
        break;
      case 5:
        if (const auto stream = one_of(backend.served, input)) {
          backend.grant(stream, input.number<std::uint32_t>());
        }
        break;
      case 6:
      case 7:
        if (const auto stream = one_of(backend.served, input)) {
          backend.reply(stream, input.bytes(what % 16));
        }
        break;
      default:
        if (what > 200 && !backend.over) cut(backend);
    }
  }

  /// 0 when there is none.
  static std::uint32_t one_of(const std::map<std::uint32_t, End::Live>& streams, Input& input) {
    if (streams.empty()) return 0;
    return std::next(streams.begin(), input.byte() % static_cast<int>(streams.size()))->first;
  }

  void cut(End& backend) {
    backend.cut();
    cut_.push_back(&backend);
  }

  /// The backend answers what it has, until the client has no more questions.
  task<> settle() {
    for (int turns = 0; turns < 20'000 && !client_->asked.empty(); ++turns) {
      for (const auto& backend : backends_) {
        while (!backend->over && !backend->served.empty()) {
          backend->reply(backend->served.begin()->first, {});
        }
      }
      co_await runtime_.sleep_for(5ms);
    }
    check(client_->asked.empty(), "every request gets its reply");
    check(!client_->over, "the session goes on");
    for (const auto& backend : backends_) {
      check(!backend->over || std::ranges::find(cut_, backend.get()) != cut_.end(),
            "a link goes on until it is cut");
    }
  }

  Runtime& runtime_;
  net::ListenerPtr backend_listener_;
  net::Network& network_;
  net::Plaintext security_;
  Lifecycle lifecycle_;
  proxy::Admission admission_{{}, runtime_.random()};
  proxy::ProxyShared shared_{lifecycle_, figured().log, figured().observer, figured().figures,
                             admission_};
  proxy::Proxy proxy_;
  Scope scope_;
  std::vector<std::unique_ptr<End>> backends_;
  std::unique_ptr<End> client_;
  std::vector<const End*> cut_;
};

task<> play(sim::World& world, Input input) {
  Play all(world);
  co_await all.run(input);
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  sim::World world(1);
  world.run(play(world, Input({data, size})), std::chrono::hours(1));
  return 0;
}
