#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "core/net/address.h"

namespace babilu::peer {

/// How a person, or a script, talks through standard input and output.
struct TalkOptions {
  std::string name;                ///< empty: whoever the profile belongs to
  std::filesystem::path profile;   ///< empty: default_profile_path(name)
  std::optional<net::Address> at;  ///< listen there
  std::optional<net::Address> to;  ///< dial there
  std::string with;                ///< the only one to talk to; empty: anybody
  /// How long an address that nobody is known at may take to answer.
  std::chrono::milliseconds wait = std::chrono::seconds(5);
  /// At the end of input, how long what was said may take to arrive.
  std::chrono::milliseconds deliver = std::chrono::seconds(10);
  /// After that, how long to stay and listen.
  std::chrono::milliseconds linger{0};
  /// The end of input, when it is no terminal, is no reason to leave: a service has no input.
  bool stay = false;
};

/// Exit codes of the program.
enum class TalkExit : int {
  done = 0,
  refused = 1,      ///< we refused whoever answered, or they us; or a line was not sent
  unusable = 2,     ///< the profile, or the address to listen at, cannot be used
  unavailable = 4,  ///< nobody answered; or some of what was said is kept and has not arrived
  failed = 5,       ///< a defect: something that it cannot do without has failed
};

/// Talks until the end. SIGINT, SIGTERM and SIGHUP leave in order, a second one at once.
/// Standard input and output are used as a terminal when both are one.
TalkExit talk(const TalkOptions& options);

/// Forgets a contact of a profile; works beside a running peer. Says on standard output what it
/// did.
TalkExit forget(const std::filesystem::path& profile, const std::string& name,
                const std::string& contact);

}  // namespace babilu::peer
