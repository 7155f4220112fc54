#pragma once

#include <array>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/transport.h"
#include "bench/load/wire.h"

namespace babilu::load {

/// Where replies go.
class Replies {
 public:
  /// `sent` is what request() was given. A reply that does not match its request is not `good`.
  virtual void on_reply(Nanoseconds sent, bool good) = 0;

 protected:
  ~Replies() = default;
};

/// One client: says hello, asks for 64-byte echoes, checks what comes back.
class Session {
 public:
  enum class State { connecting, greeting, ready, failed };
  /// Most requests that may be unanswered.
  static constexpr std::uint32_t depth_limit = 64;

  Session(int port, const TlsClient* tls, std::uint32_t number);

  State state() const noexcept { return state_; }
  int descriptor() const noexcept { return transport_.descriptor(); }
  std::uint32_t unanswered() const noexcept { return unanswered_; }
  /// Whether it waits for the socket to take more.
  bool blocked() const noexcept { return !unwritten_.empty(); }

  /// Something may be read or written.
  void on_event(Replies& replies);
  /// Puts requests into one write. At most depth_limit may be unanswered.
  void request(std::uint32_t count, Nanoseconds sent);

 private:
  struct Pending {
    std::uint32_t stream = 0;
    Nanoseconds sent = 0;
  };

  void advance();
  void receive(Replies& replies);
  std::size_t parse(std::size_t size, Replies& replies);
  void on_frame(const Header& header, const std::uint8_t* message, Replies& replies);
  void write(std::span<const std::uint8_t> bytes);
  Pending& pending(std::uint32_t stream) noexcept { return pending_[stream / 2 % depth_limit]; }

  Transport transport_;
  State state_ = State::connecting;
  const std::uint32_t number_;
  std::uint32_t next_stream_ = 1;
  std::uint32_t unanswered_ = 0;
  std::array<Pending, depth_limit> pending_{};
  std::vector<std::uint8_t> unread_;
  std::vector<std::uint8_t> unwritten_;
};

}  // namespace babilu::load
