#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/rpc/channel.h"
#include "tools/bots/dialing.h"
#include "tools/bots/findings.h"
#include "tools/bots/ledger.h"
#include "tools/bots/limits.h"
#include "tools/bots/names.h"
#include "tools/bots/probes.h"
#include "tools/bots/recorder.h"
#include "tools/bots/stop.h"

namespace babilu {
class Runtime;
}

namespace babilu::bots {

/// One simulated user: a connection, an account once it has one, and the newest of what the stack
/// gave it. Several of its requests may be on their way at once.
struct Bot {
  Bot(std::uint32_t number, Runtime& runtime, Dialing& dialing, rpc::ChannelOptions options,
      std::uint64_t choices)
      : index(number),
        channel(runtime, dialing.network(), dialing.security(), std::move(options)),
        random(choices) {}

  std::string_view token_text() const noexcept { return text_of(token); }

  const std::uint32_t index;
  rpc::Channel channel;
  QuickRandom random;
  bool connected = false;
  bool ready = false;
  std::uint32_t names_used = 0;
  std::optional<Account> account;
  Secret token;  ///< empty before a login, and after the stack refused it
  std::optional<Sealed> sealed;
  std::optional<Signed> signed_message;
};

/// All bots of a run and what they share. Owner: run_bots. Thread: the Runtime's.
struct Swarm {
  Swarm(Runtime& runtime, net::Network& network, net::Security& security, const BotsConfig& config,
        Stop& stop);
  ~Swarm();

  /// The bot whose connection the second of two requests at once takes: the next that is connected.
  Bot& neighbour(const Bot& bot);
  void fill(Report& report);

  Runtime& runtime;
  const BotsConfig& config;
  Stop& stop;
  Recorder recorder;
  Dialing dialing;
  Names names;
  Ledger ledger;
  LimitsHeard limits;
  ChecksReport checks;
  Findings findings;
  ProbeSchedule probes;
  std::vector<std::unique_ptr<Bot>> bots;
};

}  // namespace babilu::bots
