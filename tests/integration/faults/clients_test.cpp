// Clients that are slow, rude, many, or do not read: what others notice of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "core/wire/envelope.pb.h"
#include "roles/api/echo.pb.h"
#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/faults/resources.h"
#include "tests/integration/faults/wait.h"
#include "tests/integration/support/admin.h"
#include "tests/integration/support/frames.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/rpc_client.h"
#include "tests/support/size.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::Kind;

constexpr std::uint16_t echo_method = api::Echo::echo.traits.id;

/// AddressSanitizer keeps 256 MiB of what was freed, to find uses of it.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t most_memory = std::size_t{900} << 20;
#elif defined(__has_feature)
constexpr std::size_t most_memory = std::size_t{__has_feature(address_sanitizer) ? 900 : 300} << 20;
#else
constexpr std::size_t most_memory = std::size_t{300} << 20;
#endif

std::string echo_of(std::size_t bytes) {
  api::EchoRequest request;
  request.set_payload(std::string(bytes, 'x'));
  return request.SerializeAsString();
}

/// What comes until there is a reply or a goaway.
std::vector<Received> answer_on(RawConnection& connection) {
  std::string bytes;
  for (;;) {
    const std::string more = connection.read(1);
    auto frames = frames_of(bytes += more);
    const bool answered = std::ranges::any_of(frames, [](const Received& received) {
      return received.header.kind == Kind::reply || received.header.kind == Kind::goaway;
    });
    if (answered || more.empty()) return frames;
  }
}

TEST(ClientFaults, OneByteAtATimeIsServed) {
  Stack stack({.plaintext = true});
  RawConnection connection(stack.port());
  for (const char byte : hello() + request(echo_method, 1, echo_of(64))) {
    connection.send(std::string(1, byte));
  }
  EXPECT_EQ(find(answer_on(connection), Kind::reply).header.value, 0U);
  EXPECT_EQ(stack.trouble(), "");
}

TEST(ClientFaults, ASlowFrameEndsItsOwnConnection) {
  Stack stack({.proxy = {"--limits-frame-timeout", "200ms"}, .plaintext = true});
  RawConnection slow(stack.port());
  slow.send(hello() + request(echo_method, 1, echo_of(64)).substr(0, 30));
  const auto goaway = find(frames_of(slow.read_to_end()), Kind::goaway).status();
  EXPECT_EQ(goaway.reason, "frame_too_slow") << goaway.to_string();
  EXPECT_EQ(stack.trouble(), "");
}

TEST(ClientFaults, TwoVersionsOfHello) {
  Stack stack({.plaintext = true});
  const auto outcome = [&](std::uint32_t least, std::uint32_t most) {
    wire::Hello ours;
    ours.set_version_min(least);
    ours.set_version_max(most);
    RawConnection connection(stack.port());
    connection.send(frame({.kind = Kind::hello}, ours.SerializeAsString()) +
                    request(echo_method, 1, echo_of(1)));
    return answer_on(connection);
  };
  EXPECT_EQ(find(outcome(1, 1), Kind::reply).header.value, 0U);
  EXPECT_EQ(find(outcome(1, 3), Kind::reply).header.value, 0U);
  EXPECT_EQ(find(outcome(2, 3), Kind::goaway).status().reason, "no_common_version");
}

/// What breaks the protocol, after a hello where that is not what is wrong.
std::vector<std::string> violations() {
  const auto broken = [](const wire::Header& header) { return hello() + header_only(header); };
  return {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
          std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10),
          std::string(5000, '\xA5'),
          broken({.size = 0xFFFFFFFF, .kind = Kind::ping}),
          broken({.size = wire::default_frame_limit + 1, .kind = Kind::request, .stream = 1}),
          broken({.kind = static_cast<Kind>(99)}),
          broken({.kind = Kind::ping, .flags = 0x80}),
          broken({.kind = Kind::request, .stream = 1, .meta = 9}),
          hello() + request(echo_method, 2, echo_of(1)),
          hello() + hello()};
}

/// Many times over, each on a connection of its own, half of which wait for an answer.
void break_the_protocol(const Stack& stack) {
  const auto all = violations();
  const auto rounds = static_cast<std::size_t>(test::repetitions(20, 200));
  for (std::size_t i = 0; i < rounds * all.size(); ++i) {
    RawConnection connection(stack.port());
    ASSERT_TRUE(connection.connected()) << i;
    connection.send(all[i % all.size()]);
    if (i % (2 * all.size()) < all.size()) continue;
    connection.finish();
    connection.read_to_end();
  }
}

