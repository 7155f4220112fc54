#include "tools/babilu/invocation.h"

#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

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
  for (Argument& argument : positionals_) {
    app.add_option(argument.name, argument.bound, argument.help)
        ->type_name("")
        ->required(argument.presence == Presence::required && !only_prints);
  }
  schema_.attach(app);
  try {
    std::vector<std::string> reversed(arguments_.rbegin(), arguments_.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return to_int(ExitCode::done);
  } catch (const CLI::ParseError& error) {
    return fail_usage(error.what());
  }
  return finish(schema_.resolve(config::process_environment()));
}

std::optional<std::string> Invocation::resolve_again() {
  CLI::App app(about_, name_);
  schema_.attach(app);
  try {
    std::vector<std::string> reversed(arguments_.rbegin(), arguments_.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  const config::Result result = schema_.resolve(config::process_environment());
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
    fmt::print("{}", result.text);
    return to_int(ExitCode::done);
  }
  for (const config::Error& error : result.errors) {
    fmt::print(stderr, "{}: {}\n", name_, error.message());
  }
  if (!result.loaded()) return to_int(ExitCode::usage);
  if (!warns_) return std::nullopt;
  for (const std::string& warning : result.warnings) {
    fmt::print(stderr, "{}: {}\n", name_, warning);
  }
  return std::nullopt;
}

int Invocation::fail(const rpc::Status& status) const {
  const ExitCode code = exit_code_of(status);
  fmt::print(stderr, "{}: {}\n", name_, describe(status));
  if (json_) fmt::print("{}", failure_json(status, code));
  return to_int(code);
}

int Invocation::fail(const Problem& problem) const {
  return fail(usage_error(problem.text));
}

int Invocation::fail_usage(std::string_view problem) const {
  return fail(usage_error(fmt::format("{}; see {} --help", problem, name_)));
}

}  // namespace babilu::cli
