// bots: load, and the proof that nothing was lost under it.
#include "tools/babilu/client.h"
#include "tools/babilu/commands.h"
#include "tools/bots/command.h"

namespace babilu::cli {

namespace {

constexpr auto footer =
    "Exit code 0: all checks passed. 1: one did not. 2: not started, or nobody could connect.\n"
    "  babilu bots --scenario mixed --sessions 100 --duration 10s --json report.json";

}  // namespace

int bots(Invocation& invocation) {
  bots::BotsConfig config;
  config.ca = ClientConfig{}.ca;
  bots::bind(invocation.options(), config);
  invocation.footer(footer);
  if (const auto code = invocation.resolve()) return *code;
  // With "-" a program reads the standard output.
  invocation.answer_in_json(config.json == "-");
  return bots::run_command(
      config, [&](const std::string& problem) { return invocation.fail(Problem{problem}); });
}

}  // namespace babilu::cli
