#include "tools/babilu/program.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include "core/config/suggest.h"
#include "tools/babilu/commands.h"
#include "tools/babilu/exit_code.h"

namespace babilu::cli {

namespace {

struct Command {
  std::string_view group;
  std::string_view name;
  std::string_view about;
  int (*run)(Invocation&);
};

constexpr std::string_view start = "To start with";
constexpr std::string_view services = "As a person or a script";
constexpr std::string_view people = "To chat, without a stack";
constexpr std::string_view servers = "To run a stack";

constexpr std::array commands{
    Command{start, "demo", "Starts a whole stack on this machine, loads it, and leaves it up.",
            demo},
    Command{services, "signup", "Makes an account.", signup},
    Command{services, "login", "Logs in; later commands use the login.", login},
    Command{services, "whoami", "Says who is logged in.", whoami},
    Command{services, "encrypt", "Encrypts a file or the standard input.", encrypt},
    Command{services, "decrypt", "Decrypts what encrypt made.", decrypt},
    Command{services, "sign", "Signs a file or the standard input.", sign},
    Command{services, "verify", "Says whether an account signed something.", verify},
    Command{people, "peer listen", "Waits for others to chat with.", peer_listen},
    Command{people, "chat", "Talks to a peer that listens.", chat},
    Command{people, "peer forget", "Forgets whom a contact's name belonged to.", peer_forget},
    Command{servers, "proxy", "Runs the proxy, the only door of a stack.", proxy},
    Command{servers, "backend", "Runs a backend: accounts, identity, encryption.", backend},
    Command{servers, "certificates init", "Makes certificates and keys for development.",
            certificates_init},
    Command{servers, "bots", "Loads a stack with bots, and checks what it did.", bots},
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

int complain(const std::vector<std::string>& arguments) {
  std::vector<std::string> names, partners;
  const std::string& first = arguments.front();
  for (const Command& command : commands) {
    names.emplace_back(command.name);
    if (command.name.starts_with(first + " ")) partners.push_back("babilu " + names.back());
  }
  if (!partners.empty()) {
    fmt::print(stderr, "babilu: {} alone is no command; try {}\n", first,
               fmt::join(partners, " or "));
    return to_int(ExitCode::usage);
  }
  auto meant = arguments.size() > 1 ? config::nearest(words(arguments, 2), names) : std::nullopt;
  if (!meant) meant = config::nearest(first, names);
  fmt::print(stderr, "babilu: there is no command '{}'; {}babilu --help lists them\n", first,
             meant ? "did you mean '" + *meant + "'? " : "");
  return to_int(ExitCode::usage);
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
  // What a stranger sends is no matter for the error stream; whoever parses says what is wrong.
  google::protobuf::SetLogHandler(nullptr);
  if (arguments.empty()) {
    fmt::print(stderr, "{}", help());
    return to_int(ExitCode::usage);
  }
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    fmt::print("{}", help());
    return to_int(ExitCode::done);
  }
  if (arguments[0] == "--version") {
    fmt::print("babilu {}\n", BABILU_VERSION);
    return to_int(ExitCode::done);
  }
  std::size_t used = 0;
  const Command* command = find(arguments, used);
  if (command == nullptr) return complain(arguments);
  Invocation invocation(std::string(command->name), std::string(command->about),
                        {arguments.begin() + static_cast<std::ptrdiff_t>(used), arguments.end()});
  return command->run(invocation);
}

}  // namespace babilu::cli
