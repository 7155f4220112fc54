#include "tests/integration/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace babilu::testing {

namespace {

constexpr uid_t nobody = 65534;

int memory_file() {
  const int file = ::memfd_create("babilu-test", MFD_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  return file;
}

int memory_file_with(std::string_view content) {
  const int file = memory_file();
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written <= 0) throw std::system_error(errno, std::generic_category(), "write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(file, 0, SEEK_SET);
  return file;
}

std::string content_of(int file) {
  std::string content;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got =
        ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(content.size()));
    if (got <= 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> made;
  for (std::string& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

void redirect(const std::string& path, int stream) {
  if (path.empty()) return;
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND);
  if (file < 0 || ::dup2(file, stream) < 0) ::_exit(125);
}

[[noreturn]] void become(const Command& command, char** argv, char** environment, int in, int out,
                         int err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setsid();
  // Whoever runs the tests may have had them ignored.
  for (const int number : {SIGINT, SIGQUIT}) ::signal(number, SIG_DFL);
  ::signal(SIGHUP, command.ignores_hangup ? SIG_IGN : SIG_DFL);
  int terminal = -1;
  if (!command.terminal.empty()) terminal = ::open(command.terminal.c_str(), O_RDWR);  // now ours
  if (command.talks_to_terminal) in = out = err = terminal;
  if (command.file_limit) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{*command.file_limit, *command.file_limit};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (command.open_files) {
    const rlimit limit{*command.open_files, *command.open_files};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  redirect(command.out_to, STDOUT_FILENO);
  redirect(command.err_to, STDERR_FILENO);
  if (command.powerless && ::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)
      ::_exit(126);
  }
  if (command.pending_signal != 0) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, command.pending_signal);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::raise(command.pending_signal);
  }
  ::execve(argv[0], argv, environment);
  ::_exit(127);
}

bool is_free(int port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return bound;
}

/// A port that no other test may choose: a socket with an abstract name, which only one process can
/// have, and which goes with it however it ends.
class Claim {
 public:
  explicit Claim(int port) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string name = "babilu-test-port-" + std::to_string(port);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path + 1);
    const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    good_ =
        ::bind(socket_, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0 &&
        is_free(port);
  }
  Claim(Claim&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), good_(std::exchange(other.good_, false)) {}
  ~Claim() {
    if (socket_ >= 0) ::close(socket_);
  }

  bool good() const noexcept { return good_; }

 private:
  int socket_;
  bool good_ = false;
};

}  // namespace

std::string program_path() {
  const char* other = std::getenv("BABILU_PROGRAM");
  return other != nullptr ? other : BABILU_PROGRAM;
}

Process::Process(const Command& command) : out_(memory_file()), err_(memory_file()) {
  std::vector<std::string> words{command.program.empty() ? program_path() : command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> variables{"PATH=/usr/bin:/bin"};
  for (const auto& [name, value] : command.environment)
    variables.emplace_back(name).append("=").append(value);
  const auto argv = pointers(words), environment = pointers(variables);
  const int in = memory_file_with(command.input);
  pid_ = ::fork();
  if (pid_ == 0)
    become(command, const_cast<char**>(argv.data()), const_cast<char**>(environment.data()), in,
           out_, err_);
  ::close(in);
  if (pid_ < 0) throw std::runtime_error("no new process");
}

Process::~Process() {
  if (!ended()) {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_);
  ::close(err_);
}

void Process::signal(int number) const {
  if (!end_) ::kill(pid_, number);
}

void Process::stop() {
  signal(SIGSTOP);
  siginfo_t state{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &state, WSTOPPED | WEXITED | WNOWAIT) != 0 ||
      state.si_code != CLD_STOPPED) {
    throw std::runtime_error("a process ended before it was stopped; it said: " + err());
  }
}

std::optional<int> Process::ended() {
  int status = 0;
  if (!end_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    end_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return end_;
}

int Process::wait() {
  if (!eventually([this] { return ended().has_value(); })) {
    throw std::runtime_error("a process did not end; it said: " + err());
  }
  return *end_;
}

bool Process::says(std::string_view text) {
  const auto said = [&] { return err().find(text) != std::string::npos; };
  eventually([&] { return said() || ended(); });
  return said();
}

std::string Process::out() const {
  return content_of(out_);
}
std::string Process::err() const {
  return content_of(err_);
}

Outcome run(const Command& command) {
  Process process(command);
  const int exit_code = process.wait();
  return {exit_code, process.out(), process.err()};
}

std::uint16_t free_port(std::initializer_list<int> others) {
  // Below the ports that the system gives to connections.
  static std::random_device random;
  static std::vector<Claim> claimed;
  std::uniform_int_distribution<int> any(10'000, 32'000);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int port = any(random);
    std::vector<Claim> claims;
    claims.emplace_back(port);
    for (const int other : others) claims.emplace_back(port + other);
    if (!std::ranges::all_of(claims, &Claim::good)) continue;
    std::ranges::move(claims, std::back_inserter(claimed));
    return static_cast<std::uint16_t>(port);
  }
  throw std::runtime_error("no free port");
}

}  // namespace babilu::testing
