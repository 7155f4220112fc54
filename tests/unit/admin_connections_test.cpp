// How long and how many: deadlines, the bound on connections, cancellation.
#include <list>

#include "tests/unit/admin_support.h"

namespace babilu::admin {
namespace {

Clock::time_point now(Site& s) {
  return s.world.runtime().now();
}

TEST(AdminDeadlines, ASlowHeaderIsGivenUp) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    const auto begun = now(s);
    for (const char byte : std::string_view("GET ")) {
      co_await client.send({&byte, 1});
      co_await s.world.runtime().sleep_for(1s);
    }
    const Reply reply = co_await client.receive();
    EXPECT_EQ(reply.status, 408U);
    EXPECT_NEAR(std::chrono::duration<double>(now(s) - begun).count(), 5, 0.1);
    EXPECT_EQ(co_await client.rest(), "");
  });
}

TEST(AdminDeadlines, ASlowBodyIsGivenUp) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    const auto begun = now(s);
    co_await client.send(request("POST /drain", "Content-Length: 5\r\n") + "ab");
    EXPECT_EQ((co_await client.receive()).status, 408U);
    EXPECT_NEAR(std::chrono::duration<double>(now(s) - begun).count(), 10, 0.1);
    EXPECT_EQ(s.lifecycle.phase(), Phase::starting);
  });
}

TEST(AdminDeadlines, AnIdleConnectionEndsInSilence) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await s.world.runtime().sleep_for(20s);
    co_await client.send(request("GET /livez"));
    EXPECT_EQ((co_await client.receive()).status, 200U);
    const auto begun = now(s);
    EXPECT_EQ(co_await client.rest(), "");
    EXPECT_NEAR(std::chrono::duration<double>(now(s) - begun).count(), 30, 0.1);
  });
}

TEST(AdminDeadlines, AClientThatReadsNothingIsDropped) {
  Site site;
  site.admin.handle(Method::get, "/large", "",
                    [](const Request&) { return Response{.body = std::string(1024 * 1024, 'x')}; });
  site.play([](Site& s) -> task<> {
    const auto open = [&s]() -> std::int64_t {
      return s.metrics.gauge("babilu_admin_open_connections", "Connections to the admin endpoint")
          .value();
    };
    Client client(s);
    co_await client.open();
    co_await client.send(request("GET /large"));
    co_await s.world.runtime().sleep_for(9s);
    EXPECT_EQ(open(), 1);
    co_await s.world.runtime().sleep_for(2s);
    EXPECT_EQ(open(), 0);
  });
}

TEST(AdminDeadlines, AClientThatDoesNotCloseDoesNotHoldTheConnection) {
  Site site;
  site.play([](Site& s) -> task<> {
    Client client(s);
    co_await client.open();
    co_await client.send(request("GET /livez", "Connection: close\r\n"));
    EXPECT_EQ((co_await client.receive()).status, 200U);
    co_await s.world.runtime().sleep_for(3s);
    EXPECT_EQ(s.metrics.gauge("babilu_admin_open_connections", "Connections to the admin endpoint")
                  .value(),
              0);
  });
}

AdminOptions three_connections() {
  AdminOptions options = with_token();
  options.limits.connections = 3;
  return options;
}

task<> open_all(Site& s, std::list<Client>& clients, std::size_t count, std::string_view send,
                std::string from = "client") {
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(s, from);
    co_await clients.back().open();
    if (!send.empty()) co_await clients.back().send(send);
    co_await s.world.runtime().sleep_for(10ms);
  }
}

std::uint64_t gave_way(Site& s) {
  return s.metrics
      .counter("babilu_admin_connections_closed_total",
               "Connections to the admin endpoint that gave way to others")
      .value();
}

/// Half a request, in each of the places where one can be left.
const std::string halves[] = {"", "G", "GET /li",
                              request("POST /drain", "Content-Length: 9\r\n") + "a"};