TEST(ClientFaults, ViolationsUnderLoadEndTheirOwnConnections) {
  for (const bool plaintext : {true, false}) {
    SCOPED_TRACE(plaintext);
    Stack stack({.plaintext = plaintext});
    Load load(stack, {.name = "breach", .scenario = "echo", .rate = 500});
    ASSERT_TRUE(load.begun());
    break_the_protocol(stack);
    ASSERT_TRUE(takes_load(stack));
    expect_unnoticed(load.finish());
    EXPECT_EQ(stack.trouble(), "");
  }
}

/// Asks for ever more and takes nothing.
class StalledReader {
 public:
  explicit StalledReader(const Stack& stack) : connection_(stack.port()), left_(hello()) {}

  /// Sends what goes out without waiting.
  void ask() {
    for (;;) {
      if (left_.empty()) {
        left_ = request(echo_method, next_, echo_of(100'000));
        next_ += 2;
      }
      const auto taken = connection_.offer(left_);
      if (!taken || *taken == 0) return;
      left_.erase(0, *taken);
      sent_ += *taken;
    }
  }
  std::size_t sent() const noexcept { return sent_; }

 private:
  RawConnection connection_;
  std::string left_;
  std::uint32_t next_ = 1;
  std::size_t sent_ = 0;
};

TEST(ClientFaults, StalledReadersDelayNobody) {
  Stack stack({.plaintext = true});
  Load load(stack, {.name = "stalled", .scenario = "echo", .sessions = 100, .rate = 1000});
  ASSERT_TRUE(load.begun());
  std::vector<std::unique_ptr<StalledReader>> stalled;
  for (int i = 0; i < 4; ++i) stalled.push_back(std::make_unique<StalledReader>(stack));
  std::size_t sent = 0;
  for (int i = 0; i < 20; ++i) {
    for (auto& reader : stalled) reader->ask();
    ASSERT_TRUE(takes_load(stack));
  }
  for (auto& reader : stalled) sent += reader->sent();
  const std::size_t held = peak_memory(stack.proxy());
  expect_unnoticed(load.finish());
  fmt::print("[ stalled  ] they sent {} MiB; the proxy's memory was {} MiB at most\n", sent >> 20,
             held >> 20);
  EXPECT_LT(held, most_memory);
  EXPECT_EQ(stack.trouble(), "");
}

TEST(ClientFaults, AStormOfConnectsAndResetsLeavesNothingBehind) {
  Stack stack;
  ASSERT_TRUE(wait_for_links(stack, 2));  // those that come later would count as left behind
  RpcClient bystander(stack);
  api::EchoRequest request;
  request.set_payload("still there?");
  ASSERT_TRUE(bystander.call(api::Echo::echo, request));
  const auto open_files = [&] { return metric(stack.admin_port(), "process_open_fds"); };
  ASSERT_TRUE(eventually([&] { return open_files() > 0; }));
  const double before = open_files();
  for (int i = 0; i < test::repetitions(5000, 50'000); ++i) {
    RawConnection rude(stack.port());
    ASSERT_TRUE(rude.connected()) << i;
    rude.reset();
    if (i % 1000 == 0) ASSERT_TRUE(bystander.call(api::Echo::echo, request)) << i;
  }
  EXPECT_TRUE(bystander.call(api::Echo::echo, request));
  EXPECT_EQ(bystander.reconnects(), 0U);
  EXPECT_TRUE(eventually([&] { return open_files() <= before; }))
      << open_files() << " files, " << before << " before";
  EXPECT_EQ(stack.trouble(), "");
}

TEST(ClientFaults, OutOfFilesItWaitsAndServesOn) {
  Stack stack({.plaintext = true, .proxy_open_files = 64});
  RpcClient bystander(stack);
  api::EchoRequest request;
  request.set_payload("still there?");
  ASSERT_TRUE(bystander.call(api::Echo::echo, request));
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(std::make_unique<RawConnection>(stack.port()));
    crowd.back()->send(hello());
  }
  // It keeps some back, and says so to those for whom there are none.
  EXPECT_TRUE(stack.proxy().says("too_many_sessions"));
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(ask_admin(stack.admin_port(), "/livez").status, 200) << i;
  }
  EXPECT_THAT(stack.proxy().err(), Not(HasSubstr("cannot accept")));
  const auto cpu = cpu_time(stack.proxy());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(bystander.call(api::Echo::echo, request));
  EXPECT_EQ(bystander.reconnects(), 0U);
  EXPECT_LT(cpu_time(stack.proxy()) - cpu, 1s);
  crowd.clear();
  EXPECT_TRUE(eventually([&] { return stack.trouble().empty(); }));
}

TEST(ClientFaults, SilentConnectionsLeaveFilesForOthers) {
  Stack stack({.proxy = {"--balancers", "127.0.0.0/8"},
               .plaintext = true,
               .proxy_open_files = 128,
               .backend_open_files = 128});
  for (const auto& [port, admin] :
       {std::pair(stack.port(), stack.admin_port()),
        std::pair(stack.backend_port(0), stack.backend_admin_port(0))}) {
    std::vector<std::unique_ptr<RawConnection>> crowd;
    for (int i = 0; i < 200; ++i) crowd.push_back(std::make_unique<RawConnection>(port));
    for (int i = 0; i < 10; ++i) ASSERT_EQ(ask_admin(admin, "/livez").status, 200) << i;
  }
  EXPECT_THAT(stack.proxy().err() + stack.backend(0).err(), Not(HasSubstr("cannot accept")));
}

/// What a balancer puts before a connection of 192.0.2.7.
std::string from_elsewhere() {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) +
         std::string("\x21\x11\x00\x0C\xC0\x00\x02\x07\x0A\x00\x00\x01\x30\x39\x1C\xE8", 16);
}

