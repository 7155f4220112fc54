#include "core/base/private_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace babilu {

void keep_memory_private() noexcept {
  // Where core files go to a program, the limit alone is not asked.
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace babilu
