// chat: a peer that dials another.
#include "core/base/private_memory.h"
#include "core/config/rules.h"
#include "tools/babilu/commands.h"
#include "tools/babilu/peer_command.h"

namespace babilu::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto footer =
    "Input that is no terminal is sent line by line; then chat waits until it has arrived. "
    "Messages\n"
    "go to standard output, notices to standard error.\n"
    "Exit code 1: they are not who they should be, or refuse you, or a line was not sent. 2: the\n"
    "profile or an address cannot be used. 4: nobody answered, or some of what was said has not\n"
    "arrived; it is kept, and goes out the next time.\n"
    "  babilu chat --name bob --to 127.0.0.1:7500\n"
    "  printf 'hello\\n' | babilu chat --name bob --to 127.0.0.1:7500";

struct ChatConfig {
  PeerConfig peer;
  std::string to;
  std::string with;
  std::optional<std::string> at;
  peer::TalkOptions defaults;
  std::chrono::milliseconds wait = defaults.wait;
  std::chrono::milliseconds deliver = defaults.deliver;
  std::chrono::milliseconds linger = defaults.linger;

  void bind(config::Schema& schema) {
    peer.bind(schema);
    schema.option("to", to, "The peer to connect to.", config::address());
    schema.option("with", with, "Talks to nobody but the one with this name.");
    schema.option("at", at, "Listens there, too.", config::listen_address());
    schema.option("wait", wait, "How long whoever is not known there may take to answer.",
                  config::range(0ms, 24h));
    schema.option("deliver", deliver, "At the end of input, how long messages may take to arrive.",
                  config::range(0ms, 24h * 365));
    schema.option("linger", linger, "After that, how long to stay for what comes back.",
                  config::range(0ms, 24h * 365));
  }
};

}  // namespace

int chat(Invocation& invocation) {
  keep_memory_private();
  ChatConfig config;
  config.bind(invocation.options());
  invocation.footer(footer);
  if (const auto code = invocation.resolve()) return *code;

  peer::TalkOptions options;
  options.name = config.peer.name;
  options.profile = config.peer.profile;
  options.to = *net::Address::parse(config.to);
  options.with = config.with;
  if (config.at) options.at = *net::Address::parse(*config.at);
  options.wait = config.wait;
  options.deliver = config.deliver;
  options.linger = config.linger;
  return static_cast<int>(peer::talk(options));
}

}  // namespace babilu::cli