task<> half_requests(Site& s, const std::string& half) {
  std::list<Client> slow;
  co_await open_all(s, slow, 3, half);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ((co_await exchange(s, request("GET /livez"))).status, 200U) << half;
    co_await s.world.runtime().sleep_for(10ms);
  }
  EXPECT_EQ(co_await slow.front().rest(), "") << half;
  EXPECT_EQ(gave_way(s), 1U) << half << ": the probe has gone by itself";
}

TEST(AdminConnections, HalfRequestsGiveWayOldestFirst) {
  for (const std::string& half : halves) {
    Site site(three_connections());
    site.play([&half](Site& s) { return half_requests(s, half); });
  }
}

TEST(AdminConnections, NobodyTakesThePlacesOfAnotherAddress) {
  Site site(three_connections());
  site.play([](Site& s) -> task<> {
    std::list<Client> others;
    co_await open_all(s, others, 1, "GET /li", "scraper");
    std::list<Client> flood;
    co_await open_all(s, flood, 20, "GET /li", "attacker");
    co_await others.front().send("vez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ((co_await others.front().receive()).status, 200U) << "the oldest of all";
    EXPECT_EQ(gave_way(s), 18U);
  });
}

TEST(AdminConnections, ThoseThatDoNotReadGiveWayToo) {
  Site site(three_connections());
  site.admin.handle(Method::get, "/large", "",
                    [](const Request&) { return Response{.body = std::string(1024 * 1024, 'x')}; });
  site.play([](Site& s) -> task<> {
    std::list<Client> deaf;
    co_await open_all(s, deaf, 3, request("GET /large"));
    EXPECT_EQ((co_await exchange(s, request("GET /livez"))).status, 200U);
  });
}

TEST(AdminConnections, IdleOnesMakeRoomOldestFirst) {
  Site site(three_connections());
  site.play([](Site& s) -> task<> {
    std::list<Client> clients;
    co_await open_all(s, clients, 3, "");
    co_await clients.front().send(request("GET /livez"));
    EXPECT_EQ((co_await clients.front().receive()).status, 200U);

    EXPECT_EQ((co_await exchange(s, request("GET /livez"))).status, 200U);
    auto second = std::next(clients.begin());
    EXPECT_EQ(co_await second->rest(), "") << "the one that was idle for longest";
    co_await clients.front().send(request("GET /livez"));
    EXPECT_EQ((co_await clients.front().receive()).status, 200U);
    co_await clients.back().send(request("GET /livez"));
    EXPECT_EQ((co_await clients.back().receive()).status, 200U);
  });
}

TEST(AdminConnections, AFloodOfThemIsSurvived) {
  Site site(three_connections());
  site.play([](Site& s) -> task<> {
    std::list<Client> flood;
    co_await open_all(s, flood, 3, "G");
    co_await open_all(s, flood, 200, "");
    for (Client& client : flood) client.drop();
    co_await s.world.runtime().sleep_for(1s);
    EXPECT_EQ((co_await exchange(s, request("GET /livez"))).status, 200U);
  });
}

task<> leave_open(Site& s, std::list<Client>& left) {
  co_await open_all(s, left, 2, "");
  co_await open_all(s, left, 2, "GET /");
}

TEST(AdminConnections, ACancelledEndpointEndsThemAll) {
  Site site;
  std::list<Client> left;  // idle, and in the middle of a request; play() must end all the same
  site.play([&left](Site& s) { return leave_open(s, left); });
  EXPECT_EQ(left.size(), 4U);
}

TEST(AdminConnections, ABrokenOneIsForgotten) {
  Site site;
  site.play([](Site& s) -> task<> {
    std::list<Client> clients;
    co_await open_all(s, clients, 3, "GET /li");
    s.world.cut("client", "localhost");
    co_await s.world.runtime().sleep_for(1s);
    EXPECT_EQ(s.metrics.gauge("babilu_admin_open_connections", "Connections to the admin endpoint")
                  .value(),
              0);
    EXPECT_EQ((co_await exchange(s, request("GET /livez"))).status, 200U);
  });
}

}  // namespace
}  // namespace babilu::admin
