#include "core/net/security.h"

namespace babilu::net {

task<Result<StreamPtr>> dial(Network& network, Security& security, const Address& to,
                             Deadline deadline) {
  Result<StreamPtr> raw = co_await network.connect(to, deadline);
  if (!raw) co_return raw;
  co_return co_await security.dial(std::move(*raw), to, deadline);
}

}  // namespace babilu::net
