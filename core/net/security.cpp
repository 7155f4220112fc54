#include "core/net/security.h"

#include <utility>

namespace babilu::net {

task<Result<StreamPtr>> dial(Network& network, Security& security, const Address& to,
                             Deadline deadline) {
  Result<StreamPtr> raw = co_await network.connect(to, deadline);
  if (!raw) co_return raw;
  Address named = to;
  // That a name is a whole one is for look-ups; in certificates it stands without (RFC 6066 §3).
  if (named.host.size() > 1 && named.host.ends_with('.')) named.host.pop_back();
  co_return co_await security.dial(std::move(*raw), named, deadline);
}

}  // namespace babilu::net
