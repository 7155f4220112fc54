#include "tools/bots/swarm.h"

#include <algorithm>

#include "core/runtime/runtime.h"

namespace babilu::bots {

namespace {

std::vector<net::Address> targets_of(const BotsConfig& config, std::size_t first) {
  std::vector<net::Address> targets;
  for (const std::string& text : config.target)
    targets.push_back(net::Address::parse(text).value());
  std::rotate(targets.begin(),
              targets.begin() + static_cast<std::ptrdiff_t>(first % targets.size()), targets.end());
  return targets;
}

}  // namespace

Swarm::Swarm(Runtime& runtime_, net::Network& network, net::Security& security,
             const BotsConfig& config_, Stop& stop_)
    : runtime(runtime_),
      config(config_),
      stop(stop_),
      dialing(network, security, recorder),
      names(runtime.random(), config.seed),
      ledger(config.keep, config.payload.bytes),
      findings(checks),
      probes(config.resend) {
  for (std::uint32_t i = 0; i < config.sessions; ++i) {
    rpc::ChannelOptions options{.targets = targets_of(config, i)};
    options.connect_timeout =
        std::min<Clock::duration>(options.connect_timeout, config.connect_timeout);
    bots.push_back(
        std::make_unique<Bot>(i, runtime, dialing, std::move(options), names.choices_of(i)));
  }
}

Swarm::~Swarm() = default;

Bot& Swarm::neighbour(const Bot& bot) {
  for (std::size_t step = 1; step < bots.size(); ++step) {
    Bot& next = *bots[(bot.index + step) % bots.size()];
    if (next.connected) return next;
  }
  return *bots[bot.index];
}

void Swarm::fill(Report& report) {
  recorder.fill(report);
  checks.accounts.acknowledged = ledger.accounts.offered();
  checks.logins.acknowledged = ledger.accounts.offered();
  checks.ciphertexts.acknowledged = ledger.ciphertexts.offered();
  checks.signatures.acknowledged = ledger.signatures.offered();
  report.checks = checks;
  report.limits = limits;
  report.dials = dialing.attempts();
  report.failed_dials = dialing.failures();
  for (const auto& bot : bots) {
    report.sessions_connected += bot->connected ? 1 : 0;
    report.sessions_ready += bot->ready ? 1 : 0;
    report.reconnects += bot->channel.reconnects();
    report.resends += bot->channel.resends();
  }
}

}  // namespace babilu::bots
