#include "tests/unit/tls_support.h"

#include <cstdlib>
#include <stdexcept>

#include <boost/asio/error.hpp>

#include "core/crypto/random.h"
#include "core/tls/credentials.h"

namespace babilu::tls::testing {

namespace error = boost::asio::error;

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "babilu-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::chrono::system_clock::time_point today() {
  return std::chrono::system_clock::now();
}

Validity valid_now() {
  return {today() - std::chrono::hours(1), today() + std::chrono::hours(24)};
}

const Issued& our_authority() {
  static const Issued authority = issue_authority("ours", valid_now(), crypto::system_random());
  return authority;
}

const Issued& other_authority() {
  static const Issued authority = issue_authority("other", valid_now(), crypto::system_random());
  return authority;
}

ContextPtr make_context(const Role& role) {
  auto parts = std::make_unique<Context::Parts>();
  if (role.names) {
    Issued issued = issue(*role.issuer, *role.names, role.validity, crypto::system_random());
    parts->credentials = std::make_shared<Credentials>(
        std::vector<Botan::X509_Certificate>{issued.certificate}, std::move(issued.key));
  } else {
    parts->credentials =
        std::make_shared<Credentials>(std::vector<Botan::X509_Certificate>(), nullptr);
  }
  parts->authorities.add_certificate(role.trusts->certificate);
  return std::make_shared<const Context>(std::move(parts));
}

namespace {

task<> store_stream(task<Result<net::StreamPtr>> attempt, Result<net::StreamPtr>& result) {
  result = co_await std::move(attempt);
}

}  // namespace

task<> store(task<error_code> wait, error_code& result) {
  result = co_await std::move(wait);
}

error_code run(Runtime& runtime, task<error_code> wait) {
  error_code result;
  runtime.run(store(std::move(wait), result));
  return result;
}

task<> try_handshake(Runtime& runtime, net::StreamPtr server_end, net::StreamPtr client_end,
                     const Attempt& attempt, Outcome& outcome) {
  Scope scope(runtime);
  const Deadline deadline = runtime.now() + std::chrono::seconds(20);
  scope.spawn("server", store_stream(accept(runtime, std::move(server_end), attempt.server,
                                            attempt.client_role, deadline),
                                     outcome.server));
  scope.spawn("client", store_stream(connect(runtime, std::move(client_end), attempt.client,
                                             attempt.expected, deadline),
                                     outcome.client));
  co_await scope.join();
}

Outcome handshake(Runtime& runtime, const Attempt& attempt, net::MemoryOptions options) {
  net::MemoryPair pair = net::make_memory_pair(runtime, std::move(options));
  Outcome outcome;
  runtime.run(try_handshake(runtime, std::move(pair.b), std::move(pair.a), attempt, outcome));
  return outcome;
}

task<error_code> read_to_end(net::Stream& stream, Bytes& out) {
  std::uint8_t buffer[4096];
  for (;;) {
    const net::Transfer got = stream.read_some(buffer);
    out.insert(out.end(), buffer, buffer + got.bytes);
    if (got.error && got.error != error::would_block) co_return got.error;
    if (!got.error) continue;
    const error_code waited = co_await stream.readable();
    if (waited) co_return waited;
  }
}

task<error_code> read_exactly(net::Stream& stream, MutableByteView out) {
  while (!out.empty()) {
    const net::Transfer got = stream.read_some(out);
    out = out.subspan(got.bytes);
    if (got.error && got.error != error::would_block) co_return got.error;
    if (!got.error) continue;
    const error_code waited = co_await stream.readable();
    if (waited) co_return waited;
  }
  co_return error_code();
}

Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + (i >> 8));
  return bytes;
}

}  // namespace babilu::tls::testing
