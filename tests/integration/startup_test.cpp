// What keeps a process from starting, and how it says so: 2 for the configuration, 1 for the rest.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include <map>

#include "core/crypto/random.h"
#include "core/tls/certificates.h"
#include "tests/integration/support/admin.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// A directory with certificates, and a backend that would start in it.
class Startup : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({.arguments = {"certificates", "init", certificates()}}).exit_code, 0);
  }

  fs::path path() const { return directory_.path(); }
  fs::path certificates() const { return path() / "certificates"; }
  fs::path database() const { return path() / "babilu.db"; }

  /// `more` are flags and their values, which go before those that it has by itself.
  Command backend(std::vector<std::string> more = {}) const {
    std::map<std::string, std::string> flags{
        {"--listen", "127.0.0.1:0"},
        {"--admin-listen", "127.0.0.1:0"},
        {"--certificates", certificates()},
        {"--master-key-file", certificates() / "vault" / "master.key"},
        {"--database", database()}};
    for (const std::string& word : more) flags.erase(word);
    std::vector<std::string> arguments{"backend"};
    for (const auto& [flag, value] : flags) arguments.insert(arguments.end(), {flag, value});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return {.arguments = std::move(arguments)};
  }
  /// Lets a backend make the database, and ends it.
  void make_database() const {
    Process process(backend());
    ASSERT_TRUE(process.says("backend listens")) << process.err();
    process.signal(SIGTERM);
    ASSERT_EQ(process.wait(), 0) << process.err();
  }
  Outcome with_file(const std::string& toml) const {
    write_file(path() / "babilu.toml", toml);
    return run(backend({"--config", path() / "babilu.toml"}));
  }

  TemporaryDirectory directory_;
};

TEST_F(Startup, ConfigurationsThatAreWrong) {
  const auto unknown = with_file("databse = \"x\"\n\n[passwords]\nthreads = 1\n");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err,
              AllOf(HasSubstr("babilu.toml:1:1"), HasSubstr("did you mean database?")));
  const auto wrong_type = with_file("[passwords]\nthreads = \"many\"\nqueue = -1\n");
  EXPECT_EQ(wrong_type.exit_code, 2);
  EXPECT_THAT(wrong_type.err, AllOf(HasSubstr("babilu.toml:2"), HasSubstr("a whole number"),
                                    HasSubstr("babilu.toml:3")));
  const auto no_toml = with_file("threads: 2\n");
  EXPECT_EQ(no_toml.exit_code, 2);
  EXPECT_THAT(no_toml.err, HasSubstr("babilu.toml:1"));
  const auto no_file = run(backend({"--config", path() / "nothing.toml"}));
  EXPECT_EQ(no_file.exit_code, 2);
  EXPECT_THAT(no_file.err, HasSubstr("nothing.toml"));

  Command variable = backend();
  variable.environment["BABILU_LISTENN"] = "127.0.0.1:0";
  const auto mistyped = run(variable);
  EXPECT_EQ(mistyped.exit_code, 2);
  EXPECT_THAT(mistyped.err, HasSubstr("did you mean BABILU_LISTEN?"));
  EXPECT_EQ(run(backend({"--services", "registry,valut"})).exit_code, 2);
  EXPECT_EQ(
      run({.arguments = {"proxy", "--plaintext-sessions", "--listen", "0.0.0.0:0"}}).exit_code, 2);
}

TEST_F(Startup, PrintsItsConfigurationAndTakesItBack) {
  const auto printed = run(backend({"--print-config", "--threads", "3"}));
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("threads = 3"));
  write_file(path() / "printed.toml", printed.out);
  const auto again =
      run({.arguments = {"backend", "--config", path() / "printed.toml", "--print-config"}});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("threads = 3"));
  const std::string key = read_file(certificates() / "vault" / "master.key");
  EXPECT_THAT(printed.out, ::testing::Not(HasSubstr(key.substr(0, 20))));
}

