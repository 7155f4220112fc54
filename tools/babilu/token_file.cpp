#include "tools/babilu/token_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "core/config/secret.h"
#include "core/crypto/encoding.h"
#include "tools/babilu/reasons.h"

namespace babilu::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_file = 4096;
constexpr unsigned for_the_owner = 0600;

boost::system::result<fs::path, Problem> directory() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return fs::path(state) / "babilu";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return fs::path(home) / ".local" / "state" / "babilu";
  }
  return Problem{"there is no HOME to keep logins in"};
}

/// Part of a file's name: nothing in it leads elsewhere.
std::string harmless(std::string text) {
  const auto harmful = [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7F; };
  std::ranges::replace_if(text, harmful, '_');
  return text;
}

Problem problem_with(const fs::path& place, const std::error_code& error) {
  return {fmt::format("{}: {}", place.string(), error.message())};
}

std::optional<Problem> make_directory(const fs::path& place) {
  std::error_code error;
  const bool made = fs::create_directories(place, error);
  if (error) return problem_with(place, error);
  if (made) fs::permissions(place, fs::perms::owner_all, error);
  return std::nullopt;
}

std::optional<Problem> link_last(const fs::path& link, const fs::path& to) {
  const fs::path beside = fmt::format("{}.{}", link.string(), ::getpid());
  std::error_code error;
  fs::remove(beside, error);
  fs::create_symlink(to.filename(), beside, error);
  if (!error) fs::rename(beside, link, error);
  if (error) return problem_with(link, error);
  return std::nullopt;
}

rpc::Status no_token(std::string message) {
  return {reasons.not_logged_in, std::move(message)};
}

rpc::Outcome<Secret> decode(std::string_view text, const std::string& source) {
  const std::size_t end = text.find_last_not_of(" \r\n\t");
  auto token = crypto::from_base64url(text.substr(0, end + 1));
  if (token && !token->empty()) return std::move(*token);
  return no_token(source + " holds no token; log in again");
}

boost::system::result<fs::path, Problem> usual_place(const Login& login) {
  auto place = directory();
  if (!place) return place;
  const std::string target = harmless(login.target);
  if (login.name.empty()) return *place / ("last-" + target);
  return *place / ("token-" + target + "-" + harmless(login.name));
}

}  // namespace

boost::system::result<fs::path, Problem> keep_token(const Login& login, const fs::path& file,
                                                    ByteView token) {
  const std::string text = crypto::to_base64url(token) + "\n";
  if (!file.empty()) {
    if (auto problem = write_output(file.string(), bytes_of(text), for_the_owner)) return *problem;
    return file;
  }
  auto place = usual_place(login);
  if (!place) return place;
  if (auto problem = make_directory(place->parent_path())) return *problem;
  if (auto problem = write_output(place->string(), bytes_of(text), for_the_owner)) return *problem;
  if (auto problem = link_last(*usual_place({login.target, {}}), *place)) return *problem;
  return place;
}

rpc::Outcome<Secret> find_token(const config::SecretSource& configured, const Login& login) {
  if (!configured.value.empty()) {
    return decode(text_of(configured.value),
                  configured.file.empty() ? "BABILU_TOKEN" : configured.file.string());
  }
  auto place = usual_place(login);
  if (!place) return no_token(place.error().text + "; use --token-file FILE");
  if (::access(place->c_str(), F_OK) != 0) {
    return no_token(fmt::format("not logged in at {}; run: babilu login {}", login.target,
                                login.name.empty() ? "NAME" : login.name));
  }
  const auto text = read_input(place->string(), largest_file);
  if (!text) return no_token(text.error().text);
  return decode(text_of(*text), place->string());
}

}  // namespace babilu::cli
