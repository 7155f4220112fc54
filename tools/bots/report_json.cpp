#include "tools/bots/json_writer.h"
#include "tools/bots/report.h"

namespace babilu::bots {

namespace {

double microseconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e3;
}

void write_latency(JsonWriter& json, const telemetry::LatencyHistogram& latency) {
  json.key("latency_us").open_object();
  json.member("p50", microseconds(latency.quantile(0.5)));
  json.member("p90", microseconds(latency.quantile(0.9)));
  json.member("p99", microseconds(latency.quantile(0.99)));
  json.member("p999", microseconds(latency.quantile(0.999)));
  json.member("max", microseconds(latency.max()));
  json.member("mean", latency.mean() / 1e3);
  json.member("count", latency.count());
  json.close_object();
}

void write_run(JsonWriter& json, const Report& report) {
  const BotsConfig& config = report.config;
  json.member("scenario", to_string(config.scenario));
  json.key("targets").open_list();
  for (const std::string& target : config.target) json.value(std::string_view(target));
  json.close_list();
  json.member("sessions", config.sessions);
  json.member("sessions_connected", report.sessions_connected);
  json.member("sessions_ready", report.sessions_ready);
  json.member("loop", config.rate > 0 ? "open" : "closed");
  json.member("rate", config.rate);
  json.member("payload_bytes", config.payload.bytes);
  json.member("interrupted", report.interrupted);
  if (!report.unreachable.empty()) {
    json.member("unreachable", std::string_view(report.unreachable));
  }
  json.member("exit_code", exit_code(report));
}

void write_limits(JsonWriter& json, const Report& report) {
  json.key("limits").open_list();
  for (const auto& [limits, sessions] : report.limits.entries()) {
    json.open_object();
    json.member("told_to_sessions", sessions);
    if (limits.address) {
      json.key("of_address").open_object();
      json.member("sessions", limits.address->sessions);
      json.member("handshakes_per_second", limits.address->handshakes_per_second);
      json.member("requests_per_second", limits.address->requests_per_second);
      json.close_object();
    }
    json.key("of_session").open_object();
    json.member("unanswered_requests", limits.streams);
    json.member("frame_bytes", limits.frame_bytes);
    json.close_object();
    json.close_object();
  }
  json.close_list();
}

void write_times(JsonWriter& json, const Report& report) {
  json.member("duration_seconds", report.load_seconds);
  json.key("seconds").open_object();
  json.member("connect", report.connect_seconds);
  json.member("setup", report.setup_seconds);
  json.member("load", report.load_seconds);
  json.member("check", report.check_seconds);
  json.member("load_cpu_of_bots", report.load_cpu_seconds);
  json.close_object();
}

void write_requests(JsonWriter& json, const Report& report) {
  json.key("requests").open_object();
  json.member("total", report.requests());
  json.member("answered", report.answered());
  json.member("failed", report.failed());
  json.member("outcome_unknown", report.unknown());
  json.member("omitted", report.omitted);
  json.member("setup", report.setup_requests);
  json.member("setup_failed", report.setup_failed);
  json.close_object();
  json.member("throughput_per_second", report.throughput());
  write_latency(json, report.latency());
  json.key("methods").open_object();
  for (const MethodReport& method : report.methods) {
    json.key(method.name).open_object();
    json.member("requests", method.requests);
    json.member("failed", method.failed);
    json.member("outcome_unknown", method.unknown);
    write_latency(json, method.latency);
    json.close_object();
  }
  json.close_object();
}

void write_checked(JsonWriter& json, const char* name, const CheckedReport& part) {
  json.key(name).open_object();
  json.member("acknowledged", part.acknowledged);
  json.member("planned", part.planned);
  json.member("checked", part.checked);
  json.close_object();
}

void write_checks(JsonWriter& json, const Report& report) {
  const ChecksReport& checks = report.checks;
  json.key("checks").open_object();
  json.member("passed", checks.passed());
  json.member("acknowledged", checks.acknowledged());
  json.member("lost", checks.lost);
  json.member("duplicated", checks.duplicated);
  json.member("corrupt", checks.corrupt);
  json.member("outcome_unknown", report.unknown());
  json.member("unchecked", checks.unchecked());
  write_checked(json, "accounts", checks.accounts);
  write_checked(json, "logins", checks.logins);
  write_checked(json, "ciphertexts", checks.ciphertexts);
  write_checked(json, "signatures", checks.signatures);
  json.key("resent").open_object();
  json.member("total", checks.resent);
  json.member("answered_alike", checks.answered_alike);
  json.member("unanswered", checks.resent_unanswered);
  json.close_object();
  json.key("names_retried").open_object();
  json.member("total", checks.names_retried);
  json.member("refused", checks.names_refused);
  json.close_object();
  json.key("findings").open_list();
  for (const std::string& finding : checks.findings) json.value(std::string_view(finding));
  json.close_list();
  json.close_object();
}

void write_errors(JsonWriter& json, const Report& report) {
  json.key("errors").open_list();
  for (const ErrorReport& error : report.errors) {
    json.open_object();
    json.member("count", error.count);
    json.member("phase", std::string_view(error.phase));
    json.member("method", std::string_view(error.method));
    json.member("code", std::string_view(error.code));
    json.member("reason", std::string_view(error.reason));
    json.member("example", std::string_view(error.example));
    json.close_object();
  }
  json.close_list();
}

void write_connections(JsonWriter& json, const Report& report) {
  json.key("connections").open_object();
  json.member("dials", report.dials);
  json.member("failed_dials", report.failed_dials);
  json.member("reconnects", report.reconnects);
  json.member("resends", report.resends);
  json.close_object();
}

}  // namespace

std::string format_json(const Report& report) {
  JsonWriter json;
  json.open_object();
  write_run(json, report);
  write_limits(json, report);
  write_times(json, report);
  write_requests(json, report);
  write_checks(json, report);
  write_errors(json, report);
  write_connections(json, report);
  json.close_object();
  return json.text() + "\n";
}

}  // namespace babilu::bots
