#include "core/config/toml_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "core/base/utf8.h"

namespace babilu::config {

namespace {

constexpr std::size_t file_limit = 1024 * 1024;

struct Found {
  toml::source_position position;
  TomlFile::Entry entry;
};

bool is_bare(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string name_of(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

RawValue raw_list(const toml::array& array) {
  std::vector<std::string> list;
  for (const toml::node& item : array) {
    const auto text = item.value_exact<std::string>();
    if (!text) return Unusable{"a list with " + name_of(item.type()) + " in it"};
    list.push_back(*text);
  }
  return list;
}

RawValue raw_value(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return *number;
  if (const auto real = node.value_exact<double>()) return *real;
  if (const auto boolean = node.value_exact<bool>()) return *boolean;
  if (const toml::array* array = node.as_array()) return raw_list(*array);
  return Unusable{name_of(node.type())};
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& file,
             std::vector<Found>& found) {
  for (const auto& [key, node] : table) {
    const std::string_view name = key.str();
    const std::string full = prefix + (is_bare(name) ? std::string(name) : print_string(name));
    const toml::source_position begin = key.source().begin;
    const std::string where = fmt::format("{}:{}:{}", file, begin.line, begin.column);
    found.push_back({begin, {full, where, node.is_table(), raw_value(node)}});
    if (const toml::table* inner = node.as_table()) flatten(*inner, full + ".", file, found);
  }
}

/// The parser repeats bytes of the file as they are.
std::string cleaned(std::string_view text) {
  std::string clean;
  append_utf8(clean, text);
  std::ranges::replace_if(
      clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return clean;
}

Error error_at(const std::string& where, std::string problem) {
  Error error;
  error.where = where;
  error.problem = std::move(problem);
  return error;
}

}  // namespace

TomlFile read_toml(const std::filesystem::path& path, Pipes pipes) {
  TomlFile file;
  const std::string name = path.string();
  const auto text = read_file(path, file_limit, pipes);
  if (!text) {
    file.errors.push_back(error_at(name, "cannot read the configuration file: " + text.error()));
    return file;
  }
  std::vector<Found> found;
  try {
    flatten(toml::parse(text_of(*text), name), "", name, found);
  } catch (const toml::parse_error& error) {
    const toml::source_position begin = error.source().begin;
    file.errors.push_back(error_at(fmt::format("{}:{}:{}", name, begin.line, begin.column),
                                   cleaned(error.description())));
    return file;
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::pair(a.position.line, a.position.column) <
           std::pair(b.position.line, b.position.column);
  });
  for (Found& item : found) file.entries.push_back(std::move(item.entry));
  return file;
}

}  // namespace babilu::config
