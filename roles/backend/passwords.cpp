#include "roles/backend/passwords.h"

#include <algorithm>

#include "roles/backend/effect.h"

namespace babilu::backend {

task<OffloadPool::Outcome<std::string>> Passwords::hash(Runtime& runtime, std::string password,
                                                        Deadline deadline) {
  auto work = [&runtime, &password, cost = cost_] {
    // A pool's thread has a generator of its own; a simulation has no other thread.
    Random& random = runtime.simulated() ? runtime.random() : crypto::system_random();
    return crypto::hash_password(password, cost, random);
  };
  co_return co_await pool_.run(runtime, work, deadline);
}

task<OffloadPool::Outcome<bool>> Passwords::matches(Runtime& runtime, std::string password,
                                                    std::optional<std::string> stored,
                                                    Deadline deadline) {
  auto work = [&password, &stored, cost = cost_] {
    if (!stored) {
      crypto::verify_decoy(password, cost);
      return false;
    }
    return crypto::verify_password(password, *stored) == crypto::PasswordCheck::match;
  };
  co_return co_await pool_.run(runtime, work, deadline);
}

rpc::Status Passwords::explain(NotRun why) const {
  if (why == NotRun::late) {
    return {rpc::Code::deadline_exceeded, "deadline", "the deadline passed before its turn came"};
  }
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(pool_.expected_wait());
  return busy(std::max(wait, std::chrono::milliseconds(100)));
}

}  // namespace babilu::backend
