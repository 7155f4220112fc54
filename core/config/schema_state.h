#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/option.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace babilu::config {

/// What a Schema and its Sections share; for the sources of this folder only.
struct SchemaState {
  struct SectionText {
    std::string key;  // "limits"
    std::string help;
  };

  std::string program;
  std::vector<std::unique_ptr<Option>> options;
  std::vector<Source> sources;  // where each option's staged value is from
  std::vector<SectionText> sections;
  std::vector<std::string> known_variables;
  std::vector<std::function<std::optional<std::string>()>> checks;
  std::vector<std::string> found;  // the value of each option as TOML, of the last resolve()
  std::string effective;           // what print() returns

  // Of the App that the options were attached to.
  CLI::App* app = nullptr;
  std::vector<CLI::Option*> flags;  // one for each option
  CLI::Option* config_flag = nullptr;
  CLI::Option* print_flag = nullptr;
};

/// What was given on a command line, without CLI11.
struct CommandLine {
  std::vector<std::vector<std::string>> values;  // for each option
  std::vector<std::string> config;
  bool print = false;
  std::vector<std::string> unexpected;
};
CommandLine given_command_line(const SchemaState& state);

/// The staged values as TOML.
std::string print_staged(const SchemaState& state);

/// "listen" → "", "limits.sessions" → "limits".
std::string section_of(const std::string& key);

}  // namespace babilu::config
