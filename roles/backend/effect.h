#pragma once

#include "core/rpc/typed.h"
#include "core/runtime/runtime.h"
#include "core/store/idempotency.h"
#include "core/store/store.h"

namespace babilu::backend {

/// A store's error as the status of a request.
rpc::Status to_status(const store::StoreError& error);

/// "Try again": the backend has too much to do.
rpc::Status busy(std::chrono::milliseconds retry_after);

/// What a mutating request comes to inside its transaction.
struct Effect {
  rpc::Status status;     ///< ok: the reply is kept under the idempotency key
  Bytes reply;            ///< the encoded message, if ok
  std::uint64_t account;  ///< who pays for the room that the kept reply takes; 0 for nobody

  static store::Verdict<Effect> done(Bytes reply, std::uint64_t account) {
    return store::commit(Effect{{}, std::move(reply), account});
  }
  /// Refuses, and leaves the database as it was.
  static store::Verdict<Effect> refused(rpc::Status why) {
    return store::roll_back(Effect{std::move(why), {}, 0});
  }
  /// Refuses, and keeps what was written: a counter of failures.
  static store::Verdict<Effect> refused_and_kept(rpc::Status why) {
    return store::commit(Effect{std::move(why), {}, 0});
  }
};

/// The reply that was given before to the request under this key, if there was one. A mutating
/// handler asks this first: before checks, and before work that costs.
/// An error: the key was used for another request, or the store failed.
task<rpc::Outcome<std::optional<Bytes>>> recall_reply(store::Store& store, const rpc::Call& call);

namespace detail {

store::Answer to_answer(Effect effect);
rpc::Outcome<Bytes> to_outcome(store::StoreResult<store::Answered> result);
/// Of a call without a key, what it is refused with.
rpc::Outcome<store::IdempotentRequest> request_of(const rpc::Call& call);

}  // namespace detail

/// Does a mutating request once: `handle`, Verdict<Effect>(Transaction&), runs in a transaction
/// that also keeps its reply, and not at all when a reply is kept already. Gives the encoded reply.
/// A method that is not declared mutating is refused with `internal`, reason not_mutating.
template <class Handle>
task<rpc::Outcome<Bytes>> do_once(store::Store& store, const rpc::Call& call, Handle handle) {
  auto request = detail::request_of(call);
  if (!request) co_return request.error();
  const auto now = call.runtime.clock().wall();
  auto unit = [request = std::move(*request), now,
               handle = std::move(handle)](store::Transaction& transaction) mutable {
    return store::idempotent(transaction, request, now, {},
                             [&](store::Transaction& inner) -> store::Verdict<store::Answer> {
                               store::Verdict<Effect> verdict = handle(inner);
                               return {verdict.decision,
                                       detail::to_answer(std::move(verdict.value))};
                             });
  };
  co_return detail::to_outcome(co_await store.write(call.runtime, std::move(unit), call.deadline,
                                                    store::AfterLostCommit::run_again));
}

}  // namespace babilu::backend
