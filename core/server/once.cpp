#include "core/server/once.h"

#include <fmt/format.h>

#include "core/server/reasons.h"

namespace babilu::server::detail {

using rpc::Status;

rpc::Outcome<store::IdempotentRequest> request_of(const rpc::Call& call) {
  auto request =
      store::IdempotentRequest::make(bytes_of(call.idempotency_key), call.method, call.message);
  if (request) return std::move(*request);
  // A session lets no request of a mutating method through without a key of the right size.
  return Status(reasons.not_mutating,
                fmt::format("method {}.{} has effects but is not declared mutating: a bug of this "
                            "server",
                            call.method >> 8, call.method & 0xff));
}

rpc::Outcome<Bytes> answer_of(store::Recalled recalled) {
  assert(recalled.kind != store::Recalled::Kind::fresh);
  if (recalled.kind == store::Recalled::Kind::replayed) {
    return Bytes(recalled.reply.begin(), recalled.reply.end());
  }
  return Status(reasons.idempotency_conflict,
                "this idempotency key was used for another request; draw a new one for each");
}

Bytes encode_account(std::uint64_t account) {
  if (account == 0) return {};
  Bytes encoded(sizeof account);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    encoded[i] = static_cast<std::uint8_t>(account >> (8 * i));
  }
  return encoded;
}

}  // namespace babilu::server::detail
