#include "core/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/telemetry/open_files.h"

namespace babilu::telemetry {

namespace {

/// Field `number` of /proc/self/stat as proc(5) counts them, from 3 on: those after the command,
/// which may itself hold spaces and parentheses.
double stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end_of_command = line.rfind(')');
  if (end_of_command == std::string::npos) throw std::runtime_error("/proc/self/stat");
  std::istringstream fields(line.substr(end_of_command + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return std::stod(field);
}

double cpu_seconds() {
  timespec used{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) throw std::runtime_error("cpu time");
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double resident_bytes() {
  return stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("getrlimit");
  return static_cast<double>(limit.rlim_cur);
}

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  throw std::runtime_error("/proc/stat");
}

double start_time() {
  return boot_time() + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<CallbackRegistration> register_process_metrics(Metrics& metrics) {
  std::vector<CallbackRegistration> kept;
  const auto gauge = [&](std::string_view name, std::string_view help, Metrics::Callback read) {
    kept.push_back(metrics.gauge_callback(name, help, {}, std::move(read)));
  };
  kept.push_back(metrics.counter_callback(
      "process_cpu_seconds_total", "Processor time used, user and system.", {}, &cpu_seconds));
  gauge("process_resident_memory_bytes", "Memory in RAM.", &resident_bytes);
  gauge("process_open_fds", "Open file descriptors.", [files = std::make_shared<OpenFiles>()] {
    const auto count = files->count();
    if (!count) throw std::runtime_error("not counted yet");
    return static_cast<double>(*count);
  });
  gauge("process_max_fds", "The limit on open file descriptors.", &descriptor_limit);
  gauge("process_threads", "Threads.", [] { return stat_field(20); });
  gauge("process_start_time_seconds", "When the process started, in Unix time.",
        [start = 0.0]() mutable { return start == 0 ? start = start_time() : start; });
  return kept;
}

}  // namespace babilu::telemetry
