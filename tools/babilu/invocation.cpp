#include "tools/babilu/invocation.h"
#include "core/base/standard_streams.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "core/telemetry/log_format.h"
#include "tools/babilu/answer.h"
#include "tools/babilu/exit_code.h"

namespace babilu::cli {

Invocation::Invocation(std::string name, std::string about, std::vector<std::string> arguments)
    : name_("babilu " + std::move(name)),
      about_(std::move(about)),
      arguments_(std::move(arguments)),
      schema_(name_) {}

void Invocation::argument(const char* name, std::string& bound, const char* help,
                          Presence presence) {
  positionals_.push_back({name, bound, help, presence});
}

std::optional<int> Invocation::resolve() {
  CLI::App app(about_, name_);
  app.get_formatter()->column_width(34);
  if (!footer_.empty()) app.footer(footer_);
  const bool only_prints = std::ranges::find(arguments_, "--print-config") != arguments_.end();
  std::vector<CLI::Option*> words;
  for (Argument& argument : positionals_) {
    words.push_back(app.add_option(argument.name, argument.bound, argument.help));
    words.back()->type_name("")->required(argument.presence == Presence::required && !only_prints);
  }
  schema_.attach(app);
  try {
    schema_.parse(arguments_);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return to_int(ExitCode::done);
  } catch (const CLI::ParseError& error) {
    json_ = wants_json();
    return fail_usage(error.what());
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i]->count() == 0 || !positionals_[i].bound.empty()) continue;
    json_ = wants_json();
    return fail_usage(std::string(positionals_[i].name) + " is empty");
  }
  return finish(schema_.resolve(config::process_environment()));
}

std::optional<std::string> Invocation::resolve_again() {
  CLI::App app(about_, name_);
  schema_.attach(app);
  try {
    schema_.parse(arguments_);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  const config::Result result = schema_.resolve(config::process_environment(), Pipes::refuse);
  std::string problems;
  for (const config::Error& error : result.errors) {
    if (!problems.empty()) problems += "; ";
    problems += error.message();
  }
  if (result.loaded()) return std::nullopt;
  return problems;
}

std::optional<int> Invocation::finish(const config::Result& result) const {
  if (result.outcome == config::Result::Outcome::printed) {
    print(result.text);
    return to_int(ExitCode::done);
  }
  std::string problems;
  for (const config::Error& error : result.errors) {
    tell(telemetry::LogLevel::error, error.message());
    problems += (problems.empty() ? "" : "; ") + error.message();
  }
  if (!result.loaded()) {
    if (wants_json()) print(failure_json(usage_error(problems), ExitCode::usage));
    return to_int(ExitCode::usage);
  }
  if (!warns_) return std::nullopt;
  for (const std::string& warning : result.warnings) tell(telemetry::LogLevel::warn, warning);
  return std::nullopt;
}

/// In the form of the log that would follow, where that is for machines.
void Invocation::tell(telemetry::LogLevel level, std::string_view text) const {
  if (schema_.found("log.format") != "\"json\"") {
    print_error(fmt::format("{}: {}\n", name_, text));
    return;
  }
  telemetry::LogEntry entry;
  entry.time = std::chrono::system_clock::now();
  entry.level = level;
  entry.component = "configuration";
  entry.message = text;
  print_error(telemetry::format_entry(entry, telemetry::LogFormat::json) + "\n");
}

/// What was asked for counts also where something else was a mistake.
bool Invocation::wants_json() const {
  const std::string found = schema_.found("json");
  if (found != "false") return found == "true" || found == "\"-\"";
  const char* const variable = std::getenv("BABILU_JSON");
  const auto says_yes = [](std::string value) {
    return config::read_boolean(config::Untyped{{std::move(value)}}).value == true;
  };
  bool wanted = variable != nullptr && says_yes(variable);
  for (const std::string& argument : arguments_) {
    if (argument == "--") break;
    if (argument == "--json") wanted = true;
    if (argument.starts_with("--json=")) wanted = says_yes(argument.substr(7));
  }
  return wanted;
}

int Invocation::fail(const rpc::Status& status) const {
  const ExitCode code = exit_code_of(status);
  print_error(fmt::format("{}: {}\n", name_, describe(status)));
  if (json_) print(failure_json(status, code));
  return to_int(code);
}

int Invocation::fail(const Problem& problem) const {
  return fail(usage_error(problem.text));
}

int Invocation::fail_usage(std::string_view problem) const {
  return fail(usage_error(fmt::format("{}; see {} --help", problem, name_)));
}

}  // namespace babilu::cli