TEST_F(Startup, MissingCredentials) {
  fs::remove(certificates() / "backend" / "key.pem");
  const auto no_key = run(backend());
  EXPECT_EQ(no_key.exit_code, 1);
  EXPECT_THAT(no_key.err, HasSubstr("backend/key.pem"));
  const auto no_certificates = run({.arguments = {"proxy", "--certificates", path() / "nowhere"}});
  EXPECT_EQ(no_certificates.exit_code, 1);
  EXPECT_THAT(no_certificates.err,
              AllOf(HasSubstr("nowhere/proxy"), HasSubstr("certificates init")));
  const auto no_master_key = run(backend({"--master-key-file", path() / "nowhere"}));
  EXPECT_EQ(no_master_key.exit_code, 2);
  write_file(path() / "short.key", "c2hvcnQ\n");
  fs::permissions(path() / "short.key", fs::perms::owner_read);
  const auto short_key = run(
      {.arguments = {"backend", "--plaintext-links", "--master-key-file", path() / "short.key"}});
  EXPECT_EQ(short_key.exit_code, 1);
  EXPECT_THAT(short_key.err, HasSubstr("32 bytes"));
}

TEST_F(Startup, ATakenPort) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  Process first(backend({"--admin-listen", address}));
  ASSERT_TRUE(first.says("backend listens")) << first.err();
  const auto second = run(backend({"--listen", address}));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, AllOf(HasSubstr(address), HasSubstr("--listen")));
}

TEST_F(Startup, APortOfAnotherProcess) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  Process first(backend({"--listen", address, "--threads", "2"}));
  ASSERT_TRUE(first.says("backend listens")) << first.err();
  for (const char* threads : {"1", "2"}) {
    const auto second = run(
        backend({"--listen", address, "--threads", threads, "--database", path() / "other.db"}));
    EXPECT_EQ(second.exit_code, 1) << threads;
    EXPECT_THAT(second.err, AllOf(HasSubstr(address), HasSubstr("--listen")));
  }
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 0) << first.err();
}

TEST_F(Startup, SecretsThatEverybodyMayRead) {
  for (const auto& [flag, file] : {std::pair("--master-key-file", "vault/master.key"),
                                   std::pair("--admin-token-file", "admin/token")}) {
    const fs::path secret = certificates() / file;
    fs::permissions(secret, fs::perms::others_read, fs::perm_options::add);
    const auto open = run(backend({flag, secret}));
    EXPECT_EQ(open.exit_code, 2) << file;
    EXPECT_THAT(open.err, HasSubstr("chmod 600 " + secret.string()));
    fs::permissions(secret, fs::perms::others_read, fs::perm_options::remove);
  }
  const fs::path key = certificates() / "backend" / "key.pem";
  fs::permissions(key, fs::perms::others_read, fs::perm_options::add);
  const auto open = run(backend());
  EXPECT_EQ(open.exit_code, 1);
  EXPECT_THAT(open.err, HasSubstr("chmod 600 " + key.string()));
}

TEST_F(Startup, ACertificateThatEndsSoon) {
  const auto soon = tls::create_development_certificates(
      {.directory = certificates(), .validity = std::chrono::hours(24 * 10), .renew = true},
      crypto::system_random(), std::chrono::system_clock::now());
  ASSERT_FALSE(soon);
  const std::uint16_t admin = free_port();
  const std::string at = "127.0.0.1:" + std::to_string(admin);
  for (const Command& command :
       {backend({"--admin-listen", at}),
        Command{.arguments = {"proxy", "--listen", "127.0.0.1:0", "--admin-listen", at,
                              "--certificates", certificates(), "--backends", "127.0.0.1:1"}}}) {
    Process process(command);
    EXPECT_TRUE(process.says("expires at")) << process.err();
    const auto warned = [&] {
      return ask_admin(admin, "/readyz?verbose").body.find("[!] certificate") != std::string::npos;
    };
    EXPECT_TRUE(eventually([&] { return warned() || process.ended(); }));
    EXPECT_GT(metric(admin, "babilu_certificate_expiry_timestamp_seconds"), 0);
    if (command.arguments[0] == "proxy") {
      // One that was put in its place is looked at after a reload.
      ASSERT_EQ(run({.arguments = {"certificates", "init", certificates(), "--renew"}}).exit_code,
                0);
      process.signal(SIGHUP);
      EXPECT_TRUE(process.says("reloaded"));
      EXPECT_FALSE(warned());
    }
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0);
  }
}

