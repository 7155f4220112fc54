#include "core/tls/context.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/ed25519.h>
#include <botan/pkcs8.h>
#include "core/tls/certificates.h"
#include "core/tls/credentials.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;
namespace fs = std::filesystem;

class TlsContext : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto problem =
        create_development_certificates({.directory = stack}, runtime.random(), today());
    ASSERT_FALSE(problem) << problem->to_string();
  }

  fs::path write(const std::string& name, const std::string& content) {
    std::ofstream(directory.path() / name) << content;
    fs::permissions(directory.path() / name, fs::perms::owner_read | fs::perms::owner_write);
    return directory.path() / name;
  }
  Files proxy() const {
    return {stack / "proxy/certificate.pem", stack / "proxy/key.pem", stack / "ca.pem"};
  }
  /// Loading these must fail, with `file` and `words` in what is said.
  void expect_problem(const Files& files, const fs::path& file, const std::string& words,
                      std::chrono::system_clock::time_point now = today()) {
    const auto context = Context::load(files, now);
    ASSERT_FALSE(context) << words;
    EXPECT_EQ(context.error().file, file);
    EXPECT_NE(context.error().problem.find(words), std::string::npos)
        << context.error().to_string();
  }

  Runtime runtime;
  TemporaryDirectory directory;
  const fs::path stack = directory.path() / "stack";
};

TEST_F(TlsContext, LoadsWhatWasMade) {
  const auto context = Context::load(proxy(), today());
  ASSERT_TRUE(context) << context.error().to_string();
  EXPECT_GT(context.value()->valid_until(), today() + 24h * 364);
  EXPECT_LT(context.value()->valid_until(), today() + 24h * 366);
}

TEST_F(TlsContext, APipeIsReadAtTheStartAndRefusedAtAReload) {
  std::ifstream authority(stack / "ca.pem");
  const std::string pem(std::istreambuf_iterator<char>(authority), {});
  // Filled and closed: whoever reads it waits for nothing.
  const auto filled_pipe = [&] {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    EXPECT_EQ(::write(ends[1], pem.data(), pem.size()), static_cast<ssize_t>(pem.size()));
    ::close(ends[1]);
    return ends[0];
  };
  const int first = filled_pipe(), second = filled_pipe();
  const Files at_start{.authority = "/proc/self/fd/" + std::to_string(first)};
  const Files later{.authority = "/proc/self/fd/" + std::to_string(second)};
  const auto context = Context::load(at_start, today());
  ASSERT_TRUE(context) << context.error().to_string();
  const auto again = Context::load(later, today(), *context);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().problem.find("a pipe"), std::string::npos) << again.error().problem;
  ::close(first);
  ::close(second);
}

TEST_F(TlsContext, AKeyThatEverybodyMayReadIsNone) {
  fs::permissions(proxy().key, fs::perms::others_read, fs::perm_options::add);
  expect_problem(proxy(), proxy().key, "chmod 600");
}

TEST_F(TlsContext, AClientNeedsAnAuthorityOnly) {
  const auto context = Context::load({.authority = stack / "ca.pem"}, today());
  ASSERT_TRUE(context) << context.error().to_string();
  EXPECT_EQ(context.value()->valid_until(), std::chrono::system_clock::time_point::max());
}

TEST_F(TlsContext, AMissingFileIsNamed) {
  Files files = proxy();
  files.key = directory.path() / "nowhere.pem";
  expect_problem(files, files.key, "No such file");
  files = proxy();
  files.authority = directory.path();
  expect_problem(files, files.authority, "Is a directory");
}

TEST_F(TlsContext, ACertificateAndItsKeyComeTogether) {
  Files files = proxy();
  files.key.clear();
  expect_problem(files, files.certificate, "private key");
  files = proxy();
  files.certificate.clear();
  expect_problem(files, files.key, "certificate");
}

TEST_F(TlsContext, TheKeyOfAnotherCertificateIsNoticed) {
  Files files = proxy();
  files.key = stack / "backend/key.pem";
  expect_problem(files, files.key, "is not the key of the certificate");
}

