#include <fstream>
#include <iterator>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/store/connection.h"
#include "core/store/database_file.h"
#include "core/store/turn_lock.h"
#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

constexpr Migration old_steps[] = {
    {.version = 1, .sql = "create table person (name text primary key) strict;"}};
constexpr Migration new_steps[] = {
    {.version = 1, .sql = "create table person (name text primary key) strict;"},
    {.version = 2, .sql = "alter table person add column age integer not null default 7;"},
    {.version = 3, .sql = "create table pet (name text) strict; create index pets on pet (name);"}};
constexpr Migration breaking_steps[] = {
    {.version = 1, .sql = "create table person (name text primary key) strict;"},
    {.version = 2, .sql = "alter table person add column age integer", .min_reader = 2}};
constexpr Schema old_schema{.name = "people", .migrations = old_steps};
constexpr Schema new_schema{.name = "people", .migrations = new_steps};
constexpr Schema breaking_schema{.name = "people", .migrations = breaking_steps};

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class OpenTest : public testing::Test {
 protected:
  StoreOptions with(Schema schema) {
    StoreOptions options = options_for(path);
    options.schemas = {schema};
    return options;
  }
  std::unique_ptr<Store> open(Schema schema) { return open_store(with(schema)); }
  StoreError refusal(StoreOptions options) {
    auto store = Store::open(std::move(options));
    if (!store) return store.error();
    ADD_FAILURE() << "was opened";
    return {};
  }
  /// A database that some other program made.
  void make_foreign(const std::string& script) {
    auto connection = Connection::open(path, Connection::Mode::write).value();
    connection->run_script(script);
  }

  TemporaryDirectory directory;
  const std::filesystem::path path = directory / "db";
};