TEST(ClientFaults, SessionsLeaveFilesForThoseWhoseHeaderHasYetToCome) {
  Stack stack({.proxy = {"--balancers", "127.0.0.0/8", "--limits-exempt", "192.0.2.0/24"},
               .plaintext = true,
               .proxy_open_files = 512});
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (int i = 0; i < 550; ++i) {
    crowd.push_back(std::make_unique<RawConnection>(stack.port()));
    crowd.back()->send(from_elsewhere() + hello());
  }
  EXPECT_TRUE(stack.proxy().says("too_many_sessions"));
  for (int i = 0; i < 100; ++i) crowd.push_back(std::make_unique<RawConnection>(stack.port()));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(ask_admin(stack.admin_port(), "/livez").status, 200) << i;
  EXPECT_THAT(stack.proxy().err(), Not(HasSubstr("cannot accept")));
}

TEST(ClientFaults, AnAddressHasSoManyPasswordsASecond) {
  Stack stack({.proxy = {"--balancers", "127.0.0.0/8"},
               .backend = {"--passwords-address-rate", "1"},
               .plaintext = true,
               .backends = 1});
  api::LoginRequest login;
  login.set_name("nobody");
  login.set_password(password);
  RawConnection guesses(stack.port());
  guesses.send(from_elsewhere() + hello());
  for (std::uint32_t i = 0; i < 20; ++i) {
    wire::Metadata meta;
    meta.set_idempotency_key(std::string(32, static_cast<char>('a' + i)));
    guesses.send(request(api::Identity::login.traits.id, 2 * i + 1, login.SerializeAsString(),
                         meta.SerializeAsString()));
  }
  EXPECT_TRUE(eventually([&] {
    return metric(stack.backend_admin_port(0), "babilu_backend_passwords_refused_total") > 0;
  }));
}

TEST(ClientFaults, LimitsOfAnAddressAreSaid) {
  Stack stack({.proxy = {"--limits-exempt", "192.0.2.0/24", "--limits-sessions-per-address", "3"},
               .plaintext = true});
  std::vector<std::unique_ptr<RawConnection>> few;
  for (int i = 0; i < 3; ++i) {
    few.push_back(std::make_unique<RawConnection>(stack.port()));
    few.back()->send(hello());
    ASSERT_FALSE(few.back()->read(1).empty());
  }
  RawConnection fourth(stack.port());
  const auto goaway = find(frames_of(fourth.read_to_end()), Kind::goaway).status();
  EXPECT_EQ(goaway.code, rpc::Code::resource_exhausted);
  EXPECT_EQ(goaway.reason, "too_many_sessions_of_address") << goaway.to_string();
  EXPECT_EQ(metric(stack.admin_port(),
                   "babilu_proxy_sessions_refused_total{reason=\"too_many_sessions_of_address\"}"),
            1);
  EXPECT_THAT(ask_admin(stack.admin_port(), "/stats").body,
              HasSubstr("\"too_many_sessions_of_address\":1"));
  few.clear();
  EXPECT_TRUE(eventually([&] { return stack.trouble().empty(); }));
}

}  // namespace
}  // namespace babilu::testing
