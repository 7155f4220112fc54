#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/schema.h"
#include "core/rpc/status.h"
#include "core/telemetry/log_entry.h"
#include "tools/babilu/files.h"

namespace babilu::cli {

/// One call of one subcommand: what it was given, what it can be told, how it complains.
///
///     ClientConfig config;
///     bind(invocation.options(), config);
///     if (const auto code = invocation.resolve()) return *code;
class Invocation {
 public:
  /// `name` as it is typed after "babilu": "certificates init".
  Invocation(std::string name, std::string about, std::vector<std::string> arguments);

  /// Options from the command line, the environment and a file.
  config::Schema& options() noexcept { return schema_; }

  enum class Presence { required, optional };
  /// A word of its own on the command line, in the order of these calls. `bound` must stay.
  void argument(const char* name, std::string& bound, const char* help, Presence presence);
  /// Shown at the end of --help.
  void footer(std::string text) { footer_ = std::move(text); }
  /// Servers say which BABILU_ variables they ignore; people share them between commands.
  void warn_of_unknown_variables() { warns_ = true; }

  /// Reads it all. Nothing when the command can go on, else the exit code: --help and
  /// --print-config have been answered, errors told, a line each.
  std::optional<int> resolve();

  /// Reads it all again into what is bound, without a word. Nothing, or what is wrong.
  std::optional<std::string> resolve_again();
  const std::vector<std::string>& arguments() const noexcept { return arguments_; }

  /// Failures are told as JSON on standard output, too. Those of resolve() are, where the
  /// command has a switch "json" and it was given.
  void answer_in_json(bool json) noexcept { json_ = json; }
  /// Tells what the command could not do, and gives the exit code.
  int fail(const rpc::Status& status) const;
  int fail(const Problem& problem) const;
  /// A mistake in what was typed.
  int fail_usage(std::string_view problem) const;

  const std::string& name() const noexcept { return name_; }

 private:
  struct Argument {
    const char* name;
    std::string& bound;
    const char* help;
    Presence presence;
  };

  std::optional<int> finish(const config::Result& result) const;
  bool wants_json() const;
  void tell(telemetry::LogLevel level, std::string_view text) const;

  std::string name_;  // "babilu whoami"
  std::string about_;
  std::vector<std::string> arguments_;
  config::Schema schema_;
  std::vector<Argument> positionals_;
  std::string footer_;
  bool warns_ = false;
  bool json_ = false;
};

}  // namespace babilu::cli
