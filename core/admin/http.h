#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/net/address.h"
#include "core/runtime/clock.h"

namespace babilu::admin {

/// What one client may send and how long it may take.
struct HttpLimits {
  std::uint32_t header = 8 * 1024;  ///< bytes of request line and header fields
  std::size_t body = 64 * 1024;
  Clock::duration head_time = std::chrono::seconds(5);   ///< first byte to end of header
  Clock::duration body_time = std::chrono::seconds(10);  ///< from then to the end of the body
  Clock::duration idle_time = std::chrono::seconds(30);  ///< between two requests
  Clock::duration write_time = std::chrono::seconds(10);
  Clock::duration linger_time = std::chrono::seconds(2);  ///< for the other side to close first
  std::size_t connections = 64;
};

/// A request without its HTTP. Views are valid while it is being answered.
struct Request {
  std::string_view method;  ///< as sent; "GET" for HEAD too, whose answer loses its body later
  bool head_only = false;
  std::string_view path;   ///< before the question mark, not decoded: "/readyz"
  std::string_view query;  ///< after it
  std::string_view body;
  bool body_follows = false;  ///< the header announced one that has not been read
  int version = 11;           ///< 10 or 11
  net::Address remote;

  // The header fields that anybody here looks at; empty when absent.
  std::string_view host;
  std::string_view accept;
  std::string_view authorization;  ///< a secret

  /// Whether the query holds the parameter, with a value or without: "verbose", "verbose=1".
  bool has_parameter(std::string_view name) const noexcept;
};

struct Response {
  unsigned status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> fields = {};
  bool close = false;  ///< the connection ends after it
};

/// Answers a request. Runs on the endpoint's Runtime and must not wait: what takes time is started
/// elsewhere and looked up by another request. An exception is answered with 500.
using Handler = std::function<Response(const Request&)>;

/// Who answers what a connection has read.
class Responder {
 public:
  virtual ~Responder() = default;
  /// Asked once the header is there and before any body is read: an answer here ends the matter.
  virtual std::optional<Response> refuse(const Request& head) = 0;
  virtual Response answer(const Request& request) = 0;
};

/// A part of a path as it was meant: "%3A" is ":" (RFC 3986 §2.1). Nothing when a percent sign is
/// not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace babilu::admin
