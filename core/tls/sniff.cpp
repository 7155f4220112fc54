#include "core/tls/sniff.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace babilu::tls {

namespace {

using namespace std::string_view_literals;

constexpr std::array http_starts = {"GET "sv,     "HEAD "sv,    "POST "sv,  "PUT "sv,
                                    "DELETE "sv,  "OPTIONS "sv, "PATCH "sv, "TRACE "sv,
                                    "CONNECT "sv, "PRI * "sv,   "HTTP/"sv};

constexpr std::size_t longest_http_start = 8;

/// RFC 8446 §5.1: a handshake or alert record, with a version of 0x0301 or above.
bool may_be_tls_record(ByteView bytes) noexcept {
  const bool type = bytes[0] == 22 || bytes[0] == 21;
  return type && (bytes.size() < 2 || bytes[1] == 3) && (bytes.size() < 3 || bytes[2] != 0);
}

bool may_be_http(std::string_view text) noexcept {
  return std::any_of(http_starts.begin(), http_starts.end(), [&](std::string_view start) {
    return start.substr(0, text.size()) == text.substr(0, start.size());
  });
}

/// A hello is the first frame of babilu/1: kind 0, on stream 0, of less than 16 MiB; see
/// docs/protocol.md.
bool may_be_hello_frame(ByteView bytes) noexcept {
  for (const std::size_t zero : {3, 4, 8, 9, 10, 11}) {
    if (zero < bytes.size() && bytes[zero] != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<boost::system::error_code> sniff(ByteView first_bytes) noexcept {
  if (first_bytes.empty()) return std::nullopt;
  if (may_be_tls_record(first_bytes)) {
    if (first_bytes.size() < 3) return std::nullopt;
    return boost::system::error_code();
  }
  if (may_be_http(text_of(first_bytes))) {
    if (first_bytes.size() < longest_http_start) return std::nullopt;
    return Error::http;
  }
  if (may_be_hello_frame(first_bytes)) {
    if (first_bytes.size() < sniff_bytes) return std::nullopt;
    return Error::plaintext_babilu;
  }
  return Error::not_tls;
}

}  // namespace babilu::tls
