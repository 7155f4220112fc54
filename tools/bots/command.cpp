#include "tools/bots/command.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/output_file.h"
#include "core/base/standard_streams.h"
#include "core/net/tcp.h"
#include "core/runtime/process.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/runtime/signals.h"
#include "core/tls/security.h"
#include "tools/bots/run.h"

namespace babilu::bots {

namespace {

void complain(const std::string& problem) {
  print_error(fmt::format("babilu bots: {}\n", problem));
}

std::string unwritable(const std::string& json, const std::error_code& error) {
  return fmt::format("cannot write the report to {}: {}",
                     json == "-" ? "the standard output" : json, error.message());
}

/// What stands in the way of so many connections; nothing if they fit into what may be open.
std::optional<std::string> too_few_files(std::uint32_t sessions) {
  constexpr rlim_t for_the_process = 24;
  const rlim_t needed = sessions + for_the_process;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= needed) return std::nullopt;
  files.rlim_cur = std::min(needed, files.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur >= needed) return std::nullopt;
  return fmt::format(
      "{} bots need {} open files, and this process may have {}: raise that limit (ulimit -n {}), "
      "or "
      "ask for fewer --sessions",
      sessions, needed, files.rlim_cur, needed);
}

std::unique_ptr<net::Security> make_security(Runtime& runtime, const tls::ContextPtr& context) {
  if (!context) return std::make_unique<net::Plaintext>();
  return tls::make_security(runtime, context, {.dialed = "proxy", .accepted = ""});
}

task<> pass_on(Lifecycle& lifecycle, Runtime& runtime, Stop& stop) {
  co_await lifecycle.draining(runtime);
  stop.request();
}

/// What a second signal does: it ends the checks, and the report says so. After that, nothing more
/// is to be hurried.
struct Impatience {
  Stop* stop = nullptr;
  bool shown = false;

  bool hurry() {
    if (stop == nullptr || shown) return false;
    stop->request();
    return shown = true;
  }
};

task<> run_once(const BotsConfig& config, const tls::ContextPtr& context, Lifecycle& lifecycle,
                Runtime& runtime, Impatience& impatience, std::optional<Report>& report) {
  net::TcpNetwork network(runtime);
  const auto security = make_security(runtime, context);
  TerminalProgress progress(stderr);
  Stop stop(runtime);
  impatience.stop = &stop;
  Scope scope(runtime);
  scope.spawn("stop", pass_on(lifecycle, runtime, stop));
  report = co_await run_bots(runtime, network, *security, config, progress, stop);
  impatience.stop = nullptr;
  co_await scope.close();
}

/// The report, where it shall go, and the exit code.
int tell(const Report& report, const std::string& json, std::optional<OutputFile>& file) {
  int code = exit_code(report);
  if (json == "-") {
    print_error(format_table(report));
  } else if (!print(format_table(report))) {
    complain("the standard output: " + take_output_error().message());
    code = std::max(code, 1);
  }
  if (!file) return code;
  if (const auto error = file->commit(bytes_of(format_json(report)))) {
    complain(unwritable(json, error));
    code = std::max(code, 1);
  }
  return code;
}

}  // namespace

int run_command(const BotsConfig& config, const NotStarted& not_started) {
  tls::ContextPtr context;
  if (!config.plaintext) {
    auto loaded = tls::Context::load({.authority = config.ca}, std::chrono::system_clock::now());
    if (!loaded) {
      return not_started(loaded.error().to_string());
    }
    context = *loaded;
  }
  if (const auto problem = too_few_files(config.sessions)) {
    return not_started(*problem);
  }
  std::optional<OutputFile> file;
  if (!config.json.empty()) {
    // A pipe is open when its reader comes: until then a signal has nothing to end in order.
    release_signals();
    auto opened = OutputFile::open(config.json);
    hold_signals();
    if (!opened) {
      return not_started(unwritable(config.json, opened.error()));
    }
    file.emplace(std::move(*opened));
  }

  std::optional<Report> report;
  Lifecycle lifecycle;
  Impatience impatience;
  run_process(
      1, lifecycle,
      [&](Runtime& runtime, unsigned) {
        return run_once(config, context, lifecycle, runtime, impatience, report);
      },
      [&] { return report || impatience.hurry(); });

  return tell(*report, config.json, file);
}

}  // namespace babilu::bots
