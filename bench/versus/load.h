#pragma once

#include <chrono>
#include <compare>
#include <filesystem>
#include <map>
#include <string>

#include "bench/process.h"

namespace babilu::bench {

/// Who is measured: a process that listens on a port of this machine.
struct Subject {
  int port = 0;
  pid_t id = 0;
};

/// How requests come.
struct Shape {
  bool tls = false;
  int sessions = 64;
  int depth = 1;    ///< unanswered requests of a session, when there is no rate
  double rate = 0;  ///< requests per second of all sessions, whether answered or not

  auto operator<=>(const Shape&) const = default;
};

/// How a TLS 1.3 handshake goes.
struct Handshake {
  const char* group = "X25519";
  bool resume = false;
};

/// What babilu-load measured, by name: bench/load says which there are.
using Sample = std::map<std::string, double>;

/// Runs babilu-load, one run after the other, on the core where the proxy is not.
class Load {
 public:
  explicit Load(std::filesystem::path program) : program_(std::move(program)) {}

  /// The backend.
  Arguments echo(int port) const;
  /// Until a request is answered. Throws after 10 s.
  void wait_for(int port, bool tls) const;
  Sample requests(const Subject& subject, const Shape& shape) const;
  /// For so long, without a warm-up: for counts, not for times.
  Sample requests(const Subject& subject, const Shape& shape, std::chrono::seconds time) const;
  Sample handshakes(const Subject& subject, const Handshake& shape) const;
  Sample idle(const Subject& subject, bool tls) const;

 private:
  Sample run(const Arguments& arguments) const;
  Arguments requesting(const Subject& subject, const Shape& shape) const;

  std::filesystem::path program_;
};

inline constexpr int proxy_core = 0;
inline constexpr int load_core = 1;

}  // namespace babilu::bench
