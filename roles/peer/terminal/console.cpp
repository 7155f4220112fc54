#include "roles/peer/terminal/console.h"

#include <fmt/format.h>

#include "core/crypto/fingerprint.h"
#include "core/runtime/runtime.h"
#include "roles/peer/terminal/display.h"

namespace babilu::peer {

namespace {

constexpr int history_lines = 20;

std::string delivery_mark(const Message& message) {
  switch (message.state) {
    case MessageState::pending:
      return "  (not delivered yet)";
    case MessageState::refused:
      return "  (never delivered)";
    default:
      return {};
  }
}

}  // namespace

Console::Console(Runtime& runtime, const Profile& profile, Screen& screen)
    : runtime_(runtime), profile_(profile), screen_(screen), changed_(runtime) {}

void Console::greet(const std::vector<net::Address>& listening) {
  std::string text = fmt::format("you are {}, key {}", profile_.name,
                                 crypto::fingerprint(profile_.keys.public_key()));
  notice(text);
  for (const net::Address& address : listening) notice("listening at " + address.to_string());
  if (screen_.interactive()) notice("/help lists the commands");
}

task<> Console::take(Line line) {
  Command command = line.pasted ? parse_pasted(line.text) : parse_command(line.text);
  using enum Command::Kind;
  switch (command.kind) {
    case nothing:
      break;
    case say: {
      const auto to = choose(command.name);
      if (to) co_await this->say(*to, std::move(command.text));
      break;
    }
    case Command::Kind::talk_to:
      this->talk_to(command.name);
      break;
    case Command::Kind::connect:
      co_await this->connect(std::move(command.text));
      break;
    case who:
      co_await list_contacts();
      break;
    case history: {
      const auto name = choose(command.name);
      if (name) co_await show_history(*name);
      break;
    }
    case fingerprint:
      co_await show_fingerprints(command.name.empty() ? partner_ : std::move(command.name));
      break;
    case Command::Kind::forget:
      co_await this->forget(std::move(command.name));
      break;
    case help:
      screen_.show(Style::answer, command_help);
      break;
    case Command::Kind::quit:
      this->quit();
      break;
    case mistake:
      complain(command.text);
      break;
  }
}

std::optional<std::string> Console::choose(const std::string& name) {
  if (!name.empty()) return name;
  if (!partner_.empty()) return partner_;
  complain("nobody to talk to yet: wait for somebody, /connect HOST:PORT, or /to NAME");
  return std::nullopt;
}

void Console::talk_to(const std::string& name) {
  partner_ = name;
  if (!name.empty()) addressed_.insert(name);
  screen_.talk_to(name);
  changed_.notify_all();
}

void Console::quit() {
  quitting_ = true;
  changed_.notify_all();
}

task<> Console::say(std::string to, std::string text) {
  auto sent = co_await node_->send(to, std::move(text));
  if (!sent) {
    complain("not sent: " + sent.error().message);
    co_return;
  }
  addressed_.insert(to);
  show_message(Style::own, profile_.name + " to " + to, sent->message);
  on_their_way_[sent->message.number] = {to, !sent->here};
  if (!sent->here) notice(fmt::format("kept; will be sent when {} is back", to));
}

void Console::show_message(Style style, const std::string& from, const Message& message) {
  screen_.show(style, fmt::format("{} {}> {}", moments(message), from, harmless(message.text)));
}

task<> Console::list_contacts() {
  auto contacts = co_await node_->contacts();
  if (!contacts) {
    complain(contacts.error().message);
    co_return;
  }
  if (contacts->empty()) screen_.show(Style::answer, "you know nobody yet");
  for (const Contact& contact : *contacts) {
    screen_.show(Style::answer,
                 fmt::format("{} {:<16} {:<5} {}", contact.name == partner_ ? '*' : ' ',
                             contact.name, node_->is_here(contact.name) ? "here" : "away",
                             contact.accepted ? contact.address : "a stranger"));
  }
}

task<> Console::show_history(std::string name) {
  auto messages = co_await node_->history(name, history_lines);
  if (!messages) {
    complain(messages.error().message);
    co_return;
  }
  if (messages->empty()) screen_.show(Style::answer, "nothing was said with " + name);
  for (const Message& message : *messages) {
    const bool theirs = message.state == MessageState::received;
    screen_.show(Style::answer,
                 fmt::format("{} {}> {}{}", moments(message), theirs ? name : profile_.name,
                             harmless(message.text), delivery_mark(message)));
  }
}

task<> Console::show_fingerprints(std::string name) {
  screen_.show(Style::answer, fmt::format("{:<16} {}  (you)", profile_.name,
                                          crypto::fingerprint(profile_.keys.public_key())));
  auto contacts = co_await node_->contacts();
  if (!contacts) {
    complain(contacts.error().message);
    co_return;
  }
  for (const Contact& contact : *contacts) {
    if (contact.name != name) continue;
    screen_.show(Style::answer,
                 fmt::format("{:<16} {}  (since {})", contact.name,
                             crypto::fingerprint(contact.key), day_and_time(contact.first_seen)));
    co_return;
  }
  if (!name.empty()) complain("nobody called " + name + " is known");
}

task<> Console::connect(std::string to) {
  if (is_valid_name(to)) {
    auto contacts = co_await node_->contacts();
    if (!contacts) {
      complain(contacts.error().message);
      co_return;
    }
    for (const Contact& contact : *contacts) {
      if (contact.name == to) to = contact.address;
    }
  }
  const auto address = net::Address::parse(to);
  if (!address || address->port == 0) {
    complain("that is no address such as 127.0.0.1:7500, and no contact whose address is known");
  } else if (node_->dial(*address)) {
    notice("connecting to " + address->to_string());
  } else {
    complain(address->to_string() + " is being connected to already");
  }
}

task<> Console::forget(std::string name) {
  auto forgotten = co_await node_->forget(name);
  if (!forgotten) {
    complain(forgotten.error().message);
    co_return;
  }
  for (const std::int64_t number : forgotten->given_up) on_their_way_.erase(number);
  std::string text = fmt::format("{} and their key are forgotten; what was said stays", name);
  if (!forgotten->given_up.empty()) {
    text += fmt::format("; {} messages are given up", forgotten->given_up.size());
  }
  screen_.show(Style::answer, text);
  if (partner_ == name) talk_to({});
}

task<rpc::Outcome<Console::Undelivered>> Console::undelivered() {
  const auto pending = co_await node_->pending();
  if (!pending) co_return pending.error();
  Undelivered undelivered;
  for (const Pending& waiting : *pending) {
    if (addressed_.contains(waiting.name)) undelivered.concerned += waiting.messages;
    if (!undelivered.text.empty()) undelivered.text += ", ";
    undelivered.text += fmt::format("{} for {}", waiting.messages, waiting.name);
  }
  co_return undelivered;
}

void Console::alarm(const std::string& text) {
  screen_.show(Style::alarm, "!! " + text);
}

void Console::complain(const std::string& text) {
  failed_ = true;
  screen_.show(Style::notice, "?? " + text);
  changed_.notify_all();
}

}  // namespace babilu::peer
