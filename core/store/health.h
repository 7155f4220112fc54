#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "core/store/error.h"

namespace babilu::store {

/// Whether the last group of units went through, for readiness checks. A problem is believed for a
/// few seconds only: a process that gets no work because it is not ready would otherwise never find
/// out that the disk has room again. Any thread.
class Health {
 public:
  static constexpr std::chrono::seconds believed_for{5};

  void good() noexcept {
    if (bad_.load(std::memory_order_relaxed)) bad_.store(false, std::memory_order_relaxed);
  }
  void bad(const StoreError& error);
  std::optional<std::string> problem() const;

 private:
  std::atomic<bool> bad_{false};
  mutable std::mutex mutex_;
  std::string what_;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace babilu::store
