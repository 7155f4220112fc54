// peer listen, peer forget: a peer that waits for others, and whom it trusts.
#include "tools/babilu/peer_command.h"

#include "core/base/private_memory.h"
#include "core/config/rules.h"
#include "tools/babilu/commands.h"

namespace babilu::cli {

namespace {

constexpr auto listen_footer =
    "What is typed goes to nobody who comes unasked: name them by /to NAME, or by --with. Who was\n"
    "written to before is talked to when they come back.\n"
    "Ctrl-C, Ctrl-D or /quit leaves; the end of input that is no terminal does not.\n"
    "Exit code 1: a line was not sent. 2: the profile or the address cannot be used. 4: some of\n"
    "what was said has not arrived; it is kept, and goes out the next time.\n"
    "  babilu peer listen --name ada --at 127.0.0.1:7500";

constexpr auto forget_footer =
    "For a contact whose key has changed: compare fingerprints by another way first. What was "
    "said\n"
    "stays. Works beside a running peer.\n"
    "  babilu peer forget bob --name ada";

}  // namespace

void PeerConfig::bind(config::Schema& schema) {
  schema.option("name", name, "Your name; it chooses the profile.");
  schema.option("profile", profile,
                "Your profile; by default NAME.db in ~/.local/share/babilu. Made when there is "
                "none.");
  schema.check([this]() -> std::optional<std::string> {
    if (!name.empty() || !profile.empty()) return std::nullopt;
    return "--name says who you are, or --profile";
  });
}

int peer_listen(Invocation& invocation) {
  keep_memory_private();
  PeerConfig config;
  std::string at = "127.0.0.1:7500";
  config.bind(invocation.options());
  invocation.options().option("at", at, "Where to listen.", config::listen_address());
  std::string with;
  invocation.options().option("with", with, "Talks to nobody but the one with this name.");
  invocation.footer(listen_footer);
  if (const auto code = invocation.resolve()) return *code;

  peer::TalkOptions options;
  options.name = config.name;
  options.profile = config.profile;
  options.at = *net::Address::parse(at);
  options.with = with;
  options.stay = true;
  return static_cast<int>(peer::talk(options));
}

int peer_forget(Invocation& invocation) {
  PeerConfig config;
  std::string contact;
  config.bind(invocation.options());
  invocation.argument("contact", contact, "Whom to forget, with their key.",
                      Invocation::Presence::required);
  invocation.footer(forget_footer);
  if (const auto code = invocation.resolve()) return *code;
  return static_cast<int>(peer::forget(config.profile, config.name, contact));
}

}  // namespace babilu::cli