/// The byte of a database's lock file that a process waits for, or has while it has the file open.
struct flock at(off_t byte) {
  return {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1, .l_pid = 0};
}

TEST_F(Startup, ASignalThatComesBeforeEndsItInOrder) {
  make_database();
  const int lock = ::open((database().string() + ".lock").c_str(), O_RDWR | O_CLOEXEC);
  auto turn = at(0);
  ASSERT_EQ(::fcntl(lock, F_OFD_SETLK, &turn), 0);
  Process process(backend());
  ASSERT_TRUE(eventually([&] {
    auto presence = at(2);
    ::fcntl(lock, F_OFD_GETLK, &presence);
    return presence.l_type != F_UNLCK;
  }));
  process.signal(SIGTERM);
  ::close(lock);
  EXPECT_EQ(process.wait(), 0) << process.err();
  EXPECT_THAT(process.err(), HasSubstr("stopped"));
}

TEST_F(Startup, AnAdminTokenThatCanBeGuessed) {
  Command command = backend({"--admin-listen", "0.0.0.0:0"});
  command.environment["BABILU_ADMIN_TOKEN"] = "x";
  const auto guessed = run(command);
  EXPECT_EQ(guessed.exit_code, 1);
  EXPECT_THAT(guessed.err, HasSubstr("openssl rand"));
}

TEST_F(Startup, DatabasesThatAreNone) {
  write_file(database(),
             "This is a letter, not a database. It is long enough for a header, too: "
             "one hundred bytes and some more.");
  const auto letter = run(backend());
  EXPECT_EQ(letter.exit_code, 1);
  EXPECT_THAT(letter.err, HasSubstr("another kind of file"));
  EXPECT_THAT(read_file(database()), ::testing::StartsWith("This is a letter"));

  const auto directory = run(backend({"--database", path()}));
  EXPECT_EQ(directory.exit_code, 1);
  EXPECT_THAT(directory.err, HasSubstr("directory"));
  const auto missing = run(backend({"--database", path() / "nowhere" / "babilu.db"}));
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("nowhere"), HasSubstr("does not exist")));
}

TEST_F(Startup, ADatabaseOfTheFuture) {
  make_database();
  std::string content = read_file(database());
  ASSERT_GT(content.size(), 100U);
  content[63] = 99;  // the last byte of the header's user_version: the layout of the file
  write_file(database(), content);
  const auto outcome = run(backend());
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("newer version"));
  EXPECT_EQ(read_file(database()), content);
}

TEST_F(Startup, ADatabaseThatCannotBeWritten) {
  make_database();
  // Root may write anything, so the backend is not root here; the files are its own.
  for (const auto& entry : fs::recursive_directory_iterator(path())) {
    if (::geteuid() == 0) {
      ASSERT_EQ(::chown(entry.path().c_str(), 65534, 65534), 0);
    }
  }
  fs::permissions(path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(database(), fs::perms::owner_read);
  Command command = backend();
  command.powerless = true;
  const auto outcome = run(command);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(database().string()), HasSubstr("cannot be written")));
}

TEST_F(Startup, ADiskThatIsFull) {
  Command command = backend();
  command.file_limit = 8 * 1024;  // room for what it says, not for a database
  const auto outcome = run(command);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr(database().string()));
}

}  // namespace
}  // namespace babilu::testing
