#include "tools/bots/run.h"

#include <sys/resource.h>

#include <algorithm>

#include "core/runtime/runtime.h"
#include "tools/bots/checker.h"
#include "tools/bots/each.h"
#include "tools/bots/load.h"
#include "tools/bots/operations.h"
#include "tools/bots/reasons.h"
#include "tools/bots/scenario.h"
#include "tools/bots/swarm.h"

namespace babilu::bots {

namespace {

using namespace std::chrono_literals;

/// Handshakes at once: more would only make each slower, up to its deadline.
constexpr std::size_t connecting_at_once = 32;
/// Bots that get their accounts at once; each keeps a core of the stack busy with a password hash.
constexpr std::size_t setting_up_at_once = 16;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Run {
 public:
  Run(Swarm& swarm, Progress& progress) : swarm_(swarm), progress_(progress) {}

  task<> run(Report& report);
  task<> close();

 private:
  task<> stages(Report& report);
  task<> connect(Report& report);
  task<rpc::Status> connect_bot(std::size_t index);
  task<> connect_later(Clock::time_point start, std::size_t index);
  task<> set_up_bot(std::size_t index, Deadline deadline);
  task<> load(Report& report);
  task<> show();
  void enter(Stage stage);
  void update();
  double since(Clock::time_point start) const {
    return std::chrono::duration<double>(swarm_.runtime.now() - start).count();
  }

  Swarm& swarm_;
  Progress& progress_;
  Clock::time_point stage_began_{};
  Clock::time_point last_update_{};
};

task<> Run::run(Report& report) {
  Scope display(swarm_.runtime);
  display.spawn("progress", show());
  co_await stages(report);
  co_await display.close();
  progress_.done();
}

task<> Run::stages(Report& report) {
  enter(Stage::connect);
  co_await connect(report);
  report.connect_seconds = since(stage_began_);
  if (!report.unreachable.empty()) co_return;

  enter(Stage::setup);
  const Deadline deadline = swarm_.runtime.now() + swarm_.config.setup_timeout;
  co_await for_each_index(
      swarm_.runtime, swarm_.bots.size(), setting_up_at_once,
      [this, deadline](std::size_t, std::size_t index) { return set_up_bot(index, deadline); });
  report.setup_seconds = since(stage_began_);

  enter(Stage::load);
  co_await load(report);

  enter(Stage::check);
  co_await run_checks(swarm_, swarm_.runtime.now() + swarm_.config.check_timeout);
  report.check_seconds = since(stage_began_);
}

/// The first bot goes ahead: where nobody answers, one need not try a thousand times.
task<> Run::connect(Report& report) {
  const rpc::Status first = co_await connect_bot(0);
  if (!first.ok()) {
    report.unreachable = first.to_string();
    co_return;
  }
  const Clock::time_point start = swarm_.runtime.now();
  co_await for_each_index(
      swarm_.runtime, swarm_.bots.size() - 1, connecting_at_once,
      [this, start](std::size_t, std::size_t index) { return connect_later(start, index + 1); });
}

task<> Run::connect_later(Clock::time_point start, std::size_t index) {
  const auto share = static_cast<std::int64_t>(index) *
                     (swarm_.config.ramp / static_cast<std::int64_t>(swarm_.bots.size()));
  while (swarm_.runtime.now() < start + share && !swarm_.stop.load()) {
    co_await swarm_.stop.wait(start + share);
  }
  if (swarm_.stop.load()) co_return;
  const rpc::Status status = co_await connect_bot(index);
  if (!status.ok()) swarm_.recorder.record_error("bot", status);
}

task<rpc::Status> Run::connect_bot(std::size_t index) {
  Bot& bot = *swarm_.bots[index];
  const Deadline deadline = swarm_.runtime.now() + swarm_.config.connect_timeout;
  bot.channel.start();
  rpc::Status status(reasons.stopped, "stopped before it was connected");
  while (!status.ok() && swarm_.runtime.now() < deadline && !swarm_.stop.load()) {
    status = co_await bot.channel.ready(std::min<Deadline>(deadline, swarm_.runtime.now() + 250ms));
  }
  bot.connected = status.ok();
  if (const auto* hello = bot.channel.other_hello()) swarm_.limits.add(limits_in(*hello));
  co_return status;
}

task<> Run::set_up_bot(std::size_t index, Deadline deadline) {
  Bot& bot = *swarm_.bots[index];
  if (!bot.connected || swarm_.stop.load()) co_return;
  bot.ready = co_await set_up(swarm_, bot, deadline);
}

task<> Run::load(Report& report) {
  const double cpu_before = swarm_.runtime.simulated() ? 0 : cpu_seconds();
  co_await run_load(swarm_);
  report.load_seconds = since(stage_began_);
  report.load_cpu_seconds = swarm_.runtime.simulated() ? 0 : cpu_seconds() - cpu_before;
}

task<> Run::close() {
  for (const auto& bot : swarm_.bots) co_await bot->channel.close();
}

task<> Run::show() {
  for (;;) {
    co_await swarm_.runtime.sleep_for(1s);
    update();
  }
}

void Run::enter(Stage stage) {
  swarm_.recorder.enter(stage);
  stage_began_ = last_update_ = swarm_.runtime.now();
  swarm_.recorder.take_tick();
  update();
}

void Run::update() {
  const auto count = [this](bool Bot::* member) {
    return static_cast<std::uint64_t>(std::count_if(
        swarm_.bots.begin(), swarm_.bots.end(), [&](const auto& bot) { return (*bot).*member; }));
  };
  const Clock::time_point now = swarm_.runtime.now();
  const Stage stage = swarm_.recorder.stage();
  ProgressView view{.stage = stage,
                    .elapsed = now - stage_began_,
                    .duration = swarm_.config.duration,
                    .done = count(stage == Stage::connect ? &Bot::connected : &Bot::ready),
                    .planned = swarm_.bots.size(),
                    .requests = swarm_.recorder.requests(),
                    .failed = swarm_.recorder.failed(),
                    .wrong = swarm_.checks.lost + swarm_.checks.duplicated + swarm_.checks.corrupt};
  if (stage == Stage::check) {
    const CheckProgress progress = check_progress(swarm_);
    view.done = progress.checked;
    view.planned = progress.planned;
  }
  const Recorder::Tick tick = swarm_.recorder.take_tick();
  const double seconds = std::chrono::duration<double>(now - last_update_).count();
  if (seconds > 0) view.per_second = static_cast<double>(tick.requests) / seconds;
  view.p50_ns = tick.latency.quantile(0.5);
  view.p99_ns = tick.latency.quantile(0.99);
  last_update_ = now;
  progress_.update(view);
}

}  // namespace

task<Report> run_bots(Runtime& runtime, net::Network& network, net::Security& security,
                      const BotsConfig& config, Progress& progress, Stop& stop) {
  Report report;
  report.config = config;
  Swarm swarm(runtime, network, security, config, stop);
  Run run(swarm, progress);
  co_await run.run(report);
  swarm.fill(report);
  report.interrupted = stop.load();
  co_await run.close();
  co_return report;
}

}  // namespace babilu::bots
