#include "core/net/stream.h"

#include <cassert>

#include <boost/asio/error.hpp>

namespace babilu::net {

task<error_code> write_all(Stream& stream, ByteView bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const Transfer sent = stream.write_some(bytes);
    assert(sent.bytes <= bytes.size());
    bytes = bytes.subspan(sent.bytes);
    if (sent.error == boost::asio::error::would_block) {
      const error_code error = co_await stream.writable(deadline);
      if (error) co_return error;
    } else if (sent.error) {
      co_return sent.error;
    }
  }
  co_return co_await flush(stream, deadline);
}

task<error_code> flush(Stream& stream, Deadline deadline) {
  while (stream.unsent()) {
    const error_code error = co_await stream.writable(deadline);
    if (error) co_return error;
  }
  co_return error_code{};
}

}  // namespace babilu::net
