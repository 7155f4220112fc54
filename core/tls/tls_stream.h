#pragma once

#include "core/tls/channel.h"
#include "core/tls/tls.h"

/// The stream of core/tls; internal to it.
namespace babilu::tls {

/// As tls::accept, with what gives tickets to those that need no certificate; or nothing does.
task<Result<net::StreamPtr>> accept(Runtime& runtime, net::StreamPtr lower, ContextPtr context,
                                    std::string client_role, std::shared_ptr<Sessions> sessions,
                                    Deadline deadline);

class TlsStream final : public net::Stream {
 public:
  TlsStream(Runtime& runtime, net::StreamPtr lower, const ChannelOptions& options);
  ~TlsStream() override;

  /// Must end without an error before anything else is called. Otherwise the other side has been
  /// told as far as it would listen.
  task<error_code> handshake(Deadline deadline);

  net::Transfer read_some(MutableByteView buffer) override;
  net::Transfer write_some(ByteView bytes) override;
  task<error_code> readable(Deadline deadline) override;
  bool when_readable(Waiter& waiter) override;
  task<error_code> writable(Deadline deadline) override;
  bool unsent() const noexcept override;
  void shutdown() noexcept override;
  void close() noexcept override;
  const net::Address& remote() const noexcept override { return lower_->remote(); }
  net::PeerIdentity peer() const override { return {channel_.peer_role()}; }
  Secret channel_binding(std::string_view label) const override;

  bool resumed() const noexcept { return channel_.resumed(); }
  void count_overhead(std::uint32_t& counter) noexcept { channel_.count_overhead(counter); }
  Info info() const { return {channel_.cipher(), channel_.group(), channel_.key_updates()}; }

 private:
  task<error_code> greet(Deadline deadline);
  task<error_code> negotiate(Deadline deadline);
  task<> part(error_code why, Deadline deadline);

  /// Sends what the layer below takes now: would_block while some is left.
  error_code push() noexcept;
  task<error_code> push_all(Deadline deadline);
  /// Takes what the layer below has now; nothing moved and no error: none of it was plaintext.
  net::Transfer pull(MutableByteView into);
  void send_waiting_ticket() noexcept;
  error_code ended() const noexcept;
  bool readable_at_once() const noexcept { return channel_.has_kept() || (!closed_ && ended()); }

  Runtime& runtime_;
  net::StreamPtr lower_;
  Channel channel_;
  std::size_t pushed_ = 0;  // bytes at the front of channel_.outgoing() that have been sent
  bool lower_ended_ = false;
  bool ticket_waits_ = false;  // in channel_.outgoing(), to leave with what is written first
  bool shut_ = false;
  bool closed_ = false;
};

}  // namespace babilu::tls
