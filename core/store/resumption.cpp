#include "core/store/resumption.h"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace babilu::store {

void Resumption::resume() {
  assert(handler_);  // once
  guard_.reset();
  // The object is gone before the coroutine's next wait.
  Handler handler = std::move(handler_);
  std::move(handler)();
}

void resume_all(std::span<Resumption* const> resumptions) {
  // There are few Runtimes, one for each core.
  std::vector<std::pair<Runtime*, std::vector<Resumption*>>> by_runtime;
  for (Resumption* each : resumptions) {
    Runtime* const runtime = &each->runtime();
    auto place = std::find_if(by_runtime.begin(), by_runtime.end(),
                              [&](const auto& entry) { return entry.first == runtime; });
    if (place == by_runtime.end()) place = by_runtime.insert(place, {runtime, {}});
    place->second.push_back(each);
  }
  for (auto& [runtime, here] : by_runtime) {
    runtime->post([here = std::move(here)] {
      for (Resumption* each : here) each->resume();
    });
  }
}

}  // namespace babilu::store
