#include <algorithm>
#include <array>
#include <cassert>
#include <tuple>
#include <utility>

#include <boost/asio/error.hpp>

#include "core/tls/tls_stream.h"

namespace babilu::tls {

namespace asio_error = boost::asio::error;

namespace {

constexpr std::size_t max_write = 64 * 1024;
constexpr std::size_t max_read = 64 * 1024;
constexpr std::size_t min_read = 2 * 1024;
constexpr std::size_t room_for_overhead = 512;
constexpr std::size_t binding_bytes = 32;

/// Ciphertext on its way from the layer below to Botan. Not runtime.scratch(): the caller may be
/// reading into that. One for each thread, never in use across a wait.
MutableByteView ciphertext_buffer() {
  static thread_local std::array<std::uint8_t, max_read> buffer;
  return buffer;
}

task<error_code> at_once() {
  co_return error_code();
}

}  // namespace

TlsStream::TlsStream(Runtime& runtime, net::StreamPtr lower, const ChannelOptions& options)
    : runtime_(runtime), lower_(std::move(lower)), channel_(runtime, options) {}

TlsStream::~TlsStream() {
  TlsStream::close();
}

net::Transfer TlsStream::read_some(MutableByteView buffer) {
  if (closed_) return {0, asio_error::bad_descriptor};
  if (buffer.empty()) return {};
  if (channel_.has_kept()) return {channel_.take_kept(buffer), {}};
  for (;;) {
    if (const error_code why = ended()) return {0, why};
    const net::Transfer got = pull(buffer);
    if (got.bytes != 0 || got.error) return got;
  }
}

net::Transfer TlsStream::pull(MutableByteView into) {
  const std::size_t size = std::clamp(into.size() + room_for_overhead, min_read, max_read);
  const MutableByteView buffer = ciphertext_buffer().first(size);
  const net::Transfer got = lower_->read_some(buffer);
  if (got.error == asio_error::eof) {
    lower_ended_ = true;
    return {0, ended()};
  }
  if (got.error) return {0, got.error};
  const std::size_t plaintext = channel_.receive(buffer.first(got.bytes), into);
  if (channel_.failure()) std::ignore = push();  // the alert that says so
  return {plaintext, {}};
}

error_code TlsStream::ended() const noexcept {
  if (channel_.failure()) return channel_.failure();
  if (channel_.peer_closed()) return asio_error::eof;
  if (!lower_ended_) return {};
  return channel_.handshake_complete() ? Error::truncated : Error::closed_in_handshake;
}

task<error_code> TlsStream::readable(Deadline deadline) {
  send_waiting_ticket();
  return readable_at_once() ? at_once() : lower_->readable(deadline);
}

bool TlsStream::when_readable(Waiter& waiter) {
  send_waiting_ticket();
  return readable_at_once() || lower_->when_readable(waiter);
}

/// Nothing is written: so it goes alone.
void TlsStream::send_waiting_ticket() noexcept {
  if (std::exchange(ticket_waits_, false)) std::ignore = push();
}

net::Transfer TlsStream::write_some(ByteView bytes) {
  if (closed_) return {0, asio_error::bad_descriptor};
  if (shut_) return {0, asio_error::broken_pipe};
  if (channel_.failure()) return {0, channel_.failure()};
  if (!std::exchange(ticket_waits_, false) || bytes.empty()) {
    if (const error_code blocked = push()) return {0, blocked};
  }
  if (bytes.empty()) return {};
  const std::size_t taken = std::min(bytes.size(), max_write);
  channel_.send(bytes.first(taken));
  if (channel_.failure()) return {0, channel_.failure()};
  std::ignore = push();  // an error of the layer below comes back with the next call
  return {taken, {}};
}

task<error_code> TlsStream::writable(Deadline deadline) {
  const error_code error = co_await push_all(deadline);
  if (error) co_return error;
  if (shut_) lower_->shutdown();
  co_return channel_.failure();
}

error_code TlsStream::push() noexcept {
  Buffer& out = channel_.outgoing();
  while (pushed_ < out.size()) {
    const net::Transfer sent = lower_->write_some(ByteView(out).subspan(pushed_));
    pushed_ += sent.bytes;
    assert(pushed_ <= out.size());
    if (sent.error) return sent.error;
  }
  out = {};  // an idle connection holds no buffer
  pushed_ = 0;
  return {};
}

task<error_code> TlsStream::push_all(Deadline deadline) {
  for (;;) {
    error_code error = push();
    if (error != asio_error::would_block) co_return error;
    error = co_await lower_->writable(deadline);
    if (error) co_return error;
  }
}

bool TlsStream::unsent() const noexcept {
  return channel_.has_outgoing();
}

void TlsStream::shutdown() noexcept {
  if (shut_ || closed_) return;
  shut_ = true;
  channel_.send_close();
  if (!push()) lower_->shutdown();  // or else writable() does, after what is kept
}

void TlsStream::close() noexcept {
  if (closed_) return;
  if (!shut_) channel_.send_close();
  std::ignore = push();
  closed_ = true;
  lower_->close();
}

Secret TlsStream::channel_binding(std::string_view label) const {
  return channel_.export_secret(label, binding_bytes);
}

}  // namespace babilu::tls
