#include "tools/bots/recorder.h"

#include <algorithm>
#include <tuple>

#include "tools/bots/outcome.h"

namespace babilu::bots {

namespace {

/// Reasons come from the other side: more kinds than this are counted together.
constexpr std::size_t most_kinds = 64;

}  // namespace

const char* to_string(Stage stage) noexcept {
  switch (stage) {
    case Stage::connect:
      return "connect";
    case Stage::setup:
      return "setup";
    case Stage::load:
      return "load";
    case Stage::check:
      return "check";
  }
  return "?";
}

MethodReport& Recorder::of(const rpc::MethodTraits& method) {
  const auto place = std::lower_bound(methods_.begin(), methods_.end(), method.id,
                                      [](const Method& m, std::uint16_t id) { return m.id < id; });
  if (place != methods_.end() && place->id == method.id) return place->report;
  return methods_.insert(place, {method.id, {.name = method.name}})->report;
}

void Recorder::record(const rpc::MethodTraits& method, const rpc::Status& status,
                      Clock::duration latency) {
  if (!status.ok()) record_error(method.name, status);
  if (stage_ == Stage::setup) {
    ++setup_requests_;
    setup_failed_ += status.ok() ? 0 : 1;
  }
  if (stage_ != Stage::load) return;
  ++requests_;
  ++tick_.requests;
  MethodReport& counts = of(method);
  ++counts.requests;
  if (!status.ok()) {
    ++failed_;
    ++counts.failed;
    counts.unknown += method.mutating() && effect_unknown(status.code) ? 1 : 0;
  }
  if (status.ok() || unanswered(status)) {
    counts.latency.record(latency);
    tick_.latency.record(latency);
  }
}

void Recorder::record_error(const char* what, const rpc::Status& status) {
  const std::string code = rpc::to_string(status.code);
  const auto known = std::find_if(errors_.begin(), errors_.end(), [&](const ErrorReport& error) {
    return error.phase == to_string(stage_) && error.method == what && error.code == code &&
           error.reason == status.reason;
  });
  if (known != errors_.end()) {
    ++known->count;
  } else if (errors_.size() < most_kinds) {
    errors_.push_back({to_string(stage_), what, code, status.reason, status.message, 1});
  } else if (errors_.size() == most_kinds) {
    errors_.push_back(
        {to_string(stage_), "*", "*", "more_kinds", "errors of still other kinds", 1});
  } else {
    ++errors_.back().count;
  }
}

Recorder::Tick Recorder::take_tick() {
  Tick taken = tick_;
  tick_.requests = 0;
  tick_.latency.clear();
  return taken;
}

void Recorder::fill(Report& report) {
  for (Method& method : methods_) report.methods.push_back(method.report);
  std::sort(errors_.begin(), errors_.end(), [](const ErrorReport& a, const ErrorReport& b) {
    return std::tie(b.count, a.phase, a.method, a.code, a.reason) <
           std::tie(a.count, b.phase, b.method, b.code, b.reason);
  });
  report.errors = errors_;
  report.setup_requests = setup_requests_;
  report.setup_failed = setup_failed_;
  report.omitted = omitted_;
}

}  // namespace babilu::bots
