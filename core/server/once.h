#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/rpc/typed.h"
#include "core/runtime/runtime.h"
#include "core/server/store_status.h"
#include "core/store/idempotency.h"
#include "core/store/store.h"

namespace babilu::server {

/// What the unit of a mutating request comes to: a reply, or why there is none.
template <class Reply>
struct Effect {
  rpc::Outcome<Reply> outcome;
  std::uint64_t account;  ///< pays for the room that the kept reply takes; 0: nobody

  using Verdict = store::Verdict<Effect>;

  /// Has the effect, and keeps the reply under the request's idempotency key.
  static Verdict done(Reply reply, std::uint64_t account) {
    return store::commit(Effect{std::move(reply), account});
  }
  /// Refuses, and leaves the database as it was.
  static Verdict refused(rpc::Status why) { return store::roll_back(Effect{std::move(why), 0}); }
  /// Refuses, and keeps what was written: a counter of failures.
  static Verdict refused_and_kept(rpc::Status why) {
    return store::commit(Effect{std::move(why), 0});
  }
};

namespace detail {

/// Fails for a call without an idempotency key.
rpc::Outcome<store::IdempotentRequest> request_of(const rpc::Call& call);
/// The kept reply, or that the key was used for another request.
rpc::Outcome<Bytes> answer_of(store::Recalled recalled);
Bytes encode_account(std::uint64_t account);

}  // namespace detail

/// A mutating request that happens once: whoever sends it again under the same idempotency key gets
/// the first reply, without a second effect.
///
///     server::Once<api::SignUpReply> once(store_, call);
///     const auto taken = co_await once.look([name](store::Snapshot& snapshot) { … });
///     if (!taken) co_return once.answer();
///     auto hash = co_await passwords_.hash(call, password);
///     if (!hash) co_return hash.error();
///     co_return co_await once.write([…](store::Transaction& transaction) { … });
///
/// One read, then work that costs, then one write. The look may be left out where nothing costs.
/// Owner: the handler's frame. Thread: the call's Runtime.
template <class Reply>
class Once {
 public:
  using Answer = rpc::Outcome<rpc::Encoded<Reply>>;

  Once(store::Store& store, const rpc::Call& call)
      : store_(store),
        call_(call),
        now_(call.runtime.clock().wall()),
        request_(detail::request_of(call)) {}

  /// What `look`, rpc::Outcome<Facts>(Snapshot&), finds, unless a reply is kept already: both in
  /// one snapshot, so whoever finds the effect finds the reply. Nothing when the request ends here;
  /// answer() says how: with the kept reply, what `look` refused, or a failure of the store.
  /// `look` is a unit (see Store::read). Comes first: before checks of token or nonce.
  template <class Look>
  task<std::optional<typename std::invoke_result_t<Look&, store::Snapshot&>::value_type>> look(
      Look look) {
    using Looked = std::invoke_result_t<Look&, store::Snapshot&>;
    struct Found {
      store::Recalled recalled;
      std::optional<Looked> facts;
    };
    if (!request_) {
      answer_.emplace(request_.error());
      co_return std::nullopt;
    }
    auto unit = [request = *request_, now = now_,
                 look = std::move(look)](store::Snapshot& snapshot) mutable {
      Found found{store::recall(snapshot, request, now), {}};
      if (found.recalled.kind == store::Recalled::Kind::fresh) found.facts.emplace(look(snapshot));
      return found;
    };
    auto found = co_await store_.read(call_.runtime, std::move(unit), call_.deadline);
    if (!found) {
      answer_.emplace(to_status(found.error()));
    } else if (!found->facts) {
      answer_.emplace(encoded(detail::answer_of(std::move(found->recalled))));
    } else if (!*found->facts) {
      answer_.emplace(std::move(found->facts->error()));
    } else {
      co_return std::move(**found->facts);
    }
    co_return std::nullopt;
  }

  /// How the request ended. After a look() that gave nothing.
  Answer answer() {
    assert(answer_);
    return std::move(*answer_);
  }

  /// Runs `unit`, Effect<Reply>::Verdict(Transaction&), in a transaction that also keeps its reply,
  /// and not at all when a reply is kept already. Durable when it returns. A method that is not
  /// declared mutating is refused with `internal`, reason not_mutating.
  template <class Unit>
  task<Answer> write(Unit unit) {
    if (!request_) co_return request_.error();
    auto whole = [request = *request_, now = now_,
                  unit = std::move(unit)](store::Transaction& transaction) mutable {
      return done_or_kept(transaction, request, now, unit);
    };
    auto written = co_await store_.write(call_.runtime, std::move(whole), call_.deadline,
                                         store::AfterLostCommit::run_again);
    if (!written) co_return to_status(written.error());
    co_return encoded(std::move(*written));
  }

 private:
  template <class Unit>
  static store::Verdict<rpc::Outcome<Bytes>> done_or_kept(store::Transaction& transaction,
                                                          const store::IdempotentRequest& request,
                                                          store::WallTime now, Unit& unit) {
    store::Recalled recalled = store::recall(transaction, request, now);
    if (recalled.kind != store::Recalled::Kind::fresh) {
      return store::roll_back(detail::answer_of(std::move(recalled)));
    }
    typename Effect<Reply>::Verdict verdict = unit(transaction);
    Effect<Reply>& effect = verdict.value;
    if (!effect.outcome) return {verdict.decision, std::move(effect.outcome.error())};
    assert(verdict.decision == store::Decision::commit);  // a reply without its effect would lie
    Bytes reply = rpc::encode(*effect.outcome);
    store::remember(transaction, request, detail::encode_account(effect.account), reply, now, {});
    return {verdict.decision, std::move(reply)};
  }
  static Answer encoded(rpc::Outcome<Bytes> bytes) {
    if (!bytes) return std::move(bytes.error());
    return rpc::Encoded<Reply>{std::move(*bytes)};
  }

  store::Store& store_;
  const rpc::Call& call_;
  const store::WallTime now_;
  const rpc::Outcome<store::IdempotentRequest> request_;
  std::optional<Answer> answer_;
};

}  // namespace babilu::server
