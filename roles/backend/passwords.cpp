#include "roles/backend/passwords.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/scope/scope_exit.hpp>

#include "core/server/store_status.h"
#include "roles/api/reasons.h"

namespace babilu::backend {

using rpc::Status;

namespace {

Status caller_cancelled() {
  return {rpc::reasons.cancelled, "the caller cancelled"};
}

/// Not at once, even when nothing waits.
std::chrono::milliseconds hint(Clock::duration wait) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(wait),
                  std::chrono::milliseconds(100));
}

}  // namespace

task<rpc::Outcome<std::string>> Passwords::hash(rpc::Call& call, std::string password) {
  auto work = [&runtime = call.runtime, &password, cost = cost_] {
    // A pool's thread has a generator of its own; a simulation has no other thread.
    Random& random = runtime.simulated() ? runtime.random() : crypto::system_random();
    return crypto::hash_password(password, cost, random);
  };
  co_return co_await run(call, work);
}

task<rpc::Outcome<bool>> Passwords::matches(rpc::Call& call, std::string password,
                                            std::optional<std::string> stored) {
  auto work = [&password, &stored, cost = cost_] {
    if (!stored) {
      crypto::verify_decoy(password, cost);
      return false;
    }
    return crypto::verify_password(password, *stored) == crypto::PasswordCheck::match;
  };
  co_return co_await run(call, work);
}

template <class Work>
task<rpc::Outcome<std::invoke_result_t<Work&>>> Passwords::run(rpc::Call& call, Work work) {
  if (call.given_up) co_return caller_cancelled();
  const ClientShare share = share_of(call.client_address);
  if (const auto wait = rates_.take(share, call.runtime.now())) co_return too_often(*wait);
  OffloadPool::Ticket ticket;
  call.when_given_up = [&ticket] { ticket.give_up(); };
  const boost::scope::scope_exit over([&call] { call.when_given_up = nullptr; });
  const OffloadPool::JobOptions options{
      .deadline = call.deadline, .share = share.name, .ticket = &ticket};
  auto outcome = co_await pool_.run(call.runtime, std::move(work), options);
  if (!outcome) co_return explain(outcome.error(), share);
  co_return std::move(*outcome);
}

Status Passwords::too_often(Clock::duration wait) {
  over_rate_.fetch_add(1, std::memory_order_relaxed);
  Status status(api::reasons.too_many_passwords,
                fmt::format("your address may have {} passwords a second set or checked; try again",
                            rates_.per_second()));
  status.retry_after = hint(wait);
  return status;
}

Status Passwords::explain(NotRun why, const ClientShare& share) const {
  switch (why) {
    case NotRun::refused:
      return server::busy(hint(pool_.expected_wait(share.name)));
    case NotRun::late:
      return {rpc::reasons.deadline, "the deadline passed before its turn came"};
    case NotRun::given_up:
      break;
  }
  return caller_cancelled();
}

}  // namespace babilu::backend
