// Who may ask what.
#include "core/net/tcp.h"
#include "tests/unit/admin_support.h"

namespace babilu::admin {
namespace {

constexpr std::string_view token = site_token;

AdminOptions without_token() {
  return {.name = "proxy"};
}

TEST(AdminToken, GuardsEverythingButHealthAndTheDashboardItself) {
  Site site(with_token(), "proxy");
  site.lifecycle.advance(Phase::ready);
  site.play([](Site& s) -> task<> {
    for (const char* path : {"GET /livez", "GET /readyz", "GET /readyz?verbose", "GET /",
                             "GET /dashboard.js", "GET /dashboard.css"}) {
      EXPECT_EQ((co_await exchange(s, bare(path))).status, 200U) << path;
    }
    for (const char* path :
         {"GET /metrics", "GET /stats", "GET /log", "POST /drain", "GET /nowhere", "PUT /stats",
          "GET /stats?token=a-token-of-some-length"}) {
      const Reply reply = co_await exchange(s, bare(path));
      EXPECT_EQ(reply.status, 401U) << path;
      EXPECT_TRUE(reply.field("WWW-Authenticate").starts_with("Bearer ")) << path;
    }
    EXPECT_EQ(s.lifecycle.phase(), Phase::ready);
    EXPECT_TRUE(s.lines.empty()) << "the dashboard itself comes without one first";
  });
}

TEST(AdminToken, OpensWithTheRightOneOnly) {
  Site site(with_token(), "proxy");
  site.play([](Site& s) -> task<> {
    const std::string wrong[] = {"",
                                 "a",
                                 "a-token-of-some-lengti",
                                 "a-token-of-some-length-",
                                 "A-TOKEN-OF-SOME-LENGTH",
                                 "\"a-token-of-some-length\""};
    for (const std::string& value : wrong) {
      const Reply reply = co_await exchange(s, bare("GET /stats", bearing(value)));
      EXPECT_EQ(reply.status, 401U) << value;
    }
    for (const char* field : {"Authorization: Basic a-token-of-some-length\r\n",
                              "Authorization: a-token-of-some-length\r\n",
                              "Cookie: token=a-token-of-some-length\r\n"}) {
      EXPECT_EQ((co_await exchange(s, bare("GET /stats", field))).status, 401U) << field;
    }
    EXPECT_EQ((co_await exchange(s, bare("GET /stats", bearing(token)))).status, 200U);
    const std::string lower = "authorization: bearer " + std::string(token) + "\r\n";
    EXPECT_EQ((co_await exchange(s, bare("GET /stats", lower))).status, 200U);
    const std::string twice = bearing("wrong") + bearing(token);
    EXPECT_EQ((co_await exchange(s, bare("GET /stats", twice))).status, 400U);
    EXPECT_EQ((co_await exchange(s, bare("GET /nowhere", bearing(token)))).status, 404U);
    EXPECT_EQ((co_await exchange(s, bare("POST /drain", bearing(token)))).status, 202U);
  });
  EXPECT_FALSE(site.lines.empty());
  for (const std::string& line : site.lines) {
    EXPECT_EQ(line.find("a-token"), std::string::npos) << "a secret in the log: " << line;
  }
}

TEST(AdminToken, MakesOriginAndHostIrrelevant) {
  Site site(with_token(), "proxy");
  site.play([](Site& s) -> task<> {
    const Reply reply = co_await exchange(
        s,
        "POST /drain HTTP/1.1\r\nHost: admin.example.org\r\nOrigin: https://ops.example.org\r\n" +
            bearing(token) + "\r\n");
    EXPECT_EQ(reply.status, 202U);
  });
}

TEST(AdminWithoutToken, AnswersToLoopbackNamesOnly) {
  Site site({.name = "proxy", .host_names = {"Admin.Internal"}});
  site.play([](Site& s) -> task<> {
    for (const char* host : {"localhost", "LOCALHOST:7480", "127.0.0.1:7480", "127.9.9.9",
                             "[::1]:7480", "[::1]", "admin.internal:1234"}) {
      const std::string asked = "GET /stats HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
      EXPECT_EQ((co_await exchange(s, asked)).status, 200U) << host;
    }
    for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                             "192.168.1.4:7480", "0.0.0.0", "[::1", "[::1]evil", "[::2]:7480",
                             "evil@localhost", "localhost:7480@evil.example"}) {
      const std::string asked = "GET /stats HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
      EXPECT_EQ((co_await exchange(s, asked)).status, 421U) << host;
    }
    // Health checks in HTTP/1.0 often have no Host; browsers never speak it.
    EXPECT_EQ((co_await exchange(s, "GET /readyz HTTP/1.0\r\n\r\n")).status, 503U);
  });
}

