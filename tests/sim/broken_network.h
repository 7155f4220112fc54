#pragma once

#include <memory>
#include <stdexcept>

#include "core/net/network.h"

namespace babilu::test {

/// A listener with a bug.
class BrokenListener final : public net::Listener {
 public:
  task<Result<net::StreamPtr>> accept() override {
    throw std::runtime_error("a bug");
    co_return error_code();
  }
  const net::Address& local() const noexcept override { return local_; }
  void close() noexcept override {}

 private:
  const net::Address local_{"localhost", 1};
};

/// A network with one.
class BrokenNetwork final : public net::Network {
 public:
  using Network::listen;
  Result<net::ListenerPtr> listen(const net::Address&, ListenOptions) override {
    return net::ListenerPtr(std::make_unique<BrokenListener>());
  }
  task<Result<net::StreamPtr>> connect(const net::Address&, Deadline) override {
    throw std::runtime_error("a bug");
    co_return error_code();
  }
};

}  // namespace babilu::test
