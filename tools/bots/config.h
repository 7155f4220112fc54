#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config/value.h"

namespace babilu::config {
class Schema;
}

namespace babilu::bots {

/// What a bot does.
enum class Scenario {
  signup,   ///< signs accounts up, and now and then logs one of them in
  encrypt,  ///< encrypts under an account of its own
  mixed,    ///< a little of everything, mostly the vault
  echo,     ///< sends bytes there and back: measures the way, not the services
};

const char* to_string(Scenario scenario) noexcept;

/// How a stack is loaded and checked.
struct BotsConfig {
  std::vector<std::string> target{"127.0.0.1:7400"};
  /// What `babilu certificates init` makes; not looked at with plaintext.
  std::filesystem::path ca = "certificates/ca.pem";
  bool plaintext = false;

  Scenario scenario = Scenario::mixed;
  std::uint32_t sessions = 10;
  std::chrono::nanoseconds duration = std::chrono::seconds(10);
  /// Requests a second, of all bots together; 0: each bot sends its next when it has an answer.
  double rate = 0;
  /// Open loop only: how many requests may be unanswered before further ones are left out (and
  /// counted). 0: 64 for each session.
  std::uint32_t in_flight = 0;
  config::ByteSize payload{256};
  std::chrono::nanoseconds deadline = std::chrono::seconds(5);
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds ramp{0};
  std::chrono::nanoseconds setup_timeout = std::chrono::minutes(2);
  std::optional<std::uint64_t> seed;

  /// The share of mutating requests that are sent a second time, on purpose.
  double resend = 0.05;
  std::uint32_t check_logins = 100;
  std::uint32_t keep = 10000;
  std::chrono::nanoseconds check_timeout = std::chrono::minutes(5);
  bool strict = false;

  std::string json;
};

/// The largest payload: what vault.Encrypt takes (roles/api/vault.proto).
inline constexpr std::uint64_t largest_payload = 192 * 1024;

/// Binds the options, with their rules and help, to `config`, which must outlive the schema.
void bind(config::Schema& schema, BotsConfig& config);

/// How many requests may be unanswered in the open loop.
std::size_t in_flight_bound(const BotsConfig& config) noexcept;

}  // namespace babilu::bots
