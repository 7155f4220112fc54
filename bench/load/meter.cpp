#include "bench/load/meter.h"

#include <fstream>
#include <stdexcept>
#include <string>

namespace babilu::load {

Meter::Meter(pid_t pid) : pid_(pid) {
  if (pid_ != 0 && clock_getcpuclockid(pid_, &clock_) != 0) {
    throw std::runtime_error("there is no process " + std::to_string(pid_));
  }
}

Nanoseconds Meter::cpu() const noexcept {
  return pid_ == 0 ? 0 : read_clock(clock_);
}

double Meter::memory() const {
  if (pid_ == 0) return 0;
  const std::string path = "/proc/" + std::to_string(pid_) + "/smaps_rollup";
  std::ifstream rollup(path);
  // Of a process that keeps its memory to itself only root may know.
  if (!rollup) throw std::runtime_error("cannot read " + path + "; measure memory as root");
  double kilobytes = 0;
  std::string word;
  while (rollup >> word) {
    if (word != "Private_Clean:" && word != "Private_Dirty:") continue;
    double value = 0;
    rollup >> value;
    kilobytes += value;
  }
  return kilobytes * 1024;
}

}  // namespace babilu::load
