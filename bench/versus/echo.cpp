#include "bench/versus/echo.h"

#include <fmt/format.h>

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
constexpr int runs = 5;
constexpr auto warm_up = 300ms;
constexpr auto run_time = 2s;

/// A proxy and a backend that offers echo alone.
class Stack {
 public:
  Stack(const std::filesystem::path& program, const std::filesystem::path& directory, bool tls,
        int port)
      : backend_({program, "backend", "--listen", address(port + 1), "--admin-listen",
                  address(port + 2), "--services", "echo", "--database", directory / "bench.db",
                  "--certificates", directory / "certificates", "--master-key-file",
                  directory / "certificates/vault/master.key", "--log-level", "error",
                  tls ? "--plaintext-links=false" : "--plaintext-links=true"}),
        proxy_({program, "proxy", "--listen", address(port), "--admin-listen", address(port + 3),
                "--backends", address(port + 1), "--certificates", directory / "certificates",
                "--log-level", "error", tls ? "--plaintext-links=false" : "--plaintext-links=true",
                tls ? "--plaintext-sessions=false" : "--plaintext-sessions=true"}) {}

  static std::string address(int port) { return fmt::format("127.0.0.1:{}", port); }
  double proxy_cpu() const { return proxy_.cpu_microseconds(); }
  double backend_cpu() const { return backend_.cpu_microseconds(); }

 private:
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

task<> measure(Runtime& runtime, net::Network& network, net::Security& security,
               net::Address target, const Stack& stack, std::vector<Sample>& samples) {
  Load load;
  Scope scope(runtime);
  for (int i = 0; i < sessions; ++i) {
    scope.spawn("session", ask(runtime, network, security, target, load));
  }
  co_await runtime.sleep_for(warm_up);
  while (load.replies == 0) co_await runtime.sleep_for(warm_up);
  for (int i = 0; i < runs; ++i) {
    const std::uint64_t replies = load.replies;
    const std::uint64_t failures = load.failures;
    const Sample before{stack.proxy_cpu(), stack.backend_cpu(), own_cpu()};
    co_await runtime.sleep_for(run_time);
    if (load.failures != failures) throw std::runtime_error("a request failed while measuring");
    const auto answered = static_cast<double>(load.replies - replies);
    samples.push_back({(stack.proxy_cpu() - before.proxy) / answered,
                       (stack.backend_cpu() - before.backend) / answered,
                       (own_cpu() - before.client) / answered});
  }
  load.stop = true;
  co_await scope.join();
}

std::vector<Sample> run_stack(const std::filesystem::path& program, bool tls, int port) {
  Directory directory;
  const auto certificates = directory.make_certificates();
  Stack stack(program, directory.path(), tls, port);
  Runtime runtime;
  net::TcpNetwork network(runtime);
  auto context =
      tls::Context::load({.authority = certificates / "ca.pem"}, std::chrono::system_clock::now());
  net::Plaintext plaintext;
  const auto secured = tls::make_security(runtime, *context, {.dialed = "proxy", .accepted = ""});
  net::Security& security = tls ? static_cast<net::Security&>(*secured) : plaintext;
  std::vector<Sample> samples;
  runtime.run(measure(runtime, network, security, *net::Address::parse(Stack::address(port)), stack,
                      samples));
  return samples;
}

Row row(std::string name, const std::vector<Sample>& samples, double Sample::* process) {
  std::vector<double> values;
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
    const auto samples = run_stack(program, tls, tls ? 17'510 : 17'500);
    const std::string kind = tls ? "TLS" : "plaintext";
    rows.push_back(row("proxy, 64 B echo, 64 sessions, " + kind, samples, &Sample::proxy));
    rows.push_back(row("backend, 64 B echo, 64 sessions, " + kind, samples, &Sample::backend));
    rows.push_back(row("client, 64 B echo, 64 sessions, " + kind, samples, &Sample::client));
  }
  return rows;
}

}  // namespace babilu::bench
