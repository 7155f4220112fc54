#pragma once

#include <functional>

#include "core/runtime/task.h"

namespace babilu {
class Runtime;
}

namespace babilu::bots {

/// Does something with each index below `count`, in order, at most `width` at a time. `work` gets
/// the number of its worker, below `width`, and the index.
task<> for_each_index(Runtime& runtime, std::size_t count, std::size_t width,
                      std::function<task<>(std::size_t worker, std::size_t index)> work);

}  // namespace babilu::bots
