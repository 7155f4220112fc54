#include "core/net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/endian/conversion.hpp>

namespace babilu::net {

namespace ip = boost::asio::ip;

namespace {

constexpr std::array<std::uint8_t, 12> signature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::size_t fixed_bytes = 16;   // signature, version and command, family, length
constexpr std::size_t most_bytes = 2048;  // addresses and TLVs; some carry certificates' names

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "PROXY protocol"; }
  std::string message(int value) const override {
    switch (static_cast<ProxyProtocolError>(value)) {
      case ProxyProtocolError::not_version_2:
        return "no PROXY protocol header of version 2 came first; in HAProxy, use send-proxy-v2";
      case ProxyProtocolError::version_1:
        return "a PROXY protocol header of version 1 came: send version 2; in HAProxy, use "
               "send-proxy-v2";
      case ProxyProtocolError::malformed:
        return "the PROXY protocol header is malformed";
      case ProxyProtocolError::too_long:
        return "the PROXY protocol header is too long";
    }
    return "unknown error";
  }
};

constexpr std::string_view version_1_begins = "PROXY ";

/// What is wrong with the beginning of a header, as soon as that can be told.
error_code check_beginning(ByteView seen) {
  const std::size_t alike = std::min(seen.size(), signature.size());
  if (std::equal(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(alike),
                 signature.begin())) {
    const bool other_version = seen.size() > alike && seen[alike] >> 4 != 2;
    return other_version ? ProxyProtocolError::not_version_2 : error_code();
  }
  const std::string_view text = text_of(seen).substr(0, version_1_begins.size());
  if (!version_1_begins.starts_with(text)) return ProxyProtocolError::not_version_2;
  if (text.size() == version_1_begins.size()) return ProxyProtocolError::version_1;
  return {};
}

/// Fills all of `into`. `check` looks at what is there after each read, and may end it.
task<error_code> read_exactly(Stream& stream, MutableByteView into, Deadline deadline,
                              error_code (*check)(ByteView seen)) {
  for (std::size_t bytes = 0; bytes < into.size();) {
    const Transfer got = stream.read_some(into.subspan(bytes));
    bytes += got.bytes;
    if (const error_code wrong = check(into.first(bytes))) co_return wrong;
    if (got.error == boost::asio::error::would_block) {
      const error_code error = co_await stream.readable(deadline);
      if (error) co_return error;
    } else if (got.error) {
      co_return got.error;
    }
  }
  co_return error_code();
}

error_code take_anything(ByteView) {
  return {};
}

template <class IpAddress>
Result<std::optional<Address>> source_of(ByteView body) {
  typename IpAddress::bytes_type bytes;
  // Source, destination, source port, destination port (section 2.2).
  if (body.size() < 2 * bytes.size() + 4) return ProxyProtocolError::malformed;
  std::copy_n(body.begin(), bytes.size(), bytes.begin());
  return Address{IpAddress(bytes).to_string(),
                 boost::endian::load_big_u16(&body[2 * bytes.size()])};
}

}  // namespace

const boost::system::error_category& proxy_protocol_category() noexcept {
  static const Category category;
  return category;
}

task<Result<std::optional<Address>>> read_proxy_header(Stream& stream, Deadline deadline) {
  std::array<std::uint8_t, fixed_bytes> fixed{};
  // Version 1 may be shorter than this, and nothing follows it.
  error_code error = co_await read_exactly(stream, fixed, deadline, check_beginning);
  if (error) co_return error;
  const unsigned command = fixed[12] & 0xF;
  const std::size_t size = boost::endian::load_big_u16(&fixed[14]);
  if (command > 1) co_return error_code(ProxyProtocolError::malformed);
  if (size > most_bytes) co_return error_code(ProxyProtocolError::too_long);
  Bytes body(size);
  error = co_await read_exactly(stream, body, deadline, take_anything);
  if (error) co_return error;
  const unsigned family = fixed[13] >> 4;
  if (command == 1 && family == 1) co_return source_of<ip::address_v4>(body);
  if (command == 1 && family == 2) co_return source_of<ip::address_v6>(body);
  co_return std::optional<Address>();
}

}  // namespace babilu::net
