// The half of a Console that shows what happens.
#include <fmt/format.h>

#include "core/crypto/fingerprint.h"
#include "core/runtime/runtime.h"
#include "roles/api/reasons.h"
#include "roles/peer/terminal/console.h"
#include "roles/peer/terminal/display.h"

namespace babilu::peer {

using rpc::Status;

namespace {

/// What the other side wrote into a status, or the system into an error, on one line.
std::string reason_of(const Status& status) {
  return harmless_excerpt(status.message.empty() ? status.to_string() : status.message, 200);
}

std::string how_it_ended(const Ending& ending) {
  if (ending.kind == Ending::Kind::left) return "left";
  if (ending.why.is(rpc::reasons.no_pong)) return "has gone: no answer any more";
  if (ending.why.is(rpc::reasons.connection_lost)) return "has gone: " + reason_of(ending.why);
  return "was cut off: " + reason_of(ending.why);
}

std::string shown_key(const Refusal& refusal) {
  return refusal.shown ? crypto::fingerprint(*refusal.shown) : "none";
}

}  // namespace

/// A name alone is no reason: it may be somebody new who has it now.
bool Console::came_for(const Joined& joined) const {
  if (!expected_.name.empty()) return joined.contact.name == expected_.name;
  if (joined.was_there_before) return false;
  return joined.dialed || (joined.contact.accepted && !expected_.dialed_only);
}

bool Console::is_stranger(const Contact& contact) const {
  return !contact.accepted && contact.name != partner_;
}

void Console::on_joined(const Joined& joined) {
  const std::string& name = joined.contact.name;
  const std::string where = joined.address.to_string();
  const bool wanted = came_for(joined);
  if (joined.added && !wanted && partner_ == name) talk_to({});
  const bool unasked = !wanted && is_stranger(joined.contact);
  if (!unasked || strangers_.may_show(*this)) {
    std::string text = fmt::format("{} is here, from {}", name, where);
    if (joined.added) {
      text += fmt::format(
          ": somebody new, whose key is kept from now on.\n"
          "--   {}\n"
          "-- Compare it with what {} sees, by another way than this.",
          crypto::fingerprint(joined.contact.key), name);
    }
    if (partner_.empty() && !wanted) text += fmt::format("\n-- To talk to them: /to {}", name);
    notice(text);
  }
  if (joined.was_there_before) {
    alarm(fmt::format("At {} there used to be {}. Is {} who you want to talk to?", where,
                      joined.was_there_before->name, name));
  }
  if (partner_.empty() && wanted) talk_to(name);
  answered_ = answered_ || joined.dialed || name == partner_;
  changed_.notify_all();
}

void Console::on_left(const Contact& contact, const Ending& ending) {
  std::string text = contact.name + " " + how_it_ended(ending);
  std::size_t waiting = 0;
  for (auto& [number, message] : on_their_way_) {
    if (message.to != contact.name) continue;
    message.told = true;
    ++waiting;
  }
  if (waiting == 1) text += "; a message is kept, and will be sent when they are back";
  if (waiting > 1) {
    text += fmt::format("; {} messages are kept, and will be sent when they are back", waiting);
  }
  if (!is_stranger(contact) || strangers_.may_show(*this)) notice(text);
  changed_.notify_all();
}

void Console::on_message(const Contact& contact, const Message& message) {
  if (is_stranger(contact) && !strangers_.may_show(*this)) return;
  show_message(Style::message, contact.name, message);
}

void Console::on_settled(const Contact& contact, const Message& message, const Status& why) {
  const auto found = on_their_way_.find(message.number);
  const bool told = found == on_their_way_.end() || found->second.told;
  if (found != on_their_way_.end()) on_their_way_.erase(found);
  const std::string excerpt = harmless_excerpt(message.text, 40);
  if (!why.ok()) {
    failed_ = true;
    alarm(fmt::format("{} does not take \"{}\": {}", contact.name, excerpt, reason_of(why)));
  } else if (told) {
    notice(fmt::format("delivered to {}: \"{}\"", contact.name, excerpt));
  }
  changed_.notify_all();
}

void Console::on_refused(const Refusal& refusal) {
  refused_ = true;
  changed_.notify_all();
  const std::string who = refusal.name.empty() ? "somebody" : refusal.name;
  const std::string where = refusal.address.to_string();
  if (!(refusal.known ? alarms_ : strangers_).may_show(*this)) return;
  if (refusal.why.is(api::peer_reasons.key_changed) && refusal.known) {
    alarm(
        fmt::format("REFUSED: somebody at {} says to be {}, with ANOTHER KEY than the {} you "
                    "know.\n"
                    "!!   known: {}  (since {})\n"
                    "!!   shown: {}\n"
                    "!! Either {} has a new profile, or somebody is posing as {}. Ask {} by "
                    "another way than this,\n"
                    "!! and only if the key shown is theirs, forget the old one: /forget {} here, "
                    "or\n"
                    "!!   babilu peer forget {} --name {}",
                    where, who, who, crypto::fingerprint(refusal.known->key),
                    day_and_time(refusal.known->first_seen), shown_key(refusal), who, who, who, who,
                    who, profile_.name));
  } else if (refusal.why.is(api::peer_reasons.name_changed) && refusal.known) {
    alarm(
        fmt::format("REFUSED: somebody at {} says to be {}, with the key of {}.\n"
                    "!!   {}\n"
                    "!! If {} has another name now, forget the old one: /forget {} here, or\n"
                    "!!   babilu peer forget {} --name {}",
                    where, who, refusal.known->name, shown_key(refusal), refusal.known->name,
                    refusal.known->name, refusal.known->name, profile_.name));
  } else {
    alarm(fmt::format("REFUSED: {} at {}: {}", who, where, reason_of(refusal.why)));
  }
}

void Console::on_refused_us(const net::Address& address, const Status& why) {
  refused_ = true;
  changed_.notify_all();
  if (!strangers_.may_show(*this)) return;
  alarm(fmt::format("{} refuses to talk to you: {}", address.to_string(), reason_of(why)));
}

void Console::on_unreachable(const net::Address& address, const Status& why) {
  unreachable_ = why;
  notice(fmt::format("{} does not answer: {}; trying on", address.to_string(), reason_of(why)));
  changed_.notify_all();
}

/// Who waits for somebody to answer there waits no longer.
void Console::on_dial_ended(const net::Address&) {
  changed_.notify_all();
}

void Console::on_stranger(const net::Address& address, const std::string& why) {
  if (!strangers_.may_show(*this)) return;
  notice(fmt::format("somebody connected from {}: {}", address.to_string(),
                     harmless_excerpt(why, 200)));
}

void Console::on_trouble(const std::string& what) {
  if (troubles_.may_show(*this)) alarm(harmless_excerpt(what, 400));
}

bool Console::Restraint::may_show(Console& console) {
  if (!lines_.take(console.runtime_.now())) {
    ++unshown_;
    return false;
  }
  const std::uint64_t unshown = std::exchange(unshown_, 0);
  if (unshown > 0) {
    console.notice(
        fmt::format("{} more such lines were left out; /history NAME has what was said", unshown));
  }
  return true;
}

}  // namespace babilu::peer
