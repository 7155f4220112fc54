#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"
#include "core/rpc/reasons.h"

namespace babilu::rpc {

/// How a request ended.
struct Status {
  Code code = Code::ok;
  std::string reason;   ///< for programs: a word that does not change
  std::string message;  ///< for people: what is wrong, and what to do
  std::string request_id;
  std::chrono::milliseconds retry_after{0};  ///< 0: no hint

  Status() = default;
  /// Without a reason: as one that came without, or for comparisons.
  explicit Status(Code c) : code(c) {}
  Status(const Reason& why, std::string text = {})
      : code(why.code()), reason(why.word()), message(std::move(text)) {}

  bool is(const Reason& why) const noexcept { return code == why.code() && reason == why.word(); }

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
