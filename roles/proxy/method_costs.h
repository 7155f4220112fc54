#pragma once

#include <cstdint>
#include <vector>

namespace babilu::proxy {

/// One method that costs more than an ordinary request, as a backend says.
struct MethodCost {
  std::uint16_t method = 0;
  std::uint32_t cost = 1;
};

/// As how many ordinary requests one of each method counts, as the backends say; what they do not
/// speak of counts as one. A proxy knows methods by their numbers alone.
///
/// Cost: 64 KiB of memory, of which a request reads one byte. Thread: one.
class MethodCosts {
 public:
  static constexpr std::uint32_t most = 256;

  std::uint32_t of(std::uint16_t method) const noexcept { return 1U + beyond_one_.data()[method]; }
  void clear() noexcept;
  /// Where backends differ the highest counts.
  void add(const std::vector<MethodCost>& costs) noexcept;

 private:
  std::vector<std::uint8_t> beyond_one_ = std::vector<std::uint8_t>(std::size_t{1} << 16);
};

}  // namespace babilu::proxy
