#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/input_file.h"
#include "core/config/rules.h"
#include "core/config/value.h"

namespace babilu::config {

/// Where an option's value came from.
struct Source {
  enum class Kind { preset, file, environment, flag };
  Kind kind = Kind::preset;
  std::string name;  // "proxy.toml:3:12", "BABILU_LISTEN", "--listen"
};

struct Problem {
  std::string found;     // for people
  std::string expected;  // may be empty
};

/// One key of a Schema, without its type. A value is staged first and reaches the bound variable
/// only when everything else is right too. Owner: the Schema.
class Option {
 public:
  Option(std::string key, std::string help) : key_(std::move(key)), help_(std::move(help)) {}
  Option(const Option&) = delete;
  Option& operator=(const Option&) = delete;
  virtual ~Option() = default;

  const std::string& key() const noexcept { return key_; }
  const std::string& help() const noexcept { return help_; }
  std::string flag() const;      // "--limits-sessions"
  std::string variable() const;  // "BABILU_LIMITS_SESSIONS"
  /// A second variable that holds the value itself, of a secret; else empty.
  virtual std::string secret_variable() const { return {}; }

  virtual bool is_switch() const { return false; }  // given without a value: true
  virtual bool is_list() const { return false; }    // given several times
  virtual bool may_be_empty() const { return false; }
  virtual std::string expected() const = 0;
  /// What help says of it: nothing where the type is plain from the name.
  virtual std::string note() const { return expected(); }

  virtual void stage_preset() = 0;
  virtual std::optional<Problem> stage(const RawValue& raw) = 0;
  virtual void stage_secret(std::string_view) {}
  /// Whether the staged value obeys the option's rule.
  virtual bool staged_is_valid() const = 0;
  /// Reads what a staged value refers to: a secret's file.
  virtual std::optional<Problem> complete(Pipes) { return std::nullopt; }
  /// Exchanges the staged and the bound value.
  virtual void swap() noexcept = 0;
  /// The staged value as TOML; empty when it is not set.
  virtual std::string print_staged() const = 0;

 private:
  std::string key_;
  std::string help_;
};

template <class T>
class TypedOption final : public Option {
 public:
  TypedOption(std::string key, T& bound, std::string help, Rule<T> rule)
      : Option(std::move(key), std::move(help)),
        bound_(bound),
        preset_(bound),
        staged_(bound),
        rule_(std::move(rule)) {}

  bool is_switch() const override { return std::is_same_v<T, bool>; }
  bool is_list() const override { return std::is_same_v<T, std::vector<std::string>>; }
  std::string expected() const override {
    return rule_.expected.empty() ? Codec<T>::expected() : rule_.expected;
  }
  std::string note() const override {
    using Value = typename detail::Unwrapped<T>::type;
    constexpr bool has_unit = requires { Codec<Value>::noun(); } && !std::is_arithmetic_v<Value>;
    return has_unit || !rule_.expected.empty() ? expected() : std::string();
  }
  bool may_be_empty() const override { return rule_.may_be_empty; }
  void stage_preset() override { staged_ = preset_; }
  std::optional<Problem> stage(const RawValue& raw) override {
    Parsed<T> parsed = Codec<T>::read(raw);
    if (!parsed.value || (rule_.holds && !rule_.holds(*parsed.value))) {
      std::string detail = std::move(parsed.problem);
      if (parsed.value && rule_.problem) detail = rule_.problem(*parsed.value);
      return Problem{describe(raw) + (detail.empty() ? "" : ", " + detail), expected()};
    }
    staged_ = std::move(*parsed.value);
    return std::nullopt;
  }
  bool staged_is_valid() const override { return !rule_.holds || rule_.holds(staged_); }
  void swap() noexcept override { std::swap(bound_, staged_); }
  std::string print_staged() const override { return Codec<T>::print(staged_); }

 private:
  T& bound_;
  T preset_;
  T staged_;
  Rule<T> rule_;
};

/// An enumeration by the names of its values.
template <class E>
class ChoiceOption final : public Option {
 public:
  ChoiceOption(std::string key, E& bound, std::string help, Choices<E> choices)
      : Option(std::move(key), std::move(help)),
        bound_(bound),
        preset_(bound),
        staged_(bound),
        choices_(std::move(choices)) {}

  std::string expected() const override {
    OneOf names;
    for (const auto& [name, value] : choices_.names) names.names.push_back(name);
    return names.expected();
  }
  void stage_preset() override { staged_ = preset_; }
  std::optional<Problem> stage(const RawValue& raw) override {
    const Parsed<std::string> text = read_string(raw);
    for (const auto& [name, value] : choices_.names) {
      if (text.value != name) continue;
      staged_ = value;
      return std::nullopt;
    }
    return Problem{describe(raw), expected()};
  }
  bool staged_is_valid() const override { return !print_staged().empty(); }
  void swap() noexcept override { std::swap(bound_, staged_); }
  std::string print_staged() const override {
    for (const auto& [name, value] : choices_.names) {
      if (value == staged_) return print_string(name);
    }
    return {};
  }

 private:
  E& bound_;
  E preset_;
  E staged_;
  Choices<E> choices_;
};

}  // namespace babilu::config
