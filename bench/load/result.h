#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace babilu::load {

/// What a run measured: names and numbers, printed as one line of JSON.
class Result {
 public:
  void set(std::string name, double value) { fields_.emplace_back(std::move(name), value); }
  /// 0 when there is none of this name.
  double get(std::string_view name) const;
  /// p50_us, p90_us, p99_us and p999_us of latencies in nanoseconds. Sorts them.
  void set_quantiles(std::vector<std::uint64_t>& latencies);
  bool empty() const noexcept { return fields_.empty(); }
  void print() const;

 private:
  std::vector<std::pair<std::string, double>> fields_;
};

}  // namespace babilu::load
