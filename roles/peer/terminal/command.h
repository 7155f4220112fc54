#pragma once

#include <string>
#include <string_view>

namespace babilu::peer {

/// A line that a person typed.
struct Command {
  enum class Kind {
    nothing,  ///< an empty line
    say,      ///< `text` to whom one talks, or to `name`
    talk_to,  ///< switch to `name`
    connect,  ///< to the address or contact in `text`
    who,
    history,      ///< with `name`; empty: with whom one talks
    fingerprint,  ///< of oneself and of `name`
    forget,       ///< `name`
    help,
    quit,
    mistake,  ///< `text` says what is wrong
  };
  Kind kind = Kind::nothing;
  std::string name;
  std::string text;
};

/// Lines that begin with '/' are commands, with "//" texts that begin with '/'.
Command parse_command(std::string_view line);
/// What was pasted is said as it is.
Command parse_pasted(std::string_view text);

/// What /help shows.
extern const std::string_view command_help;

}  // namespace babilu::peer
