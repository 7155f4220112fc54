#include "tests/integration/support/stack.h"

#include <csignal>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/integration/support/admin.h"

namespace babilu::testing {

namespace {

std::string address(std::uint16_t port) {
  return fmt::format("127.0.0.1:{}", port);
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

int readiness(std::uint16_t admin_port) {
  return ask_admin(admin_port, "/readyz").status;
}

Stack::Stack(Options options) : plaintext_(options.plaintext) {
  const Outcome made = run({.arguments = {"certificates", "init", certificates()}});
  if (made.exit_code != 0) throw std::runtime_error(made.err);
  for (int attempt = 0; attempt < 5; ++attempt) {
    choose_members(options);
    if (start()) return;
  }
  std::string said;
  for (const Member& member : members_) said += member.process->err();
  throw std::runtime_error("the stack did not become ready:\n" + said);
}

void Stack::choose_members(const Options& options) {
  members_.clear();
  std::vector<std::string> proxy{"proxy"};
  for (std::size_t i = 0; i < options.backends; ++i) {
    const std::uint16_t port = free_port({1});
    std::vector<std::string> arguments{"backend", "--database", path() / "babilu.db",
                                       "--master-key-file",
                                       certificates() / "vault" / "master.key"};
    if (options.quick_passwords) {
      append(arguments, {"--passwords-memory-kib", "8", "--passwords-passes", "1"});
    }
    append(arguments, options.backend);
    append(proxy, {"--backends", address(port)});
    members_.push_back({{.arguments = std::move(arguments),
                         .program = options.backend_program,
                         .open_files = options.backend_open_files},
                        port,
                        static_cast<std::uint16_t>(port + 1),
                        {}});
  }
  if (plaintext_) proxy.emplace_back("--plaintext-sessions");
  append(proxy, options.proxy);
  port_ = free_port({1});
  target_ = address(port_);
  members_.insert(members_.begin(),
                  Member{{.arguments = std::move(proxy), .open_files = options.proxy_open_files},
                         port_,
                         static_cast<std::uint16_t>(port_ + 1),
                         {}});
  for (Member& member : members_) {
    append(member.command.arguments, {"--listen", address(member.port), "--admin-listen",
                                      address(member.admin), "--certificates", certificates()});
    member.command.environment["BABILU_ADMIN_TOKEN"] = admin_token;
  }
}

bool Stack::start() {
  for (Member& member : members_) {
    member.process = std::make_unique<Process>(member.command);
  }
  for (Member& member : members_) {
    if (!wait_until_ready(member)) return false;
  }
  return true;
}

bool Stack::wait_until_ready(Member& member) {
  const bool decided =
      eventually([&] { return readiness(member.admin) == 200 || member.process->ended(); });
  return decided && !member.process->ended();
}

void Stack::restart(Member& member) {
  member.process = std::make_unique<Process>(member.command);
  if (!wait_until_ready(member)) throw std::runtime_error(member.process->err());
}

Environment Stack::environment() const {
  Environment all{{"HOME", path()}, {"BABILU_TARGET", target_}, {"BABILU_CA", authority()}};
  if (plaintext_) all["BABILU_PLAINTEXT"] = "true";
  return all;
}

Outcome Stack::babilu(std::vector<std::string> arguments, std::string input,
                      Environment environment) const {
  return run({.arguments = std::move(arguments),
              .environment = std::move(environment),
              .input = std::move(input)});
}

Outcome Stack::run(Command command) const {
  command.environment.merge(environment());
  return testing::run(command);
}

void Stack::add_account(const std::string& name) const {
  for (const char* command : {"signup", "login"}) {
    const Outcome outcome = babilu({command, name}, {}, {{"BABILU_PASSWORD", password}});
    if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
  }
}

std::string Stack::trouble() {
  for (Member& member : members_) {
    if (member.process->ended()) return member.process->err();
  }
  const Outcome asked = babilu({"verify", "nobody", "--signature", std::string(86, 'A') + "=="});
  // That there is no such account is what the store behind both backends says.
  return asked.exit_code == 1 ? "" : asked.err;
}

std::string Stack::stop() {
  std::string problems;
  for (Member& member : members_) {
    member.process->signal(SIGTERM);
    if (const int code = member.process->wait(); code != 0) {
      problems += fmt::format("{} ended with {}:\n{}", member.command.arguments[0], code,
                              member.process->err());
    }
  }
  return problems;
}

}  // namespace babilu::testing
