#include "roles/backend/passwords.h"

#include <algorithm>

namespace babilu::backend {

task<std::optional<std::string>> Passwords::hash(Runtime& runtime, std::string password,
                                                 Deadline deadline) {
  auto work = [&runtime, &password, cost = cost_] {
    // A pool's thread has a generator of its own; a simulation has no other thread.
    Random& random = runtime.simulated() ? runtime.random() : crypto::system_random();
    return crypto::hash_password(password, cost, random);
  };
  co_return co_await pool_.run(runtime, work, deadline);
}

task<std::optional<bool>> Passwords::matches(Runtime& runtime, std::string password,
                                             std::optional<std::string> stored, Deadline deadline) {
  auto work = [&password, &stored, cost = cost_] {
    if (!stored) {
      crypto::verify_decoy(password, cost);
      return false;
    }
    return crypto::verify_password(password, *stored) == crypto::PasswordCheck::match;
  };
  co_return co_await pool_.run(runtime, work, deadline);
}

std::chrono::milliseconds Passwords::retry_after() const {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(pool_.expected_wait());
  return std::max(wait, std::chrono::milliseconds(100));
}

}  // namespace babilu::backend
