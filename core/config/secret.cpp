#include "core/config/secret.h"

#include "core/base/input_file.h"

namespace babilu::config {

namespace {

constexpr std::size_t secret_limit = 64 * 1024;

/// Editors put a byte order mark before a text, and line ends behind it.
ByteView without_wrapping(ByteView bytes) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  std::string_view text = text_of(bytes);
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  return bytes_of(text.substr(0, text.find_last_not_of("\r\n") + 1));
}

/// Fails with what is wrong with the file.
std::optional<std::string> read_secret(const std::filesystem::path& path, Pipes pipes,
                                       Secret& into) {
  const auto content = read_file(path, secret_limit, pipes);
  if (!content) return content.error();
  const ByteView secret = without_wrapping(*content);
  if (secret.empty()) return "empty";
  into.assign(secret.begin(), secret.end());
  return std::nullopt;
}

}  // namespace

SecretOption::SecretOption(std::string key, SecretSource& bound, std::string help)
    : Option(std::move(key) + "_file", std::move(help)), bound_(bound), preset_(bound.file) {}

std::string SecretOption::secret_variable() const {
  const std::string with_file = variable();
  return with_file.substr(0, with_file.size() - std::string_view("_FILE").size());
}

std::string SecretOption::expected() const {
  return "the path of a file";
}

void SecretOption::stage_preset() {
  staged_ = {preset_, {}};
}

std::optional<Problem> SecretOption::stage(const RawValue& raw) {
  const auto path = Codec<std::filesystem::path>::read(raw);
  if (!path.value || path.value->empty()) return Problem{describe(raw), expected()};
  staged_ = {*path.value, {}};
  return std::nullopt;
}

void SecretOption::stage_secret(std::string_view value) {
  const ByteView bytes = without_wrapping(bytes_of(value));
  staged_ = {{}, Secret(bytes.begin(), bytes.end())};
}

std::optional<Problem> SecretOption::complete(Pipes pipes) {
  if (staged_.file.empty()) return std::nullopt;
  const auto problem = read_secret(staged_.file, pipes, staged_.value);
  if (!problem) return std::nullopt;
  const std::string file = print_string(staged_.file.string());
  const bool standard = staged_.file == "-";
  return Problem{"cannot read a secret from " + file + ": " + *problem +
                     (standard ? "; the standard input is /dev/stdin" : ""),
                 {}};
}

void SecretOption::swap() noexcept {
  std::swap(bound_, staged_);
}

std::string SecretOption::print_staged() const {
  return staged_.file.empty() ? std::string() : print_string(staged_.file.string());
}

}  // namespace babilu::config
