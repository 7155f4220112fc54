#include "core/config/secret.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace babilu::config {

namespace {

constexpr std::size_t secret_limit = 64 * 1024;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// Without a buffer that would keep a copy. Fails with what is wrong with the file.
std::optional<std::string> read_secret(const std::filesystem::path& path, Secret& into) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return std::string(std::strerror(errno));
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  Secret read(secret_limit + 1);
  const std::size_t size = std::fread(read.data(), 1, read.size(), file.get());
  if (std::ferror(file.get()) != 0) return std::string(std::strerror(errno));
  if (size > secret_limit) return "larger than 64 KiB";
  read.resize(size);
  if (!read.empty() && read.back() == '\n') read.pop_back();
  if (!read.empty() && read.back() == '\r') read.pop_back();
  if (read.empty()) return "empty";
  into.assign(read.begin(), read.end());
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
  const ByteView bytes = bytes_of(value);
  staged_ = {{}, Secret(bytes.begin(), bytes.end())};
}

std::optional<Problem> SecretOption::complete() {
  if (staged_.file.empty()) return std::nullopt;
  const auto problem = read_secret(staged_.file, staged_.value);
  if (!problem) return std::nullopt;
  const std::string file = print_string(staged_.file.string());
  return Problem{"cannot read a secret from " + file + ": " + *problem, {}};
}

void SecretOption::swap() noexcept {
  std::swap(bound_, staged_);
}

std::string SecretOption::print_staged() const {
  return staged_.file.empty() ? std::string() : print_string(staged_.file.string());
}

}  // namespace babilu::config
