#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/config/schema.h"
#include "core/config/schema_state.h"
#include "core/config/suggest.h"
#include "core/config/toml_file.h"

namespace babilu::config {

namespace {

std::string did_you_mean(const std::optional<std::string>& name) {
  return name ? "did you mean " + *name + "?" : "";
}

/// One pass over all sources, lowest first. Stages what it finds and collects every error.
class Resolution {
 public:
  Resolution(SchemaState& state, const Environment& environment, Pipes pipes)
      : state_(state), environment_(environment), pipes_(pipes), line_(given_command_line(state)) {}

  Result run() {
    stage_presets();
    stage_file();
    stage_environment();
    stage_command_line();
    require_values();
    state_.found.clear();
    for (const auto& option : state_.options) state_.found.push_back(option->print_staged());
    if (result_.errors.empty() && !line_.print) read_secrets();
    if (result_.errors.empty()) commit();
    return std::move(result_);
  }

 private:
  void fail(std::string where, std::string key, std::string problem, std::string expected = {},
            std::string hint = {}) {
    result_.errors.push_back({std::move(where), std::move(key), std::move(problem),
                              std::move(expected), std::move(hint)});
  }

  Option* find(const std::string& key) {
    for (const auto& option : state_.options) {
      if (option->key() == key) return option.get();
    }
    return nullptr;
  }
  bool is_section(const std::string& key) const {
    return std::any_of(state_.options.begin(), state_.options.end(),
                       [&](const auto& option) { return option->key().starts_with(key + "."); });
  }
  std::size_t index_of(const Option& option) const {
    std::size_t i = 0;
    while (state_.options[i].get() != &option) ++i;
    return i;
  }

  void stage(Option& option, const RawValue& raw, Source source) {
    if (const auto problem = option.stage(raw)) {
      fail(source.name, option.key(), "found " + problem->found, problem->expected);
    } else {
      state_.sources[index_of(option)] = std::move(source);
    }
  }

  void stage_presets() {
    for (std::size_t i = 0; i < state_.options.size(); ++i) {
      state_.options[i]->stage_preset();
      state_.sources[i] = {};
    }
  }

  std::string value_of(std::string_view variable) const {
    const auto found = environment_.find(variable);
    return found == environment_.end() ? std::string() : found->second;
  }

  void stage_file() {
    std::string path = value_of("BABILU_CONFIG");
    if (line_.config.size() > 1) fail("--config", "", "given more than once");
    if (!line_.config.empty()) path = line_.config.front();
    if (path.empty()) {
      if (!line_.config.empty()) fail("--config", "", "found \"\"", "the path of a TOML file");
      return;
    }
    const TomlFile file = read_toml(path, pipes_);
    result_.errors.insert(result_.errors.end(), file.errors.begin(), file.errors.end());
    // One that is being written, or was truncated: what runs is worth more than the defaults.
    if (pipes_ == Pipes::refuse && file.entries.empty() && file.errors.empty()) {
      fail(path, "", "found nothing in it", "at least one key when it is read again");
    }
    std::string unknown_section;
    for (const TomlFile::Entry& entry : file.entries) {
      if (!unknown_section.empty() && entry.key.starts_with(unknown_section)) continue;
      if (Option* option = find(entry.key)) {
        stage(*option, entry.value, {Source::Kind::file, entry.where});
      } else if (!is_section(entry.key)) {
        unknown_key(entry);
        if (entry.is_table) unknown_section = entry.key + ".";
      } else if (!entry.is_table) {
        fail(entry.where, entry.key, "found " + describe(entry.value),
             "a section: [" + entry.key + "]");
      }
    }
  }

  void unknown_key(const TomlFile::Entry& entry) {
    std::vector<std::string> candidates;
    const std::string name = entry.key.substr(entry.key.rfind('.') + 1);
    std::optional<std::string> elsewhere;
    for (const auto& option : state_.options) {
      const std::string& key = option->key();
      candidates.emplace_back(entry.is_table ? section_of(key) : key);
      if (candidates.back().empty()) candidates.pop_back();  // of no section
      if (!entry.is_table && key.substr(key.rfind('.') + 1) == name) elsewhere = key;
      if (entry.key + "_file" == key && !option->secret_variable().empty()) elsewhere = key;
    }
    const auto meant = nearest(entry.key, candidates);
    fail(entry.where, entry.key, entry.is_table ? "unknown section" : "unknown key", "",
         did_you_mean(elsewhere ? elsewhere : meant));
  }

