#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/stack.h"
#include "tests/support/status.h"

namespace babilu::test {

using namespace std::chrono_literals;

/// One end of a connection that speaks frames, as a test wants it to: a client that need not be
/// honest, or a backend that answers when it is told to.
class WireEnd final : private rpc::Connection::Handler {
 public:
  struct Options {
    std::vector<std::uint8_t> services = {1};
    rpc::ConnectionOptions connection = {};
    /// What each request is answered with, after the delay. Without it the test answers.
    std::optional<rpc::Reply> answer = {};
    Clock::duration delay{0};
    std::map<std::uint16_t, Clock::duration> delay_of = {};  ///< of some methods
    bool answers_cancels = true;
    std::map<std::uint16_t, std::uint32_t> costs = {};  ///< of methods, as the hello says
  };
  /// A frame that came.
  struct Seen {
    wire::Header head;
    std::string client;         ///< of a request: who asked, as the proxy says
    std::uint32_t attempt = 0;  ///< of a request
    std::string payload;        ///< metadata and message
    rpc::Status status;         ///< of a reply, or of a goaway
    Clock::time_point at;
  };
  struct Ask {
    std::uint16_t method = 0x0101;
    bool retryable = false;
    std::uint32_t milliseconds = 0;
    std::uint32_t route = 0;
    std::uint16_t meta = 0;
    std::string hop = {};
  };

  /// `host` names its services: "s1 of HOST".
  WireEnd(Runtime& runtime, net::StreamPtr stream, rpc::Side side, const Options& options,
          Scope& scope, const std::string& host);

  std::uint32_t ask(std::string_view payload, Ask how);
  std::uint32_t ask(std::string_view payload = "x") { return ask(payload, Ask{}); }
  std::uint32_t ask_retryable(std::string_view payload = "x") {
    return ask(payload, {.retryable = true});
  }
  void item(std::uint32_t stream, std::size_t bytes);
  void grant(std::uint32_t stream, std::uint32_t bytes);
  void cancel(std::uint32_t stream);
  void ping();
  void reply(std::uint32_t stream, std::string_view payload = {});
  void refuse(std::uint32_t stream, rpc::Code code, bool unstarted = false);
  /// Answers what was not answered yet, in order.
  void reply_to_all(std::string_view payload = {});
  /// Says that it takes no more requests.
  void goaway();
  void close() { connection_.close({}); }
  /// Sends nothing more, and reads on.
  void shut() {
    connection_.outbox().flush_now();
    connection_.stream().shutdown();
  }
  void abort() { connection_.abort(test::status(rpc::Code::unavailable, "gone", "")); }
  void pause_reading(bool paused) { connection_.pause_reading(paused); }

  std::vector<Seen> seen;
  bool greeted = false;
  bool over = false;
  rpc::Status why_over;
  Options options;

  std::size_t count(wire::Kind kind) const;
  std::vector<Seen> all(wire::Kind kind) const;
  /// The payloads of all requests, in order.
  std::vector<std::string> requests() const;
  /// How a request of ours was answered; null before.
  const Seen* answer_to(std::uint32_t stream) const;
  /// The same for one that should be there: a failure, and nothing, when it is not.
  Seen answer(std::uint32_t stream) const;
  /// The same of frames by their order, and of the last one.
  Seen nth(wire::Kind kind, std::size_t index) const;
  Seen newest(wire::Kind kind) const;
  /// "waiting", "ok", or the reason of its refusal.
  std::string outcome(std::uint32_t stream) const;
  std::size_t item_bytes() const;

 private:
  task<> run();
  task<> answer_later(std::uint32_t stream, Clock::duration delay);
  void note(const wire::Frame& frame, rpc::Status status = {});
  void on_hello(const wire::Hello&) override { greeted = true; }
  void on_request(const wire::Frame& frame, rpc::Multiplexer::Tag& tag) override;
  void on_item(const wire::Frame& frame, rpc::Multiplexer::Tag, bool) override { note(frame); }
  void on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag, bool) override { note(frame); }
  void on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag) override;
  void on_cancel(std::uint32_t stream, rpc::Multiplexer::Tag) override;
  void on_goaway(std::uint32_t last, const rpc::Status& why) override;

  Runtime& runtime_;
  rpc::Connection connection_;
  Scope& scope_;
};

/// A backend of the test's own: takes the proxy's links while it is started.
class WireBackend {
 public:
  WireBackend(sim::World& world, std::string host, Scope& scope)
      : world_(world), host_(std::move(host)), scope_(scope) {}

  void start();
  /// Takes no link any more, and breaks the one that there is.
  void stop();
  /// Takes no link any more.
  void close() {
    if (listener_) listener_->close();
  }

  /// The newest link's end. There must have been one.
  WireEnd& end() { return *ends_.back(); }
  std::size_t links() const noexcept { return ends_.size(); }
  /// Requests that came over all links.
  std::size_t asked() const;
  const std::string& host() const noexcept { return host_; }
  std::string name() const { return host_ + ":7401"; }

  WireEnd::Options options;  ///< of links to come
  /// Of links to come and of those that are there.
  void answer_with(const rpc::Reply& reply, Clock::duration delay = 0s);

 private:
  task<> accept(std::shared_ptr<net::Listener> listener);

  sim::World& world_;
  const std::string host_;
  Scope& scope_;
  std::shared_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<WireEnd>> ends_;
};

/// A proxy between backends and clients that are the test's.
class WireSite {
 public:
  WireSite(sim::World& its_world, const std::vector<std::string>& hosts,
           proxy::ProxyOptions its_options);

  /// Starts these backends and waits until the proxy has as many links more.
  task<> start(std::vector<std::string> hosts);
  task<> connect();
  /// A further client, of this host; it sends these bytes before it begins. It is greeted or over.
  task<WireEnd*> connect_from(std::string host, std::string first = {});
  /// Goes on when it holds; a failure when that takes a minute.
  task<> until(std::function<bool()> holds, const char* what);
  task<> sleep(Clock::duration time) { return world.runtime().sleep_for(time); }
  task<> end();

  WireBackend& operator[](const std::string& host) { return *backends.at(host); }
  Clock::time_point now() const { return world.runtime().now(); }
  /// The sum of a metric's series, or of those of one backend.
  double metric(std::string_view name, const std::string& backend = {});
  proxy::BackendFigures& figures(const std::string& host) {
    auto& kept = figures_[host];
    if (!kept) kept = node->figures().of(host + ":7401");
    return *kept;
  }
  /// Lines of the log with this in them.
  std::size_t logged(std::string_view text) const;
  /// Takes up other backends: "a", "b weight=2".
  void apply(const std::vector<std::string>& hosts);

  sim::World& world;
  proxy::ProxyOptions options;
  Scope scope;
  std::map<std::string, std::unique_ptr<WireBackend>> backends;
  std::unique_ptr<ProxyNode> node;
  std::vector<std::unique_ptr<WireEnd>> clients;
  rpc::ConnectionOptions client_options;  ///< of clients to come
  WireEnd* client = nullptr;              ///< the first

 private:
  /// Looked at, so they stay.
  std::map<std::string, std::shared_ptr<proxy::BackendFigures>> figures_;
};

using WireSteps = task<> (*)(WireSite& site);

/// Runs the steps with a client, before backends that are started (all of `hosts`) or not.
void run_wire(const std::vector<std::string>& hosts, WireSteps steps,
              proxy::ProxyOptions options = {});
void run_wire_unstarted(const std::vector<std::string>& hosts, WireSteps steps,
                        proxy::ProxyOptions options = {});

}  // namespace babilu::test
