// A sanitizer sees a coroutine frame that is used after its end only where Asio does not keep freed
// frames for the next ones. The build leaves that out where it has sanitizers.
#include <gtest/gtest.h>

#include "core/runtime/runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#define BABILU_HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BABILU_HAS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef BABILU_HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>

namespace babilu {
namespace {

task<> show_frame(Runtime& runtime, const int*& shown) {
  const int in_the_frame = 1;
  shown = &in_the_frame;
  co_await runtime.yield();
  EXPECT_EQ(*shown, in_the_frame);
}

task<> look_at_ended_frames(Runtime& runtime) {
  for (int i = 0; i < 3; ++i) {
    const int* frame = nullptr;
    co_await show_frame(runtime, frame);
    EXPECT_TRUE(__asan_address_is_poisoned(frame)) << "its memory was not given back";
  }
}

TEST(Recycling, IsOffWhereASanitizerLooks) {
  Runtime runtime;
  runtime.run(look_at_ended_frames(runtime));
}

}  // namespace
}  // namespace babilu
#endif