  void stage_environment() {
    for (const auto& option : state_.options) {
      const std::string value = value_of(option->variable());
      const std::string secret_name = option->secret_variable();
      const std::string secret = secret_name.empty() ? "" : value_of(secret_name);
      if (!secret.empty() && !value.empty()) {
        fail(secret_name, option->key(), "set, and so is " + option->variable(), "one of them");
      } else if (!secret.empty()) {
        option->stage_secret(secret);
        state_.sources[index_of(*option)] = {Source::Kind::environment, secret_name};
      } else if (!value.empty()) {
        stage(*option, Untyped{{value}}, {Source::Kind::environment, option->variable()});
      }
    }
    for (const auto& [name, value] : environment_) judge_variable(name);
  }

  std::vector<std::string> variables() const {
    std::vector<std::string> names = state_.known_variables;
    names.push_back("BABILU_CONFIG");
    for (const auto& option : state_.options) {
      names.push_back(option->variable());
      if (!option->secret_variable().empty()) names.push_back(option->secret_variable());
    }
    return names;
  }

  void judge_variable(const std::string& name) {
    constexpr std::string_view prefix = "BABILU_";
    const std::vector<std::string> known = variables();
    if (!name.starts_with(prefix)) return;
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    // The prefix is no likeness: it must not make long names of short ones.
    std::vector<std::string> candidates;
    for (const std::string& variable : known) {
      if (variable.starts_with(prefix)) candidates.push_back(variable.substr(prefix.size()));
    }
    if (const auto meant = nearest(std::string_view(name).substr(prefix.size()), candidates, 2)) {
      fail(name, "", "unknown variable", "", did_you_mean(std::string(prefix) + *meant));
    } else {
      result_.warnings.push_back(name + " is not known to " + state_.program + ", and ignored");
    }
  }

  void stage_command_line() {
    for (std::size_t i = 0; i < state_.options.size(); ++i) {
      if (line_.values[i].empty()) continue;
      Option& option = *state_.options[i];
      const bool empty = std::ranges::find(line_.values[i], "") != line_.values[i].end();
      if (empty && !option.may_be_empty()) {
        fail(option.flag(), option.key(), "found an empty value", option.expected());
        continue;
      }
      stage(option, Untyped{line_.values[i]}, {Source::Kind::flag, option.flag()});
    }
    bool after_unknown_flag = false;
    for (const std::string& argument : line_.unexpected) {
      const bool is_flag = argument.size() > 1 && argument.front() == '-';
      if (argument == "--") continue;
      if (is_flag) {
        unknown_flag(argument.substr(0, argument.find('=')));
      } else if (!after_unknown_flag) {
        fail("command line", "", "unexpected argument " + describe(Untyped{{argument}}));
      }
      after_unknown_flag = is_flag;
    }
  }

  // Only the flag's name is shown: what was given to it may be a password.
  void unknown_flag(const std::string& flag) {
    std::vector<std::string> candidates = {"--config", "--print-config", "--help"};
    std::string hint;
    for (const auto& option : state_.options) {
      candidates.push_back(option->flag());
      if (!option->secret_variable().empty() && flag + "-file" == option->flag()) {
        hint = "use " + option->flag() + " or the variable " + option->secret_variable();
      }
    }
    fail("command line", "", "unknown flag " + describe(Untyped{{flag}}), "",
         hint.empty() ? did_you_mean(nearest(flag, candidates)) : hint);
  }

  void require_values() {
    for (std::size_t i = 0; i < state_.options.size(); ++i) {
      const Option& option = *state_.options[i];
      if (state_.sources[i].kind != Source::Kind::preset || option.staged_is_valid()) continue;
      const bool reported =
          std::any_of(result_.errors.begin(), result_.errors.end(),
                      [&](const Error& error) { return error.key == option.key(); });
      if (reported) continue;
      fail("", option.key(), "not set", option.expected(),
           "set it with " + option.flag() + ", " + option.variable() + " or in the file");
    }
  }

  void read_secrets() {
    for (std::size_t i = 0; i < state_.options.size(); ++i) {
      if (const auto problem = state_.options[i]->complete(pipes_)) {
        const Source& source = state_.sources[i];
        fail(source.kind == Source::Kind::preset ? "default" : source.name,
             state_.options[i]->key(), problem->found, problem->expected);
      }
    }
  }

  void swap_all() {
    for (const auto& option : state_.options) option->swap();
  }

  void commit() {
    std::string text = print_staged(state_);
    swap_all();
    for (const auto& check : state_.checks) {
      if (const auto problem = check()) fail("", "", *problem);
    }
    if (!result_.errors.empty() || line_.print) swap_all();
    if (!result_.errors.empty()) return;
    result_.outcome = line_.print ? Result::Outcome::printed : Result::Outcome::loaded;
    (line_.print ? result_.text : state_.effective) = std::move(text);
  }

  SchemaState& state_;
  const Environment& environment_;
  const Pipes pipes_;
  const CommandLine line_;
  Result result_;
};

}  // namespace

Result Schema::resolve(const Environment& environment, Pipes pipes) {
  return Resolution(*state_, environment, pipes).run();
}

}  // namespace babilu::config
