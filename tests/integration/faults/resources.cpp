#include "tests/integration/faults/resources.h"

#include <unistd.h>

#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "tests/integration/support/temporary_directory.h"

namespace babilu::testing {

namespace {

std::filesystem::path about(const Process& process, const char* what) {
  return fmt::format("/proc/{}/{}", process.id(), what);
}

/// "VmRSS:    1234 kB", in bytes.
std::size_t status(const Process& process, std::string_view name) {
  const std::string text = read_file(about(process, "status"));
  const auto place = text.find(name);
  if (place == text.npos) return 0;
  return 1024 * std::strtoull(text.c_str() + place + name.size(), nullptr, 10);
}

}  // namespace

std::size_t memory(const Process& process) {
  return status(process, "VmRSS:");
}
std::size_t peak_memory(const Process& process) {
  return status(process, "VmHWM:");
}

std::chrono::milliseconds cpu_time(const Process& process) {
  const std::string text = read_file(about(process, "stat"));
  std::istringstream fields(text.substr(text.rfind(')') + 1));  // a name may contain spaces
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  long user = 0, system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace babilu::testing
