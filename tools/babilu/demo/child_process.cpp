#include "tools/babilu/demo/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <system_error>

#include "core/runtime/runtime.h"

namespace babilu::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 10ms;
constexpr int cannot_run = 127;

/// What the child runs, made before the fork: after it, nothing may be allocated.
struct Image {
  explicit Image(const std::vector<std::string>& arguments) : words(arguments) {
    words.insert(words.begin(), program);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!std::string_view(*entry).starts_with("BABILU_")) environment.push_back(*entry);
    }
    environment.push_back(nullptr);
  }

  std::string program = own_program().string();
  std::vector<std::string> words;
  std::vector<char*> argv;
  std::vector<char*> environment;
};

[[noreturn]] void become(const Image& image, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(cannot_run);  // it died before it could be watched
  ::setpgid(0, 0);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (log >= 0) {
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
  }
  ::execve(image.program.c_str(), image.argv.data(), image.environment.data());
  ::_exit(cannot_run);
}

}  // namespace

std::filesystem::path own_program() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

ChildProcess::ChildProcess(Start start) : start_(std::move(start)) {
  const Image image(start_.arguments);
  int log = -1;
  if (!start_.log.empty()) {
    log = ::open(start_.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) throw std::system_error(errno, std::generic_category(), start_.log.string());
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(image, log, parent);
  const int error = errno;
  if (log >= 0) ::close(log);
  if (pid_ < 0) throw std::system_error(error, std::generic_category(), "no new process");
}

ChildProcess::~ChildProcess() {
  if (ended()) return;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ChildProcess::ended() {
  int status = 0;
  if (!end_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    end_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return end_;
}

task<std::optional<int>> ChildProcess::wait(Runtime& runtime, Deadline deadline) {
  while (!ended() && runtime.now() < deadline) {
    co_await runtime.sleep_for(look_every);
  }
  co_return end_;
}

void ChildProcess::signal(int number) noexcept {
  if (!end_) ::kill(pid_, number);
}

std::string last_lines(const std::filesystem::path& file, std::size_t count) {
  std::deque<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    lines.push_back("  " + line + "\n");
    if (lines.size() > count) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace babilu::cli
