#include "bench/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>
#include <stdexcept>

namespace babilu::bench {

namespace {

using namespace std::chrono_literals;

/// How long a program may take to end after SIGTERM, in steps.
constexpr auto patience_step = 10ms;
constexpr int patience_steps = 1'500;  // callgrind is slow

/// Ahead of whatever else the machine does, where that is allowed. Linux shares a core among
/// terminal sessions first (sched(7), autogroup), so it has to be a session of its own that is.
void go_ahead() {
  setsid();
  setpriority(PRIO_PROCESS, 0, -15);
  const int group = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
  if (group < 0) return;
  [[maybe_unused]] const ssize_t written = write(group, "-15", 3);
  close(group);
}

/// Between fork and exec: system calls alone.
[[noreturn]] void become(char** argv, std::optional<int> core, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(*core, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    go_ahead();
  }
  dup2(output, STDOUT_FILENO);
  execv(argv[0], argv);
  _exit(127);
}

pid_t start(const Arguments& arguments, std::optional<int> core, int output) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) become(argv.data(), core, output);
  if (pid < 0) throw std::runtime_error("cannot start " + arguments.front());
  return pid;
}

/// Ends it, by force when asking does not help, and gives its status.
int end(pid_t pid) {
  int status = 0;
  kill(pid, SIGTERM);
  for (int i = 0; i < patience_steps; ++i) {
    if (waitpid(pid, &status, WNOHANG) != 0) return status;
    timespec step{0, std::chrono::nanoseconds(patience_step).count()};
    nanosleep(&step, nullptr);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  return status;
}

/// Reads until the other side closes, or for so long; false in the second case.
bool read_all(int descriptor, std::string& into, std::chrono::steady_clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd readable{descriptor, POLLIN, 0};
    if (left <= 0ms || poll(&readable, 1, static_cast<int>(left.count())) == 0) return false;
    std::array<char, 4096> bytes;
    const ssize_t count = read(descriptor, bytes.data(), bytes.size());
    if (count <= 0) return true;
    into.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

Process::Process(const Arguments& arguments, std::optional<int> core) {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  pid_ = start(arguments, core, nowhere);
  close(nowhere);
}

Process::~Process() {
  end(pid_);
}

double Process::cpu_microseconds() const {
  clockid_t clock = 0;
  timespec time{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

std::string run_program(const Arguments& arguments, std::optional<int> core,
                        std::chrono::seconds limit) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t pid = start(arguments, core, ends[1]);
  close(ends[1]);
  std::string output;
  const bool in_time = read_all(ends[0], output, std::chrono::steady_clock::now() + limit);
  close(ends[0]);
  int status = 0;
  if (in_time) {
    waitpid(pid, &status, 0);
  } else {
    end(pid);
  }
  if (!in_time || status != 0) {
    throw std::runtime_error(arguments.front() + (in_time ? " failed" : " took too long"));
  }
  return output;
}

}  // namespace babilu::bench
