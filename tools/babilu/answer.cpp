#include "tools/babilu/answer.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "core/base/harmless.h"
#include "core/crypto/encoding.h"
#include "core/telemetry/log_format.h"

namespace babilu::cli {

namespace {

std::string json_text(std::string_view text) {
  std::string out;
  telemetry::append_json_string(out, text);
  return out;
}

std::string json_of(const std::string& text) {
  return json_text(text);
}
std::string json_of(std::uint64_t number) {
  return std::to_string(number);
}
std::string json_of(bool flag) {
  return flag ? "true" : "false";
}

/// What a person can do about it, where the service cannot know.
std::string_view advice(const rpc::Status& status) {
  return status.reason.starts_with("token_") ? "; run: babilu login NAME" : "";
}

}  // namespace

std::string to_json(std::initializer_list<Field> fields) {
  std::string object;
  for (const Field& field : fields) {
    object += object.empty() ? '{' : ',';
    object += json_text(field.name) + ':';
    object += std::visit([](const auto& value) { return json_of(value); }, field.value);
  }
  return object + "}\n";
}

std::string failure_json(const rpc::Status& status, ExitCode code) {
  return fmt::format(R"({{"error":{{"code":{},"reason":{},"message":{},"request_id":{},)"
                     R"("retry_after_ms":{},"exit_code":{}}}}})"
                     "\n",
                     json_text(rpc::to_string(status.code)), json_text(status.reason),
                     json_text(status.message), json_text(status.request_id),
                     status.retry_after.count(), to_int(code));
}

std::string describe(const rpc::Status& status) {
  // Another machine's words do not move the cursor here.
  std::string text =
      harmless_line(status.message.empty() ? rpc::to_string(status.code) : status.message);
  text += advice(status);
  if (status.retry_after.count() > 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(status.retry_after).count();
    text += fmt::format("; try again in {} s", seconds);
  }
  if (exit_code_of(status) == ExitCode::usage) return text;
  text += fmt::format(" ({}", rpc::to_string(status.code));
  if (!status.reason.empty()) text += ", " + harmless_line(status.reason);
  if (!status.request_id.empty()) text += ", request " + harmless_line(status.request_id);
  return text + ")";
}

std::string to_text(ByteView bytes) {
  std::string text = crypto::to_base64(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<Secret> from_text(std::string_view text) {
  std::string packed;
  std::ranges::copy_if(text, std::back_inserter(packed),
                       [](char c) { return c != '\n' && c != '\r' && c != ' ' && c != '\t'; });
  const std::size_t padding = packed.size() - (packed.find_last_not_of('=') + 1);
  if (padding > 2 || (padding > 0 && packed.size() % 4 != 0)) return std::nullopt;
  packed.resize(packed.size() - padding);
  return crypto::from_base64(packed);
}

std::string format_time(std::uint64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  char text[32];
  if (gmtime_r(&time, &utc) == nullptr ||
      std::strftime(text, sizeof text, "%F %R UTC", &utc) == 0) {
    return fmt::format("{} s after 1970", seconds);
  }
  return text;
}

}  // namespace babilu::cli