TEST_F(OpenTest, ANewFileIsMadeForItsOwnerAlone) {
  const auto store = open(old_schema);
  for (const char* name : {"db", "db.lock", "db-wal", "db-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((directory / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(OpenTest, OddNamesAreFiles) {
  for (const char* name : {"with space", ":memory:", "file:x?mode=memory", "semi;colon'quote"}) {
    StoreOptions options = with(old_schema);
    options.path = directory / name;
    const auto store = open_store(options);
    EXPECT_TRUE(std::filesystem::exists(options.path)) << name;
  }
  StoreOptions options = with(old_schema);
  options.path = directory / "quotation\"mark";
  EXPECT_EQ(refusal(options).code, ErrorCode::invalid_path);
}

TEST_F(OpenTest, AnOldFileIsUpgradedAndKeepsItsRows) {
  auto insert = [](Transaction& transaction) {
    transaction.execute("insert into person (name) values ('ada')");
    return commit();
  };
  write(*open(old_schema), insert).value();
  const auto store = open(new_schema);
  const auto ages = read(*store, [](Snapshot& snapshot) {
    return snapshot.query<std::string, int>("select name, age from person");
  });
  EXPECT_EQ(ages.value(), (std::vector<std::tuple<std::string, int>>{{"ada", 7}}));
}

TEST_F(OpenTest, AnOlderProgramGoesOnBesideANewerOne) {
  const auto newer = open(new_schema);
  const auto older = open(old_schema);
  write(*older, [](Transaction& transaction) {
    transaction.execute("insert into person (name) values ('bob')");
    return commit();
  }).value();
  EXPECT_EQ(read(*newer, [](Snapshot& s) { return s.find<int>("select age from person"); }).value(),
            7);
}

TEST_F(OpenTest, AFileForNewerReadersIsRefused) {
  open(breaking_schema);
  const StoreError error = refusal(with(old_schema));
  EXPECT_EQ(error.code, ErrorCode::newer_version);
  EXPECT_NE(error.message.find("at least version 2, this one knows 1"), std::string::npos)
      << error.message;
  open(breaking_schema);
}

TEST_F(OpenTest, AFileOfANewerFormatIsRefused) {
  open(old_schema);
  make_foreign("pragma journal_mode = delete; pragma user_version = 2");
  EXPECT_EQ(refusal(with(old_schema)).code, ErrorCode::newer_version);
}

TEST_F(OpenTest, AFailedMigrationChangesNothing) {
  constexpr Migration broken_steps[] = {
      {.version = 1, .sql = "create table person (name text primary key) strict;"},
      {.version = 2, .sql = "create table pet (name text); create table pet (name text);"}};
  open(old_schema);
  EXPECT_EQ(refusal(with({.name = "people", .migrations = broken_steps})).code,
            ErrorCode::internal);
  const auto store = open(new_schema);
  EXPECT_EQ(
      read(*store, [](Snapshot& s) { return s.find<int>("select count(*) from pet"); }).value(), 0);
}

TEST_F(OpenTest, MigrationsOutOfOrderAreABug) {
  constexpr Migration unordered[] = {{.version = 2, .sql = "select 1"}};
  EXPECT_THROW(Store::open(with({.name = "people", .migrations = unordered})), std::logic_error);
}

TEST_F(OpenTest, TwoSchemasOfOneNameAreABug) {
  StoreOptions options = with(old_schema);
  options.schemas.push_back({.name = old_schema.name, .migrations = counter_steps});
  EXPECT_THROW(Store::open(options), std::logic_error);
}

TEST_F(OpenTest, ManyOpenANewFileAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> opened{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (Store::open(with(new_schema))) ++opened;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(opened, 8);
}

TEST_F(OpenTest, AnotherKindOfFileIsRefusedAndLeftAlone) {
  std::ofstream(path) << "a text that is not a database, and longer than its header would be: "
                      << std::string(200, '.');
  const std::string before = content_of(path);
  const StoreError error = refusal(with(old_schema));
  EXPECT_EQ(error.code, ErrorCode::not_a_database);
  EXPECT_NE(error.message.find(path.string()), std::string::npos);
  EXPECT_EQ(content_of(path), before);
  EXPECT_FALSE(std::filesystem::exists(directory / "db.lock"));
}

TEST_F(OpenTest, AShortFileIsRefused) {
  std::ofstream(path) << "SQLite format 3";
  EXPECT_EQ(refusal(with(old_schema)).code, ErrorCode::not_a_database);
}

TEST_F(OpenTest, AnEmptyFileIsANewDatabase) {
  std::ofstream(path) << "";
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  ASSERT_EQ(std::filesystem::file_size(path), 0u);
  const auto store = open(old_schema);
  const auto insert = [](Transaction& transaction) {
    transaction.execute("insert into person (name) values ('ada')");
    return commit();
  };
  EXPECT_TRUE(write(*store, insert));
}

TEST_F(OpenTest, ADatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  for (const char* script :
       {"create table cookies (name text)",
        "pragma journal_mode = wal; create table more (name text)", "pragma application_id = 42"}) {
    make_foreign(script);
    const std::string before = content_of(path);
    EXPECT_EQ(refusal(with(old_schema)).code, ErrorCode::foreign);
    EXPECT_EQ(content_of(path), before);
  }
}

TEST_F(OpenTest, AFileOfAnotherKindIsRefused) {
  open(old_schema);
  StoreOptions options = with(old_schema);
  options.kind = "peer";
  const StoreError error = refusal(options);
  EXPECT_EQ(error.code, ErrorCode::foreign);
  EXPECT_NE(error.message.find("belongs to a test, not to a peer"), std::string::npos);
}

TEST_F(OpenTest, AMissingDirectoryIsSaid) {
  StoreOptions options = with(old_schema);
  options.path = directory / "nowhere" / "db";
  const StoreError error = refusal(options);
  EXPECT_EQ(error.code, ErrorCode::invalid_path);
  EXPECT_NE(error.message.find("does not exist: create it"), std::string::npos);
  options.path = directory.path();
  EXPECT_EQ(refusal(options).code, ErrorCode::invalid_path);
}

TEST_F(OpenTest, ADamagedFileIsSaid) {
  open(old_schema);
  std::string bytes = content_of(path);
  std::fill(bytes.begin() + 100, bytes.end(), '\x5a');
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(refusal(with(old_schema)).code, ErrorCode::corrupt);
}

TEST_F(OpenTest, ALockedFileIsSaid) {
  open(old_schema);
  const auto other = TurnLock::open(directory / "db.lock").value();
  ASSERT_TRUE(other->acquire(std::chrono::steady_clock::now()));
  StoreOptions options = with(old_schema);
  options.patience = 20ms;
  EXPECT_EQ(refusal(options).code, ErrorCode::unavailable);
}

/// The exit code of a process that opens the store as a user who is not root; root may write
/// everywhere.
int opened_by_nobody(const StoreOptions& options) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(100);
    const auto store = Store::open(options);
    ::_exit(store ? 101 : static_cast<int>(store.error().code));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(OpenTest, WhatCannotBeWrittenIsSaid) {
  open(old_schema);
  constexpr int read_only = static_cast<int>(ErrorCode::read_only);
  // The file, though the directory can be.
  ::chmod(directory.path().c_str(), 0777);
  ::chmod(path.c_str(), 0444);
  EXPECT_EQ(opened_by_nobody(with(old_schema)), read_only);
  // The directory, though the file can be.
  ::chmod(path.c_str(), 0666);
  std::filesystem::remove(directory / "db.lock");
  ::chmod(directory.path().c_str(), 0555);
  EXPECT_EQ(opened_by_nobody(with(old_schema)), read_only);
  // A new file in a directory that cannot be written.
  StoreOptions options = with(old_schema);
  options.path = directory / "new";
  EXPECT_EQ(opened_by_nobody(options), read_only);
  ::chmod(directory.path().c_str(), 0755);
}

}  // namespace
}  // namespace babilu::store
