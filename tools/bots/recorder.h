#pragma once

#include "core/rpc/service.h"
#include "core/rpc/status.h"
#include "core/runtime/clock.h"
#include "tools/bots/report.h"

namespace babilu::bots {

enum class Stage { connect, setup, load, check };

const char* to_string(Stage stage) noexcept;

/// Counts requests as they end, by method and by kind of error. Only the load's go to the methods
/// and their latencies. Constant memory, whatever the stack answers.
class Recorder {
 public:
  /// What one tick of a live display needs.
  struct Tick {
    std::uint64_t requests = 0;
    telemetry::LatencyHistogram latency;
  };

  void enter(Stage stage) noexcept { stage_ = stage; }
  Stage stage() const noexcept { return stage_; }

  /// One request, measured from when it was meant to be sent.
  void record(const rpc::MethodTraits& method, const rpc::Status& status, Clock::duration latency);
  /// A failure that is no request of the load: of a connection, a probe.
  void record_error(const char* what, const rpc::Status& status);
  void omit() noexcept { ++omitted_; }

  std::uint64_t requests() const noexcept { return requests_; }
  std::uint64_t failed() const noexcept { return failed_; }
  /// What ended since the last take_tick().
  Tick take_tick();

  /// Moves what was counted into the report.
  void fill(Report& report);

 private:
  struct Method {
    std::uint16_t id;
    MethodReport report;
  };
  MethodReport& of(const rpc::MethodTraits& method);

  Stage stage_ = Stage::connect;
  std::vector<Method> methods_;
  std::vector<ErrorReport> errors_;
  std::uint64_t requests_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t setup_requests_ = 0;
  std::uint64_t setup_failed_ = 0;
  std::uint64_t omitted_ = 0;
  Tick tick_;
};

}  // namespace babilu::bots
