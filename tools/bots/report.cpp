#include "tools/bots/report.h"

namespace babilu::bots {

namespace {

std::uint64_t left(const CheckedReport& part) noexcept {
  return part.planned - part.checked;
}

template <class Member>
std::uint64_t sum(const std::vector<MethodReport>& methods, Member member) noexcept {
  std::uint64_t total = 0;
  for (const MethodReport& method : methods) total += method.*member;
  return total;
}

}  // namespace

std::uint64_t ChecksReport::acknowledged() const noexcept {
  return accounts.acknowledged + ciphertexts.acknowledged + signatures.acknowledged;
}

std::uint64_t ChecksReport::unchecked() const noexcept {
  return left(accounts) + left(logins) + left(ciphertexts) + left(signatures);
}

bool ChecksReport::passed() const noexcept {
  return lost == 0 && duplicated == 0 && corrupt == 0 && unchecked() == 0;
}

std::uint64_t Report::requests() const noexcept {
  return sum(methods, &MethodReport::requests);
}
std::uint64_t Report::failed() const noexcept {
  return sum(methods, &MethodReport::failed);
}
std::uint64_t Report::unknown() const noexcept {
  return sum(methods, &MethodReport::unknown);
}

double Report::throughput() const noexcept {
  return load_seconds > 0 ? static_cast<double>(answered()) / load_seconds : 0;
}

telemetry::LatencyHistogram Report::latency() const {
  telemetry::LatencyHistogram all;
  for (const MethodReport& method : methods) all.merge(method.latency);
  return all;
}

int exit_code(const Report& report) noexcept {
  if (!report.unreachable.empty()) return 2;
  if (!report.checks.passed() || report.answered() == 0) return 1;
  const bool flawless = report.failed() == 0 && report.omitted == 0 &&
                        report.sessions_ready == report.config.sessions;
  return report.config.strict && !flawless ? 1 : 0;
}

}  // namespace babilu::bots
