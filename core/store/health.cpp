#include "core/store/health.h"

namespace babilu::store {

void Health::bad(const StoreError& error) {
  std::lock_guard lock(mutex_);
  what_ = error.to_string();
  since_ = std::chrono::steady_clock::now();
  bad_.store(true, std::memory_order_relaxed);
}

std::optional<std::string> Health::problem() const {
  if (!bad_.load(std::memory_order_relaxed)) return std::nullopt;
  std::lock_guard lock(mutex_);
  if (std::chrono::steady_clock::now() - since_ > believed_for) return std::nullopt;
  return what_;
}

}  // namespace babilu::store
