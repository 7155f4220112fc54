#include "tools/bots/load.h"

#include <algorithm>

#include "core/runtime/runtime.h"
#include "tools/bots/outcome.h"
#include "tools/bots/scenario.h"

namespace babilu::bots {

namespace {

using namespace std::chrono_literals;

/// Dispatched in a row before answers get their turn.
constexpr std::uint64_t burst = 64;

/// How long a bot that was refused waits before it sends more.
Clock::duration pause_after(const rpc::Status& status) {
  if (status.ok() || unanswered(status)) return {};
  return std::clamp<Clock::duration>(status.retry_after, 10ms, 5s);
}

task<> closed_loop(Swarm& swarm, Bot& bot, Clock::time_point end) {
  Runtime& runtime = swarm.runtime;
  while (runtime.now() < end && !swarm.stop.load()) {
    const Operation operation = next_operation(swarm.config.scenario, bot);
    const rpc::Status status = co_await perform(swarm, bot, operation, runtime.now());
    const Clock::duration pause = pause_after(status);
    if (pause > 0s) co_await swarm.stop.wait(std::min(end, runtime.now() + pause));
  }
}

task<> one_request(Swarm& swarm, Bot& bot, Clock::time_point meant) {
  co_await perform(swarm, bot, next_operation(swarm.config.scenario, bot), meant);
}

/// When the n-th request is due; the end where that is later.
Clock::time_point due_at(Clock::time_point start, std::uint64_t n, double rate,
                         Clock::time_point end) {
  const double nanoseconds = static_cast<double>(n) * 1e9 / rate;
  if (nanoseconds >= static_cast<double>((end - start).count())) return end;
  return start + Clock::duration(static_cast<std::int64_t>(nanoseconds));
}

task<> open_loop(Swarm& swarm, Scope& scope, std::vector<Bot*> bots, Clock::time_point end) {
  Runtime& runtime = swarm.runtime;
  const Clock::time_point start = runtime.now();
  const std::size_t bound = in_flight_bound(swarm.config);
  for (std::uint64_t n = 0; !swarm.stop.load(); ++n) {
    const Clock::time_point due = due_at(start, n, swarm.config.rate, end);
    if (due >= end) break;
    if (n % burst == burst - 1) co_await runtime.yield();
    while (runtime.now() < due && !swarm.stop.load()) co_await swarm.stop.wait(due);
    if (swarm.stop.load()) break;
    if (scope.size() >= bound) {
      swarm.recorder.omit();
    } else {
      scope.spawn("request", one_request(swarm, *bots[n % bots.size()], due));
    }
  }
}

}  // namespace

task<> run_load(Swarm& swarm) {
  std::vector<Bot*> ready;
  for (const auto& bot : swarm.bots) {
    if (bot->ready) ready.push_back(bot.get());
  }
  if (ready.empty() || swarm.stop.load()) co_return;
  const Clock::time_point end = swarm.runtime.now() + swarm.config.duration;
  Scope scope(swarm.runtime);
  if (swarm.config.rate > 0) {
    co_await open_loop(swarm, scope, std::move(ready), end);
  } else {
    for (Bot* bot : ready) scope.spawn("bot", closed_loop(swarm, *bot, end));
  }
  co_await scope.join();
}

}  // namespace babilu::bots
