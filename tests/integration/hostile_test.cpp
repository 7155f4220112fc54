// Servers that mean harm to whoever asks them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "core/net/tcp.h"
#include "core/rpc/connection.h"
#include "core/rpc/typed.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/api/identity.pb.h"
#include "tests/integration/support/process.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/support/status.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto escapes =
    "\x1B]0;owned\x07\xC2\x9B"
    "2J\xE2\x80\xAE\r";

/// Answers each connection's request for a name with what commands a terminal: the first time in
/// all that an error says, the second time in the name itself.
class HostileServer final : private rpc::Connection::Handler {
 public:
  explicit HostileServer(int connections) : connections_(connections) {
    std::promise<std::uint16_t> port;
    auto bound = port.get_future();
    thread_ = std::thread([this, &port] {
      Runtime runtime;
      runtime.run(serve(runtime, port));
    });
    port_ = bound.get();
  }
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;
  ~HostileServer() {
    // Nobody may have come.
    for (int i = 0; i < connections_; ++i) RawConnection visit(port_);
    thread_.join();
  }

  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  task<> serve(Runtime& runtime, std::promise<std::uint16_t>& port) {
    net::TcpNetwork network(runtime);
    const auto listener = network.listen({"127.0.0.1", 0}).value();
    port.set_value(listener->local().port);
    const rpc::ConnectionOptions options;
    for (int i = 0; i < connections_; ++i) {
      auto stream = co_await listener->accept();
      rpc::Connection connection(runtime, std::move(stream).value(), rpc::Side::listener, options,
                                 *this);
      connection_ = &connection;
      connection.greet({});
      co_await connection.run();
    }
  }
  // By hand: a service of ours would choose the request's id itself.
  void on_request(const wire::Frame& frame, rpc::Multiplexer::Tag&) override {
    refused_ = !refused_;
    connection_->multiplexer().reply(frame.header.stream, refused_ ? refusal() : name());
    connection_->flush();
  }
  void on_reply(const wire::Frame&, rpc::Multiplexer::Tag) override {}
  static rpc::Reply refusal() {
    rpc::Status status = test::status(rpc::Code::permission_denied, std::string("reason") + escapes,
                                      std::string("message") + escapes);
    status.request_id = std::string("id") + escapes;
    return rpc::Reply::refuse(std::move(status));
  }
  static rpc::Reply name() {
    api::WhoamiReply reply;
    reply.set_name(std::string("ada") + escapes);
    return rpc::Reply::of(rpc::encode(reply));
  }

  const int connections_;
  std::thread thread_;
  std::uint16_t port_ = 0;
  rpc::Connection* connection_ = nullptr;
  bool refused_ = false;
};

void expect_harmless(const std::string& text) {
  for (const char* harm : {"\x1B", "\x07", "\xC2\x9B", "\xE2\x80\xAE", "\r"}) {
    EXPECT_THAT(text, Not(HasSubstr(harm)));
  }
}

TEST(Hostile, NothingThatAServerSaysCommandsATerminal) {
  HostileServer server(4);
  const auto whoami = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"whoami", "--plaintext", "--target", server.target()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run({.arguments = arguments, .environment = {{"BABILU_TOKEN", "AAAA"}}});
  };
  for (const std::vector<std::string>& more : {std::vector<std::string>(), {"--json"}}) {
    const Outcome refused = whoami(more);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr("message"));
    EXPECT_THAT(refused.err, HasSubstr("reason"));
    EXPECT_THAT(refused.err, HasSubstr("request id"));
    expect_harmless(refused.out + refused.err);
    const Outcome named = whoami(more);
    EXPECT_EQ(named.exit_code, 0) << named.err;
    EXPECT_THAT(named.out, HasSubstr("ada"));
    expect_harmless(named.out + named.err);
  }
}

}  // namespace
}  // namespace babilu::testing
