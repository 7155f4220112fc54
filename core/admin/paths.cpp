// The paths that every process has.
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "core/admin/admin.h"
#include "core/admin/dashboard.h"
#include "core/runtime/runtime.h"
#include "core/telemetry/exposition.h"

namespace babilu::admin {

namespace json = boost::json;

namespace {

constexpr auto json_type = "application/json";

Response show(const Asset& asset) {
  return {.body = std::string(asset.content), .content_type = std::string(asset.content_type)};
}

}  // namespace

void Admin::add_own_paths() {
  for (const Asset& asset : dashboard_assets()) {
    const char* about = asset.path == "/" ? "the dashboard" : "";
    router_.add({Method::get, std::string(asset.path), Access::open, about,
                 [&asset](const Request&) { return show(asset); }});
  }
  router_.add({Method::get, "/livez", Access::open, "whether the process runs",
               [](const Request&) { return Response{.body = "ok\n"}; }});
  router_.add({Method::get, "/readyz", Access::open, "whether it can serve; ?verbose says why not",
               [this](const Request& request) { return readiness(request); }});
  handle(Method::get, "/metrics", "for Prometheus", [this](const Request& request) {
    auto [type, body] = telemetry::expose(metrics_, request.accept);
    return Response{.body = std::move(body), .content_type = std::move(type)};
  });
  handle(Method::get, "/stats", "all figures as JSON", [this](const Request&) { return stats(); });
  handle(Method::get, "/log", "recent warnings and errors as JSON", [this](const Request&) {
    return Response{.body = log_json(log_), .content_type = json_type};
  });
  handle(Method::post, "/reload", "read the configuration again", [this](const Request& request) {
    log_.info("reload asked for", telemetry::field("remote", request.remote));
    return reload();
  });
  handle(Method::post, "/drain", "stop taking work, end what is begun, then exit",
         [this](const Request& request) { return drain(request); });
}

Response Admin::readiness(const Request& request) const {
  const Phase phase = lifecycle_.phase();
  bool ready = phase == Phase::ready;
  std::string list = fmt::format("[{}] phase: {}\n", ready ? '+' : '-', to_string(phase));
  for (const auto& [name, failure, warning] : lifecycle_.run_checks()) {
    if (failure) ready = false;
    if (failure) {
      list += fmt::format("[-] {}: {}\n", name, *failure);
    } else if (warning) {
      list += fmt::format("[!] {}: {}\n", name, *warning);
    } else {
      list += fmt::format("[+] {}\n", name);
    }
  }
  const char* verdict = ready ? "ready\n" : "not ready\n";
  return {.status = ready ? 200U : 503U,
          .body = request.has_parameter("verbose") ? list + verdict : verdict};
}

Response Admin::stats() const {
  const auto families = metrics_.snapshot();
  const std::chrono::duration<double> uptime = runtime_.now() - started_;
  json::object out{{"name", options_.name}, {"version", options_.version}};
  for (auto& [name, value] : lifecycle_stats(lifecycle_)) out[name] = value;
  out["time"] = telemetry::rfc3339(runtime_.clock().wall());
  out["uptime_seconds"] = uptime.count();
  if (!runtime_.simulated()) out["pid"] = ::getpid();
  out["process"] = process_stats(families);
  json::object& sections = out["sections"].emplace_object();
  for (const auto& [name, source] : sections_) sections[name] = source();
  out["metrics"] = metric_stats(families);
  return {.body = json::serialize(out) + "\n", .content_type = json_type};
}

Response Admin::reload() const {
  const auto outcome = lifecycle_.ask_to_reload();
  if (!outcome) return {.status = 501, .body = "this process cannot reload: restart it\n"};
  if (*outcome) return {.status = 409, .body = "nothing was changed: " + **outcome + "\n"};
  return {.body = "reloaded\n"};
}

Response Admin::drain(const Request& request) {
  const Phase before = lifecycle_.phase();
  if (before >= Phase::draining) {
    return {.status = 202, .body = fmt::format("already {}\n", to_string(before))};
  }
  log_.info("drain asked for", telemetry::field("remote", request.remote));
  lifecycle_.advance(Phase::draining);
  return {.status = 202, .body = "draining\n"};
}

}  // namespace babilu::admin
