#pragma once

#include <string>
#include <vector>

namespace babilu::config {

/// What is wrong, where, and what would be right: everything that a person needs to mend it.
struct Error {
  std::string where;  // "proxy.toml:3:12", "BABILU_LIMITS_SESSIONS", "--limits-sessions", or empty
  std::string key;    // "limits.sessions", or empty
  std::string problem;   // "found \"many\"", "unknown key"
  std::string expected;  // "a whole number from 1 to 1000000", or empty
  std::string hint;      // "did you mean limits.sessions?", or empty

  /// "proxy.toml:3:12: limits.sessions: found "many", expected a whole number …"
  std::string message() const;
};

/// What became of loading a configuration.
struct Result {
  enum class Outcome {
    loaded,   // the bound values are set
    help,     // `text` is the help; nothing was set
    printed,  // --print-config: `text` is the effective configuration; nothing was set
    failed,   // `errors` says why, all that could be found at once; nothing was set
  };

  Outcome outcome = Outcome::failed;
  std::string text;
  std::vector<Error> errors;
  std::vector<std::string> warnings;

  bool loaded() const noexcept { return outcome == Outcome::loaded; }
  /// One line an error.
  std::string error_text() const;
};

}  // namespace babilu::config
