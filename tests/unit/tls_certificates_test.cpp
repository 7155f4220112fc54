#include "core/tls/certificates.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include <botan/x509cert.h>
#include "core/crypto/encoding.h"
#include "core/tls/names.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;
namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::map<std::string, std::string> everything_in(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) {
      files[fs::relative(entry.path(), directory).string()] = content_of(entry.path());
    }
  }
  return files;
}

unsigned mode_of(const fs::path& path) {
  struct stat found{};
  EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777U;
}

class TlsCertificates : public ::testing::Test {
 protected:
  std::optional<CredentialError> create(const DevelopmentCertificates& wanted) {
    return create_development_certificates(wanted, runtime.random(), today());
  }
  /// Names of what lies beside the stack: nothing may be left behind.
  std::set<std::string> siblings() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory.path())) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  Runtime runtime;
  TemporaryDirectory directory;
  const fs::path stack = directory.path() / "stack";
};

TEST_F(TlsCertificates, EachFileIsForItsReadersOnly) {
  ASSERT_FALSE(create({.directory = stack}));
  const std::map<std::string, unsigned> expected = {
      {"", 0755},
      {"ca.pem", 0644},
      {"proxy", 0700},
      {"proxy/certificate.pem", 0644},
      {"proxy/key.pem", 0600},
      {"backend", 0700},
      {"backend/certificate.pem", 0644},
      {"backend/key.pem", 0600},
      {"vault", 0700},
      {"vault/master.key", 0600},
      {"admin", 0700},
      {"admin/token", 0600},
      {"authority", 0700},
      {"authority/key.pem", 0600},
  };
  std::map<std::string, unsigned> found = {{"", mode_of(stack)}};
  for (const auto& entry : fs::recursive_directory_iterator(stack)) {
    found[fs::relative(entry.path(), stack).string()] = mode_of(entry.path());
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(siblings(), std::set<std::string>{"stack"});
}

TEST_F(TlsCertificates, SecretsAreRandomAndOneLineOfText) {
  ASSERT_FALSE(create({.directory = stack}));
  ASSERT_FALSE(create({.directory = directory.path() / "another"}));
  std::set<std::string> all;
  for (const char* where : {"stack", "another"}) {
    for (const char* name : {"vault/master.key", "admin/token"}) {
      std::string text = content_of(directory.path() / where / name);
      ASSERT_TRUE(text.ends_with('\n'));
      text.pop_back();
      const auto bytes = crypto::from_base64url(text);
      ASSERT_TRUE(bytes) << text;
      EXPECT_EQ(bytes->size(), 32U);
      all.insert(text);
    }
  }
  EXPECT_EQ(all.size(), 4U);
}

TEST_F(TlsCertificates, NamesAndRolesAreThoseWanted) {
  ASSERT_FALSE(create({.directory = stack,
                       .hosts = {"backend-a", "10.1.2.3", "fd00::5"},
                       .roles = {"chess"},
                       .validity = 48h}));
  EXPECT_FALSE(fs::exists(stack / "proxy"));
  const Botan::X509_Certificate certificate((stack / "chess/certificate.pem").string());
  EXPECT_EQ(role_of(certificate), "chess");
  for (const char* host :
       {"localhost", "127.0.0.1", "::1", "backend-a", "10.1.2.3", "fd00::5", "FD00:0::5"}) {
    EXPECT_TRUE(is_for_host(certificate, host)) << host;
  }
  for (const char* host : {"backend-b", "10.1.2.4", "fd00::6", "", "chess", "10.1.2.3.4"}) {
    EXPECT_FALSE(is_for_host(certificate, host)) << host;
  }
  EXPECT_LE(certificate.not_after().to_std_timepoint(), today() + 48h);
  EXPECT_LE(certificate.not_before().to_std_timepoint(), today());
  EXPECT_FALSE(certificate.is_CA_cert());
}

TEST_F(TlsCertificates, WhatExistsIsNotTouched) {
  ASSERT_FALSE(create({.directory = stack}));
  const auto before = everything_in(stack);
  const auto problem = create({.directory = stack});
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->to_string().find("exists already"), std::string::npos);
  EXPECT_EQ(everything_in(stack), before);
  EXPECT_EQ(siblings(), std::set<std::string>{"stack"});
}

TEST_F(TlsCertificates, ADirectoryOfSomebodyElseIsNotTouched) {
  fs::create_directory(stack);
  std::ofstream(stack / "thesis.txt") << "years of work";
  EXPECT_TRUE(create({.directory = stack}));
  EXPECT_EQ(everything_in(stack).size(), 1U);
  EXPECT_EQ(siblings(), std::set<std::string>{"stack"});
}

TEST_F(TlsCertificates, AnEmptyDirectoryIsFilled) {
  fs::create_directory(stack);
  EXPECT_FALSE(create({.directory = stack}));
  EXPECT_TRUE(fs::exists(stack / "ca.pem"));
}

TEST_F(TlsCertificates, RenewingKeepsMasterKeyAndToken) {
  ASSERT_FALSE(create({.directory = stack}));
  auto before = everything_in(stack);
  const auto problem = create({.directory = stack, .renew = true});
  ASSERT_FALSE(problem) << problem->to_string();
  auto after = everything_in(stack);
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, content] : after) {
    const bool kept = name == "vault/master.key" || name == "admin/token";
    EXPECT_EQ(before[name] == content, kept) << name;
  }
  EXPECT_EQ(siblings(), std::set<std::string>{"stack"});
}

TEST_F(TlsCertificates, AMasterKeyThatCannotBeReadIsNotReplaced) {
  ASSERT_FALSE(create({.directory = stack}));
  std::ofstream(stack / "vault/master.key", std::ios::trunc);
  const auto before = everything_in(stack);
  EXPECT_TRUE(create({.directory = stack, .renew = true}));
  EXPECT_EQ(everything_in(stack), before);
  EXPECT_EQ(siblings(), std::set<std::string>{"stack"});
}

TEST_F(TlsCertificates, NothingIsLeftWhereItCannotBeWritten) {
  std::ofstream(directory.path() / "file") << "x";
  const auto problem = create({.directory = directory.path() / "file/stack"});
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->problem.find("Not a directory"), std::string::npos) << problem->to_string();
  EXPECT_TRUE(create({.directory = directory.path() / "file"}));
  EXPECT_EQ(siblings(), std::set<std::string>{"file"});
}

TEST_F(TlsCertificates, ATrailingSlashAndMissingParentsAreFine) {
  EXPECT_FALSE(create({.directory = directory.path() / "a/b/stack/"}));
  EXPECT_TRUE(fs::exists(directory.path() / "a/b/stack/ca.pem"));
}

TEST_F(TlsCertificates, NamesThatNobodyCanHaveAreRefused) {
  for (const char* host : {"", "two words", "*.example.com", "a..b", ".a", "a.", "a\nb", "ü"}) {
    const auto problem = create({.directory = stack, .hosts = {host}});
    EXPECT_TRUE(problem) << host;
  }
  for (const char* role : {"", "Proxy", "a/b", "..", "authority", "vault", "admin"}) {
    const auto problem = create({.directory = stack, .roles = {role}});
    EXPECT_TRUE(problem) << role;
  }
  EXPECT_TRUE(siblings().empty());
}

}  // namespace
}  // namespace babilu::tls
