#pragma once

#include <filesystem>
#include <memory>

#include "bench/versus/load.h"

namespace babilu::bench {

/// A proxy that runs, in front of a backend that speaks plain TCP.
class RunningProxy {
 public:
  RunningProxy(const Arguments& arguments, int port)
      : process_(arguments, proxy_core), port_(port) {}
  Subject subject() const noexcept { return {port_, process_.id()}; }

 private:
  Process process_;
  int port_;
};
using ProxyPtr = std::unique_ptr<RunningProxy>;

/// Starts the proxies of the comparison, with one thread each, pinned to their core.
class Rivals {
 public:
  Rivals(std::filesystem::path program, std::filesystem::path directory,
         std::filesystem::path certificates, const Load& load, int backend_port)
      : program_(std::move(program)),
        directory_(std::move(directory)),
        certificates_(std::move(certificates)),
        load_(load),
        backend_port_(backend_port) {}

  /// Ours, as it is in this tree.
  const std::filesystem::path& program() const noexcept { return program_; }
  /// All return when a request through them is answered.
  ProxyPtr start_ours(const std::filesystem::path& program, int port, bool tls) const;
  /// The same under callgrind, which writes its count to `file` at the end.
  ProxyPtr start_counted(const std::filesystem::path& program, int port, bool tls,
                         const std::filesystem::path& file) const;
  ProxyPtr start_haproxy(int port, bool tls, bool splice) const;
  ProxyPtr start_nginx(int port) const;

 private:
  Arguments ours(const std::filesystem::path& program, int port, bool tls) const;
  ProxyPtr start(const Arguments& arguments, int port, bool tls) const;
  /// Certificates and key of our proxy in one file, as HAProxy wants them.
  std::filesystem::path write_certificate() const;

  std::filesystem::path program_;
  std::filesystem::path directory_;
  std::filesystem::path certificates_;
  const Load& load_;
  int backend_port_;
};

inline constexpr const char* nginx_program = "/usr/sbin/nginx";

}  // namespace babilu::bench
