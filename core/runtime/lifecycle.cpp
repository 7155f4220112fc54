#include "core/runtime/lifecycle.h"

#include <algorithm>

#include "core/runtime/runtime.h"

namespace babilu {

const char* to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::starting: return "starting";
    case Phase::ready: return "ready";
    case Phase::draining: return "draining";
    case Phase::stopped: return "stopped";
  }
  return "unknown";
}

void Lifecycle::advance(Phase phase) {
  std::vector<Listener> told;
  {
    std::lock_guard lock(mutex_);
    if (phase <= phase_.load(std::memory_order_relaxed)) return;
    phase_.store(phase, std::memory_order_release);
    if (phase >= Phase::draining) told.swap(listeners_);
  }
  for (auto& listener : told) listener.runtime->post(std::move(listener.heard));
}

void Lifecycle::on_drain(Runtime& runtime, std::function<void()> heard) {
  {
    std::lock_guard lock(mutex_);
    if (phase_.load(std::memory_order_relaxed) < Phase::draining) {
      listeners_.push_back({&runtime, std::move(heard)});
      return;
    }
  }
  runtime.post(std::move(heard));
}

void Lifecycle::add_check(std::string name, Check check) {
  std::lock_guard lock(mutex_);
  checks_.emplace_back(std::move(name), std::move(check));
}

std::vector<Lifecycle::CheckResult> Lifecycle::run_checks() const {
  std::vector<std::pair<std::string, Check>> checks;
  {
    std::lock_guard lock(mutex_);
    checks = checks_;
  }
  std::vector<CheckResult> results;
  results.reserve(checks.size());
  for (auto& [name, check] : checks) results.push_back({name, check()});
  return results;
}

bool Lifecycle::ready() const {
  if (phase() != Phase::ready) return false;
  const auto results = run_checks();
  return std::none_of(results.begin(), results.end(),
                      [](const CheckResult& result) { return result.failure.has_value(); });
}

}  // namespace babilu
