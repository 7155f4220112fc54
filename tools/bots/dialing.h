#pragma once

#include <cstdint>

#include "core/net/security.h"
#include "tools/bots/recorder.h"

namespace babilu::bots {

/// Counts what a Channel keeps to itself: how often it dialed, how often in vain and why.
class Dialing {
 public:
  Dialing(net::Network& network, net::Security& security, Recorder& recorder)
      : network_(network, *this), security_(security, *this), recorder_(recorder) {}
  Dialing(const Dialing&) = delete;
  Dialing& operator=(const Dialing&) = delete;

  net::Network& network() noexcept { return network_; }
  net::Security& security() noexcept { return security_; }
  std::uint64_t attempts() const noexcept { return attempts_; }
  std::uint64_t failures() const noexcept { return failures_; }

 private:
  class CountingNetwork final : public net::Network {
   public:
    CountingNetwork(net::Network& below, Dialing& owner) : below_(below), owner_(owner) {}
    using Network::listen;
    Result<net::ListenerPtr> listen(const net::Address& at, ListenOptions options) override {
      return below_.listen(at, options);
    }
    task<Result<net::StreamPtr>> connect(const net::Address& to, Deadline deadline) override;

   private:
    net::Network& below_;
    Dialing& owner_;
  };

  class CountingSecurity final : public net::Security {
   public:
    CountingSecurity(net::Security& below, Dialing& owner) : below_(below), owner_(owner) {}
    task<Result<net::StreamPtr>> dial(net::StreamPtr raw, const net::Address& to,
                                      Deadline deadline) override;
    task<Result<net::StreamPtr>> accept(net::StreamPtr raw, Deadline deadline) override {
      return below_.accept(std::move(raw), deadline);
    }
    bool encrypted() const noexcept override { return below_.encrypted(); }

   private:
    net::Security& below_;
    Dialing& owner_;
  };

  void failed(const char* what, const net::Address& to, error_code error);

  CountingNetwork network_;
  CountingSecurity security_;
  Recorder& recorder_;
  std::uint64_t attempts_ = 0;
  std::uint64_t failures_ = 0;
};

}  // namespace babilu::bots
