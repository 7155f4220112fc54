// HTTP itself: what comes in pieces, too large, too slow, or is no HTTP at all.
#include <fmt/format.h>

#include "core/admin/response_writer.h"
#include "tests/unit/admin_support.h"

namespace babilu::admin {
namespace {

TEST(AdminHttp, KeepsAConnectionForManyRequests) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    for (int i = 0; i < 5; ++i) {
      co_await client.send(request("GET /livez"));
      const Reply reply = co_await client.receive();
      EXPECT_EQ(reply.status, 200U);
      EXPECT_TRUE(reply.keep_alive);
    }
    co_await client.send(request("GET /livez", "Connection: close\r\n"));
    const Reply last = co_await client.receive();
    EXPECT_EQ(last.status, 200U);
    EXPECT_FALSE(last.keep_alive);
    EXPECT_EQ(co_await client.rest(), "");
  });
}

TEST(AdminHttp, KeepsGoingAfterErrorsThatAreNotOfTheFraming) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await client.send(request("GET /nowhere") + request("PUT /stats") + request("GET /livez"));
    EXPECT_EQ((co_await client.receive()).status, 404U);
    EXPECT_EQ((co_await client.receive()).status, 405U);
    EXPECT_EQ((co_await client.receive()).status, 200U);
  });
}

TEST(AdminHttp, AnswersPipelinedRequestsInOrder) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    std::string all;
    for (int i = 0; i < 50; ++i) {
      all += request("GET /livez") + request("HEAD /readyz") +
             request("POST /nowhere", "Content-Length: 0\r\n");
    }
    co_await client.send(all);
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ((co_await client.receive()).status, 200U);
      EXPECT_EQ((co_await client.receive(true)).status, 503U);
      EXPECT_EQ((co_await client.receive()).status, 404U);
    }
  });
}

TEST(AdminHttp, TakesARequestByteByByte) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    for (const char byte : request("POST /drain", "Content-Length: 3\r\n") + "abc") {
      co_await client.send({&byte, 1});
      co_await s.world.runtime().sleep_for(10ms);
    }
    EXPECT_EQ((co_await client.receive()).status, 202U);
  });
}

TEST(AdminHttp, TakesChunkedBodies) {
  Site site;
  site.admin.handle(Method::post, "/echo", "",
                    [](const Request& asked) { return Response{.body = std::string(asked.body)}; });
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await client.send(request("POST /echo", "Transfer-Encoding: chunked\r\n") +
                         "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n" +
                         request("GET /livez"));
    EXPECT_EQ((co_await client.receive()).body, "abcde");
    EXPECT_EQ((co_await client.receive()).body, "ok\n");
  });
}

TEST(AdminHttp, SpeaksHttp10) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await client.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const Reply kept = co_await client.receive();
    EXPECT_EQ(kept.status, 200U);
    EXPECT_TRUE(kept.keep_alive);
    co_await client.send("GET /livez HTTP/1.0\r\n\r\n");
    EXPECT_FALSE((co_await client.receive()).keep_alive);
    EXPECT_EQ(co_await client.rest(), "");
  });
}

TEST(AdminHttp, AnswersAClientThatHasEndedItsSide) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await client.send(request("GET /livez"));
    client.end();
    EXPECT_EQ((co_await client.receive()).status, 200U);
    EXPECT_EQ(co_await client.rest(), "");
  });
}

/// RFC 9112 §2.2: some clients send one after a body.
TEST(AdminHttp, TakesEmptyLinesBeforeARequest) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await client.send("\r\n" + request("GET /livez") + "\r\n\r\n" + request("GET /livez"));
    EXPECT_EQ((co_await client.receive()).status, 200U);
    EXPECT_EQ((co_await client.receive()).status, 200U);
    for (const char byte : "\r\n" + request("GET /livez")) {
      co_await client.send({&byte, 1});
      co_await s.world.runtime().sleep_for(1ms);
    }
    EXPECT_EQ((co_await client.receive()).status, 200U);
    // Nothing has begun by one: it is no slow header.
    co_await client.send("\r\n");
    co_await s.world.runtime().sleep_for(20s);
    co_await client.send(request("GET /livez"));
    EXPECT_EQ((co_await client.receive()).status, 200U);
    co_await client.send("\r\n\r");
    client.end();
    EXPECT_EQ(co_await client.rest(), "");
  });
}

TEST(AdminHttp, EmptyLinesAreNoWayToStay) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    std::string lines;
    for (int i = 0; i < 10'000; ++i) lines += "\r\n";
    const auto begun = s.world.runtime().now();
    co_await client.send(lines);
    EXPECT_EQ((co_await client.rest()).value_or(""), "");
    EXPECT_LT(s.world.runtime().now() - begun, 1s);
  });
}

