// babilu-load: the load and the backend of `babilu-bench proxy`. Speaks to ports of this machine;
// prints what it measured as one line of JSON.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "bench/load/echo_server.h"
#include "bench/load/handshakes.h"
#include "bench/load/idle.h"
#include "bench/load/requests.h"
#include "bench/load/session.h"
#include "bench/load/wait.h"

namespace {

using namespace babilu::load;

CLI::App* command(CLI::App& app, const char* name, const char* what, int& port) {
  CLI::App* made = app.add_subcommand(name, what);
  made->add_option("--port", port, "where on 127.0.0.1")->required();
  return made;
}

void bind_requests(CLI::App& app, RequestOptions& options, Result& result) {
  CLI::App* made = command(app, "requests", "sends echo requests", options.port);
  made->add_flag("--tls", options.tls);
  made->add_option("--sessions", options.sessions);
  made->add_option("--depth", options.depth)->check(CLI::Range(1U, Session::depth_limit / 2));
  made->add_option("--rate", options.rate);
  made->add_option("--warm-up", options.warm_up);
  made->add_option("--seconds", options.seconds);
  made->add_option("--measured", options.measured, "process whose CPU time is measured");
  made->callback([&] { result = run_requests(options); });
}

void bind_idle(CLI::App& app, IdleOptions& options, Result& result) {
  CLI::App* made = command(app, "idle", "opens sessions that keep silent", options.port);
  made->add_flag("--tls", options.tls);
  made->add_option("--from", options.from);
  made->add_option("--to", options.to);
  made->add_option("--measured", options.measured, "process whose memory is measured");
  made->callback([&] { result = run_idle(options); });
}

void bind_handshakes(CLI::App& app, HandshakeOptions& options, Result& result) {
  CLI::App* made = command(app, "handshakes", "connects and closes under TLS", options.port);
  made->add_flag("--resume", options.resume);
  made->add_option("--group", options.group, "of the key exchange");
  made->add_option("--parallel", options.parallel);
  made->add_option("--warm-up", options.warm_up);
  made->add_option("--seconds", options.seconds);
  made->add_option("--measured", options.measured, "process whose CPU time is measured");
  made->callback([&] { result = run_handshakes(options); });
}

}  // namespace

int main(int argc, char** argv) {
  // Waits end when they should, not up to 50 µs later.
  prctl(PR_SET_TIMERSLACK, 1);
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL

  CLI::App app("Load and backend of the comparison of proxies.");
  app.require_subcommand(1);
  int port = 0;
  bool tls = false;
  RequestOptions requests;
  IdleOptions idle;
  HandshakeOptions handshakes;
  Result result;
  command(app, "echo", "answers echo requests until it is ended", port)->callback([&] {
    serve_echo(port);
  });
  CLI::App* wait = command(app, "wait", "returns when an echo request is answered", port);
  wait->add_flag("--tls", tls);
  wait->callback([&] { wait_for_echo(port, tls); });
  bind_requests(app, requests, result);
  bind_idle(app, idle, result);
  bind_handshakes(app, handshakes, result);
  try {
    CLI11_PARSE(app, argc, argv);
    if (!result.empty()) result.print();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "babilu-load: %s\n", error.what());
    return 1;
  }
}
