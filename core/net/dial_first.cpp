#include "core/net/dial_first.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"

namespace babilu::net {

namespace {

struct Race {
  Race(Runtime& its_runtime, std::size_t addresses, DialOne dial_one)
      : runtime(its_runtime),
        count(addresses),
        dial(std::move(dial_one)),
        changed(its_runtime),
        scope(its_runtime) {}

  Runtime& runtime;
  const std::size_t count;
  const DialOne dial;
  Condition changed;
  Scope scope;
  StreamPtr first;
  std::size_t failed = 0;
  error_code why = boost::asio::error::timed_out;
};

task<> attempt(Race& race, std::size_t index) {
  Result<StreamPtr> stream = co_await race.dial(index);
  if (!stream) {
    if (race.failed++ == 0) race.why = stream.error();
  } else if (!race.first) {
    race.first = std::move(*stream);
  }
  race.changed.notify_all();
}

task<> run(Race& race, Deadline deadline) {
  std::size_t begun = 0;
  while (!race.first && race.failed < race.count && race.runtime.now() < deadline) {
    const std::size_t failed = race.failed;
    Deadline patience = deadline;
    if (begun < race.count) {
      race.scope.spawn("dial", attempt(race, begun++));
      if (begun < race.count) patience = std::min(deadline, race.runtime.now() + attempt_delay);
    }
    while (!race.first && race.failed == failed) {
      const bool notified = co_await race.changed.wait(patience);
      if (!notified) break;
    }
  }
}

}  // namespace

task<Result<StreamPtr>> dial_first(Runtime& runtime, std::size_t addresses, DialOne dial,
                                   Deadline deadline) {
  Race race(runtime, addresses, std::move(dial));
  co_await race.scope.close_after(run(race, deadline));
  if (race.first) co_return std::move(race.first);
  co_return race.why;
}

}  // namespace babilu::net
