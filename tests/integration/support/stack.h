#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/support/process.h"
#include "tests/integration/support/temporary_directory.h"

namespace babilu::testing {

/// A proxy and its backends, as processes, on ports of their own, with certificates and a database
/// of their own. Ready when it is made; throws when it cannot be.
class Stack {
 public:
  struct Options {
    std::vector<std::string> proxy = {};  ///< further arguments
    std::vector<std::string> backend = {};
    bool plaintext = false;  ///< between clients and the proxy
    bool quick_passwords = true;
    std::size_t backends = 2;
    std::string backend_program = {};  ///< in the place of babilu's backend
    std::optional<std::uint64_t> proxy_open_files = {};
    std::optional<std::uint64_t> backend_open_files = {};
  };
  Stack() : Stack(Options{}) {}
  explicit Stack(Options options);

  /// Where clients connect.
  const std::string& target() const noexcept { return target_; }
  std::uint16_t port() const noexcept { return port_; }
  bool plaintext() const noexcept { return plaintext_; }
  std::filesystem::path path() const { return directory_.path(); }
  std::filesystem::path authority() const { return certificates() / "ca.pem"; }
  std::filesystem::path certificates() const { return path() / "certificates"; }

  Process& proxy() { return *members_[0].process; }
  Process& backend(std::size_t index) { return *members_.at(1 + index).process; }
  std::uint16_t backend_port(std::size_t index) const { return members_.at(1 + index).port; }
  std::uint16_t backend_admin_port(std::size_t index) const { return members_.at(1 + index).admin; }
  std::size_t backends() const noexcept { return members_.size() - 1; }
  /// Of the proxy.
  std::uint16_t admin_port() const { return members_[0].admin; }
  /// Runs one again that has ended.
  void restart_proxy() { restart(members_[0]); }
  void restart_backend(std::size_t index) { restart(members_.at(1 + index)); }

  /// A subcommand of a person's, against this stack. `environment` comes on top.
  Outcome babilu(std::vector<std::string> arguments, std::string input = {},
                 Environment environment = {}) const;
  /// Any command of a person's; its environment comes on top of what reaches this stack.
  Outcome run(Command command) const;
  /// An account that is logged in.
  void add_account(const std::string& name) const;

  /// Empty when all processes run and a call through them is answered; else what is wrong.
  std::string trouble();
  /// Ends all of them in order; empty when each did so with code 0.
  std::string stop();

 private:
  struct Member {
    Command command;
    std::uint16_t port;
    std::uint16_t admin;
    std::unique_ptr<Process> process;
  };

  void choose_members(const Options& options);
  bool start();
  static bool wait_until_ready(Member& member);
  static void restart(Member& member);
  Environment environment() const;

  TemporaryDirectory directory_;
  bool plaintext_;
  std::uint16_t port_ = 0;
  std::string target_;
  std::vector<Member> members_;  // the proxy first
};

/// The status of GET /readyz; 0 when nobody answers.
int readiness(std::uint16_t admin_port);

inline constexpr auto password = "correct horse battery staple";

}  // namespace babilu::testing
