#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/net/memory.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/tls/context.h"
#include "core/tls/issue.h"
#include "core/tls/tls.h"

/// What the tests of core/tls share.
namespace babilu::tls::testing {

/// A directory that goes with its test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

std::chrono::system_clock::time_point today();
Validity valid_now();

/// Two authorities that do not know each other, and what the first one issued.
const Issued& our_authority();
const Issued& other_authority();

/// What is shown is issued here; without names nothing is shown.
struct Role {
  std::optional<Names> names = {};
  const Issued* issuer = &our_authority();
  const Issued* trusts = &our_authority();
  Validity validity = valid_now();
};
ContextPtr make_context(const Role& role);

inline Names proxy_names() {
  return {{"localhost", "127.0.0.1", "::1", "proxy"}, "proxy"};
}
inline Names backend_names() {
  return {{"localhost", "backend-a"}, "backend"};
}

/// How one connection is tried.
struct Attempt {
  ContextPtr server = make_context({.names = proxy_names()});
  ContextPtr client = make_context({});
  std::string client_role = {};
  Expected expected = {"localhost", "proxy"};
};

/// How it ended on each side.
struct Outcome {
  Result<net::StreamPtr> server = Error::internal;
  Result<net::StreamPtr> client = Error::internal;
};
task<> try_handshake(Runtime& runtime, net::StreamPtr server_end, net::StreamPtr client_end,
                     const Attempt& attempt, Outcome& outcome);
/// Over a new pair in memory.
Outcome handshake(Runtime& runtime, const Attempt& attempt, net::MemoryOptions options = {});

/// Runs a wait and gives its error.
error_code run(Runtime& runtime, task<error_code> wait);
task<> store(task<error_code> wait, error_code& result);

/// Reads until something ends it, and says what.
task<error_code> read_to_end(net::Stream& stream, Bytes& out);
task<error_code> read_exactly(net::Stream& stream, MutableByteView out);

Bytes numbered(std::size_t size);

}  // namespace babilu::tls::testing
