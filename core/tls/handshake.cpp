#include <algorithm>
#include <array>

#include <boost/asio/error.hpp>

#include "core/tls/bound_later.h"
#include "core/tls/names.h"
#include "core/tls/sniff.h"
#include "core/tls/tls_stream.h"

namespace babilu::tls {

namespace asio_error = boost::asio::error;
using namespace std::chrono_literals;

namespace {

constexpr Clock::duration max_parting = 1s;
constexpr std::size_t max_discarded = 64 * 1024;

constexpr std::string_view http_answer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 94\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks babilu/1 over TLS, not HTTP. The admin endpoint listens on a port of its "
    "own.";

task<Result<net::StreamPtr>> establish(Runtime& runtime, net::StreamPtr lower,
                                       ChannelOptions options, Deadline deadline) {
  auto stream = std::make_unique<TlsStream>(runtime, std::move(lower), options);
  const error_code error = co_await stream->handshake(deadline);
  if (error) co_return error;
  co_return net::StreamPtr(std::move(stream));
}

}  // namespace

task<error_code> TlsStream::handshake(Deadline deadline) {
  error_code error = channel_.failure();
  if (!error) error = co_await greet(deadline);
  if (!error) error = co_await negotiate(deadline);
  if (error == asio_error::timed_out) error = Error::handshake_timed_out;
  if (error) co_await part(error, deadline);
  co_return error;
}

/// Looks at the first bytes before Botan does: it can only say that they are not TLS.
task<error_code> TlsStream::greet(Deadline deadline) {
  std::array<std::uint8_t, sniff_bytes> first;
  std::size_t have = 0;
  std::optional<error_code> verdict;
  while (!verdict) {
    error_code error = co_await push_all(deadline);
    if (error) co_return error;
    const net::Transfer got = lower_->read_some(MutableByteView(first).subspan(have));
    have += got.bytes;
    verdict = sniff(ByteView(first).first(have));
    if (verdict || got.bytes != 0) continue;
    if (got.error == asio_error::eof) co_return error_code(Error::closed_in_handshake);
    if (got.error != asio_error::would_block) co_return got.error;
    error = co_await lower_->readable(deadline);
    if (error) co_return error;
  }
  if (!*verdict) channel_.receive(ByteView(first).first(have), {});
  co_return *verdict;
}

task<error_code> TlsStream::negotiate(Deadline deadline) {
  for (;;) {
    if (channel_.failure()) co_return channel_.failure();
    // A listener's last word is the client's; only a ticket may be left to send.
    ticket_waits_ = channel_.handshake_complete() && !channel_.is_dialer();
    if (ticket_waits_) co_return error_code();
    error_code error = co_await push_all(deadline);
    if (error || channel_.handshake_complete()) co_return error;
    const net::Transfer got = pull({});
    if (!got.error) continue;
    if (got.error != asio_error::would_block) co_return got.error;
    error = co_await lower_->readable(deadline);
    if (error) co_return error;
  }
}

/// Lets the other side read why. If we closed with bytes of its unread, the network would drop the
/// alert; so we end our direction first, and wait a little for its end.
task<> TlsStream::part(error_code why, Deadline deadline) {
  const bool theirs = why.category() != error_category() || channel_.peer_failed() ||
                      why == Error::closed_in_handshake;
  if (theirs || why == Error::handshake_timed_out) co_return;
  if (why == Error::http && !channel_.is_dialer()) {
    channel_.outgoing().clear();
    channel_.outgoing().append(bytes_of(http_answer));
  } else if (!channel_.failure()) {
    channel_.send_refusal();
  }
  deadline = std::min(deadline, runtime_.now() + max_parting);
  error_code error = co_await push_all(deadline);
  lower_->shutdown();
  std::array<std::uint8_t, 512> discarded;
  for (std::size_t count = 0; !error && count < max_discarded;) {
    const net::Transfer got = lower_->read_some(discarded);
    count += got.bytes;
    error = got.error;
    if (error == asio_error::would_block) error = co_await lower_->readable(deadline);
  }
}

task<Result<net::StreamPtr>> accept(Runtime& runtime, net::StreamPtr lower, ContextPtr context,
                                    std::string client_role, Deadline deadline) {
  auto sessions = make_listener_sessions(runtime, *context);
  return accept(runtime, std::move(lower), std::move(context), std::move(client_role),
                std::move(sessions), deadline);
}

task<Result<net::StreamPtr>> accept(Runtime& runtime, net::StreamPtr lower, ContextPtr context,
                                    std::string client_role, std::shared_ptr<Sessions> sessions,
                                    Deadline deadline) {
  if (context->parts().credentials->chain().empty()) {
    co_return error_code(Error::no_own_certificate);
  }
  ChannelOptions options;
  options.credentials = context->parts().credentials;
  options.context = std::move(context);
  options.role = std::move(client_role);
  options.sessions = std::move(sessions);
  co_return co_await establish(runtime, std::move(lower), std::move(options), deadline);
}

task<Result<net::StreamPtr>> connect(Runtime& runtime, net::StreamPtr lower, ContextPtr context,
                                     Expected expected, Deadline deadline) {
  if (!is_valid_host(expected.host) || !is_valid_role(expected.role)) {
    co_return make_error_code(boost::system::errc::invalid_argument);
  }
  ChannelOptions options;
  options.dialer = true;
  options.credentials = context->parts().credentials;
  options.context = std::move(context);
  options.host = std::move(expected.host);
  options.role = std::move(expected.role);
  options.reached = lower->remote().to_string();
  co_return co_await establish(runtime, std::move(lower), std::move(options), deadline);
}

task<Result<net::StreamPtr>> accept_bound_later(Runtime& runtime, net::StreamPtr lower,
                                                Deadline deadline) {
  ChannelOptions options;
  options.trust = Trust::bound_later;
  options.credentials = make_ephemeral_credentials(runtime.random(), runtime.clock().wall());
  co_return co_await establish(runtime, std::move(lower), std::move(options), deadline);
}

task<Result<net::StreamPtr>> connect_bound_later(Runtime& runtime, net::StreamPtr lower,
                                                 Deadline deadline) {
  ChannelOptions options;
  options.dialer = true;
  options.trust = Trust::bound_later;
  options.credentials =
      std::make_shared<Credentials>(std::vector<Botan::X509_Certificate>(), nullptr);
  co_return co_await establish(runtime, std::move(lower), std::move(options), deadline);
}

bool resumed(const net::Stream& stream) {
  const auto* tls = dynamic_cast<const TlsStream*>(&stream);
  return tls != nullptr && tls->resumed();
}

Info info(const net::Stream& stream) {
  const auto* tls = dynamic_cast<const TlsStream*>(&stream);
  return tls == nullptr ? Info() : tls->info();
}

void count_overhead(net::Stream& stream, std::uint32_t& counter) {
  if (auto* const tls = dynamic_cast<TlsStream*>(&stream)) tls->count_overhead(counter);
}

}  // namespace babilu::tls
