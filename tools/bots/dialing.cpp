#include "tools/bots/dialing.h"

namespace babilu::bots {

task<Result<net::StreamPtr>> Dialing::CountingNetwork::connect(const net::Address& to,
                                                               Deadline deadline) {
  ++owner_.attempts_;
  Result<net::StreamPtr> stream = co_await below_.connect(to, deadline);
  if (!stream) owner_.failed("connection", to, stream.error());
  co_return stream;
}

task<Result<net::StreamPtr>> Dialing::CountingSecurity::dial(net::StreamPtr raw,
                                                             const net::Address& to,
                                                             Deadline deadline) {
  Result<net::StreamPtr> stream = co_await below_.dial(std::move(raw), to, deadline);
  if (!stream) owner_.failed("handshake", to, stream.error());
  co_return stream;
}

void Dialing::failed(const char* what, const net::Address& to, error_code error) {
  ++failures_;
  recorder_.record_error(what,
                         {rpc::reasons.cannot_connect, to.to_string() + ": " + error.message()});
}

}  // namespace babilu::bots
