#include "bench/load/result.h"

#include <algorithm>
#include <cstdio>

namespace babilu::load {

double Result::get(std::string_view name) const {
  for (const auto& [known, value] : fields_) {
    if (known == name) return value;
  }
  return 0;
}

void Result::set_quantiles(std::vector<std::uint64_t>& latencies) {
  if (latencies.empty()) return;
  std::sort(latencies.begin(), latencies.end());
  const auto quantile = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
    return static_cast<double>(latencies[index]) / 1e3;
  };
  set("p50_us", quantile(0.5));
  set("p90_us", quantile(0.9));
  set("p99_us", quantile(0.99));
  set("p999_us", quantile(0.999));
}

void Result::print() const {
  const char* separator = "{";
  for (const auto& [name, value] : fields_) {
    std::printf("%s\"%s\":%.3f", separator, name.c_str(), value);
    separator = ",";
  }
  std::printf("}\n");
}

}  // namespace babilu::load
