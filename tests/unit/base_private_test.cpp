// Secrets in files and in memory.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/base/private_file.h"
#include "core/base/private_memory.h"

namespace babilu {
namespace {

TEST(PrivateFile, IsOneThatNotEverybodyMayReadOrChange) {
  std::string place = std::filesystem::temp_directory_path() / "babilu-private-XXXXXX";
  ASSERT_NE(::mkdtemp(place.data()), nullptr);
  const std::string file = place + "/secret";
  std::ofstream(file) << "secret";
  for (const mode_t mode : {0400U, 0600U, 0440U, 0640U, 0660U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_FALSE(open_to_everybody(file)) << std::oct << mode;
  }
  for (const mode_t mode : {0644U, 0604U, 0666U, 0602U, 0444U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    const auto open = open_to_everybody(file);
    ASSERT_TRUE(open) << std::oct << mode;
    EXPECT_NE(open->find("chmod 600 " + file), std::string::npos) << "what to do";
  }
  std::filesystem::create_symlink(file, place + "/link");
  EXPECT_TRUE(open_to_everybody(place + "/link"));
  ASSERT_EQ(::mkfifo((place + "/pipe").c_str(), 0666), 0);
  EXPECT_FALSE(open_to_everybody(place + "/pipe"));
  EXPECT_FALSE(open_to_everybody(place + "/nothing"));
  EXPECT_FALSE(open_to_everybody(""));
  std::filesystem::remove_all(place);
}

TEST(PrivateMemory, IsLeftInNoCoreFile) {
  rlimit core{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &core), 0);
  core.rlim_cur = core.rlim_max;  // where tests run it is 0 by itself
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &core), 0);
  keep_memory_private();
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &core), 0);
  EXPECT_EQ(core.rlim_cur, 0U);
  EXPECT_EQ(core.rlim_max, 0U);
}

}  // namespace
}  // namespace babilu
