// A disk that takes no more. RLIMIT_FSIZE stands for it: what is written past the end of the room
// fails, and nobody needs a file system of his own for that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <stdexcept>

#include "tests/integration/support/admin.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;

/// From now on no file of a process grows over so many bytes.
void limit_files(const Process& process, rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  if (::prlimit(process.id(), RLIMIT_FSIZE, &limit, nullptr) != 0) {
    throw std::runtime_error("no limit for the files of another process");
  }
}

Outcome sign_up(const Stack& stack, int number) {
  return stack.babilu({"signup", "someone-" + std::to_string(number), "--deadline", "5s"}, {},
                      {{"BABILU_PASSWORD", password}});
}

TEST(FullDisk, ABackendIsNotReadyUntilThereIsRoomAgain) {
  Stack stack({.backends = 1});
  ASSERT_EQ(sign_up(stack, 0).exit_code, 0);
  limit_files(stack.backend(0), 4096);
  const Outcome refused = sign_up(stack, 1);
  EXPECT_NE(refused.exit_code, 0);
  const AdminAnswer ready = ask_admin(stack.backend_admin_port(0), "/readyz?verbose");
  EXPECT_EQ(ready.status, 503) << ready.body;
  EXPECT_THAT(ready.body, HasSubstr("database"));
  EXPECT_FALSE(stack.backend(0).ended()) << "the signal that goes with it ends nothing";
  EXPECT_EQ(ask_admin(stack.backend_admin_port(0), "/livez").status, 200);

  limit_files(stack.backend(0), RLIM_INFINITY);
  int number = 2;
  EXPECT_TRUE(eventually([&] { return sign_up(stack, number++).exit_code == 0; }));
  EXPECT_TRUE(eventually([&] { return readiness(stack.backend_admin_port(0)) == 200; }));
  EXPECT_EQ(stack.stop(), "");
}

}  // namespace
}  // namespace babilu::testing
