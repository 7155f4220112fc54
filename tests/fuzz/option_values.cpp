// Values of options: whatever is read is printed as TOML that reads as the same value, and a value
// that is refused is shown without harm.
//
// Input: a byte that chooses the type, one that chooses the source, then the text.
#include <algorithm>
#include <string>

#include "core/base/utf8.h"
#include "core/config/rules.h"
#include "core/config/value.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using config::Codec;
using config::RawValue;

RawValue raw_of(std::uint8_t source, Input& input) {
  switch (source % 6) {
    case 0: {
      config::Untyped untyped;
      untyped.parts.emplace_back(text_of(input.rest()));
      return untyped;
    }
    case 1: {
      config::Untyped untyped;
      while (!input.empty()) untyped.parts.emplace_back(text_of(input.bytes(input.byte())));
      return untyped;
    }
    case 2:
      return static_cast<std::int64_t>(input.number<std::uint64_t>());
    case 3: {
      const auto bits = input.number<std::uint64_t>();
      double real = 0;
      std::memcpy(&real, &bits, sizeof real);
      return real;
    }
    case 4: {
      std::vector<std::string> list;
      while (!input.empty()) list.emplace_back(text_of(input.bytes(input.byte())));
      return list;
    }
    default:
      return std::string(text_of(input.rest()));
  }
}

/// In UTF-8.
std::string encoded(std::uint32_t code) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F))};
  if (code < 0x10000) {
    return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
  }
  return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)),
          byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
}

/// A printed text as TOML's basic strings are read (toml.io, v1.0.0): the escapes that are printed.
std::string read_back(std::string_view printed) {
  check(printed.size() >= 2 && printed.front() == '"' && printed.back() == '"', "it is quoted");
  printed = printed.substr(1, printed.size() - 2);
  std::string text;
  while (!printed.empty()) {
    const char c = printed.front();
    std::size_t length = 1;
    if (c != '\\') {
      text += c;
    } else if (printed.size() >= 2 && (printed[1] == 'u' || printed[1] == 'U')) {
      const std::size_t digits = printed[1] == 'u' ? 4 : 8;
      length = 2 + digits;
      check(printed.size() >= length, "an escape is whole");
      text += encoded(static_cast<std::uint32_t>(
          std::stoul(std::string(printed.substr(2, digits)), nullptr, 16)));
    } else {
      check(printed.size() >= 2, "an escape is whole");
      text += printed[1] == 'n' ? '\n' : printed[1];
      length = 2;
    }
    check(c != '"' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F,
          "what TOML has no room for is escaped");
    printed.remove_prefix(length);
  }
  return text;
}

void check_shown(const std::string& text) {
  check(is_utf8(text), "what is said of a value is UTF-8");
  check(std::ranges::none_of(
            text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }),
        "and commands no terminal");
}

template <class T>
void check_type(const RawValue& raw) {
  const auto read = Codec<T>::read(raw);
  check_shown(read.problem);
  if (!read.value) return;
  check(read.problem.empty(), "what is read has no problem");
  const std::string printed = Codec<T>::print(*read.value);
  RawValue again = config::Untyped{{printed}};
  if (printed.starts_with('"')) again = read_back(printed);
  const auto second = Codec<T>::read(again);
  check(second.value == read.value, "what is printed reads as the same value");
}

/// Printed as a list, whose texts were checked one by one.
void check_list(const RawValue& raw) {
  const auto read = config::read_list(raw);
  check_shown(read.problem);
  if (!read.value) return;
  for (const std::string& item : *read.value) {
    check(read_back(config::print_string(item)) == item, "a text of a list is printed as it is");
  }
  const auto second = config::read_list(RawValue(*read.value));
  check(second.value == read.value, "a list that was read is one");
}

void check_value(std::uint8_t type, const RawValue& raw) {
  switch (type % 9) {
    case 0:
      return check_type<std::int64_t>(raw);
    case 1:
      return check_type<std::uint16_t>(raw);
    case 2:
      return check_type<double>(raw);
    case 3:
      return check_type<bool>(raw);
    case 4:
      return check_type<std::string>(raw);
    case 5:
      return check_type<config::ByteSize>(raw);
    case 6:
      return check_type<std::chrono::nanoseconds>(raw);
    case 7:
      return check_type<std::chrono::milliseconds>(raw);
    default:
      return check_list(raw);
  }
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  Input input({data, size});
  const std::uint8_t type = input.byte();
  const std::uint8_t source = input.byte();
  const RawValue raw = raw_of(source, input);
  check_shown(config::describe(raw));
  check_value(type, raw);
  if (const auto* text = std::get_if<std::string>(&raw)) {
    const std::size_t last = text->find_last_not_of('0');
    const bool port_zero = last != std::string::npos && (*text)[last] == ':';
    check(!config::is_listen_address(*text) || config::is_address(*text) || port_zero,
          "where one can listen, one can be dialed");
  }
  return 0;
}
