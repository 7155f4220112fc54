#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/net/memory.h"
#include "core/rpc/status.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/sim/world.h"
#include "core/wire/envelope.pb.h"
#include "core/wire/reader.h"

/// What the tests of connections, sessions and channels share.
namespace babilu::rpc::testing {

/// A frame that came.
struct Arrived {
  wire::Header header;
  std::string meta;
  std::string message;
  Clock::time_point when;

  Status status() const { return decode_detail(code_from_wire(header.value), bytes_of(message)); }
  wire::StatusDetail detail() const {
    wire::StatusDetail parsed;
    EXPECT_TRUE(parsed.ParseFromString(message));
    return parsed;
  }
  wire::Metadata metadata() const {
    wire::Metadata parsed;
    EXPECT_TRUE(parsed.ParseFromString(meta));
    return parsed;
  }
};

/// The other end of a connection, in the test's hands: sends what it is told to, whether that makes
/// sense or not, and notes every frame that comes. close() before the end.
class RawEnd {
 public:
  RawEnd(Runtime& runtime, net::StreamPtr stream)
      : runtime_(runtime), stream_(std::move(stream)), scope_(runtime), changed_(runtime) {
    scope_.spawn("raw end", read());
  }

  void send_bytes(ByteView bytes) {
    const net::Transfer sent = stream_->write_some(bytes);
    EXPECT_EQ(sent.bytes, bytes.size());
  }
  void send(const wire::Header& header, std::string_view payload = {}, std::string_view hop = {}) {
    Buffer out;
    wire::append(out, header, bytes_of(hop), bytes_of(payload));
    send_bytes(out);
  }
  static std::string hello_text(wire::Hello hello = {}) {
    hello.set_version_min(1);
    hello.set_version_max(1);
    return hello.SerializeAsString();
  }
  void hello(wire::Hello hello = {}) {
    send({.kind = wire::Kind::hello}, hello_text(std::move(hello)));
  }
  void request(std::uint32_t stream, std::string_view message = {}, wire::Metadata metadata = {},
               wire::Header head = {.flags = wire::flags::end, .method = 0x0101}) {
    const std::string meta = metadata.SerializeAsString();
    head.kind = wire::Kind::request;
    head.stream = stream;
    head.meta = static_cast<std::uint16_t>(meta.size());
    send(head, meta + std::string(message));
  }
  void reply(std::uint32_t stream, std::string_view message = {}) {
    send({.kind = wire::Kind::reply, .flags = wire::flags::end, .stream = stream}, message);
  }
  void refuse(std::uint32_t stream, const Status& status, bool unstarted = false) {
    const std::uint8_t flag = unstarted ? wire::flags::unstarted : std::uint8_t{0};
    send({.kind = wire::Kind::reply,
          .flags = static_cast<std::uint8_t>(wire::flags::end | flag),
          .stream = stream,
          .value = static_cast<std::uint32_t>(status.code)},
         text_of(encode_detail(status)));
  }
  void goaway(const Status& why = {}, std::uint32_t last = 0) {
    wire::StatusDetail detail;
    detail.set_code(static_cast<std::uint32_t>(why.code));
    detail.set_reason(why.reason);
    send({.kind = wire::Kind::goaway, .value = last}, detail.SerializeAsString());
  }

  /// A deaf one takes nothing that comes.
  void be_deaf(bool deaf = true) {
    deaf_ = deaf;
    changed_.notify_all();
  }

  std::vector<Arrived> of(wire::Kind kind) const {
    std::vector<Arrived> found;
    std::ranges::copy_if(frames, std::back_inserter(found),
                         [&](const Arrived& frame) { return frame.header.kind == kind; });
    return found;
  }
  /// Waits for the `count`-th frame of a kind, a minute at most; fails the test when none comes.
  task<Arrived> next(wire::Kind kind, std::size_t count = 1) {
    const Deadline deadline = runtime_.now() + std::chrono::minutes(1);
    while (of(kind).size() < count && !ended) {
      const bool notified = co_await changed_.wait(deadline);
      if (!notified) break;
    }
    const auto found = of(kind);
    EXPECT_GE(found.size(), count) << wire::to_string(kind);
    co_return found.size() < count ? Arrived{} : found[count - 1];
  }

  net::Stream& stream() { return *stream_; }
  task<> close() {
    stream_->close();
    be_deaf(false);
    co_await scope_.join();
  }

  bool answers_pings = false;
  std::vector<Arrived> frames;
  std::optional<error_code> ended;

 private:
  task<> read();

  Runtime& runtime_;
  net::StreamPtr stream_;
  Scope scope_;
  Condition changed_;
  wire::FrameReader reader_{1 << 24};
  bool deaf_ = false;
  std::size_t answered_ = 0;  ///< frames that were looked at for pings
};

inline task<> RawEnd::read() {
  std::uint8_t buffer[4096];
  for (;;) {
    error_code error = co_await stream_->readable();
    while (deaf_) co_await changed_.wait();
    net::Transfer got;
    if (!error) {
      got = stream_->read_some(buffer);
      if (got.error != boost::asio::error::would_block) error = got.error;
    }
    const auto broken =
        reader_.consume(ByteView(buffer).first(got.bytes), [&](const wire::Frame& frame) {
          frames.push_back({frame.header, std::string(text_of(frame.meta())),
                            std::string(text_of(frame.message())), runtime_.now()});
          return true;
        });
    EXPECT_EQ(broken, wire::FrameError::none);
    for (; answered_ < frames.size(); ++answered_) {
      const bool ping = frames[answered_].header.kind == wire::Kind::ping;
      if (ping && answers_pings && !error) send({.kind = wire::Kind::pong});
    }
    if (error) ended = error;
    changed_.notify_all();
    if (error) co_return;
  }
}

/// A stream whose other end has proved a role.
class ProvedStream final : public net::Stream {
 public:
  ProvedStream(net::StreamPtr below, std::string role)
      : below_(std::move(below)), role_(std::move(role)) {}
  net::Transfer read_some(MutableByteView buffer) override { return below_->read_some(buffer); }
  net::Transfer write_some(ByteView bytes) override { return below_->write_some(bytes); }
  task<error_code> readable(Deadline deadline) override { return below_->readable(deadline); }
  bool when_readable(Waiter& waiter) override { return below_->when_readable(waiter); }
  task<error_code> writable(Deadline deadline) override { return below_->writable(deadline); }
  void shutdown() noexcept override { below_->shutdown(); }
  void close() noexcept override { below_->close(); }
  const net::Address& remote() const noexcept override { return below_->remote(); }
  net::PeerIdentity peer() const override { return {role_}; }

 private:
  net::StreamPtr below_;
  std::string role_;
};

}  // namespace babilu::rpc::testing
