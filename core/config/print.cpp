#include <algorithm>

#include "core/config/schema_state.h"
#include "core/config/value.h"

namespace babilu::config {

namespace {

/// A TOML comment ends with its line and holds no control character.
std::string comment(std::string_view text) {
  std::string line = "# ";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return line;
}

std::string source_text(const Source& source) {
  return source.kind == Source::Kind::preset ? "default" : source.name;
}

std::string print_option(const Option& option, const Source& source) {
  const std::string name = option.key().substr(option.key().rfind('.') + 1);
  const std::string value = option.print_staged();
  const std::string note = option.note();
  std::string text = comment(option.help() + (note.empty() ? "" : " (" + note + ")")) + "\n";
  if (!value.empty())
    return text + name + " = " + value + "  " + comment(source_text(source)) + "\n";
  const bool hidden = !option.secret_variable().empty() && source.name == option.secret_variable();
  return text + comment(name + ": " + (hidden ? "the secret is in " + source.name : "not set")) +
         "\n";
}

std::string print_section(const SchemaState& state, const std::string& section) {
  std::string text;
  for (std::size_t i = 0; i < state.options.size(); ++i) {
    if (section_of(state.options[i]->key()) != section) continue;
    text += (text.empty() ? "" : "\n") + print_option(*state.options[i], state.sources[i]);
  }
  return text;
}

}  // namespace

std::string print_staged(const SchemaState& state) {
  std::string text =
      comment("The configuration of " + state.program + ". After each value: where it is from.") +
      "\n\n" + print_section(state, "");
  for (const auto& [key, help] : state.sections) {
    const std::string options = print_section(state, key);
    if (options.empty()) continue;
    text += "\n[" + key + "]" + (help.empty() ? "" : "  " + comment(help)) + "\n" + options;
  }
  return text;
}

}  // namespace babilu::config
