#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <boost/system/result.hpp>

namespace babilu::store {

/// Why the store could not do something. The part after the dash is what the asker should make of
/// it.
enum class ErrorCode : std::uint8_t {
  refused,            ///< the queue is full or outlasts the deadline: nothing happened; try later
  deadline_exceeded,  ///< it waited for its turn until its deadline: nothing happened
  unavailable,        ///< locked by another process, an I/O error, closing: nothing happened
  outcome_unknown,    ///< the COMMIT failed: it may or may not have happened
  disk_full,          ///< nothing happened, unless `outcome_unknown` is set
  constraint,         ///< the unit broke a constraint of the schema and let the exception go
  corrupt,            ///< the file is damaged
  internal,           ///< a mistake in the unit or its SQL
  // Only from opening:
  invalid_path,    ///< a missing directory, a path that cannot be opened
  not_a_database,  ///< some other kind of file
  foreign,         ///< a database, but not this program's
  read_only,       ///< the file or its directory cannot be written
  replaced,        ///< moved or replaced under those who have it open, also while it is open; or
                   ///< the log beside it is another file's
  newer_version,   ///< written by a newer program, which says that this one would misread it
};

const char* to_string(ErrorCode code) noexcept;

/// An expected failure, as a value. The message is for people: what is wrong and what to do. It
/// holds no bound value, so it may be logged.
struct StoreError {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  bool outcome_unknown = false;              ///< the effect may have been kept all the same
  std::chrono::milliseconds retry_after{0};  ///< 0: no hint

  StoreError() = default;
  StoreError(ErrorCode why, std::string text) : code(why), message(std::move(text)) {}
  std::string to_string() const;
};

/// A result, or why there is none.
template <class T>
using StoreResult = boost::system::result<T, StoreError>;

/// What a statement throws inside a unit. Let it go: the store rolls the unit back and answers its
/// caller. A unit that expects one (a broken unique constraint) may catch it and carry on.
class DatabaseError : public std::runtime_error {
 public:
  explicit DatabaseError(StoreError error)
      : std::runtime_error(error.to_string()), error_(std::move(error)) {}
  const StoreError& error() const noexcept { return error_; }
  ErrorCode code() const noexcept { return error_.code; }

 private:
  StoreError error_;
};

/// Lets a StoreError stand in a boost::system::result; value() of a failed one throws this.
[[noreturn]] inline void throw_exception_from_error(const StoreError& error,
                                                    const boost::source_location&) {
  throw DatabaseError(error);
}

}  // namespace babilu::store
