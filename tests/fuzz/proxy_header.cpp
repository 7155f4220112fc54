// The header that a load balancer puts in front of a connection: the address in it is the
// specification's, not a byte of what follows is taken, and it does not matter how it arrives.
//
// Input: what came on the connection.
#include <algorithm>
#include <string>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include "core/net/proxy_protocol.h"
#include "core/runtime/runtime.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using net::ProxyProtocolError;

/// Gives what came in pieces, with nothing to read between two of them, then the end.
class Came final : public net::Stream {
 public:
  Came(ByteView bytes, Cut cut) : rest_(bytes), cut_(cut) {}
  std::size_t left() const noexcept { return rest_.size(); }

  net::Transfer read_some(MutableByteView buffer) override {
    if (rest_.empty()) return {0, boost::asio::error::eof};
    nothing_yet_ = !nothing_yet_ && cut_ != Cut::whole;
    if (nothing_yet_) return {0, boost::asio::error::would_block};
    std::size_t size = cut_ == Cut::whole ? rest_.size() : 1;
    if (cut_ == Cut::varying) size = 1 + rest_.size() % 7;
    size = std::min({size, rest_.size(), buffer.size()});
    std::copy_n(rest_.begin(), size, buffer.begin());
    rest_ = rest_.subspan(size);
    return {size, {}};
  }
  net::Transfer write_some(ByteView) override { return {0, boost::asio::error::broken_pipe}; }
  task<error_code> readable(Deadline) override { co_return error_code(); }
  bool when_readable(Waiter&) override { return true; }
  task<error_code> writable(Deadline) override { co_return error_code(); }
  void shutdown() noexcept override {}
  void close() noexcept override {}
  const net::Address& remote() const noexcept override { return remote_; }

 private:
  ByteView rest_;
  const Cut cut_;
  bool nothing_yet_ = false;
  const net::Address remote_{"192.0.2.1", 1};
};

struct Outcome {
  error_code error;
  std::string address;   ///< empty: the balancer speaks for itself
  std::size_t left = 0;  ///< bytes not taken, when there is no error

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

task<> read_one(net::Stream& stream, Outcome& out) {
  const auto read = co_await net::read_proxy_header(stream, no_deadline);
  if (!read) {
    out.error = read.error();
  } else if (*read) {
    out.address = (*read)->to_string();
  }
}

Outcome read(ByteView bytes, Cut cut) {
  static Runtime runtime;
  Outcome outcome;
  Came stream(bytes, cut);
  runtime.run(read_one(stream, outcome));
  outcome.left = outcome.error ? 0 : stream.left();
  return outcome;
}

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t most_bytes = 2048;

/// Of a signature that is not whole or not there.
error_code without_signature(std::string_view text) {
  if (std::string_view("PROXY ").starts_with(text.substr(0, 6))) {
    return text.size() >= 6 ? error_code(ProxyProtocolError::version_1)
                            : error_code(boost::asio::error::eof);
  }
  const bool begins = signature.starts_with(text.substr(0, signature.size()));
  return begins ? error_code(boost::asio::error::eof) : ProxyProtocolError::not_version_2;
}

template <class IpAddress>
std::string source(ByteView body) {
  typename IpAddress::bytes_type bytes;
  std::copy_n(body.begin(), bytes.size(), bytes.begin());
  const ByteView port = body.subspan(2 * bytes.size());
  const auto number = static_cast<std::uint16_t>(port[0] * 256 + port[1]);
  return net::Address{IpAddress(bytes).to_string(), number}.to_string();
}

/// proxy-protocol.txt, section 2.2.
Outcome expected(ByteView bytes) {
  const std::string_view text = text_of(bytes);
  if (!text.starts_with(signature)) return {without_signature(text), {}};
  bytes = bytes.subspan(signature.size());
  if (!bytes.empty() && bytes[0] / 16 != 2) return {ProxyProtocolError::not_version_2, {}};
  if (bytes.size() < 4) return {boost::asio::error::eof, {}};
  const unsigned command = bytes[0] % 16;
  const unsigned family = bytes[1] / 16;
  const std::size_t size = bytes[2] * std::size_t{256} + bytes[3];
  if (command > 1) return {ProxyProtocolError::malformed, {}};
  if (size > most_bytes) return {ProxyProtocolError::too_long, {}};
  if (bytes.size() - 4 < size) return {boost::asio::error::eof, {}};
  const ByteView body = bytes.subspan(4, size);
  Outcome outcome{{}, {}, bytes.size() - 4 - size};
  if (command == 0 || (family != 1 && family != 2)) return outcome;
  if (size < (family == 1 ? 12u : 36u)) return {ProxyProtocolError::malformed, {}};
  outcome.address = family == 1 ? source<boost::asio::ip::address_v4>(body)
                                : source<boost::asio::ip::address_v6>(body);
  return outcome;
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  const ByteView bytes(data, size);
  const Outcome right = expected(bytes);
  for (const Cut cut : cuts) check(read(bytes, cut) == right, "a header is read as specified");
  return 0;
}
