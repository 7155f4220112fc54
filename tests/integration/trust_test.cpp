// Who may talk to whom: certificates, their roles, and authorities that do not know each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/net/tcp.h"
#include "core/runtime/runtime.h"
#include "core/tls/security.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// Dials with the certificate of a role, or with none, and reads until the end or the first bytes.
task<> knock(Runtime& runtime, const Stack& stack, std::string role, std::uint16_t port,
             error_code& refused) {
  tls::Files files{.authority = stack.authority()};
  if (!role.empty()) {
    files.certificate = stack.certificates() / role / "certificate.pem";
    files.key = stack.certificates() / role / "key.pem";
  }
  auto context = tls::Context::load(files, std::chrono::system_clock::now());
  const auto security =
      tls::make_security(runtime, context.value(), {.dialed = "backend", .accepted = ""});
  net::TcpNetwork network(runtime);
  const Deadline deadline = runtime.now() + patience;
  auto stream = co_await net::dial(network, *security, {"127.0.0.1", port}, deadline);
  if (!stream) {
    refused = stream.error();
    co_return;
  }
  // A server judges the client's certificate last, so its refusal comes with the first read.
  co_await (*stream)->readable(deadline);
  std::array<std::uint8_t, 64> buffer{};
  refused = (*stream)->read_some(buffer).error;
}

error_code dial_backend(Stack& stack, const std::string& role) {
  Runtime runtime;
  error_code refused;
  runtime.run(knock(runtime, stack, role, stack.backend_port(0), refused));
  return refused;
}

TEST(Trust, OnlyAProxyReachesABackend) {
  Stack stack;
  EXPECT_FALSE(dial_backend(stack, "proxy"));  // its hello comes
  EXPECT_THAT(dial_backend(stack, "backend").message(), HasSubstr("another role"));
  EXPECT_THAT(dial_backend(stack, "").message(), HasSubstr("requires a certificate"));
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Trust, ABackendCannotPoseAsAProxy) {
  Stack stack;
  const fs::path disguise = stack.path() / "disguise";
  fs::create_directory(disguise);
  fs::copy(stack.authority(), disguise / "ca.pem");
  fs::copy(stack.certificates() / "backend", disguise / "proxy");
  const std::uint16_t port = free_port({1});
  const auto admin = static_cast<std::uint16_t>(port + 1);
  Process impostor({.arguments = {"proxy", "--certificates", disguise, "--listen",
                                  "127.0.0.1:" + std::to_string(port), "--admin-listen",
                                  "127.0.0.1:" + std::to_string(admin), "--backends",
                                  "127.0.0.1:" + std::to_string(stack.backend_port(0))}});
  ASSERT_TRUE(impostor.says("proxy listens")) << impostor.err();

  // Its links are refused, and clients see whom they reached.
  ASSERT_TRUE(stack.backend(0).says("for another role")) << stack.backend(0).err();
  EXPECT_EQ(readiness(admin), 503);
  const auto client = stack.babilu(
      {"verify", "ada", "--signature", "AAAA", "--target", "127.0.0.1:" + std::to_string(port)});
  EXPECT_EQ(client.exit_code, 4);
  EXPECT_THAT(client.err, HasSubstr("another role"));
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Trust, AClientNeedsTheRightAuthority) {
  Stack stack;
  ASSERT_EQ(stack.babilu({"certificates", "init", stack.path() / "others"}).exit_code, 0);
  const auto ask = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"signup", "ada"});
    return stack.babilu(more, {}, {{"BABILU_PASSWORD", password}});
  };
  const auto other = ask({"--ca", stack.path() / "others" / "ca.pem"});
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_THAT(other.err,
              AllOf(HasSubstr("not from an authority that is trusted"), HasSubstr("--ca")));
  const auto missing = ask({"--ca", stack.path() / "nothing.pem"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("nothing.pem"));
  const auto no_certificate = ask({"--ca", stack.certificates() / "vault" / "master.key"});
  EXPECT_EQ(no_certificate.exit_code, 2);
  const auto plaintext = ask({"--plaintext"});
  EXPECT_EQ(plaintext.exit_code, 4);
  EXPECT_THAT(plaintext.err, HasSubstr("leave --plaintext out"));
  EXPECT_EQ(ask({}).exit_code, 0);
}

TEST(Trust, TlsOnAPlaintextPort) {
  Stack stack({.plaintext = true});
  const auto outcome =
      stack.babilu({"signup", "ada", "--plaintext=false"}, {}, {{"BABILU_PASSWORD", password}});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("cannot connect to " + stack.target()));
  EXPECT_EQ(stack.trouble(), "");
}

}  // namespace
}  // namespace babilu::testing
