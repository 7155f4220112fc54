#include "core/telemetry/log_sink.h"

#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <utility>

#include "core/telemetry/descriptor_writer.h"
#include "core/telemetry/log_spdlog.h"

namespace babilu::telemetry {

namespace {

/// The escape sequences of a terminal around the level, by level.
std::string_view colour_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::warn:
      return "\x1b[33;1m";
    case spdlog::level::err:
      return "\x1b[31;1m";
    case spdlog::level::info:
      return "\x1b[32m";
    default:
      return "\x1b[36m";
  }
}

class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  DescriptorSink(int descriptor, bool coloured) : writer_(descriptor), coloured_(coloured) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t formatted;
    formatter_->format(message, formatted);
    const std::string_view line(formatted.data(), formatted.size());
    const std::size_t begin = message.color_range_start;
    const std::size_t end = message.color_range_end;
    const bool written = coloured_ && begin < end && end <= line.size()
                             ? writer_.write(painted(line, begin, end, message.level))
                             : writer_.write(line);
    if (!written) throw spdlog::spdlog_ex("a log line was lost");
  }
  void flush_() override {}

  static std::string painted(std::string_view line, std::size_t begin, std::size_t end,
                             spdlog::level::level_enum level) {
    std::string painted(line.substr(0, begin));
    painted += colour_of(level);
    painted += line.substr(begin, end - begin);
    painted += "\x1b[0m";
    painted += line.substr(end);
    return painted;
  }

  DescriptorWriter writer_;
  bool coloured_;
};

class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(std::function<void(LogLevel, std::string_view)> write)
      : write_(std::move(write)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    write_(from_spdlog(message.level), {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

  std::function<void(LogLevel, std::string_view)> write_;
};

bool wants_colour(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool refused = no_colour != nullptr && *no_colour != '\0';
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return isatty(descriptor) == 1 && !refused && !dumb;
}

}  // namespace

LogSink standard_error_sink() {
  return descriptor_sink(STDERR_FILENO, wants_colour(STDERR_FILENO));
}

LogSink descriptor_sink(int descriptor, bool coloured) {
  return std::make_shared<DescriptorSink>(descriptor, coloured);
}

LogSink callback_sink(std::function<void(LogLevel, std::string_view line)> write) {
  return std::make_shared<CallbackSink>(std::move(write));
}

}  // namespace babilu::telemetry
