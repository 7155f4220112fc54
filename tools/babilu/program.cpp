#include "tools/babilu/program.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include "core/base/private_memory.h"
#include "core/base/standard_streams.h"
#include "core/base/version.h"
#include "core/config/suggest.h"
#include "core/runtime/signals.h"
#include "tools/babilu/answer.h"
#include "tools/babilu/commands.h"
#include "tools/babilu/exit_code.h"
#include "tools/babilu/reasons.h"

namespace babilu::cli {

namespace {

/// Whether a command takes signals itself, to end in order.
enum class EndsInOrder { no, yes };

struct Command {
  std::string_view group;
  std::string_view name;
  std::string_view about;
  int (*run)(Invocation&);
  EndsInOrder ends_in_order = EndsInOrder::no;
};

constexpr std::string_view start = "To start with";
constexpr std::string_view services = "As a person or a script";
constexpr std::string_view people = "To chat, without a stack";
constexpr std::string_view servers = "To run a stack";

constexpr std::array commands{
    Command{start, "demo", "Starts a whole stack on this machine, loads it, and leaves it up.",
            demo, EndsInOrder::yes},
    Command{services, "signup", "Makes an account.", signup},
    Command{services, "login", "Logs in; later commands use the login.", login},
    Command{services, "whoami", "Says who is logged in.", whoami},
    Command{services, "encrypt", "Encrypts a file or the standard input.", encrypt},
    Command{services, "decrypt", "Decrypts what encrypt made.", decrypt},
    Command{services, "sign", "Signs a file or the standard input.", sign},
    Command{services, "verify", "Says whether an account signed something.", verify},
    Command{people, "peer listen", "Waits for others to chat with.", peer_listen, EndsInOrder::yes},
    Command{people, "chat", "Talks to a peer that listens.", chat, EndsInOrder::yes},
    Command{people, "peer forget", "Forgets whom a contact's name belonged to.", peer_forget},
    Command{servers, "proxy", "Runs the proxy, the only door of a stack.", proxy, EndsInOrder::yes},
    Command{servers, "backend", "Runs a backend: accounts, identity, encryption.", backend,
            EndsInOrder::yes},
    Command{servers, "certificates init", "Makes certificates and keys for development.",
            certificates_init},
    Command{servers, "bots", "Loads a stack with bots, and checks what it did.", bots,
            EndsInOrder::yes},
};

constexpr auto exit_codes =
    "Exit codes, unless a command's help says otherwise\n"
    "  0  done\n"
    "  1  refused, or the answer is no\n"
    "  2  mistake on the command line, in the configuration or with a file\n"
    "  3  not logged in, or a wrong password\n"
    "  4  not reached, no answer in time, or too busy: try again later\n"
    "  5  a defect\n";

std::string help() {
  std::string text =
      "Babilu: a secure service stack behind one door.\n\nUsage: babilu COMMAND [OPTIONS]\n";
  std::string_view group;
  for (const Command& command : commands) {
    if (command.group != group) text += fmt::format("\n{}\n", group = command.group);
    text += fmt::format("  {:<20}{}\n", command.name, command.about);
  }
  text += fmt::format("\n{}\nbabilu COMMAND --help tells more, with examples.\n", exit_codes);
  return text;
}

/// The first words that may name a command: "peer listen" has two.
std::string words(const std::vector<std::string>& arguments, std::size_t count) {
  return fmt::format("{}", fmt::join(arguments.begin(), arguments.begin() + count, " "));
}

const Command* find(const std::vector<std::string>& arguments, std::size_t& used) {
  for (used = std::min<std::size_t>(2, arguments.size()); used > 0; --used) {
    const std::string name = words(arguments, used);
    const auto found = std::ranges::find(commands, name, &Command::name);
    if (found != commands.end()) return &*found;
  }
  return nullptr;
}

/// What to say to somebody whose command is none.
std::string correction(const std::vector<std::string>& arguments) {
  std::vector<std::string> names, partners;
  const std::string& first = arguments.front();
  for (const Command& command : commands) {
    names.emplace_back(command.name);
    if (command.name.starts_with(first + " ")) partners.push_back("babilu " + names.back());
  }
  if (!partners.empty()) {
    return fmt::format("{} alone is no command; try {}", first, fmt::join(partners, " or "));
  }
  auto meant = arguments.size() > 1 ? config::nearest(words(arguments, 2), names) : std::nullopt;
  if (!meant) meant = config::nearest(first, names);
  return fmt::format("there is no command '{}'; {}babilu --help lists them", first,
                     meant ? "did you mean '" + *meant + "'? " : "");
}

int complain(const std::vector<std::string>& arguments) {
  const std::string text = correction(arguments);
  print_error("babilu: " + text + "\n");
  if (std::ranges::find(arguments, "--json") != arguments.end()) {
    print(failure_json(usage_error(text), ExitCode::usage));
  }
  return to_int(ExitCode::usage);
}

int run(const std::vector<std::string>& arguments) {
  // What a stranger sends is no matter for the error stream; whoever parses says what is wrong.
  google::protobuf::SetLogHandler(nullptr);
  if (arguments.empty()) {
    print_error(help());
    return to_int(ExitCode::usage);
  }
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    print(help());
    return to_int(ExitCode::done);
  }
  if (arguments[0] == "--version") {
    print(fmt::format("babilu {}\n", version));
    return to_int(ExitCode::done);
  }
  std::size_t used = 0;
  const Command* command = find(arguments, used);
  if (command == nullptr) return complain(arguments);
  if (command->ends_in_order == EndsInOrder::no) {
    release_signals();
    keep_memory_private();  // passwords, tokens, plaintexts, the authority's key
  }
  Invocation invocation(std::string(command->name), std::string(command->about),
                        {arguments.begin() + static_cast<std::ptrdiff_t>(used), arguments.end()});
  try {
    return command->run(invocation);
  } catch (const std::exception& error) {
    return invocation.fail(rpc::Status(reasons.exception, error.what()));
  }
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
  const int code = run(arguments);
  const auto error = take_output_error();
  if (!error) return code;
  print_error(fmt::format("babilu: the standard output: {}\n", error.message()));
  return code == to_int(ExitCode::done) ? to_int(ExitCode::usage) : code;
}

}  // namespace babilu::cli
