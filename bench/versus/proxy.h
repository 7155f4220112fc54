#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "bench/report.h"

namespace babilu::bench {

struct ProxyComparison {
  std::filesystem::path program;  ///< babilu
  std::filesystem::path against;  ///< another babilu to compare with; empty for HAProxy and nginx
  std::filesystem::path load;     ///< babilu-load
  std::filesystem::path
      chart;  ///< where the chart goes when all was measured five times; empty for none
  std::set<std::string> rows;  ///< names of groups of rows, see proxy.cpp; empty for all
  int pairs = 5;
};

/// Our proxy beside HAProxy in TCP mode and nginx stream: the same load, the same backend, one core
/// each, in turns.
std::vector<Row> run_proxy(const ProxyComparison& wanted);

}  // namespace babilu::bench
