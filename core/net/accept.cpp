#include "core/net/accept.h"

#include <boost/asio/error.hpp>

#include "core/runtime/runtime.h"

namespace babilu::net {

namespace {

constexpr auto pause = std::chrono::milliseconds(100);

}  // namespace

task<> accept_each(Runtime& runtime, Listener& listener, Acceptor acceptor) {
  for (;;) {
    Result<StreamPtr> stream = co_await listener.accept();
    if (stream) {
      acceptor.take(std::move(*stream));
    } else if (stream.error() == boost::asio::error::operation_aborted) {
      co_return;
    } else {
      acceptor.on_trouble(stream.error());
      co_await runtime.sleep_for(pause);
    }
  }
}

}  // namespace babilu::net
