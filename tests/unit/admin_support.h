#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "core/admin/admin.h"
#include "core/sim/world.h"

namespace babilu::admin {

using namespace std::chrono_literals;

inline constexpr std::string_view site_token = "a-token-of-some-length";

inline AdminOptions with_token() {
  return {
      .name = "proxy", .version = "1.2.3", .token = Secret(site_token.begin(), site_token.end())};
}

/// An endpoint on a host of a simulated world, and clients that speak raw HTTP to it.
struct Site {
  explicit Site(AdminOptions options = with_token(), const std::string& host = "localhost")
      : address{host, 7480},
        admin(world.runtime(), world.host(host).listen(address).value(), std::move(options),
              lifecycle, metrics, log) {}

  /// Runs a client's story, then ends the endpoint.
  template <class Story>
  void play(Story story) {
    bool done = false;
    world.run(run(story, done));
    EXPECT_TRUE(done);
  }

  template <class Story>
  task<> run(Story& story, bool& done) {
    Scope scope(world.runtime());
    scope.spawn("admin", admin.run());
    co_await story(*this);
    scope.cancel();
    co_await scope.join();
    done = true;
  }

  task<net::StreamPtr> connect(std::string from) {
    auto stream = co_await world.host(from).connect(address, no_deadline);
    EXPECT_TRUE(stream);
    co_return std::move(stream.value());
  }

  sim::World world{1};
  net::Address address;
  Lifecycle lifecycle;
  telemetry::Metrics metrics;
  telemetry::Log log{
      {.sinks = {telemetry::callback_sink(
           [this](telemetry::LogLevel, std::string_view line) { lines.emplace_back(line); })}}};
  std::vector<std::string> lines;
  Admin admin;
};

/// A response as a client understands it.
struct Reply {
  unsigned status = 0;  ///< 0: there was none
  std::string body;
  boost::beast::http::fields fields;
  bool keep_alive = false;

  std::string field(std::string_view name) const {
    return std::string(fields[boost::beast::string_view(name.data(), name.size())]);
  }
};

/// A client's end of one connection.
class Client {
 public:
  explicit Client(Site& site, std::string from = "client") : site_(site), from_(std::move(from)) {}

  task<> open() { stream_ = co_await site_.connect(from_); }
  task<> send(std::string_view bytes) {
    EXPECT_FALSE(co_await net::write_all(*stream_, bytes_of(bytes)));
  }
  void end() { stream_->shutdown(); }
  void drop() { stream_.reset(); }

  /// The next response, or status 0 when the connection ends first.
  task<Reply> receive(bool head_only = false) {
    namespace http = boost::beast::http;
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    parser.skip(head_only);
    while (!parser.is_done()) {
      boost::beast::error_code error;
      if (!input_.empty()) {
        input_.erase(0, parser.put({input_.data(), input_.size()}, error));
        if (parser.is_done()) break;
      }
      if (error && error != http::error::need_more) {
        ADD_FAILURE() << "malformed response: " << error.message();
        co_return Reply{};
      }
      if (!co_await read()) co_return Reply{};
    }
    Reply reply{parser.get().result_int(), parser.get().body(), parser.get(), parser.keep_alive()};
    co_return reply;
  }

  /// What else comes before the connection ends; nothing for a reset.
  task<std::optional<std::string>> rest() {
    while (co_await read()) {
    }
    if (end_ != boost::asio::error::eof) co_return std::nullopt;
    co_return std::exchange(input_, {});
  }

 private:
  task<bool> read() {
    for (;;) {
      std::uint8_t buffer[2048];
      const net::Transfer got = stream_->read_some(buffer);
      input_ += text_of({buffer, got.bytes});
      if (got.bytes != 0) co_return true;
      end_ = got.error;
      if (end_ != boost::asio::error::would_block) co_return false;
      end_ = co_await stream_->readable();
      if (end_) co_return false;
    }
  }

  Site& site_;
  const std::string from_;
  net::StreamPtr stream_;
  std::string input_;
  error_code end_;
};

/// One request on a connection of its own.
inline task<Reply> exchange(Site& site, std::string request, bool head_only = false) {
  Client client(site);
  co_await client.open();
  co_await client.send(request);
  Reply reply = co_await client.receive(head_only);
  co_return reply;
}

inline std::string bearing(std::string_view token) {
  return "Authorization: Bearer " + std::string(token) + "\r\n";
}

/// "GET /path" with the fields that follow, as a client on this machine sends it: without a token.
inline std::string bare(std::string_view method_and_path, std::string_view fields = {}) {
  return std::string(method_and_path) + " HTTP/1.1\r\nHost: localhost:7480\r\n" +
         std::string(fields) + "\r\n";
}

/// The same with the site's token.
inline std::string request(std::string_view method_and_path, std::string_view fields = {}) {
  return bare(method_and_path, bearing(site_token) + std::string(fields));
}

}  // namespace babilu::admin
