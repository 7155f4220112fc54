#include "tools/bots/each.h"

#include <algorithm>

#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"

namespace babilu::bots {

namespace {

struct Shared {
  std::function<task<>(std::size_t, std::size_t)> work;
  std::size_t count;
  std::size_t next = 0;
};

task<> work_off(Shared& shared, std::size_t worker) {
  while (shared.next < shared.count) {
    const std::size_t index = shared.next++;
    co_await shared.work(worker, index);
  }
}

}  // namespace

task<> for_each_index(Runtime& runtime, std::size_t count, std::size_t width,
                      std::function<task<>(std::size_t worker, std::size_t index)> work) {
  Shared shared{std::move(work), count};
  Scope scope(runtime);
  for (std::size_t worker = 0; worker < std::min(width, count); ++worker) {
    scope.spawn("worker", work_off(shared, worker));
  }
  co_await scope.join();
}

}  // namespace babilu::bots
