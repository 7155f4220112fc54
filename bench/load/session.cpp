#include "bench/load/session.h"

#include <algorithm>
#include <utility>

namespace babilu::load {

namespace {

/// EchoRequest and EchoReply: field 1, 64 bytes.
constexpr std::size_t message_bytes = 2 + 64;
constexpr std::size_t request_bytes = header_bytes + message_bytes;
constexpr std::size_t marked_at = 2;
constexpr std::uint32_t patience_ms = 5000;

/// What all messages have in common; the first 8 bytes of the payload say whose it is.
using Message = std::array<char, message_bytes>;
constexpr Message blank_message = [] {
  Message message{};
  message.fill('x');
  message[0] = '\x0a';
  message[1] = 64;
  return message;
}();

Message message_for(std::uint32_t session, std::uint32_t stream) noexcept {
  Message message = blank_message;
  std::memcpy(message.data() + marked_at, &session, sizeof session);
  std::memcpy(message.data() + marked_at + sizeof session, &stream, sizeof stream);
  return message;
}

/// What is read goes here first; one thread, so all sessions share it.
std::span<std::uint8_t> read_buffer() {
  static std::array<std::uint8_t, 64 * 1024> buffer;
  return buffer;
}

}  // namespace

Session::Session(int port, const TlsClient* tls, std::uint32_t number)
    : transport_(port, tls), number_(number) {}

void Session::on_event(Replies& replies) {
  if (state_ == State::connecting) advance();
  if (!unwritten_.empty()) {
    const std::vector<std::uint8_t> bytes = std::exchange(unwritten_, {});
    write(bytes);
  }
  if (state_ == State::greeting || state_ == State::ready) receive(replies);
}

void Session::advance() {
  const auto state = transport_.advance();
  if (state == Transport::State::failed) state_ = State::failed;
  if (state != Transport::State::open) return;
  state_ = State::greeting;
  std::array<std::uint8_t, header_bytes + client_hello.size()> hello;
  put(hello.data(), {.kind = kind::hello}, client_hello);
  write(hello);
}

void Session::request(std::uint32_t count, Nanoseconds sent) {
  std::array<std::uint8_t, depth_limit * request_bytes> bytes;
  std::uint8_t* end_of_bytes = bytes.data();
  for (std::uint32_t i = 0; i < count; ++i) {
    const Message message = message_for(number_, next_stream_);
    end_of_bytes = put(end_of_bytes,
                       {.kind = kind::request,
                        .flags = end | retryable,
                        .method = echo_method,
                        .stream = next_stream_,
                        .value = patience_ms},
                       {message.data(), message.size()});
    pending(next_stream_) = {next_stream_, sent};
    next_stream_ += 2;
    ++unanswered_;
  }
  write(std::span(bytes.data(), end_of_bytes));
}

void Session::receive(Replies& replies) {
  const std::span<std::uint8_t> buffer = read_buffer();
  do {
    std::copy(unread_.begin(), unread_.end(), buffer.begin());
    const int count = transport_.read(buffer.subspan(unread_.size()));
    if (count < 0) state_ = State::failed;
    if (count <= 0) return;
    const std::size_t size = unread_.size() + static_cast<std::size_t>(count);
    const std::size_t parsed = parse(size, replies);
    unread_.assign(buffer.data() + parsed, buffer.data() + size);
  } while (state_ != State::failed && transport_.pending());
}

/// How many bytes were whole frames.
std::size_t Session::parse(std::size_t size, Replies& replies) {
  const std::uint8_t* bytes = read_buffer().data();
  std::size_t at = 0;
  while (size - at >= header_bytes && state_ != State::failed) {
    const Header header = header_at(bytes + at);
    if (header.size > read_buffer().size() - header_bytes) {
      state_ = State::failed;
      break;
    }
    if (size - at - header_bytes < header.size) break;
    on_frame(header, bytes + at + header_bytes, replies);
    at += header_bytes + header.size;
  }
  return at;
}

void Session::on_frame(const Header& header, const std::uint8_t* message, Replies& replies) {
  if (header.kind == kind::hello && state_ == State::greeting) {
    state_ = State::ready;
  } else if (header.kind == kind::ping) {
    std::array<std::uint8_t, header_bytes> pong;
    put(pong.data(), {.kind = kind::pong, .value = header.value}, {});
    write(pong);
  } else if (header.kind == kind::reply && state_ == State::ready) {
    Pending& asked = pending(header.stream);
    if (asked.stream != header.stream || header.stream == 0) {
      state_ = State::failed;
      return;
    }
    asked.stream = 0;
    --unanswered_;
    const Message expected = message_for(number_, header.stream);
    const bool good = header.value == 0 && header.flags == end && header.size == message_bytes &&
                      std::memcmp(message, expected.data(), message_bytes) == 0;
    replies.on_reply(asked.sent, good);
  } else {
    state_ = State::failed;
  }
}

void Session::write(std::span<const std::uint8_t> bytes) {
  if (!unwritten_.empty()) {
    unwritten_.insert(unwritten_.end(), bytes.begin(), bytes.end());
    return;
  }
  const int count = transport_.write(bytes);
  if (count < 0) {
    state_ = State::failed;
    return;
  }
  const auto rest = bytes.subspan(static_cast<std::size_t>(count));
  if (!rest.empty()) unwritten_.assign(rest.begin(), rest.end());
}

}  // namespace babilu::load
