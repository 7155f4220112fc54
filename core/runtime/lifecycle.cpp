#include "core/runtime/lifecycle.h"

#include <algorithm>
#include <utility>

#include "core/runtime/condition.h"
#include "core/runtime/runtime.h"

namespace babilu {

const char* to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::starting:
      return "starting";
    case Phase::ready:
      return "ready";
    case Phase::draining:
      return "draining";
    case Phase::stopped:
      return "stopped";
  }
  return "unknown";
}

/// Somebody who waits for draining. Its Runtime is there as long as it is.
struct Lifecycle::Waiter {
  explicit Waiter(Runtime& waiting) : runtime(waiting), told(waiting) {}
  Runtime& runtime;
  Condition told;
};

void Lifecycle::advance(Phase phase) {
  std::lock_guard lock(mutex_);
  if (phase <= phase_.load(std::memory_order_relaxed)) return;
  phase_.store(phase, std::memory_order_release);
  if (phase < Phase::draining) return;
  for (auto& waiting : std::exchange(waiters_, {})) {
    auto waiter = waiting.lock();
    if (!waiter) continue;
    // Kept until its own thread has run this: only there may it be touched, or destroyed.
    Runtime& runtime = waiter->runtime;
    runtime.post([waiter = std::move(waiter)] { waiter->told.notify_all(); });
  }
}

void Lifecycle::fail(std::string why) {
  {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(why);
  }
  advance(Phase::draining);
}

task<> Lifecycle::draining(Runtime& runtime) {
  auto waiter = std::make_shared<Waiter>(runtime);
  {
    std::lock_guard lock(mutex_);
    if (phase_.load(std::memory_order_relaxed) >= Phase::draining) co_return;
    waiters_.push_back(waiter);
  }
  while (phase() < Phase::draining) co_await waiter->told.wait();
}

void Lifecycle::on_reload(Reload reload) {
  std::lock_guard lock(mutex_);
  reload_ = std::move(reload);
}

std::optional<std::optional<std::string>> Lifecycle::ask_to_reload() {
  Reload reload;
  {
    std::lock_guard lock(mutex_);
    reload = reload_;
  }
  if (!reload) return std::nullopt;
  return reload();
}

void Lifecycle::add_check(std::string name, Check check) {
  std::lock_guard lock(mutex_);
  checks_.emplace_back(std::move(name), std::move(check));
}

void Lifecycle::add_warning(std::string name, Check check) {
  std::lock_guard lock(mutex_);
  warnings_.emplace_back(std::move(name), std::move(check));
}

std::vector<Lifecycle::CheckResult> Lifecycle::run_checks() const {
  std::vector<std::pair<std::string, Check>> checks;
  std::vector<std::pair<std::string, Check>> warnings;
  std::vector<CheckResult> results;
  {
    std::lock_guard lock(mutex_);
    checks = checks_;
    warnings = warnings_;
    if (failure_) results.push_back({"process", failure_});
  }
  for (auto& [name, check] : checks) results.push_back({name, check()});
  for (auto& [name, check] : warnings) {
    if (auto warning = check()) results.push_back({name, std::nullopt, std::move(warning)});
  }
  return results;
}

bool Lifecycle::ready() const {
  if (phase() != Phase::ready) return false;
  const auto results = run_checks();
  return std::none_of(results.begin(), results.end(),
                      [](const CheckResult& result) { return result.failure.has_value(); });
}

}  // namespace babilu
