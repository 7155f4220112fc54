#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/config/environment.h"
#include "core/config/option.h"
#include "core/config/result.h"
#include "core/config/rules.h"
#include "core/config/secret.h"
#include "core/config/value.h"

namespace CLI {
class App;
}

namespace babilu::config {

struct SchemaState;

/// A part of a schema: a TOML table. Parts of the framework bind their own struct to one.
///
/// Keys are snake_case: `[a-z][a-z0-9_]*`. A key that is malformed or taken throws
/// std::logic_error: it is a bug.
class Section {
 public:
  /// Binds a variable; what it holds now is the default. It must outlive the schema. Types: bool,
  /// integers, double, std::string, std::filesystem::path, std::vector<std::string>, ByteSize,
  /// std::chrono durations, std::optional of these.
  template <class T>
    requires requires { sizeof(Codec<T>); }
  Section& option(std::string_view key, T& bound, std::string_view help,
                  std::type_identity_t<Rule<T>> rule = {}) {
    add(std::make_unique<TypedOption<T>>(full(key), bound, std::string(help), std::move(rule)));
    return *this;
  }
  template <class E>
    requires std::is_enum_v<E>
  Section& option(std::string_view key, E& bound, std::string_view help,
                  std::type_identity_t<Choices<E>> names) {
    add(std::make_unique<ChoiceOption<E>>(full(key), bound, std::string(help), std::move(names)));
    return *this;
  }
  /// A secret "token" is the key token_file, the flag --token-file, the variable
  /// BABILU_TOKEN_FILE (all name a file), or the variable BABILU_TOKEN, which holds it. In both, a
  /// byte order mark at the beginning and line ends at the end do not belong to it.
  Section& secret(std::string_view key, SecretSource& bound, std::string_view help);
  Section section(std::string_view key, std::string_view help = {});

 protected:
  Section(std::shared_ptr<SchemaState> state, std::string prefix)
      : state_(std::move(state)), prefix_(std::move(prefix)) {}

  std::shared_ptr<SchemaState> state_;

 private:
  std::string full(std::string_view key) const;
  void add(std::unique_ptr<Option> option);

  std::string prefix_;  // "limits." or empty
};

/// What can be configured in one program, and how it is read: defaults < TOML file (--config FILE
/// or BABILU_CONFIG) < environment < command line.
///
/// `limits.max_sessions` is `[limits] max_sessions = 10` in the file, BABILU_LIMITS_MAX_SESSIONS in
/// the environment and `--limits-max-sessions 10` (or `=10`) on the command line. A bool is
/// `--name` or `--name=false`. A list is repeated flags, or one text with commas. A variable that
/// is set but empty counts as not set: compose files make such. Relative paths are relative to
/// the working directory, wherever they were written.
///
/// An unknown key or flag is an error. An unknown variable BABILU_… is an error when it is one or
/// two letters off a known one, and else a warning, as other roles share the environment.
///
/// All or nothing: the bound variables change only when everything is right. Loading may be
/// repeated (a reload): it starts from the defaults again. Throws only for bugs. One thread.
class Schema : public Section {
 public:
  explicit Schema(std::string_view program);
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  /// A condition on several options together, asked when they are bound; returns what is wrong.
  void check(std::function<std::optional<std::string>()> condition);
  /// A variable that the program reads by itself.
  void known_variable(std::string_view name);

  /// Adds the flags to a (sub)command, with --config and --print-config. The app then allows extra
  /// arguments, so that resolve() can say what a mistyped flag should have been; positionals of the
  /// app's own still work. One schema an app, which must live as long as the schema is used.
  void attach(CLI::App& app);
  /// Lets the app that this schema is attached to parse, `arguments` without the program's name.
  /// By itself it would take the next argument as the value of `--option=`, or of an option whose
  /// value was left out. Throws CLI::ParseError, as the app does.
  void parse(const std::vector<std::string>& arguments);
  /// After the app has parsed: reads file and environment and sets the bound variables. A loop
  /// that reads its configuration again must not wait for a pipe, and refuses it.
  Result resolve(const Environment& environment, Pipes pipes = Pipes::wait);
  /// The value that the last resolve() found for a key, as TOML, also where it failed for others;
  /// before that the default.
  std::string found(std::string_view key) const;

  /// Both, for a program without subcommands. `arguments` without the program's name.
  Result load(const std::vector<std::string>& arguments, const Environment& environment);

  /// The configuration in effect, as resolve() last set it, as TOML: each value with its help and
  /// its source. No secret is in it. Reading it back gives the same configuration.
  std::string print() const;
};

}  // namespace babilu::config
