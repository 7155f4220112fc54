#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/runtime/task.h"

namespace babilu {
class Runtime;
}

namespace babilu::peer {

/// Whether one may read from it now: a terminal stops who reads it from the background. Anything
/// else may be read, and a terminal that is not this process's own, which has no job control.
bool may_read(int descriptor);

/// Reads a descriptor of any kind (terminal, pipe, file, /dev/null) without blocking the loop: a
/// thread waits for it. The loop's epoll cannot watch files, and would make a terminal
/// non-blocking for every process that has it open.
///
/// A terminal is read only while may_read(). Reads on only when the last piece was taken. The
/// destructor ends the thread. Thread: the Runtime's.
class DescriptorReader {
 public:
  DescriptorReader(Runtime& runtime, int descriptor);
  ~DescriptorReader();
  DescriptorReader(const DescriptorReader&) = delete;
  DescriptorReader& operator=(const DescriptorReader&) = delete;

  /// Some bytes; nothing at the end, or when it cannot be read.
  task<std::optional<std::string>> read();

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace babilu::peer
