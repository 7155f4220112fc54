#include "bench/versus/echo.h"

#include <fmt/format.h>

#include "bench/callgrind.h"
#include "bench/directory.h"
#include "bench/process.h"
#include "core/net/tcp.h"
#include "core/rpc/typed.h"
#include "core/runtime/runtime.h"
#include "core/tls/security.h"
#include "roles/api/echo.pb.h"
#include "roles/api/methods.h"

namespace babilu::bench {

using namespace std::chrono_literals;

namespace {

constexpr int sessions = 64;
constexpr auto warm_up = 300ms;

/// A proxy and a backend that offers echo alone.
class Stack {
 public:
  /// With `counts` both run under callgrind, which leaves DIRECTORY/backend.count and proxy.count.
  Stack(const std::filesystem::path& program, const std::filesystem::path& directory, bool tls,
        int port, bool counts)
      : backend_(
            started({program, "backend", "--listen", address(port + 1), "--admin-listen",
                     address(port + 2), "--services", "echo", "--database", directory / "bench.db",
                     "--certificates", directory / "certificates", "--master-key-file",
                     directory / "certificates/vault/master.key", "--log-level", "error",
                     tls ? "--plaintext-links=false" : "--plaintext-links=true"},
                    counts, directory / "backend.count")),
        proxy_(started(
            {program, "proxy", "--listen", address(port), "--admin-listen", address(port + 3),
             "--backends", address(port + 1), "--certificates", directory / "certificates",
             "--log-level", "error", tls ? "--plaintext-links=false" : "--plaintext-links=true",
             tls ? "--plaintext-sessions=false" : "--plaintext-sessions=true"},
            counts, directory / "proxy.count")) {}

  static std::string address(int port) { return fmt::format("127.0.0.1:{}", port); }
  double proxy_cpu() const { return proxy_.cpu_microseconds(); }
  double backend_cpu() const { return backend_.cpu_microseconds(); }

 private:
  static Arguments started(Arguments arguments, bool counts, const std::filesystem::path& file) {
    return counts ? counted(arguments, file) : arguments;
  }

  Process backend_;
  Process proxy_;
};

double own_cpu() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

struct Load {
  std::uint64_t replies = 0;
  std::uint64_t failures = 0;
  bool stop = false;
};

/// How often a stack is measured, and for how long.
struct Plan {
  int runs = 5;
  std::chrono::milliseconds run_time = 2s;
};

/// One session in lockstep: the next request when the reply has come.
task<> ask(Runtime& runtime, net::Network& network, net::Security& security, net::Address target,
           Load& load) {
  rpc::Channel channel(runtime, network, security, {.targets = {target}});
  channel.start();
  rpc::Client<api::Echo> echo(channel);
  api::EchoRequest request;
  request.set_payload(std::string(64, 'x'));
  while (!load.stop) {
    const auto reply =
        co_await echo.call(api::Echo::echo, request, {.deadline = runtime.now() + 5s});
    ++(reply ? load.replies : load.failures);
  }
  co_await channel.close();
}

struct Sample {
  double proxy = 0;
  double backend = 0;
  double client = 0;
};

struct Outcome {
  std::vector<Sample> samples;
  double requests = 0;  ///< all of them
};

task<> measure(Runtime& runtime, net::Network& network, net::Security& security,
               net::Address target, const Stack& stack, Plan plan, Outcome& outcome) {
  Load load;
  Scope scope(runtime);
  for (int i = 0; i < sessions; ++i) {
    scope.spawn("session", ask(runtime, network, security, target, load));
  }
  co_await runtime.sleep_for(warm_up);
  while (load.replies == 0) co_await runtime.sleep_for(warm_up);
  for (int i = 0; i < plan.runs; ++i) {
    const std::uint64_t replies = load.replies;
    const std::uint64_t failures = load.failures;
    const Sample before{stack.proxy_cpu(), stack.backend_cpu(), own_cpu()};
    co_await runtime.sleep_for(plan.run_time);
    if (load.failures != failures) throw std::runtime_error("a request failed while measuring");
    const auto answered = static_cast<double>(load.replies - replies);
    outcome.samples.push_back({(stack.proxy_cpu() - before.proxy) / answered,
                               (stack.backend_cpu() - before.backend) / answered,
                               (own_cpu() - before.client) / answered});
  }
  load.stop = true;
  co_await scope.join();
  outcome.requests = static_cast<double>(load.replies);
}

Outcome load_stack(const Stack& stack, const std::filesystem::path& certificates, bool tls,
                   int port, Plan plan) {
  Runtime runtime;
  net::TcpNetwork network(runtime);
  auto context =
      tls::Context::load({.authority = certificates / "ca.pem"}, std::chrono::system_clock::now());
  net::Plaintext plaintext;
  const auto secured = tls::make_security(runtime, *context, {.dialed = "proxy", .accepted = ""});
  net::Security& security = tls ? static_cast<net::Security&>(*secured) : plaintext;
  Outcome outcome;
  runtime.run(measure(runtime, network, security, *net::Address::parse(Stack::address(port)), stack,
                      plan, outcome));
  return outcome;
}

int port_of(bool tls) {
  return tls ? 17'510 : 17'500;
}

std::vector<Sample> run_stack(const std::filesystem::path& program, bool tls, Plan plan) {
  const Directory directory;
  const auto certificates = directory.make_certificates();
  const Stack stack(program, directory.path(), tls, port_of(tls), false);
  return load_stack(stack, certificates, tls, port_of(tls), plan).samples;
}

/// What proxy and backend counted.
struct Counts {
  Counted proxy;
  Counted backend;
};

Counts count_stack(const std::filesystem::path& program, bool tls, std::chrono::seconds time) {
  const Directory directory;
  const auto certificates = directory.make_certificates();
  Counts counts;
  {
    const Stack stack(program, directory.path(), tls, port_of(tls), true);
    const double requests =
        load_stack(stack, certificates, tls, port_of(tls), {.runs = 1, .run_time = time}).requests;
    counts.proxy.requests = counts.backend.requests = requests;
  }
  counts.proxy.instructions = read_instructions(directory.path() / "proxy.count");
  counts.backend.instructions = read_instructions(directory.path() / "backend.count");
  return counts;
}

/// Instructions of a request: proxy, backend.
Sample count_requests(const std::filesystem::path& program, bool tls) {
  const Counts shorter = count_stack(program, tls, 3s);
  const Counts longer = count_stack(program, tls, 9s);
  return {.proxy = instructions_per_request(shorter.proxy, longer.proxy),
          .backend = instructions_per_request(shorter.backend, longer.backend)};
}

Row row(std::string name, const std::vector<Sample>& samples, double Sample::* process) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(sample.*process);
  Row made;
  made.row = std::move(name);
  made.ours = median(values);
  made.unit = "µs CPU/request";
  made.pairs = static_cast<int>(values.size());
  made.spread = spread(values);
  return made;
}

}  // namespace

