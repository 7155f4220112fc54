#pragma once

#include "core/store/idempotency.h"
#include "core/store/unit.h"

namespace babilu::store {

/// What a request's own code gives.
struct Answer {
  bool ok = false;
  Secret reply;   ///< kept if ok
  Bytes account;  ///< pays for the room; empty: nobody
};

/// What became of a request: `answer` is fresh, or the kept one; empty on a conflict.
struct Answered {
  Recalled::Kind kind = Recalled::Kind::fresh;
  Answer answer;
};

/// A request's way through recall() and remember(), as server::Once goes it.
template <class Handle>
Verdict<Answered> idempotent(Transaction& transaction, const IdempotentRequest& request,
                             WallTime now, const IdempotencyOptions& options, Handle&& handle) {
  Recalled recalled = recall(transaction, request, now);
  if (recalled.kind != Recalled::Kind::fresh) {
    const bool ok = recalled.kind == Recalled::Kind::replayed;
    return roll_back(Answered{recalled.kind, {ok, std::move(recalled.reply), {}}});
  }
  Verdict<Answer> verdict = handle(transaction);
  const Answer& answer = verdict.value;
  if (answer.ok) remember(transaction, request, answer.account, answer.reply, now, options);
  return {verdict.decision, {Recalled::Kind::fresh, std::move(verdict.value)}};
}

}  // namespace babilu::store
