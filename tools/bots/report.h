#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/telemetry/histogram.h"
#include "tools/bots/config.h"
#include "tools/bots/limits.h"

namespace babilu::bots {

/// What became of the requests of one method during the load.
struct MethodReport {
  std::string name;
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  /// Of those that failed, mutating ones of which nobody knows whether they had their effect.
  std::uint64_t unknown = 0;
  /// From when a request was meant to be sent to its answer, or to when the wait for one was given
  /// up. Refusals, which come fast, are not in it.
  telemetry::LatencyHistogram latency;
};

/// How often something failed in one way.
struct ErrorReport {
  std::string phase;  ///< connect, setup, load or check
  std::string method;
  std::string code;
  std::string reason;
  std::string example;  ///< the first message
  std::uint64_t count = 0;
};

/// Things of one kind that the stack acknowledged, and how many of them were looked at again.
struct CheckedReport {
  std::uint64_t acknowledged = 0;
  std::uint64_t planned = 0;  ///< to be asked for: all, or a random sample within a bound
  std::uint64_t checked = 0;  ///< an answer was had, right or wrong
};

/// What the checks found.
struct ChecksReport {
  CheckedReport accounts;     ///< exist, and with ids of their own
  CheckedReport logins;       ///< of the accounts: log in, are who they are, sign and verify
  CheckedReport ciphertexts;  ///< decrypt to what was encrypted
  CheckedReport signatures;   ///< verify, and not for another message

  /// Acknowledged, but the stack knows nothing of it any more.
  std::uint64_t lost = 0;
  /// Had an effect twice: one id for two accounts, two answers to one request, one name given
  /// twice.
  std::uint64_t duplicated = 0;
  /// Answers that are not what was put in.
  std::uint64_t corrupt = 0;
  std::vector<std::string> findings;  ///< the first of them, in words

  std::uint64_t resent = 0;  ///< mutating requests sent twice with one key
  std::uint64_t answered_alike = 0;
  std::uint64_t resent_unanswered = 0;
  std::uint64_t names_retried = 0;  ///< acknowledged names tried again under another key
  std::uint64_t names_refused = 0;

  std::uint64_t acknowledged() const noexcept;
  /// Planned, but not answered in time: nothing is known of these.
  std::uint64_t unchecked() const noexcept;
  /// Nothing wrong was found, and nothing was left unchecked.
  bool passed() const noexcept;
};

/// Everything about one run. Plain data; owner: whoever ran it.
struct Report {
  BotsConfig config;
  std::uint64_t sessions_connected = 0;
  std::uint64_t sessions_ready = 0;  ///< connected and set up: those that loaded the stack
  LimitsHeard limits;                ///< when the bots connected
  bool interrupted = false;
  /// Why nobody could connect; then nothing else happened. Empty when somebody could.
  std::string unreachable;

  double connect_seconds = 0;
  double setup_seconds = 0;
  double load_seconds = 0;  ///< until the last answer
  double check_seconds = 0;
  double load_cpu_seconds = 0;  ///< of this process; 0 in a simulation

  std::uint64_t setup_requests = 0;
  std::uint64_t setup_failed = 0;
  std::vector<MethodReport> methods;  ///< the load alone, in the order of their ids
  std::uint64_t omitted = 0;          ///< open loop: not sent, as too many were unanswered
  std::vector<ErrorReport> errors;
  ChecksReport checks;

  std::uint64_t dials = 0;
  std::uint64_t failed_dials = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t resends = 0;  ///< by the channels, after a connection was lost

  std::uint64_t requests() const noexcept;
  std::uint64_t failed() const noexcept;
  std::uint64_t unknown() const noexcept;
  std::uint64_t answered() const noexcept { return requests() - failed(); }
  /// Answered requests by the time of the load.
  double throughput() const noexcept;
  telemetry::LatencyHistogram latency() const;
};

/// What a program that ran the bots exits with.
///   0  the checks passed
///   1  something was lost, duplicated, corrupt or left unchecked; or no request was answered, or
///      no bot could be set up, so that nothing is proved; with `strict` also when a request
///      failed or was left out
///   2  no bot could connect
int exit_code(const Report& report) noexcept;

/// For people; lines of at most 100 columns unless a message is longer.
std::string format_table(const Report& report);
/// For programs; times in microseconds unless the name says otherwise. Ends with a newline.
std::string format_json(const Report& report);

}  // namespace babilu::bots