std::vector<Row> run_echo(const std::filesystem::path& program) {
  std::vector<Row> rows;
  for (const bool tls : {false, true}) {
    const auto samples = run_stack(program, tls, {});
    const std::string kind = tls ? "TLS" : "plaintext";
    rows.push_back(row("proxy, 64 B echo, 64 sessions, " + kind, samples, &Sample::proxy));
    rows.push_back(row("backend, 64 B echo, 64 sessions, " + kind, samples, &Sample::backend));
    rows.push_back(row("client, 64 B echo, 64 sessions, " + kind, samples, &Sample::client));
  }
  return rows;
}

namespace {

struct Turns {
  std::vector<Sample> ours;
  std::vector<Sample> theirs;
};

/// The other one's figure beside ours.
Row beside(std::string name, std::string unit, const Turns& turns, double Sample::* process,
           double target) {
  std::vector<double> theirs;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < turns.theirs.size(); ++i) {
    theirs.push_back(turns.theirs[i].*process);
    ratios.push_back(turns.ours[i].*process / theirs.back());
  }
  Row made = row(std::move(name), turns.ours, process);
  made.unit = std::move(unit);
  made.theirs = median(theirs);
  made.paired = median(ratios);
  made.spread = spread(ratios);
  made.target = target;
  return made;
}

}  // namespace

std::vector<Row> run_echo_against(const std::filesystem::path& program,
                                  const std::filesystem::path& other, int pairs) {
  const std::pair<const char*, double Sample::*> processes[] = {{"proxy", &Sample::proxy},
                                                                {"backend", &Sample::backend}};
  std::vector<Row> rows;
  for (const bool tls : {false, true}) {
    Turns turns;
    for (int i = 0; i < pairs; ++i) {
      turns.ours.push_back(run_stack(program, tls, {.runs = 1}).front());
      turns.theirs.push_back(run_stack(other, tls, {.runs = 1}).front());
    }
    const std::string what = fmt::format("64 B echo, 64 sessions, {}", tls ? "TLS" : "plaintext");
    bool all_count = true;
    for (const auto& [name, process] : processes) {
      rows.push_back(
          beside(fmt::format("{}, {}", name, what), "µs CPU/request", turns, process, 1.03));
      rows.back().counts = rows.back().is_steady();
      all_count = all_count && rows.back().counts;
    }
    if (all_count) continue;
    // How many requests share a read is up to the machine, and moves a count by a percent.
    Turns counts;
    for (int i = 0; i < pairs_that_say_something; ++i) {
      counts.ours.push_back(count_requests(program, tls));
      counts.theirs.push_back(count_requests(other, tls));
    }
    for (const auto& [name, process] : processes) {
      rows.push_back(beside(fmt::format("{} instructions, {}", name, what), "instructions", counts,
                            process, 1.01));
    }
  }
  return rows;
}

}  // namespace babilu::bench
