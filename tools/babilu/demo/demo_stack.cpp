#include "tools/babilu/demo/demo_stack.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>

#include "core/runtime/runtime.h"
#include "tools/babilu/demo/http_get.h"

namespace babilu::cli {

namespace fs = std::filesystem;

namespace {

using namespace std::chrono_literals;

constexpr const char* host = "127.0.0.1";
constexpr std::uint16_t admin_offset = 80;
constexpr auto ask_every = 50ms;
constexpr auto drain_timeout = "3s";
constexpr auto patience = 10s;
constexpr std::size_t lines_to_show = 12;

std::string address(std::uint16_t port) {
  return fmt::format("{}:{}", host, port);
}

std::array<Member, 3> members_from(std::uint16_t base) {
  const auto port = [base](int more) { return static_cast<std::uint16_t>(base + more); };
  return {Member{"proxy", port(0), port(admin_offset)},
          Member{"backend-a", port(1), port(admin_offset + 1)},
          Member{"backend-b", port(2), port(admin_offset + 2)}};
}

fs::path make_temporary() {
  std::error_code error;
  const fs::path directory = fs::temp_directory_path(error);
  std::string place = (directory / "babilu-demo-XXXXXX").string();
  if (!error && ::mkdtemp(place.data()) != nullptr) return place;
  if (!error) error = {errno, std::generic_category()};
  const char* const chosen = std::getenv("TMPDIR");
  throw std::system_error(
      error, fmt::format(
                 "nothing can be made in the temporary directory{}; set TMPDIR to another, or name "
                 "one with --keep DIRECTORY",
                 chosen == nullptr ? "" : fmt::format(" (TMPDIR is {})", chosen)));
}

fs::path make_kept(const fs::path& keep) {
  std::error_code error;
  fs::create_directories(keep, error);
  if (!error && !fs::is_directory(keep)) error = std::make_error_code(std::errc::not_a_directory);
  fs::path place = error ? fs::path() : fs::canonical(keep, error);
  if (!error) return place;
  throw std::system_error(
      error,
      fmt::format("nothing can be kept in {}; name another directory by --keep", keep.string()));
}

Problem ended_by_itself(ChildProcess& process) {
  return {fmt::format("{} ended with code {}; its last lines, of {}:\n{}", process.name(),
                      *process.ended(), process.log().string(),
                      last_lines(process.log(), lines_to_show))};
}

}  // namespace

DemoDirectory::DemoDirectory(const fs::path& keep) : kept_(!keep.empty()) {
  path_ = kept_ ? make_kept(keep) : make_temporary();
}

DemoDirectory::~DemoDirectory() {
  std::error_code ignored;
  if (!kept_) fs::remove_all(path_, ignored);
}

DemoStack::DemoStack(Runtime& runtime, net::Network& network, const DemoDirectory& directory,
                     std::uint16_t base)
    : runtime_(runtime), network_(network), directory_(directory), members_(members_from(base)) {}

std::vector<std::string> DemoStack::taken_ports() {
  std::vector<std::string> taken;
  for (const Member& member : members_) {
    for (const std::uint16_t port : {member.port, member.admin}) {
      if (!network_.listen({host, port})) taken.push_back(address(port));
    }
  }
  return taken;
}

ChildProcess::Start DemoStack::start_of(std::size_t index) const {
  const Member& member = members_[index];
  ChildProcess::Start start{.name = member.name,
                            .arguments = {index == 0 ? "proxy" : "backend"},
                            .log = directory_.path() / (member.name + ".log")};
  const auto option = [&](const char* flag, const std::string& value) {
    start.arguments.insert(start.arguments.end(), {flag, value});
  };
  option("--name", member.name);
  option("--listen", address(member.port));
  option("--admin-listen", address(member.admin));
  option("--admin-token-file", directory_.admin_token());
  option("--certificates", directory_.certificates());
  option("--drain-timeout", drain_timeout);
  if (index == 0) {
    option("--backends", address(members_[1].port));
    option("--backends", address(members_[2].port));
  } else {
    option("--database", directory_.path() / "babilu.db");
    option("--master-key-file", directory_.certificates() / "vault" / "master.key");
  }
  return start;
}

task<std::optional<Problem>> DemoStack::start(Deadline deadline) {
  for (std::size_t index = 0; index < members_.size(); ++index) {
    processes_.push_back(std::make_unique<ChildProcess>(start_of(index)));
  }
  // The backends first: the proxy is ready when it has reached one.
  for (const std::size_t index : {1, 2, 0}) {
    auto problem = co_await ready(members_[index], deadline);
    if (problem) co_return problem;
  }
  co_return std::nullopt;
}

task<std::optional<Problem>> DemoStack::ready(const Member& member, Deadline deadline) {
  while (runtime_.now() < deadline) {
    if (auto problem = fallen()) co_return problem;
    const int status = co_await http_status(network_, {host, member.admin}, "/readyz", deadline);
    if (status == 200) co_return std::nullopt;
    co_await runtime_.sleep_for(ask_every);
  }
  co_return Problem{fmt::format("{} was not ready in time; see http://{}/readyz?verbose",
                                member.name, address(member.admin))};
}

std::optional<Problem> DemoStack::fallen() {
  for (const auto& process : processes_) {
    if (process->ended()) return ended_by_itself(*process);
  }
  return std::nullopt;
}

task<std::optional<Problem>> DemoStack::stop() {
  // The proxy first: its sessions end while the backends can still answer.
  std::optional<Problem> first;
  for (const auto& process : processes_) {
    process->signal(SIGTERM);
    auto end = co_await process->wait(runtime_, runtime_.now() + patience);
    if (!end) {
      process->signal(SIGKILL);
      end = co_await process->wait(runtime_, no_deadline);
    }
    if (*end != 0 && !first) first = ended_by_itself(*process);
  }
  co_return first;
}

}  // namespace babilu::cli
