#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/bots/report.h"

namespace babilu::bots {

/// What was found wrong: counted, and the first of it kept in words.
class Findings {
 public:
  explicit Findings(ChecksReport& report) noexcept : report_(report) {}

  void lost(std::string what) { add(report_.lost, "lost: ", std::move(what)); }
  void duplicated(std::string what) { add(report_.duplicated, "duplicated: ", std::move(what)); }
  void corrupt(std::string what) { add(report_.corrupt, "corrupt: ", std::move(what)); }

 private:
  static constexpr std::size_t most_kept = 20;

  void add(std::uint64_t& count, const char* kind, std::string what) {
    ++count;
    if (report_.findings.size() < most_kept) report_.findings.push_back(kind + std::move(what));
  }

  ChecksReport& report_;
};

}  // namespace babilu::bots