TEST(AdminHttp, TakesAbsoluteTargetsWithASchemeOfAnyCase) {
  Site site;
  site.admin.handle(Method::get, "/query", "", [](const Request& asked) {
    return Response{.body = std::string(asked.path) + "|" + std::string(asked.query)};
  });
  site.play([](Site& s) -> task<> {
    for (const char* target : {"http://localhost/query?a=b", "HTTP://localhost/query?a=b",
                               "hTTpS://localhost:7480/query?a=b"}) {
      const Reply reply = co_await exchange(s, request("GET " + std::string(target)));
      EXPECT_EQ(reply.body, "/query|a=b") << target;
    }
    for (const char* target : {"HTTP://localhost", "http://localhost?x=/y"}) {
      const Reply reply = co_await exchange(s, request("GET " + std::string(target)));
      EXPECT_EQ(reply.field("Content-Type"), "text/html; charset=utf-8") << target;
    }
    EXPECT_EQ((co_await exchange(s, request("GET ftp://localhost/query"))).status, 400U);
  });
}

TEST(AdminHttp, DecodesPercentSigns) {
  EXPECT_EQ(percent_decoded("127.0.0.1%3A7401"), "127.0.0.1:7401");
  EXPECT_EQ(percent_decoded("%5b%3A%3a1%5D:7401"), "[::1]:7401");
  EXPECT_EQ(percent_decoded("%2525"), "%25");
  EXPECT_EQ(percent_decoded(""), "");
  for (const char* cut : {"%", "%3", "a%", "%zz", "%3z", "% 3", "%-1", "%+1"}) {
    EXPECT_EQ(percent_decoded(cut), std::nullopt) << cut;
  }
}

TEST(AdminHttp, SaysContinueWhenItIsWaitedFor) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    const std::string expects = "Expect: 100-continue\r\nContent-Length: 3\r\n";
    co_await client.send(request("POST /drain", expects));
    EXPECT_EQ((co_await client.receive()).status, 100U);
    co_await client.send("abc");
    EXPECT_EQ((co_await client.receive()).status, 202U);
    co_await client.send(request("POST /nowhere", expects));
    EXPECT_EQ((co_await client.receive()).status, 404U) << "the body is not wanted";
  });
}

struct Bad {
  const char* what;
  std::string bytes;
  unsigned status;
};

/// Sends what is bad on one connection, while another one lives on.
task<> send_bad(Site& s, Bad bad) {
  Client bystander(s);
  co_await bystander.open();
  Client client(s);
  co_await client.open();
  co_await client.send(bad.bytes);
  const Reply reply = co_await client.receive();
  EXPECT_EQ(reply.status, bad.status) << bad.what;
  EXPECT_FALSE(reply.body.empty()) << bad.what << ": no explanation";
  EXPECT_FALSE(reply.keep_alive) << bad.what;
  EXPECT_EQ(co_await client.rest(), "") << bad.what << ": not closed in order";
  co_await bystander.send(request("GET /livez"));
  EXPECT_EQ((co_await bystander.receive()).status, 200U) << bad.what;
}

