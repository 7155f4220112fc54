#pragma once

#include <chrono>

#include "core/admin/http.h"
#include "core/base/bytes.h"

namespace babilu::admin {

/// How a response is to be sent, apart from what it says.
struct Delivery {
  int version = 11;        ///< of the request
  bool head_only = false;  ///< header fields as for a GET, no body
  bool keep_alive = false;
  std::chrono::system_clock::time_point date;
};

/// The bytes of a response, with the fields that every response carries: its length, what browsers
/// need to be told to keep other sites out, and that nothing is to be stored.
Bytes to_bytes(Response response, const Delivery& delivery);

/// "100 Continue": go on with the body.
ByteView continue_bytes() noexcept;

/// "Thu, 01 Jan 2026 00:00:00 GMT" (RFC 9110 §5.6.7).
std::string http_date(std::chrono::system_clock::time_point time);

}  // namespace babilu::admin
