#include "roles/peer/terminal/command.h"

#include <array>

#include "roles/peer/contact.h"

namespace babilu::peer {

using Kind = Command::Kind;

const std::string_view command_help =
    "a line                 says it to whom you talk to\n"
    "/to NAME [TEXT]        talks to NAME from now on; with TEXT, says just this to them\n"
    "/who                   lists your contacts, and who is here\n"
    "/connect HOST:PORT     connects to a peer, and again whenever the connection is lost;\n"
    "/connect NAME          to where NAME last answered\n"
    "/history [NAME]        shows the last messages\n"
    "/fingerprint [NAME]    shows your key's fingerprint, and theirs, to compare by another way\n"
    "/forget NAME           forgets NAME and their key\n"
    "/quit                  leaves\n"
    "//…                    says a line that begins with /\n"
    "What is pasted is said as it is, all its lines at once.";

namespace {

constexpr std::string_view blank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

/// Takes the first word off.
std::string_view next_word(std::string_view& text) {
  text = trimmed(text);
  const std::string_view word = text.substr(0, text.find_first_of(blank));
  text = trimmed(text.substr(word.size()));
  return word;
}

enum class Argument { none, name, optional_name, text };

struct Known {
  std::string_view word;
  Kind kind;
  Argument argument;
};
constexpr std::array<Known, 8> known_commands{{
    {"who", Kind::who, Argument::none},
    {"help", Kind::help, Argument::none},
    {"quit", Kind::quit, Argument::none},
    {"connect", Kind::connect, Argument::text},
    {"history", Kind::history, Argument::optional_name},
    {"fingerprint", Kind::fingerprint, Argument::optional_name},
    {"forget", Kind::forget, Argument::name},
    {"to", Kind::talk_to, Argument::name},
}};

Command mistake(std::string text) {
  return {Kind::mistake, {}, std::move(text)};
}

Command parse_known(const Known& known, std::string_view rest) {
  Command command{known.kind, {}, {}};
  if (known.argument == Argument::text) {
    command.text = next_word(rest);
  } else {
    command.name = next_word(rest);
  }
  const bool given = !command.name.empty() || !command.text.empty();
  const std::string word = "/" + std::string(known.word);
  if (known.argument == Argument::none && given) return mistake(word + " stands alone");
  const bool needed = known.argument == Argument::name || known.argument == Argument::text;
  if (needed && !given) return mistake(word + " needs more; /help shows what");
  if (!command.name.empty() && !is_valid_name(command.name)) {
    return mistake("that cannot be a name: 1 to 64 of a-z, 0-9, '.', '_' and '-'");
  }
  if (known.kind == Kind::talk_to && !rest.empty()) {
    command.kind = Kind::say;
    command.text = rest;
  } else if (!rest.empty()) {
    return mistake(word + " takes no more than one word");
  }
  return command;
}

}  // namespace

Command parse_pasted(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  return {Kind::say, {}, std::string(text)};
}

Command parse_command(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (trimmed(line).empty()) return {};
  if (line.starts_with("//")) return {Kind::say, {}, std::string(line.substr(1))};
  if (!line.starts_with('/')) return {Kind::say, {}, std::string(line)};
  line.remove_prefix(1);
  const std::string_view word = next_word(line);
  for (const Known& known : known_commands) {
    if (known.word == word) return parse_known(known, line);
  }
  return mistake("there is no such command; /help lists them, // says a line that begins with /");
}

}  // namespace babilu::peer
