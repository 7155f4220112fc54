#include "tools/bots/command.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/net/tcp.h"
#include "core/runtime/process.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/tls/security.h"
#include "tools/bots/report_file.h"
#include "tools/bots/run.h"

namespace babilu::bots {

namespace {

constexpr int usage_error = 2;

void complain(const std::string& problem) {
  fmt::print(stderr, "babilu bots: {}\n", problem);
}

std::unique_ptr<net::Security> make_security(Runtime& runtime, const tls::ContextPtr& context) {
  if (!context) return std::make_unique<net::Plaintext>();
  return tls::make_security(runtime, context, {.dialed = "proxy", .accepted = ""});
}

task<> pass_on(Lifecycle& lifecycle, Runtime& runtime, Stop& stop) {
  co_await lifecycle.draining(runtime);
  stop.request();
}

task<> run_once(const BotsConfig& config, const tls::ContextPtr& context, Lifecycle& lifecycle,
                Runtime& runtime, std::optional<Report>& report) {
  net::TcpNetwork network(runtime);
  const auto security = make_security(runtime, context);
  TerminalProgress progress(stderr);
  Stop stop(runtime);
  Scope scope(runtime);
  scope.spawn("stop", pass_on(lifecycle, runtime, stop));
  report = co_await run_bots(runtime, network, *security, config, progress, stop);
  scope.cancel();
  co_await scope.join();
}

}  // namespace

int run_command(const BotsConfig& config) {
  tls::ContextPtr context;
  if (!config.plaintext) {
    auto loaded = tls::Context::load({.authority = config.ca}, std::chrono::system_clock::now());
    if (!loaded) {
      complain(loaded.error().to_string());
      return usage_error;
    }
    context = *loaded;
  }
  std::optional<ReportFile> file;
  if (!config.json.empty()) {
    auto opened = ReportFile::open(config.json);
    if (!opened) {
      complain(opened.error());
      return usage_error;
    }
    file.emplace(std::move(*opened));
  }

  std::optional<Report> report;
  Lifecycle lifecycle;
  run_process(1, lifecycle, [&](Runtime& runtime, unsigned) {
    return run_once(config, context, lifecycle, runtime, report);
  });

  fmt::print(config.json == "-" ? stderr : stdout, "{}", format_table(*report));
  if (file) {
    const std::string problem = file->commit(format_json(*report));
    if (!problem.empty()) {
      complain(problem);
      return std::max(exit_code(*report), 1);
    }
  }
  return exit_code(*report);
}

}  // namespace babilu::bots
