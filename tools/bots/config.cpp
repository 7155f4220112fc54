#include "tools/bots/config.h"

#include <limits>

#include "core/config/schema.h"
#include "core/net/address.h"

namespace babilu::bots {

namespace {

using namespace std::chrono_literals;
using config::range;
using config::range_or_zero;
using Nanoseconds = std::chrono::nanoseconds;

constexpr Nanoseconds shortest = 1ms;
constexpr Nanoseconds longest = 24h;

void bind_connection(config::Schema& schema, BotsConfig& config) {
  schema.option("target", config.target, "where the proxies are, host:port; bots take turns",
                config::address());
  schema.option("ca", config.ca, "certificate of the authority that the proxy's own must lead to",
                config::not_empty());
  schema.option("plaintext", config.plaintext, "no TLS: for benchmarks, on loopback only");
  schema.option("connect_timeout", config.connect_timeout,
                "how long a bot tries to connect before it gives up", range(shortest, longest));
  schema.option("ramp", config.ramp, "time over which the bots connect; 0s: as fast as they can",
                range(Nanoseconds(0), longest));
}

void bind_load(config::Schema& schema, BotsConfig& config) {
  schema.option("scenario", config.scenario, "what the bots do: signup, encrypt, mixed or echo",
                config::choices<Scenario>({{"signup", Scenario::signup},
                                           {"encrypt", Scenario::encrypt},
                                           {"mixed", Scenario::mixed},
                                           {"echo", Scenario::echo}}));
  schema.option("sessions", config.sessions, "bots; each has a connection of its own",
                range(1u, 1'000'000u));
  schema.option("duration", config.duration, "how long requests are sent",
                range(shortest, longest));
  schema.option("rate", config.rate,
                "requests a second, of all bots together, whatever the answers do; 0: each bot "
                "sends its next request when it has an answer",
                range_or_zero(0.001, 10'000'000.0));
  schema.option("in_flight", config.in_flight,
                "with a rate: unanswered requests before others are left out; 0: 64 a session",
                range_or_zero(1u, 10'000'000u));
  schema.option("payload", config.payload, "bytes to encrypt or to echo",
                range(config::ByteSize{0}, config::ByteSize{largest_payload}));
  schema.option("deadline", config.deadline, "how long a request may take",
                range(shortest, longest));
  schema.option("setup_timeout", config.setup_timeout,
                "how long the bots may take to get their accounts", range(shortest, longest));
  schema.option("seed", config.seed,
                "makes names and choices the same in each run; a second run needs a database "
                "without those names",
                range(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()));
}

void bind_checks(config::Schema& schema, BotsConfig& config) {
  schema.option("resend", config.resend,
                "share of sign-ups and logins that are sent twice to see that they count once",
                range(0.0, 1.0));
  schema.option("check_logins", config.check_logins,
                "accounts, at most, that log in after the load; each costs a password hash",
                range(0u, 10'000'000u));
  schema.option(
      "keep", config.keep,
      "ciphertexts, at most, that are kept and decrypted after the load (64 MiB at most), "
      "and signatures that are verified",
      range(1u, 10'000'000u));
  schema.option("check_timeout", config.check_timeout,
                "how long the checks may take; what is left then counts as unchecked",
                range(shortest, longest));
  schema.option("strict", config.strict, "exit 1 also when a request failed");
  schema.option("json", config.json, "file for the report; - for the standard output");
}

}  // namespace

const char* to_string(Scenario scenario) noexcept {
  switch (scenario) {
    case Scenario::signup:
      return "signup";
    case Scenario::encrypt:
      return "encrypt";
    case Scenario::mixed:
      return "mixed";
    case Scenario::echo:
      return "echo";
  }
  return "?";
}

void bind(config::Schema& schema, BotsConfig& config) {
  bind_connection(schema, config);
  bind_load(schema, config);
  bind_checks(schema, config);
  schema.check([&config]() -> std::optional<std::string> {
    if (config.target.empty()) return "target is missing: where is the proxy?";
    for (const std::string& text : config.target) {
      const auto address = net::Address::parse(text);
      if (config.plaintext && address && !address->is_loopback()) {
        return "plaintext is for loopback only, and " + text + " is elsewhere";
      }
    }
    return std::nullopt;
  });
}

std::size_t in_flight_bound(const BotsConfig& config) noexcept {
  return config.in_flight != 0 ? config.in_flight : std::size_t{64} * config.sessions;
}

}  // namespace babilu::bots
