#include "roles/proxy/method_costs.h"

#include <algorithm>

namespace babilu::proxy {

void MethodCosts::clear() noexcept {
  std::ranges::fill(beyond_one_, std::uint8_t{0});
}

void MethodCosts::add(const std::vector<MethodCost>& costs) noexcept {
  for (const MethodCost& entry : costs) {
    std::uint8_t& known = beyond_one_[entry.method];
    const std::uint32_t beyond = std::clamp(entry.cost, 1U, most) - 1;
    known = std::max(known, static_cast<std::uint8_t>(beyond));
  }
}

}  // namespace babilu::proxy
