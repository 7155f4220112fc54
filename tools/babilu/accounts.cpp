// signup, login, whoami: who somebody is.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/harmless.h"
#include "core/base/standard_streams.h"
#include "core/crypto/secret.h"
#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "roles/api/reasons.h"
#include "roles/api/registry.pb.h"
#include "tools/babilu/answer.h"
#include "tools/babilu/caller.h"
#include "tools/babilu/client.h"
#include "tools/babilu/commands.h"
#include "tools/babilu/password.h"
#include "tools/babilu/token_file.h"

namespace babilu::cli {

using Presence = Invocation::Presence;

namespace {

constexpr auto signup_footer =
    "The password is asked for, twice; or --password-file, or BABILU_PASSWORD.\n"
    "  babilu signup ada\n"
    "  babilu signup ada --password-file ada.password --json";

constexpr auto login_footer =
    "The token is kept for later commands, in ~/.local/state/babilu or --token-file.\n"
    "  babilu login ada\n"
    "  babilu login ada --password-file ada.password --token-file ada.token";

constexpr auto whoami_footer =
    "  babilu whoami\n"
    "  babilu whoami --name ada --json";

/// Who wants in, and with what.
struct Credentials {
  std::string word;
  std::string name;
  config::SecretSource password;
};

void bind(Invocation& invocation, Credentials& credentials) {
  invocation.argument("NAME", credentials.word, "the account's name", Presence::optional);
  invocation.options().option("name", credentials.name, "the same, for scripts and environments");
  invocation.options().secret("password", credentials.password, "the account's password");
}

/// Nothing when it is clear who wants in, else the exit code.
std::optional<int> settle_name(const Invocation& invocation, Credentials& credentials) {
  if (!credentials.word.empty()) credentials.name = credentials.word;
  if (!credentials.name.empty()) return std::nullopt;
  return invocation.fail_usage("whose account? Give its NAME");
}

/// A request with a password, which is wiped when it has been sent.
template <class Request>
class WithPassword {
 public:
  WithPassword(const std::string& name, const Secret& password) {
    request_.set_name(name);
    request_.set_password(std::string(text_of(password)));
  }
  WithPassword(const WithPassword&) = delete;
  WithPassword& operator=(const WithPassword&) = delete;
  ~WithPassword() {
    std::string& password = *request_.mutable_password();
    crypto::wipe({reinterpret_cast<std::uint8_t*>(password.data()), password.size()});
  }
  const Request& get() const noexcept { return request_; }

 private:
  Request request_;
};

/// Protobuf carries text; anything else would not even arrive.
rpc::Status check_text(const std::string& name, const Secret& password) {
  if (!is_utf8(name)) return {api::reasons.name_invalid, "a name is UTF-8 text"};
  if (!is_utf8(text_of(password))) {
    return {api::reasons.password_invalid, "a password is UTF-8 text"};
  }
  return {};
}

/// Some systems write é as one character and some as two. To us a password is its bytes.
void warn_of_other_keyboards(const Secret& password) {
  const bool plain = std::ranges::all_of(password, [](std::uint8_t byte) { return byte < 0x80; });
  if (plain) return;
  print_error(
      "babilu: the password has letters beyond ASCII. It is compared byte by byte, and another "
      "system may write the same letters in other bytes.\n");
}

std::string key_text(const std::string& bytes) {
  return to_text(bytes_of(bytes));
}

}  // namespace

int signup(Invocation& invocation) {
  ClientConfig config;
  Credentials credentials;
  bind(invocation.options(), config);
  bind(invocation, credentials);
  invocation.footer(signup_footer);
  if (const auto code = invocation.resolve()) return *code;
  invocation.answer_in_json(config.json);
  if (const auto code = settle_name(invocation, credentials)) return *code;

  const std::string prompt = "Password for the new account " + credentials.name;
  const auto password = obtain_password(credentials.password, prompt, Asked::twice);
  if (!password) return invocation.fail(password.error());
  if (const auto status = check_text(credentials.name, *password); !status.ok()) {
    return invocation.fail(status);
  }
  warn_of_other_keyboards(*password);
  const WithPassword<api::SignUpRequest> request(credentials.name, *password);
  const auto reply = call(config, api::Registry::sign_up, request.get());
  if (!reply) return invocation.fail(reply.error());
  if (config.json) {
    print(to_json({{"name", credentials.name},
                   {"account_id", std::to_string(reply->account_id())},
                   {"signing_key", key_text(reply->signing_key())}}));
  } else {
    print(fmt::format("signed up {}: account {}, signing key {}\n", credentials.name,
                      reply->account_id(), key_text(reply->signing_key())));
  }
  return to_int(ExitCode::done);
}

int login(Invocation& invocation) {
  ClientConfig config;
  Credentials credentials;
  std::filesystem::path token_file;
  bind(invocation.options(), config);
  bind(invocation, credentials);
  invocation.options().option("token_file", token_file, "where to keep the token");
  invocation.footer(login_footer);
  if (const auto code = invocation.resolve()) return *code;
  invocation.answer_in_json(config.json);
  if (const auto code = settle_name(invocation, credentials)) return *code;

  const auto password =
      obtain_password(credentials.password, "Password of " + credentials.name, Asked::once);
  if (!password) return invocation.fail(password.error());
  if (const auto status = check_text(credentials.name, *password); !status.ok()) {
    return invocation.fail(status);
  }
  const WithPassword<api::LoginRequest> request(credentials.name, *password);
  const auto reply = call(config, api::Identity::login, request.get());
  if (!reply) return invocation.fail(reply.error());
  const auto kept =
      keep_token({config.target, credentials.name}, token_file, bytes_of(reply->token()));
  if (!kept) {
    return invocation.fail(Problem{fmt::format(
        "logged in as {}, but the token could not be kept: {}; name another place by --token-file "
        "FILE",
        credentials.name, kept.error().text)});
  }
  if (config.json) {
    print(to_json({{"name", credentials.name},
                   {"account_id", std::to_string(reply->account_id())},
                   {"expires", std::uint64_t{reply->expires()}},
                   {"token_file", kept->string()}}));
  } else {
    print(
        fmt::format("logged in as {} until {}\n", credentials.name, format_time(reply->expires())));
  }
  return to_int(ExitCode::done);
}

int whoami(Invocation& invocation) {
  ClientConfig config;
  Caller caller;
  bind(invocation.options(), config);
  bind(invocation.options(), caller);
  invocation.footer(whoami_footer);
  if (const auto code = invocation.resolve()) return *code;
  invocation.answer_in_json(config.json);

  const auto token = find_token(caller.token, {config.target, caller.name});
  if (!token) return invocation.fail(token.error());
  const auto reply = call(config, api::Identity::whoami, api::WhoamiRequest(), *token);
  if (!reply) return invocation.fail(reply.error());
  if (config.json) {
    print(to_json({{"name", reply->name()},
                   {"account_id", std::to_string(reply->account_id())},
                   {"expires", std::uint64_t{reply->expires()}},
                   {"signing_key", key_text(reply->signing_key())}}));
  } else {
    print(fmt::format("{}\naccount      {}\nlogged in    until {}\nsigning key  {}\n",
                      harmless_line(reply->name()), reply->account_id(),
                      format_time(reply->expires()), key_text(reply->signing_key())));
  }
  return to_int(ExitCode::done);
}

}  // namespace babilu::cli
