#include <chrono>
#include <iterator>

#include <fmt/format.h>

#include "core/base/harmless.h"
#include "tools/bots/report.h"
#include "tools/bots/units.h"

namespace babilu::bots {

namespace {

using Out = std::back_insert_iterator<std::string>;

std::string plural(std::uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

void write_title(Out out, const Report& report) {
  const BotsConfig& config = report.config;
  fmt::format_to(out, "{}: {}, ", to_string(config.scenario), plural(config.sessions, "session"));
  if (config.rate > 0) {
    fmt::format_to(out, "open loop at {:g}/s, ", config.rate);
  } else {
    fmt::format_to(out, "closed loop, ");
  }
  fmt::format_to(out, "{:.1f} s against {}{}\n", report.load_seconds,
                 fmt::join(config.target, ", "), report.interrupted ? ", ended early" : "");
  if (report.sessions_ready < config.sessions) {
    fmt::format_to(out, "Only {} connected, of which {} could be set up.\n",
                   plural(report.sessions_connected, "session"),
                   format_count(report.sessions_ready));
  }
}

void write_limits(Out out, const Report& report) {
  const auto& entries = report.limits.entries();
  for (const auto& [limits, sessions] : entries) {
    if (entries.size() > 1) fmt::format_to(out, "{} told:\n", plural(sessions, "session"));
    fmt::format_to(out, "{}", format_limits(limits));
  }
}

void write_row(Out out, const std::string& name, std::uint64_t requests, std::uint64_t failed,
               double seconds, const telemetry::LatencyHistogram& latency) {
  const double answered = static_cast<double>(requests - failed);
  fmt::format_to(out, "{:<17}{:>12}{:>9}{:>11.1f}", name, format_count(requests),
                 format_count(failed), seconds > 0 ? answered / seconds : 0.0);
  for (const double quantile : {0.5, 0.9, 0.99, 0.999, 1.0}) {
    fmt::format_to(out, "{:>10}",
                   latency.count() == 0 ? "-" : format_time(latency.quantile(quantile)));
  }
  fmt::format_to(out, "\n");
}

void write_methods(Out out, const Report& report) {
  fmt::format_to(out, "\n{:<17}{:>12}{:>9}{:>11}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "method",
                 "requests", "failed", "ok/s", "p50", "p90", "p99", "p99.9", "max");
  for (const MethodReport& method : report.methods) {
    write_row(out, method.name, method.requests, method.failed, report.load_seconds,
              method.latency);
  }
  if (report.methods.size() != 1) {
    write_row(out, "all", report.requests(), report.failed(), report.load_seconds,
              report.latency());
  }
  if (report.unknown() > 0) {
    fmt::format_to(out, "Of the failed, {} may have had their effect or not.\n",
                   format_count(report.unknown()));
  }
  if (report.omitted > 0) {
    fmt::format_to(out,
                   "{} due and not sent, as {} were unanswered: the figures above are too good.\n",
                   plural(report.omitted, "request"), format_count(in_flight_bound(report.config)));
  }
}

void write_part(Out out, const char* name, const CheckedReport& part, const char* what) {
  if (part.acknowledged == 0) return;
  fmt::format_to(out, "  {:<12}{:>10} acknowledged, {} of them {}", name,
                 format_count(part.acknowledged), format_count(part.checked), what);
  if (part.planned > part.checked) {
    fmt::format_to(out, "; {} had no answer", format_count(part.planned - part.checked));
  }
  fmt::format_to(out, "\n");
}

void write_probes(Out out, const ChecksReport& checks) {
  if (checks.resent > 0) {
    fmt::format_to(out, "  {:<12}{:>10} requests sent twice with one key, {} answered alike",
                   "resent", format_count(checks.resent), format_count(checks.answered_alike));
    if (checks.resent_unanswered > 0) {
      fmt::format_to(out, "; {} had no answer", format_count(checks.resent_unanswered));
    }
    fmt::format_to(out, "\n");
  }
  if (checks.names_retried > 0) {
    fmt::format_to(out, "  {:<12}{:>10} names asked for again under another key, {} refused\n",
                   "names", format_count(checks.names_retried), format_count(checks.names_refused));
  }
}

const char* verdict(const Report& report) {
  if (!report.checks.passed()) return "FAILED";
  return report.answered() == 0 ? "nothing was answered, so nothing is proved" : "passed";
}

void write_checks(Out out, const Report& report) {
  const ChecksReport& checks = report.checks;
  fmt::format_to(out, "\nChecks: {}\n", verdict(report));
  fmt::format_to(out, "  {:<12}{:>10} looked at as they came\n", "answers",
                 format_count(report.answered()));
  write_part(out, "accounts", checks.accounts, "asked for");
  write_part(out, "logins", checks.logins, "logged in, signed and verified");
  write_part(out, "ciphertexts", checks.ciphertexts, "decrypted and compared");
  write_part(out, "signatures", checks.signatures, "verified, also against a changed message");
  write_probes(out, checks);
  fmt::format_to(out, "  lost {}, duplicated {}, corrupt {}, unchecked {}\n",
                 format_count(checks.lost), format_count(checks.duplicated),
                 format_count(checks.corrupt), format_count(checks.unchecked()));
  for (const std::string& finding : checks.findings) {
    fmt::format_to(out, "  {}\n", harmless_line(finding));
  }
}

void write_errors(Out out, const Report& report) {
  if (report.errors.empty()) return;
  fmt::format_to(out, "\nErrors\n");
  for (const ErrorReport& error : report.errors) {
    fmt::format_to(out, "{:>8}  {} {} {} ({}): {}\n", format_count(error.count), error.phase,
                   error.method, error.code, harmless_line(error.reason),
                   harmless_line(error.example));
  }
}

void write_times(Out out, const Report& report) {
  fmt::format_to(out, "\nconnect {:.1f} s, setup {:.1f} s, load {:.1f} s, checks {:.1f} s",
                 report.connect_seconds, report.setup_seconds, report.load_seconds,
                 report.check_seconds);
  if (report.load_cpu_seconds > 0 && report.requests() > 0) {
    fmt::format_to(out, "; the bots themselves took {:.1f} s of CPU, {:.1f} µs a request",
                   report.load_cpu_seconds,
                   1e6 * report.load_cpu_seconds / static_cast<double>(report.requests()));
  }
  fmt::format_to(out, "\n{} ({} failed), {}, {} after a lost connection\n",
                 plural(report.dials, "dial"), format_count(report.failed_dials),
                 plural(report.reconnects, "reconnect"), plural(report.resends, "resend"));
}

}  // namespace

std::string format_table(const Report& report) {
  std::string text;
  const Out out(text);
  if (!report.unreachable.empty()) {
    fmt::format_to(out, "No bot could connect: {}\n", harmless_line(report.unreachable));
    return text;
  }
  write_title(out, report);
  write_limits(out, report);
  write_methods(out, report);
  write_checks(out, report);
  write_errors(out, report);
  write_times(out, report);
  return text;
}

}  // namespace babilu::bots
