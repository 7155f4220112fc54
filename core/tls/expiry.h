#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "core/runtime/clock.h"
#include "core/runtime/lifecycle.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/tls/context.h"

namespace babilu {
class Runtime;
}

namespace babilu::tls {

/// Says when a process's own certificate ends, before it does.
///
/// - Metric babilu_certificate_expiry_timestamp_seconds: when that is, as Unix time.
/// - Readiness, check "certificate": a warning from 14 days before, and a failure afterwards, as
///   nobody can connect any more.
/// - Log: the same, when it begins and then once a day, by whoever has a Reminder.
///
/// A process without a certificate has none of it. Any thread; lifecycle and metrics must outlive
/// it and not be asked after its end.
class ExpiryWatch {
 public:
  using WallTime = std::chrono::system_clock::time_point;
  using Now = std::function<WallTime()>;
  static constexpr std::chrono::hours warn_before{14 * 24};
  static constexpr std::chrono::hours say_again{24};

  /// The context may be null.
  ExpiryWatch(Lifecycle& lifecycle, telemetry::Metrics& metrics, telemetry::Log log,
              const ContextPtr& context, Now now = &std::chrono::system_clock::now);
  ExpiryWatch(const ExpiryWatch&) = delete;
  ExpiryWatch& operator=(const ExpiryWatch&) = delete;

  /// After a reload.
  void use(const ContextPtr& context);
  /// Logs what there is to say, unless it was said lately.
  void look();

  /// Has a watch look now and then. Thread: the Runtime's.
  class Reminder {
   public:
    Reminder(Runtime& runtime, ExpiryWatch& watch);

   private:
    void remind();

    Runtime& runtime_;
    ExpiryWatch& watch_;
    Alarm alarm_;
  };

 private:
  enum class State { good, soon, expired };
  static State state_of(WallTime end, WallTime now) noexcept;
  static std::string describe(WallTime end, WallTime now);
  std::optional<std::string> said_in(State state) const;
  WallTime end() const;

  const telemetry::Log log_;
  const Now now_;
  mutable std::mutex mutex_;
  WallTime end_;
  State said_ = State::good;
  WallTime said_at_{};
  telemetry::CallbackRegistration metric_;
};

}  // namespace babilu::tls
