#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "core/config/schema.h"
#include "core/config/schema_state.h"

namespace babilu::config {

namespace {

std::string description(Option& option) {
  std::string details = option.note();
  option.stage_preset();
  const std::string preset = option.print_staged();
  const bool shown = !preset.empty() && !option.is_switch();
  if (shown) details += (details.empty() ? "default " : "; default ") + preset;
  return details.empty() ? option.help() : option.help() + " (" + details + ")";
}

CLI::Option* add_flag(CLI::App& app, Option& option) {
  const std::string text = description(option);
  const std::string section = section_of(option.key());
  CLI::Option* flag =
      option.is_switch() ? app.add_flag(option.flag(), text) : app.add_option(option.flag(), text);
  // One value each time; that it is given once too often is for the option to say.
  flag->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (!option.is_switch()) flag->type_name("VALUE");
  if (!section.empty()) flag->group(section);
  return flag;
}

/// The option that an argument names, with or without "=VALUE" behind it.
const Option* named(const SchemaState& state, const std::string& argument) {
  const std::string_view flag = std::string_view(argument).substr(0, argument.find('='));
  for (const auto& option : state.options) {
    if (option->flag() == flag) return option.get();
  }
  return nullptr;
}

bool takes_value(const SchemaState& state, const std::string& flag) {
  const Option* const option = named(state, flag);
  return option != nullptr ? !option->is_switch() : flag == "--config";
}

/// The arguments with "--option=" as two, which CLI11 reads as what it says.
std::vector<std::string> with_values_apart(const SchemaState& state,
                                           const std::vector<std::string>& arguments) {
  std::vector<std::string> apart;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      apart.insert(apart.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i),
                   arguments.end());
      break;
    }
    const bool empty = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    const std::string flag = empty ? argument.substr(0, argument.size() - 1) : argument;
    if (empty && takes_value(state, flag)) {
      apart.insert(apart.end(), {flag, std::string()});
      continue;
    }
    const Option* const option = named(state, argument);
    if (empty && option != nullptr) {
      throw CLI::ValidationError(flag, "found an empty value; expected " + option->expected());
    }
    apart.push_back(argument);
    const bool has_value = argument.find('=') != std::string::npos;
    if (has_value || i + 1 == arguments.size() || !takes_value(state, argument)) continue;
    const std::string& value = arguments[i + 1];
    if (named(state, value) != nullptr) {
      throw CLI::ValidationError(
          argument, fmt::format("no value before {1}; write {0}={1} if meant", argument, value));
    }
    apart.push_back(value);
    ++i;
  }
  return apart;
}

constexpr const char* footer =
    "Options can also be set in the TOML file that --config names, as section.key, and by\n"
    "environment variables, as BABILU_SECTION_KEY; the command line wins, then the environment.";

}  // namespace

void Schema::attach(CLI::App& app) {
  const std::string config_text = "TOML file to read (or BABILU_CONFIG)";
  const std::string print_text = "print the configuration in effect, with sources, and leave";
  state_->app = &app;
  state_->flags.clear();
  for (const auto& option : state_->options) state_->flags.push_back(add_flag(app, *option));
  state_->config_flag = app.add_option("--config", config_text)
                            ->type_name("FILE")
                            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  state_->print_flag = app.add_flag("--print-config", print_text);
  app.allow_extras();
  if (app.get_footer().empty()) app.footer(footer);
}

CommandLine given_command_line(const SchemaState& state) {
  CommandLine given;
  given.values.resize(state.options.size());
  if (state.app == nullptr) return given;
  for (std::size_t i = 0; i < state.flags.size(); ++i) given.values[i] = state.flags[i]->results();
  given.config = state.config_flag->results();
  given.print = state.print_flag->count() != 0;
  given.unexpected = state.app->remaining();
  return given;
}

void Schema::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed = with_values_apart(*state_, arguments);
  std::ranges::reverse(reversed);
  state_->app->parse(reversed);
}

Result Schema::load(const std::vector<std::string>& arguments, const Environment& environment) {
  CLI::App app(std::string(), state_->program);
  attach(app);
  Result result;
  try {
    parse(arguments);
    result = resolve(environment);
  } catch (const CLI::CallForHelp&) {
    result.outcome = Result::Outcome::help;
    result.text = app.help();
  } catch (const CLI::ParseError& error) {
    Error found;
    found.where = "command line";
    found.problem = error.what();
    result.errors.push_back(found);
  }
  state_->app = nullptr;
  return result;
}

}  // namespace babilu::config
