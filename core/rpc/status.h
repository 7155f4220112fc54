#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"

namespace babilu::rpc {

/// gRPC's canonical status codes, with their numbers
/// (https://grpc.io/docs/guides/status-codes/).
enum class Code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

const char* to_string(Code code) noexcept;
/// Codes above 16 become unknown.
inline Code code_from_wire(std::uint32_t value) noexcept {
  return value <= 16 ? static_cast<Code>(value) : Code::unknown;
}

/// How a request ended.
struct Status {
  Code code = Code::ok;
  std::string reason;   ///< for programs: a word that does not change
  std::string message;  ///< for people: what is wrong, and what to do
  std::string request_id;
  std::chrono::milliseconds retry_after{0};  ///< 0: no hint

  Status() = default;
  Status(Code c, std::string why = {}, std::string text = {})
      : code(c), reason(std::move(why)), message(std::move(text)) {}

  bool ok() const noexcept { return code == Code::ok; }
  /// "invalid_argument (password_too_short): …" for logs and terminals.
  std::string to_string() const;
};

/// The message of a reply that is not ok (wire::StatusDetail), and back. A detail that does not
/// parse leaves the code alone.
Bytes encode_detail(const Status& status);
Status decode_detail(Code code, ByteView detail);

/// The final answer to a request: ok and a message, or a status.
struct Reply {
  Status status;
  Bytes message;           ///< empty unless ok
  bool unstarted = false;  ///< the request had no effect at all; sent again it may get another
                           ///< answer

  static Reply of(Bytes message) { return {.status = {}, .message = std::move(message)}; }
  static Reply refuse(Status status) { return {.status = std::move(status), .message = {}}; }
};

/// A typed answer, or the status that took its place.
template <class T>
using Outcome = boost::system::result<T, Status>;

/// Lets a Status stand in a boost::system::result; value() of a failed one throws this.
class StatusError : public std::runtime_error {
 public:
  explicit StatusError(Status status)
      : std::runtime_error(status.to_string()), status_(std::move(status)) {}
  const Status& status() const noexcept { return status_; }

 private:
  Status status_;
};

[[noreturn]] inline void throw_exception_from_error(const Status& status,
                                                    const boost::source_location&) {
  throw StatusError(status);
}

}  // namespace babilu::rpc
