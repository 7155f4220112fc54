#include "core/telemetry/log.h"

#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>

#include <cmath>
#include <deque>
#include <mutex>
#include <utility>

#include "core/base/utf8.h"
#include "core/telemetry/log_limiter.h"
#include "core/telemetry/log_spdlog.h"

namespace babilu::telemetry {

namespace {

constexpr std::size_t value_limit = 1024;
constexpr std::size_t message_limit = 4096;
constexpr std::atomic<LogLevel> always_off{LogLevel::off};

/// Hands finished lines to a sink as they are, and tells it where the level stands.
class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    if (format_ == LogFormat::text) {
      message.color_range_start = text_level_begin;
      message.color_range_end = text_level_end;
    }
    out.append(message.payload.data(), message.payload.data() + message.payload.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  LogFormat format_;
};

std::string shortened(std::string_view text, std::size_t limit) {
  const std::string_view kept = utf8_prefix(text, limit);
  std::string copy(kept);
  if (kept.size() < text.size()) copy += "…";
  return copy;
}

LogEntry::Value rendered(const Field& field) {
  LogEntry::Value value{std::string(field.key), {}, false};
  switch (field.kind) {
    case Field::Kind::integer:
      value.text = fmt::to_string(field.integer);
      break;
    case Field::Kind::natural:
      value.text = fmt::to_string(field.natural);
      break;
    case Field::Kind::real:
      value.text = fmt::to_string(field.real);
      value.quoted = !std::isfinite(field.real);  // JSON has no number for these
      break;
    case Field::Kind::boolean:
      value.text = field.boolean ? "true" : "false";
      break;
    case Field::Kind::text:
      value.text = shortened(field.text, value_limit);
      value.quoted = true;
      break;
    case Field::Kind::rendered:
      value.text = shortened(field.render(field.object), value_limit);
      value.quoted = true;
      break;
  }
  return value;
}

}  // namespace

struct Log::State {
  explicit State(LogOptions given)
      : options(std::move(given)),
        level(options.level),
        limiter(options.burst, options.window),
        output(std::string(), options.sinks.begin(), options.sinks.end()) {
    output.set_formatter(std::make_unique<LineFormatter>(options.format));
    output.set_level(spdlog::level::trace);
    output.flush_on(spdlog::level::warn);
    // Called for each sink that fails; spdlog's own handler would print to stderr and could wait.
    output.set_error_handler(
        [this](const std::string&) { lost.fetch_add(1, std::memory_order_relaxed); });
  }

  std::chrono::system_clock::time_point now() const { return options.now(); }

  void keep(LogEntry&& entry) {
    if (options.recent == 0 || entry.level < LogLevel::warn) return;
    const std::lock_guard lock(recent_mutex);
    if (recent.size() >= options.recent) recent.pop_front();
    recent.push_back(std::move(entry));
  }

  void put(LogEntry&& entry) {
    const std::uint64_t before = lost.load(std::memory_order_relaxed);
    emit(entry);
    if (lost.load(std::memory_order_relaxed) == before) say_what_was_lost(entry);
    keep(std::move(entry));
  }

  void emit(const LogEntry& entry) {
    const std::string line = format_entry(entry, options.format);
    output.log(entry.time, spdlog::source_loc{}, to_spdlog(entry.level),
               spdlog::string_view_t(line));
  }

  // Whoever reads the log must see that there is a gap in it: said once lines get through again.
  void say_what_was_lost(const LogEntry& last) {
    const std::uint64_t total = lost.load(std::memory_order_relaxed);
    const std::uint64_t said = lost_and_said.exchange(total, std::memory_order_relaxed);
    if (total <= said) return;
    const LogEntry::Value count{"lost", fmt::to_string(total - said), false};
    emit({last.time, LogLevel::warn, last.component, "log lines were lost before this", {count}});
  }

  const LogOptions options;
  std::atomic<LogLevel> level;
  LogLimiter limiter;
  spdlog::logger output;
  std::array<std::atomic<std::uint64_t>, 5> entries{};
  std::atomic<std::uint64_t> suppressed{0};
  std::atomic<std::uint64_t> lost{0};
  std::atomic<std::uint64_t> lost_and_said{0};
  std::mutex recent_mutex;
  std::deque<LogEntry> recent;
};

Log::Log() noexcept : level_(&always_off) {}

Log::Log(LogOptions options) {
  if (options.sinks.empty()) options.sinks.push_back(standard_error_sink());
  if (!options.now) options.now = [] { return std::chrono::system_clock::now(); };
  state_ = std::make_shared<State>(std::move(options));
  level_ = &state_->level;
}

Log Log::component(std::string_view name) const {
  Log child = *this;
  child.component_ = name;
  return child;
}

Log Log::with_fields(std::span<const Field> fields) const {
  Log child = *this;
  for (const Field& field : fields) child.bound_.push_back(rendered(field));
  return child;
}

void Log::set_level(LogLevel level) noexcept {
  if (state_) state_->level.store(level, std::memory_order_relaxed);
}

void Log::write(LogLevel level, std::string_view message,
                std::span<const Field> fields) const noexcept {
  if (!state_ || level >= LogLevel::off) return;
  state_->entries[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  try {
    LogEntry entry{state_->now(), level, component_, shortened(message, message_limit), bound_};
    entry.values.reserve(bound_.size() + fields.size());
    for (const Field& field : fields) entry.values.push_back(rendered(field));
    state_->put(std::move(entry));
  } catch (...) {
    state_->lost.fetch_add(1, std::memory_order_relaxed);
  }
}

void Log::write_limited(LogLevel level, std::string_view key, std::string_view message,
                        std::span<const Field> fields) const noexcept {
  if (!state_) return;
  try {
    const std::optional<std::uint64_t> suppressed = state_->limiter.admit(key, state_->now());
    if (!suppressed) {
      state_->suppressed.fetch_add(1, std::memory_order_relaxed);
    } else if (*suppressed == 0) {
      write(level, message, fields);
    } else {
      with(field("suppressed", *suppressed)).write(level, message, fields);
    }
  } catch (...) {
    state_->lost.fetch_add(1, std::memory_order_relaxed);
  }
}

void Log::report_suppressed() const noexcept {
  if (!state_) return;
  try {
    for (const auto& [key, count] : state_->limiter.take_over(state_->now())) {
      warn("entries were suppressed", field("event", key), field("suppressed", count));
    }
  } catch (...) {
    state_->lost.fetch_add(1, std::memory_order_relaxed);
  }
}

std::vector<LogEntry> Log::recent() const {
  if (!state_) return {};
  const std::lock_guard lock(state_->recent_mutex);
  return {state_->recent.begin(), state_->recent.end()};
}

LogStatistics Log::statistics() const noexcept {
  LogStatistics statistics;
  if (!state_) return statistics;
  for (std::size_t i = 0; i < statistics.entries.size(); ++i) {
    statistics.entries[i] = state_->entries[i].load(std::memory_order_relaxed);
  }
  statistics.suppressed = state_->suppressed.load(std::memory_order_relaxed);
  statistics.lost = state_->lost.load(std::memory_order_relaxed);
  return statistics;
}

}  // namespace babilu::telemetry
