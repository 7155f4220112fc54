#include "bench/versus/rivals.h"

#include <fstream>

#include <fmt/format.h>

#include "bench/callgrind.h"
#include "bench/versus/haproxy_version.h"

namespace babilu::bench {

namespace {

// What 20,000 open files allow: two for each session, two for each pipe that splices.
constexpr const char* haproxy_config = R"(global
  nbthread 1
  maxconn 9500
  maxpipes 400
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  {splice}
listen echo
  bind 127.0.0.1:{port}{tls}
  server backend 127.0.0.1:{backend}
)";

// One process: without a master, the worker is the process that was started.
constexpr const char* nginx_config = R"(load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 9000; }}
stream {{
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_pass 127.0.0.1:{backend};
    proxy_timeout 1h;
  }}
}}
)";

std::string address(int port) {
  return fmt::format("127.0.0.1:{}", port);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.empty()) throw std::runtime_error("cannot read " + path.string());
  return text;
}

std::filesystem::path write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
  return path;
}

}  // namespace

ProxyPtr Rivals::start(const Arguments& arguments, int port, bool tls) const {
  if (!std::filesystem::exists(arguments.front())) {
    throw std::runtime_error(arguments.front() + " is missing; `tools/dev bench` installs it");
  }
  auto proxy = std::make_unique<RunningProxy>(arguments, port);
  load_.wait_for(port, tls);
  return proxy;
}

Arguments Rivals::ours(const std::filesystem::path& program, int port, bool tls) const {
  return {program,
          "proxy",
          "--listen",
          address(port),
          "--admin-listen",
          address(port + 1),
          "--backends",
          address(backend_port_),
          "--certificates",
          certificates_,
          "--log-level",
          "error",
          "--plaintext-links=true",
          tls ? "--plaintext-sessions=false" : "--plaintext-sessions=true"};
}

ProxyPtr Rivals::start_ours(const std::filesystem::path& program, int port, bool tls) const {
  return start(ours(program, port, tls), port, tls);
}

ProxyPtr Rivals::start_counted(const std::filesystem::path& program, int port, bool tls,
                               const std::filesystem::path& file) const {
  return start(counted(ours(program, port, tls), file), port, tls);
}

ProxyPtr Rivals::start_haproxy(int port, bool tls, bool splice) const {
  const std::string options =
      tls ? fmt::format(" ssl crt {} alpn babilu/1 ssl-min-ver TLSv1.3 curves {}",
                        write_certificate().string(),
                        haproxy_version().hybrid ? "X25519MLKEM768:X25519" : "X25519")
          : "";
  const std::string config = fmt::format(
      fmt::runtime(haproxy_config), fmt::arg("splice", splice ? "option splice-auto" : ""),
      fmt::arg("port", port), fmt::arg("tls", options), fmt::arg("backend", backend_port_));
  const auto file = write_file(directory_ / fmt::format("haproxy-{}.cfg", port), config);
  return start({haproxy_program, "-db", "-f", file}, port, tls);
}

ProxyPtr Rivals::start_nginx(int port) const {
  const std::string config =
      fmt::format(fmt::runtime(nginx_config), fmt::arg("directory", directory_.string()),
                  fmt::arg("port", port), fmt::arg("backend", backend_port_));
  const auto file = write_file(directory_ / "nginx.conf", config);
  return start({nginx_program, "-e", "stderr", "-p", directory_, "-c", file}, port, false);
}

std::filesystem::path Rivals::write_certificate() const {
  const auto ours = certificates_ / "proxy";
  return write_file(directory_ / "haproxy.pem",
                    read_file(ours / "certificate.pem") + read_file(ours / "key.pem"));
}

}  // namespace babilu::bench
