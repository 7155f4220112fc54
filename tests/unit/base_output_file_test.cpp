// Where a file that somebody asked for is written, and what stays as it was.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <tuple>

#include <gtest/gtest.h>

#include "core/base/output_file.h"

namespace babilu {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() {
    std::string name = (fs::temp_directory_path() / "babilu-output-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~OutputFileTest() override { fs::remove_all(directory_); }

  static std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::error_code write(const fs::path& path, std::string_view content,
                               std::optional<mode_t> permissions = {}) {
    auto file = OutputFile::open(path, permissions);
    return file ? file->commit(bytes_of(content)) : file.error();
  }
  static mode_t permissions(const fs::path& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
  }
  static ino_t number(const fs::path& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
  }
  fs::path make(const char* name, std::string_view text) const {
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }
  std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(directory_), fs::directory_iterator());
  }
  fs::path directory_;
};

/// File permissions do not stop root.
class Powerless {
 public:
  Powerless() : before_(::geteuid()) {
    if (before_ == 0 && ::seteuid(65534) != 0) throw std::runtime_error("seteuid");
  }
  ~Powerless() { std::ignore = ::seteuid(before_); }

 private:
  uid_t before_;
};

TEST_F(OutputFileTest, ReplacesAFileAsAWhole) {
  const fs::path path = make("report", "old");
  const ino_t before = number(path);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  std::ifstream reader(path);
  {
    auto file = OutputFile::open(path);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_EQ(content(path), "old");
    EXPECT_FALSE(file->commit(bytes_of("new")));
  }
  EXPECT_EQ(content(path), "new");
  EXPECT_NE(number(path), before);
  EXPECT_EQ(permissions(path), 0640u);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, LeavesNothingBehindWhileItIsOpenNorWithoutACommit) {
  const auto file = OutputFile::open(directory_ / "report");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(files(), 0);
  fs::create_symlink(directory_ / "there", directory_ / "link");
  ASSERT_TRUE(OutputFile::open(directory_ / "link").has_value());
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, SaysBeforehandWhatCannotBeWritten) {
  EXPECT_EQ(OutputFile::open(directory_ / "none" / "report").error(),
            std::errc::no_such_file_or_directory);
  EXPECT_EQ(OutputFile::open(directory_).error(), std::errc::is_a_directory);
  EXPECT_EQ(OutputFile::open("/dev/fd/987").error(), std::errc::bad_file_descriptor);
  const fs::path kept = make("kept", "kept");
  ASSERT_EQ(::chmod(kept.c_str(), 0444), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
  const Powerless powerless;
  EXPECT_EQ(OutputFile::open(kept).error(), std::errc::permission_denied);
}

TEST_F(OutputFileTest, FollowsLinksAlsoToWhereNothingIs) {
  make("real", "old");
  fs::create_symlink("real", directory_ / "link");
  fs::create_symlink("link", directory_ / "link2");
  fs::create_symlink("fresh", directory_ / "dangling");
  EXPECT_FALSE(write(directory_ / "link2", "new"));
  EXPECT_FALSE(write(directory_ / "dangling", "made"));
  EXPECT_TRUE(fs::is_symlink(directory_ / "link"));
  EXPECT_TRUE(fs::is_symlink(directory_ / "link2"));
  EXPECT_TRUE(fs::is_symlink(directory_ / "dangling"));
  EXPECT_EQ(content(directory_ / "real"), "new");
  EXPECT_EQ(content(directory_ / "fresh"), "made");
  EXPECT_EQ(files(), 5);
}

TEST_F(OutputFileTest, WritesToADescriptorWhereItStands) {
  const fs::path path = make("file", "");
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::write(file, "first ", 6), 6);
  EXPECT_FALSE(write("/dev/fd/" + std::to_string(file), "second"));
  EXPECT_FALSE(write("/proc/self/fd/" + std::to_string(file), " third"));
  EXPECT_EQ(content(path), "first second third");
  ::close(file);
}

