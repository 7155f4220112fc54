#include "core/tls/expiry.h"

#include <fmt/format.h>

#include "core/runtime/runtime.h"
#include "core/telemetry/log_format.h"

namespace babilu::tls {

using telemetry::field;
using WallTime = ExpiryWatch::WallTime;

namespace {

constexpr auto look_again = std::chrono::hours(1);

WallTime end_of(const ContextPtr& context) {
  return context ? context->valid_until() : WallTime::max();
}

}  // namespace

ExpiryWatch::ExpiryWatch(Lifecycle& lifecycle, telemetry::Metrics& metrics, telemetry::Log log,
                         const ContextPtr& context, Now now)
    : log_(std::move(log)), now_(std::move(now)), end_(end_of(context)) {
  if (end_ == WallTime::max()) return;
  lifecycle.add_check("certificate", [this] { return said_in(State::expired); });
  lifecycle.add_warning("certificate", [this] { return said_in(State::soon); });
  metric_ = metrics.gauge_callback(
      "babilu_certificate_expiry_timestamp_seconds",
      "When the certificate of this process ends, as Unix time", {},
      [this] { return std::chrono::duration<double>(end().time_since_epoch()).count(); });
}

void ExpiryWatch::use(const ContextPtr& context) {
  {
    const std::lock_guard lock(mutex_);
    end_ = end_of(context);
    said_ = State::good;
  }
  look();
}

void ExpiryWatch::look() {
  const WallTime now = now_();
  const std::lock_guard lock(mutex_);
  const State state = state_of(end_, now);
  // A clock that is set back makes it no later.
  const bool said_lately = state == said_ && now >= said_at_ && now - said_at_ < say_again;
  if (state != State::good && !said_lately) {
    const auto level =
        state == State::expired ? telemetry::LogLevel::error : telemetry::LogLevel::warn;
    log_.log(level, "the certificate of this process ends", field("what", describe(end_, now)));
    said_at_ = now;
  }
  said_ = state;
}

ExpiryWatch::State ExpiryWatch::state_of(WallTime end, WallTime now) noexcept {
  if (now >= end) return State::expired;
  return end - now < warn_before ? State::soon : State::good;
}

std::string ExpiryWatch::describe(WallTime end, WallTime now) {
  const bool over = now >= end;
  return fmt::format("it, or its authority's, {} at {}; put new ones in their place, and reload",
                     over ? "expired" : "expires", telemetry::rfc3339(end));
}

std::optional<std::string> ExpiryWatch::said_in(State state) const {
  const WallTime end_time = end();
  const WallTime now = now_();
  if (state_of(end_time, now) != state) return std::nullopt;
  return describe(end_time, now);
}

WallTime ExpiryWatch::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

ExpiryWatch::Reminder::Reminder(Runtime& runtime, ExpiryWatch& watch)
    : runtime_(runtime),
      watch_(watch),
      alarm_(runtime.clock(), [](void* self) { static_cast<Reminder*>(self)->remind(); }, this) {
  remind();
}

void ExpiryWatch::Reminder::remind() {
  watch_.look();
  alarm_.set(runtime_.now() + look_again);
}

}  // namespace babilu::tls
