#include "core/config/schema.h"

#include <algorithm>
#include <stdexcept>

#include "core/config/schema_state.h"

namespace babilu::config {

namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
  throw std::logic_error("configuration key " + key + ": " + why);
}

void check_key(std::string_view key) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (key.empty() || key.front() < 'a' || !std::all_of(key.begin(), key.end(), allowed)) {
    refuse(std::string(key), "not of the form [a-z][a-z0-9_]*");
  }
}

/// "limits.max_sessions" with every separator replaced.
std::string spelled(std::string_view key, char separator) {
  std::string text(key);
  std::replace(text.begin(), text.end(), '.', separator);
  std::replace(text.begin(), text.end(), '_', separator);
  return text;
}

/// Whether a variable or flag of one would be one of the other.
bool clash(const Option& a, const Option& b) {
  const std::string secret_a = a.secret_variable();
  const std::string secret_b = b.secret_variable();
  return a.variable() == b.variable() || a.variable() == secret_b || b.variable() == secret_a ||
         (!secret_a.empty() && secret_a == secret_b) || b.key().starts_with(a.key() + ".") ||
         a.key().starts_with(b.key() + ".");
}

}  // namespace

std::string Option::flag() const {
  return "--" + spelled(key_, '-');
}

std::string Option::variable() const {
  std::string name = "BABILU_" + spelled(key_, '_');
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

std::string section_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos ? std::string() : key.substr(0, dot);
}

std::string Section::full(std::string_view key) const {
  check_key(key);
  return prefix_ + std::string(key);
}

void Section::add(std::unique_ptr<Option> option) {
  for (const char* reserved : {"config", "print_config", "help"}) {
    if (option->key() == reserved) refuse(option->key(), "is reserved");
  }
  for (const auto& other : state_->options) {
    if (clash(*option, *other)) refuse(option->key(), "is too like " + other->key());
  }
  for (const auto& section : state_->sections) {
    if (section.key == option->key()) refuse(option->key(), "is a section");
  }
  state_->options.push_back(std::move(option));
  state_->sources.emplace_back();
}

Section& Section::secret(std::string_view key, SecretSource& bound, std::string_view help) {
  add(std::make_unique<SecretOption>(full(key), bound, std::string(help)));
  return *this;
}

Section Section::section(std::string_view key, std::string_view help) {
  const std::string name = full(key);
  const auto known = std::find_if(state_->sections.begin(), state_->sections.end(),
                                  [&](const auto& section) { return section.key == name; });
  for (const auto& option : state_->options) {
    if (option->key() == name) refuse(name, "is an option");
  }
  if (known == state_->sections.end()) {
    state_->sections.push_back({name, std::string(help)});
  } else if (known->help.empty()) {
    known->help = help;
  }
  return Section(state_, name + ".");
}

Schema::Schema(std::string_view program) : Section(std::make_shared<SchemaState>(), "") {
  state_->program = program;
}

void Schema::check(std::function<std::optional<std::string>()> condition) {
  state_->checks.push_back(std::move(condition));
}

void Schema::known_variable(std::string_view name) {
  state_->known_variables.emplace_back(name);
}

std::string Schema::found(std::string_view key) const {
  for (std::size_t i = 0; i < state_->options.size(); ++i) {
    if (state_->options[i]->key() != key) continue;
    return i < state_->found.size() ? state_->found[i] : state_->options[i]->print_staged();
  }
  return {};
}

std::string Schema::print() const {
  if (!state_->effective.empty()) return state_->effective;
  for (std::size_t i = 0; i < state_->options.size(); ++i) {
    state_->options[i]->stage_preset();
    state_->sources[i] = {};
  }
  return print_staged(*state_);
}

}  // namespace babilu::config
