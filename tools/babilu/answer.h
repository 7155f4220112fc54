#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/bytes.h"
#include "tools/babilu/exit_code.h"

/// What the commands tell: JSON for programs, sentences for people.
namespace babilu::cli {

struct Field {
  const char* name;
  std::variant<std::string, std::uint64_t, bool> value;
};

/// One object on one line. Account ids go in as text: they are larger than the integers that
/// JavaScript and jq keep exact.
std::string to_json(std::initializer_list<Field> fields);

/// {"error": {"code", "reason", "message", "request_id", "retry_after_ms", "exit_code"}}
std::string failure_json(const rpc::Status& status, ExitCode code);

/// One line: what is wrong, what to do, and what an operator finds it in the logs by.
std::string describe(const rpc::Status& status);

/// RFC 4648 §4, with padding: what `base64` and every library read.
std::string to_text(ByteView bytes);
/// With or without padding, with white space anywhere; nothing when it is no base64.
std::optional<Secret> from_text(std::string_view text);

/// "2026-03-01 17:30 UTC", of Unix time in seconds.
std::string format_time(std::uint64_t seconds);

}  // namespace babilu::cli
