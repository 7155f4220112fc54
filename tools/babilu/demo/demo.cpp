// demo: the whole stack with one command.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "core/base/standard_streams.h"
#include "core/crypto/random.h"
#include "core/net/tcp.h"
#include "core/runtime/process.h"
#include "core/runtime/runtime.h"
#include "core/tls/certificates.h"
#include "tools/babilu/commands.h"
#include "tools/babilu/demo/demo_stack.h"
#include "tools/babilu/exit_code.h"

namespace babilu::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t admin_range = 82;
constexpr auto start_patience = 30s;
constexpr auto look_every = 200ms;

constexpr auto footer =
    "Exit code 0: the bots' checks passed, and every process ended in order. 1: not so, or the\n"
    "stack did not start. 2: a port is taken.\n"
    "  babilu demo\n"
    "  babilu demo --exit --duration 3s --port-base 17400";

struct DemoConfig {
  std::uint16_t port_base = 7400;
  bool exit = false;
  std::filesystem::path keep;
  std::chrono::milliseconds duration = 5s;
  std::uint32_t sessions = 20;
};

void bind(config::Schema& schema, DemoConfig& config) {
  schema.option("port_base", config.port_base,
                "the proxy's port; backends take the next two, admin endpoints those 80 further",
                config::range(std::uint16_t{1024}, 65535 - admin_range));
  schema.option("exit", config.exit, "end after the bots, instead of staying up until Ctrl-C");
  schema.option(
      "keep", config.keep,
      "directory for database, certificates and logs, which are then kept and used again");
  schema.option("duration", config.duration, "how long each of the two loads lasts",
                config::range(100ms, 1h));
  schema.option("sessions", config.sessions, "bots at a time", config::range(1u, 10'000u));
}

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

class Demo {
 public:
  Demo(Runtime& runtime, Lifecycle& lifecycle, const DemoConfig& config)
      : runtime_(runtime),
        lifecycle_(lifecycle),
        config_(config),
        network_(runtime),
        directory_(config.keep),
        stack_(runtime, network_, directory_, config.port_base) {}

  task<ExitCode> run();

 private:
  bool interrupted() const { return lifecycle_.phase() >= Phase::draining; }
  bool tell_taken_ports();
  bool make_certificates();
  task<bool> start();
  task<bool> load(const char* title, const char* scenario);
  task<bool> stay_up();
  task<bool> stop();
  void invite();
  void tell(std::string_view text);
  ExitCode complain(const Problem& problem) const;

  Runtime& runtime_;
  Lifecycle& lifecycle_;
  const DemoConfig& config_;
  net::TcpNetwork network_;
  DemoDirectory directory_;
  DemoStack stack_;
};

ExitCode Demo::complain(const Problem& problem) const {
  print_error(fmt::format("babilu demo: {}\n", problem.text));
  return ExitCode::refused;
}

task<ExitCode> Demo::run() {
  if (tell_taken_ports()) co_return ExitCode::usage;
  if (!make_certificates()) co_return ExitCode::refused;
  bool good = co_await start();
  if (good && !interrupted()) good = co_await load("Sign-up", "signup");
  if (good && !interrupted()) good = co_await load("Encryption", "encrypt");
  if (good && !config_.exit && !interrupted()) {
    invite();
    good = co_await stay_up();
  }
  const bool stopped = co_await stop();
  co_return good&& stopped ? ExitCode::done : ExitCode::refused;
}

bool Demo::tell_taken_ports() {
  const auto taken = stack_.taken_ports();
  if (taken.empty()) return false;
  const unsigned base = config_.port_base;
  print_error(fmt::format(
      "babilu demo: {} {} taken by something else. End that, or choose another range with "
      "--port-base N:\nit uses N to N+2, and N+80 to N+82 (now {} to {}, and {} to {}).\n",
      fmt::join(taken, ", "), taken.size() == 1 ? "is" : "are", base, base + 2, base + 80,
      base + 82));
  return true;
}

bool Demo::make_certificates() {
  if (directory_.kept() && std::filesystem::exists(directory_.authority())) return true;
  const auto problem = tls::create_development_certificates(
      {.directory = directory_.certificates()}, runtime_.random(), runtime_.clock().wall());
  if (problem) complain({problem->to_string()});
  return !problem;
}

task<bool> Demo::start() {
  tell(fmt::format("Starting a proxy and two backends; database, certificates and logs are in {}\n",
                   directory_.path().string()));
  const auto problem = co_await stack_.start(runtime_.now() + start_patience);
  if (problem) complain(*problem);
  for (const Member& member : stack_.members()) {
    if (problem) break;
    tell(fmt::format("  {:<10} 127.0.0.1:{:<6} admin http://127.0.0.1:{}/\n", member.name,
                     member.port, member.admin));
  }
  co_return !problem;
}

/// The bots are a process of their own, like anybody's. They end at Ctrl-C, and still check what
/// was done until then.
task<bool> Demo::load(const char* title, const char* scenario) {
  tell(fmt::format("\n{}\n", title));
  ChildProcess bots(
      {.name = "bots",
       .arguments = {"bots", "--target", fmt::format("127.0.0.1:{}", config_.port_base), "--ca",
                     directory_.authority(), "--scenario", scenario, "--sessions",
                     std::to_string(config_.sessions), "--duration",
                     fmt::format("{}ms", config_.duration.count()), "--json",
                     directory_.path() / fmt::format("{}.json", scenario)},
       .log = {}});
  bool told = false;
  std::optional<int> end;
  while (!end) {
    end = co_await bots.wait(runtime_, runtime_.now() + look_every);
    if (interrupted() && !told) bots.signal(SIGINT);
    told = interrupted();
  }
  if (*end != 0) complain({fmt::format("the {} bots ended with code {}", scenario, *end)});
  co_return *end == 0;
}

/// Without a reader (`babilu demo | head -1`) nobody would know of the stack: it ends in order.
void Demo::tell(std::string_view text) {
  if (!print(text)) lifecycle_.advance(Phase::draining);
}

void Demo::invite() {
  const std::string program = own_program().string();
  const std::string token_file = directory_.admin_token().string();
  tell(fmt::format(
      R"invitation(
The stack is up.
  dashboard  http://127.0.0.1:{admin}/
  token      {token}, which the dashboard asks for; it is in {token_file}
  state      curl 'http://127.0.0.1:{admin}/readyz?verbose'
  metrics    curl -H "Authorization: Bearer $(cat {token_file})" http://127.0.0.1:{admin}/metrics
  logs       tail -f {directory}/*.log

Talk to it from another terminal:
  export BABILU_TARGET=127.0.0.1:{port} BABILU_CA={authority}
  {program} signup ada
  {program} login ada
  echo hello | {program} encrypt --armor
  echo hello | {program} encrypt | {program} decrypt
  {program} bots --scenario mixed --sessions 50 --duration 10s

Ctrl-C ends it{end}.
)invitation",
      fmt::arg("admin", stack_.members()[0].admin), fmt::arg("port", config_.port_base),
      fmt::arg("token", first_line(directory_.admin_token())), fmt::arg("token_file", token_file),
      fmt::arg("directory", directory_.path().string()),
      fmt::arg("authority", directory_.authority().string()), fmt::arg("program", program),
      fmt::arg("end", directory_.kept() ? "; the data is kept" : " and deletes its data")));
}

task<bool> Demo::stay_up() {
  while (!interrupted()) {
    if (const auto problem = stack_.fallen()) {
      complain(*problem);
      co_return false;
    }
    co_await runtime_.sleep_for(look_every);
  }
  co_return true;
}

task<bool> Demo::stop() {
  tell("\nEnding\n");
  const auto problem = co_await stack_.stop();
  if (problem) complain(*problem);
  co_return !problem;
}

task<> run_demo(Runtime& runtime, Lifecycle& lifecycle, const DemoConfig& config, ExitCode& code) {
  Demo demo(runtime, lifecycle, config);
  code = co_await demo.run();
}

}  // namespace

int demo(Invocation& invocation) {
  DemoConfig config;
  bind(invocation.options(), config);
  invocation.footer(footer);
  if (const auto code = invocation.resolve()) return *code;
  ExitCode code = ExitCode::internal;
  try {
    Lifecycle lifecycle;
    run_process(1, lifecycle, [&](Runtime& runtime, unsigned) {
      return run_demo(runtime, lifecycle, config, code);
    });
  } catch (const std::system_error& error) {
    return invocation.fail(Problem{error.what()});
  }
  return to_int(code);
}

}  // namespace babilu::cli
