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

Result Schema::load(const std::vector<std::string>& arguments, const Environment& environment) {
  CLI::App app(std::string(), state_->program);
  attach(app);
  Result result;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
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