TEST_F(TlsContext, WhatIsNoPemIsNoticed) {
  Files files = proxy();
  files.certificate = write("empty.pem", "");
  expect_problem(files, files.certificate, "no certificate in PEM form");
  files = proxy();
  files.certificate = files.key;
  expect_problem(files, files.certificate, "no certificate in PEM form");
  files = proxy();
  files.key = files.certificate;
  expect_problem(files, files.key, "no private key");
  files = proxy();
  files.authority =
      write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  expect_problem(files, files.authority, "cannot be decoded");
  files.authority = write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
  expect_problem(files, files.authority, "ends within a certificate");
  files.authority = write("large.pem", std::string(2 * 1024 * 1024, 'x'));
  expect_problem(files, files.authority, "larger than 1 MiB");
}

TEST_F(TlsContext, AKeyWithAPasswordIsNotAskedFor) {
  const Botan::ECDSA_PrivateKey key(runtime.random(), Botan::EC_Group::from_name("secp256r1"));
  Files files = proxy();
  files.key = write("sealed.pem", Botan::PKCS8::PEM_encode_encrypted_pbkdf_iter(
                                      key, runtime.random(), "secret", 1000));
  expect_problem(files, files.key, "password");
}

TEST_F(TlsContext, AKeyInAnOlderFormComesWithTheCommandThatConvertsIt) {
  Files files = proxy();
  for (const char* form : {"EC PRIVATE KEY", "RSA PRIVATE KEY"}) {
    files.key = directory.path() / "old.pem";
    std::ofstream(files.key) << "-----BEGIN " << form << "-----\nAAAA\n-----END " << form
                             << "-----\n";
    expect_problem(files, files.key, "openssl pkcs8 -topk8 -nocrypt -in " + files.key.string());
  }
}

TEST_F(TlsContext, AKeyThatTlsCannotUseIsNoticed) {
  const Botan::Ed25519_PrivateKey key(runtime.random());
  Files files = proxy();
  files.key = write("ed25519.pem", Botan::PKCS8::PEM_encode(key));
  expect_problem(files, files.key, "use ECDSA");
}

TEST_F(TlsContext, ACertificateOutOfItsTimeIsNoticed) {
  expect_problem(proxy(), proxy().certificate, "expired at", today() + 24h * 400);
  expect_problem(proxy(), proxy().certificate, "valid only from", today() - 24h * 400);
  const Files client = {.authority = stack / "ca.pem"};
  expect_problem(client, client.authority, "expired at", today() + 24h * 400);
}

TEST_F(TlsContext, AServicesCertificateIsNoAuthority) {
  const Files files = {.authority = stack / "proxy/certificate.pem"};
  expect_problem(files, files.authority, "not an authority's own");
}

TEST_F(TlsContext, OneExpiredAuthorityAmongOthersIsFine) {
  const Issued old = issue_authority("old", {today() - 48h, today() - 24h}, runtime.random());
  const std::string both =
      our_authority().certificate.PEM_encode() + "some words\n" + old.certificate.PEM_encode();
  const auto context = Context::load({.authority = write("both.pem", both)}, today());
  EXPECT_TRUE(context) << context.error().to_string();
}

TEST_F(TlsContext, WhatWasMadeWorksTogether) {
  const auto load = [&](const Files& files) { return Context::load(files, today()).value(); };
  const Files backend = {stack / "backend/certificate.pem", stack / "backend/key.pem",
                         stack / "ca.pem"};
  const Outcome to_backend = handshake(runtime, {.server = load(backend),
                                                 .client = load(proxy()),
                                                 .client_role = "proxy",
                                                 .expected = {"127.0.0.1", "backend"}});
  EXPECT_TRUE(to_backend.server && to_backend.client);
  const Outcome to_proxy = handshake(runtime, {.server = load(proxy()),
                                               .client = load({.authority = stack / "ca.pem"}),
                                               .client_role = "",
                                               .expected = {"::1", "proxy"}});
  EXPECT_TRUE(to_proxy.server && to_proxy.client);
}

TEST_F(TlsContext, AnErrorIsThrownAsWords) {
  try {
    (void)Context::load({.authority = "/nowhere/ca.pem"}, today()).value();
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with("/nowhere/ca.pem: ")) << error.what();
  }
}

}  // namespace
}  // namespace babilu::tls