const Bad bad_requests[] = {
    {"words", "hello there, endpoint\r\n\r\n", 505},
    {"random bytes", std::string("\x8f\x00\xff\x13\r\n\r\n", 8), 400},
    {"a TLS ClientHello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
    {"a frame of our own", std::string(24, '\0'), 400},
    {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: localhost\r\n\r\n", 505},
    {"HTTP/0.9", "GET /livez\r\n\r\n", 400},
    {"no version", "GET /livez \r\nHost: localhost\r\n\r\n", 505},
    {"an empty method", " /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"no target", "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"a relative target", "GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"a star", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"an authority", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"NUL in the target", std::string("GET /li\0vez HTTP/1.1\r\nHost: a\r\n\r\n", 33), 400},
    {"no host", "GET /livez HTTP/1.1\r\n\r\n", 400},
    {"two hosts", request("GET /livez", "Host: localhost\r\n"), 400},
    {"a field without colon", request("GET /livez", "Accept\r\n"), 400},
    {"a space before the colon", request("GET /livez", "Accept : a\r\n"), 400},
    {"NUL in a field", request("GET /livez", std::string("Accept: a\0b\r\n", 13)), 400},
    {"bare line feeds", "GET /livez HTTP/1.1\nHost: localhost\n\n", 505},
    {"a negative length", request("POST /drain", "Content-Length: -1\r\n"), 400},
    {"a length in words", request("POST /drain", "Content-Length: three\r\n"), 400},
    {"a length past 2^64", request("POST /drain", "Content-Length: 99999999999999999999\r\n"), 400},
    {"two lengths", request("POST /drain", "Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
    {"length and chunks",
     request("POST /drain", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"chunks and length",
     request("POST /drain", "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400},
    {"two encodings",
     request("POST /drain", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"chunks in HTTP/1.0",
     "POST /drain HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"another encoding", request("POST /drain", "Transfer-Encoding: gzip\r\n"), 501},
    {"an encoding before chunked", request("POST /drain", "Transfer-Encoding: gzip, chunked\r\n"),
     501},
    {"a bad chunk", request("POST /drain", "Transfer-Encoding: chunked\r\n") + "zz\r\n", 400},
    {"a chunk past 2^64",
     request("POST /drain", "Transfer-Encoding: chunked\r\n") + "fffffffffffffffff\r\n", 400},
    {"a chunk that is longer than it says",
     request("POST /drain", "Transfer-Encoding: chunked\r\n") + "1\r\nab\r\n", 400},
    {"an endless chunk header",
     request("POST /drain", "Transfer-Encoding: chunked\r\n") + "1;" + std::string(20'000, 'x'),
     400},
    {"an announced body too large", request("POST /drain", "Content-Length: 65537\r\n"), 413},
    {"a chunked body too large",
     request("POST /drain", "Transfer-Encoding: chunked\r\n") + "8000\r\n" +
         std::string(0x8000, 'x') + "\r\n8001\r\n" + std::string(0x8001, 'x') + "\r\n0\r\n\r\n",
     413},
    {"a request line too long", "GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\n", 414},
    {"a method too long", std::string(9'000, 'X'), 414},
    {"a field too large", request("GET /livez", "Cookie: " + std::string(9'000, 'x') + "\r\n"),
     431},
    {"a name too long", request("GET /livez", std::string(9'000, 'x') + ": a\r\n"), 431},
    {"a header that is much too large",
     request("GET /livez", "Cookie: " + std::string(200'000, 'x') + "\r\n"), 431},
};

class AdminBadRequest : public testing::TestWithParam<Bad> {};

TEST_P(AdminBadRequest, GetsAClearAnswerAndEndsItsOwnConnectionOnly) {
  Site site;
  site.play([bad = GetParam()](Site& s) { return send_bad(s, bad); });
}

INSTANTIATE_TEST_SUITE_P(All, AdminBadRequest, testing::ValuesIn(bad_requests),
                         [](const auto& info) {
                           std::string name = info.param.what;
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

TEST(AdminHttp, ManyFieldsAreBoundedByTheirSum) {
  Site site;
  site.play([](Site& s) -> task<> {
    std::string fields;
    for (int i = 0; i < 1'000; ++i) fields += fmt::format("X-{}: {}\r\n", i, i);
    co_await send_bad(s, {"many fields", request("GET /livez", fields), 431});
  });
}

TEST(AdminHttp, TakesTheLargestThatIsAllowed) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    const std::string padding =
        "Cookie: " + std::string(8 * 1024 - request("GET /livez").size() - 10, 'x') + "\r\n";
    const std::string largest_head = request("GET /livez", padding);
    EXPECT_EQ(largest_head.size(), 8U * 1024);
    co_await client.send(largest_head);
    EXPECT_EQ((co_await client.receive()).status, 200U);
    co_await client.send(request("POST /drain", "Content-Length: 65536\r\n") +
                         std::string(65536, 'x'));
    EXPECT_EQ((co_await client.receive()).status, 202U);
  });
}

TEST(AdminHttp, ARequestCutShortIsSaidSo) {
  Site site;
  site.play([](Site& s) -> task<> {
    for (const std::string& part :
         {std::string("GET /li"), request("POST /drain", "Content-Length: 5\r\n") + "ab"}) {
      Client client(s);
      co_await client.open();
      co_await client.send(part);
      client.end();
      const Reply reply = co_await client.receive();
      EXPECT_EQ(reply.status, 400U);
      EXPECT_EQ(reply.body, "the request ended early\n");
    }
    EXPECT_EQ(s.lifecycle.phase(), Phase::starting);
  });
}

TEST(AdminHttp, FormatsDates) {
  using namespace std::chrono;
  EXPECT_EQ(http_date(sys_days(1994y / November / 6) + 8h + 49min + 37s + 999ms),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace babilu::admin