TEST(AdminWithoutToken, TakesTheHostOfAnAbsoluteTarget) {
  Site site(without_token());
  site.play([](Site& s) -> task<> {
    Reply reply = co_await exchange(
        s, "GET http://127.0.0.1:7480/livez HTTP/1.1\r\nHost: other.example\r\n\r\n");
    EXPECT_EQ(reply.status, 200U);
    for (const char* scheme : {"http", "HTTP", "Https"}) {
      reply = co_await exchange(s, "GET " + std::string(scheme) +
                                       "://evil.example/livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
      EXPECT_EQ(reply.status, 421U) << scheme;
    }
  });
}

TEST(AdminWithoutToken, NobodyChangesAnything) {
  Site site(without_token());
  site.admin.handle(Method::post, "/rotate", "", [](const Request&) {
    ADD_FAILURE() << "changed";
    return Response{};
  });
  site.lifecycle.advance(Phase::ready);
  site.play([](Site& s) -> task<> {
    for (const char* path : {"POST /drain", "POST /reload", "POST /rotate", "PUT /stats"}) {
      for (const std::string& fields :
           {std::string(), bearing(token), std::string("Origin: http://localhost:7480\r\n"),
            std::string("Sec-Fetch-Site: same-origin\r\n")}) {
        const Reply reply = co_await exchange(s, bare(path, fields));
        EXPECT_EQ(reply.status, 403U) << path << fields;
        EXPECT_NE(reply.body.find("--admin-token-file"), std::string::npos) << "what to do";
      }
    }
    EXPECT_EQ(s.lifecycle.phase(), Phase::ready);
    for (const char* path : {"GET /", "GET /stats", "GET /metrics", "GET /log", "HEAD /readyz"}) {
      const Reply reply =
          co_await exchange(s, bare(path), std::string_view(path).starts_with("HEAD"));
      EXPECT_EQ(reply.status, 200U) << path << ": to look is free";
    }
  });
}

TEST(AdminToken, IsNeededForChangesOnLoopbackToo) {
  Site site;
  site.lifecycle.advance(Phase::ready);
  site.play([](Site& s) -> task<> {
    EXPECT_EQ((co_await exchange(s, bare("POST /drain"))).status, 401U);
    EXPECT_EQ((co_await exchange(s, bare("POST /drain", bearing("wrong")))).status, 401U);
    EXPECT_EQ(s.lifecycle.phase(), Phase::ready);
    EXPECT_EQ((co_await exchange(s, bare("POST /drain", bearing(token)))).status, 202U);
  });
}

TEST(AdminAddress, OffLoopbackNeedsAToken) {
  Runtime runtime;
  net::TcpNetwork network(runtime);
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1"}) {
    const auto listener = listen(network, {host, 0}, {.name = "proxy"});
    ASSERT_FALSE(listener) << host;
    EXPECT_EQ(listener.error(), Error::token_required) << host;
    EXPECT_NE(listener.error().message().find("needs a token"), std::string::npos);
  }
  EXPECT_TRUE(listen(network, {"127.0.0.1", 0}, {.name = "proxy"}));
  EXPECT_TRUE(listen(network, {"0.0.0.0", 0}, with_token()));
}

TEST(AdminAddress, OffLoopbackNeedsATokenThatNobodyGuesses) {
  Runtime runtime;
  net::TcpNetwork network(runtime);
  for (const std::size_t size : {1, 15}) {
    const AdminOptions options{.name = "proxy", .token = Secret(size, 'x')};
    const auto listener = listen(network, {"0.0.0.0", 0}, options);
    ASSERT_FALSE(listener) << size;
    EXPECT_EQ(listener.error(), Error::token_too_short);
    EXPECT_NE(listener.error().message().find("openssl rand"), std::string::npos) << "what to do";
    EXPECT_TRUE(listen(network, {"127.0.0.1", 0}, options)) << size;
  }
  EXPECT_TRUE(listen(network, {"0.0.0.0", 0}, {.name = "proxy", .token = Secret(16, 'x')}));
}

TEST(AdminAddress, AnEmptyTokenIsNoToken) {
  Runtime runtime;
  net::TcpNetwork network(runtime);
  const auto listener = listen(network, {"127.0.0.1", 0}, {.name = "proxy", .token = Secret()});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error(), Error::token_empty);
}

TEST(AdminAddress, AListenerBoundElsewhereIsRefusedToo) {
  EXPECT_THROW(Site({.name = "proxy"}, "proxy"), std::invalid_argument);
  EXPECT_NO_THROW(Site(with_token(), "proxy"));
}

}  // namespace
}  // namespace babilu::admin