TEST_F(OutputFileTest, WritesToWhatTheStandardOutputIsWithoutReplacingIt) {
  const fs::path path = make("out", "");
  const int before = ::dup(STDOUT_FILENO), file = ::open(path.c_str(), O_WRONLY);
  std::fflush(stdout);
  ::dup2(file, STDOUT_FILENO);
  const ssize_t told = ::write(STDOUT_FILENO, "told ", 5);
  fs::create_symlink("/dev/stdout", directory_ / "link");
  const auto by_link = write(directory_ / "link", "by link ");
  const auto by_name = write("/dev/stdout", "by name ");
  const auto by_path = write(path, "by path");
  ::dup2(before, STDOUT_FILENO);
  ::close(before);
  ::close(file);
  EXPECT_EQ(told, 5);
  EXPECT_FALSE(by_link || by_name || by_path);
  EXPECT_EQ(content(path), "told by link by name by path");
  EXPECT_TRUE(fs::is_symlink("/dev/stdout"));
}

TEST_F(OutputFileTest, WritesToAPipeAndADevice) {
  const fs::path pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_FALSE(write(pipe, "through"));
  EXPECT_TRUE(fs::is_fifo(pipe));
  std::array<char, 16> got{};
  EXPECT_EQ(::read(reader, got.data(), got.size()), 7);
  ::close(reader);
  EXPECT_FALSE(write("/dev/null", "nothing"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(write("/dev/full", "too much"), std::errc::no_space_on_device);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(OutputFileTest, WritesInPlaceWhatCannotBeReplaced) {
  const fs::path writable = make("writable", "a longer old text");
  const fs::path named_twice = make("one", "old");
  fs::create_hard_link(named_twice, directory_ / "two");
  EXPECT_FALSE(write(named_twice, "new"));
  EXPECT_EQ(content(directory_ / "two"), "new");

  ASSERT_EQ(::chmod(writable.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  const Powerless powerless;
  EXPECT_FALSE(write(writable, "new"));
  EXPECT_EQ(content(writable), "new");
}

TEST_F(OutputFileTest, WritesInPlaceWhatIsMounted) {
  const fs::path mounted = make("mounted", "a longer old text"), source = make("source", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    const bool possible = ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
                          ::mount(source.c_str(), mounted.c_str(), "", MS_BIND, "") == 0;
    if (!possible) ::_exit(2);
    ::_exit(write(mounted, "new") ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "nothing may be mounted here";
  EXPECT_EQ(status, 0);
  EXPECT_EQ(content(source), "new");
  EXPECT_EQ(content(mounted), "a longer old text");
}

TEST_F(OutputFileTest, KeepsTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const fs::path path = make("of-another", "old");
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(write(path, "new"));
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 65534u);
  EXPECT_EQ(found.st_gid, 65534u);
}

TEST_F(OutputFileTest, SetsPermissionsBeforeASecretIsInIt) {
  const fs::path path = make("token", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_FALSE(write(path, "secret", 0600));
  EXPECT_EQ(permissions(path), 0600u);
  const fs::path twice = make("twice", "old");
  fs::create_hard_link(twice, directory_ / "again");
  ASSERT_EQ(::chmod(twice.c_str(), 0644), 0);
  EXPECT_FALSE(write(twice, "secret", 0600));
  EXPECT_EQ(permissions(twice), 0600u);
  EXPECT_FALSE(write(directory_ / "fresh", "secret", 0600));
  EXPECT_EQ(permissions(directory_ / "fresh"), 0600u);
}

TEST_F(OutputFileTest, TakesTheLongestNames) {
  EXPECT_FALSE(write(directory_ / std::string(255, 'n'), "new"));
  EXPECT_EQ(content(directory_ / std::string(255, 'n')), "new");
}

TEST(WriteAll, WaitsForADescriptorThatDoesNotBlock) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
  const std::string much(1 << 20, 'x');
  const pid_t reader = ::fork();
  if (reader == 0) {
    ::close(ends[1]);
    ::fcntl(ends[0], F_SETFL, 0);
    std::array<char, 65536> piece;
    std::size_t all = 0;
    for (ssize_t got; (got = ::read(ends[0], piece.data(), piece.size())) > 0;) all += got;
    ::_exit(all == (1 << 20) ? 0 : 1);
  }
  EXPECT_FALSE(write_all(ends[1], bytes_of(much)));
  ::close(ends[1]);
  ::close(ends[0]);
  int status = -1;
  ASSERT_EQ(::waitpid(reader, &status, 0), reader);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace babilu
