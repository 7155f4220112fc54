#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/config/value.h"

namespace babilu::config {

/// What an option's value must be beyond its type, and how an error says so. A default that breaks
/// its rule makes the option one that must be set.
template <class T>
struct Rule {
  std::string expected;
  std::function<bool(const T&)> holds;
  /// What exactly is wrong, where that can be said; may give nothing.
  std::function<std::string(const T&)> problem = {};
  /// Whether an empty value may be given on the command line; see may_be_empty().
  bool may_be_empty = false;
};

struct MayBeEmpty {
  template <class T>
  operator Rule<T>() const {
    return {{}, {}, {}, true};
  }
};
/// A text that means something when it is empty. Of every other option an empty value on the
/// command line is an error: it comes from a variable of a script that is not set, and would mean
/// what the script does not.
inline MayBeEmpty may_be_empty() {
  return {};
}

namespace detail {

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};

/// A rule about T as a rule about T or optional<T>, where nothing set is fine.
template <class T>
Rule<T> about(std::string expected, std::function<bool(const typename Unwrapped<T>::type&)> holds) {
  if constexpr (std::is_same_v<T, typename Unwrapped<T>::type>) {
    return {std::move(expected), std::move(holds)};
  } else {
    return {std::move(expected),
            [holds = std::move(holds)](const T& value) { return !value || holds(*value); }};
  }
}

/// A rule about texts as a rule about a text or about each text of a list.
template <class T>
Rule<T> about_text(std::string expected, std::function<bool(std::string_view)> holds) {
  using Value = typename Unwrapped<T>::type;
  if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    return about<T>("a list, each " + expected, [holds = std::move(holds)](const Value& list) {
      for (const std::string& item : list) {
        if (!holds(item)) return false;
      }
      return true;
    });
  } else {
    return about<T>(std::move(expected), [holds = std::move(holds)](const Value& text) {
      return holds(std::string_view(text));
    });
  }
}

}  // namespace detail

template <class Bound>
struct Range {
  Bound least;
  Bound greatest;

  template <class T>
  operator Rule<T>() const {
    using Value = typename detail::Unwrapped<T>::type;
    const auto from = static_cast<Value>(least);
    const auto to = static_cast<Value>(greatest);
    return detail::about<T>(
        Codec<Value>::noun() + " from " + Codec<Value>::print(from) + " to " +
            Codec<Value>::print(to),
        [from, to](const Value& value) { return from <= value && value <= to; });
  }
};
/// Numbers, durations and sizes, both ends included. Every option that is one has a range. Zero is
/// within it only where it is an amount like others ("wait for nothing", "keep none").
template <class Bound>
Range<Bound> range(Bound least, std::type_identity_t<Bound> greatest) {
  return {least, greatest};
}

/// The same, or 0, of which the option's help says what it means: no limit, for ever.
template <class Bound>
struct RangeOrZero {
  Range<Bound> range;

  template <class T>
  operator Rule<T>() const {
    using Value = typename detail::Unwrapped<T>::type;
    const Rule<Value> above = range;
    return detail::about<T>(above.expected + ", or 0", [above](const Value& value) {
      return value == Value{} || above.holds(value);
    });
  }
};
template <class Bound>
RangeOrZero<Bound> range_or_zero(Bound least, std::type_identity_t<Bound> greatest) {
  return {{least, greatest}};
}

template <class Bound>
struct AtLeast {
  Bound least;

  template <class T>
  operator Rule<T>() const {
    using Value = typename detail::Unwrapped<T>::type;
    const auto from = static_cast<Value>(least);
    return detail::about<T>(Codec<Value>::noun() + ", at least " + Codec<Value>::print(from),
                            [from](const Value& value) { return from <= value; });
  }
};
template <class Bound>
AtLeast<Bound> at_least(Bound least) {
  return {least};
}

/// "host:port" by name or number, "[::1]:7400"; resolves nothing.
bool is_address(std::string_view text);
/// An address of this machine by number, or localhost; port 0 takes a free one.
bool is_listen_address(std::string_view text);

struct AddressRule {
  const char* expected;
  bool (*holds)(std::string_view text);

  template <class T>
  operator Rule<T>() const {
    return detail::about_text<T>(expected, holds);
  }
};
/// Whom to dial: a text, or each of a list of texts.
inline AddressRule address() {
  return {"an address such as 127.0.0.1:7400", is_address};
}
/// Where to listen.
inline AddressRule listen_address() {
  return {"an IP address of this machine and a port, such as 127.0.0.1:7400 or 0.0.0.0:7400",
          is_listen_address};
}

/// A text, or each of a list of texts, that somebody else can read: "an address such as …".
struct Readable {
  const char* expected;
  bool (*reads)(std::string_view text);

  template <class T>
  operator Rule<T>() const {
    return detail::about_text<T>(expected,
                                 [reads = reads](std::string_view text) { return reads(text); });
  }
};
inline Readable readable(const char* expected, bool (*reads)(std::string_view text)) {
  return {expected, reads};
}

/// The same where the reader can say what is wrong: a text, or nothing.
struct Explained {
  const char* expected;
  std::string (*problem)(std::string_view text);

  template <class T>
  operator Rule<T>() const {
    Rule<T> rule = detail::about_text<T>(
        expected, [problem = problem](std::string_view text) { return problem(text).empty(); });
    rule.problem = [problem = problem](const T& value) {
      if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        for (const std::string& item : value) {
          if (std::string wrong = problem(item); !wrong.empty()) return wrong;
        }
        return std::string();
      } else {
        return problem(value);
      }
    };
    return rule;
  }
};
inline Explained readable(const char* expected, std::string (*problem)(std::string_view text)) {
  return {expected, problem};
}

struct NotEmpty {
  template <class T>
  operator Rule<T>() const {
    return detail::about<T>(Codec<T>::expected() + ", not empty",
                            [](const auto& value) { return !value.empty(); });
  }
};
/// A text, path or list that must be given.
inline NotEmpty not_empty() {
  return {};
}

struct OneOf {
  std::vector<std::string> names;

  template <class T>
  operator Rule<T>() const {
    return detail::about_text<T>(expected(), [names = names](std::string_view text) {
      for (const std::string& name : names) {
        if (name == text) return true;
      }
      return false;
    });
  }
  std::string expected() const;
};
/// A text, or each of a list of texts, from a fixed set.
inline OneOf one_of(std::initializer_list<std::string_view> names) {
  return {std::vector<std::string>(names.begin(), names.end())};
}

/// The names of an enumeration's values.
template <class E>
struct Choices {
  std::vector<std::pair<std::string, E>> names;
};
template <class E>
Choices<E> choices(std::initializer_list<std::pair<std::string_view, E>> names) {
  Choices<E> made;
  for (const auto& [name, value] : names) made.names.emplace_back(name, value);
  return made;
}

}  // namespace babilu::config
