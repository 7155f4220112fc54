// What a person or a script does with a stack, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string changed(std::string bytes, std::size_t at) {
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1);
  return bytes;
}

/// `json` between quotes after "name": no parser is needed for what has one level.
std::string field(const std::string& json, const std::string& name) {
  const std::string start = "\"" + name + "\":\"";
  const auto begin = json.find(start);
  if (begin == std::string::npos) return "no " + name + " in " + json;
  const auto value = begin + start.size();
  return json.substr(value, json.find('"', value) - value);
}

TEST(Commands, SignUpLogInAndUseTheVault) {
  Stack stack;
  const auto signup =
      stack.babilu({"signup", "ada", "--json"}, {}, {{"BABILU_PASSWORD", password}});
  EXPECT_EQ(signup.exit_code, 0) << signup.err;
  const auto login = stack.babilu({"login", "ada"}, {}, {{"BABILU_PASSWORD", password}});
  EXPECT_EQ(login.exit_code, 0) << login.err;
  EXPECT_THAT(login.out, StartsWith("logged in as ada until "));

  const auto whoami = stack.babilu({"whoami", "--json"});
  EXPECT_EQ(whoami.exit_code, 0) << whoami.err;
  EXPECT_EQ(field(whoami.out, "name"), "ada");
  EXPECT_EQ(field(whoami.out, "account_id"), field(signup.out, "account_id"));
  EXPECT_EQ(field(whoami.out, "signing_key"), field(signup.out, "signing_key"));

  const std::string secret("a \0 letter\n\xFF", 12);
  const auto encrypted = stack.babilu({"encrypt"}, secret);
  EXPECT_EQ(encrypted.exit_code, 0) << encrypted.err;
  EXPECT_THAT(encrypted.out, ::testing::Not(HasSubstr("letter")));
  EXPECT_EQ(stack.babilu({"decrypt"}, encrypted.out).out, secret);
  const auto armored = stack.babilu({"encrypt", "--armor", "-"}, secret);
  EXPECT_THAT(armored.out, ::testing::MatchesRegex("[A-Za-z0-9+/]+=*\n"));
  EXPECT_EQ(stack.babilu({"decrypt"}, armored.out).out, secret);

  const auto file = stack.path() / "letter";
  write_file(file, secret);
  ASSERT_EQ(stack.babilu({"sign", file, "--out", stack.path() / "letter.sig"}).exit_code, 0);
  const auto valid = stack.babilu(
      {"verify", "ada", file, "--signature-file", stack.path() / "letter.sig", "--json"});
  EXPECT_EQ(valid.exit_code, 0) << valid.err;
  EXPECT_EQ(valid.out, "{\"name\":\"ada\",\"valid\":true}\n");
  const auto invalid = stack.babilu(
      {"verify", "ada", "--signature-file", stack.path() / "letter.sig"}, "another letter");
  EXPECT_EQ(invalid.exit_code, 1);
  EXPECT_EQ(invalid.out, "not valid: ada did not sign this\n");
  EXPECT_EQ(stack.stop(), "");
}

TEST(Commands, SeveralAccountsKeepTheirLogins) {
  Stack stack;
  stack.add_account("ada");
  stack.add_account("proxy");  // a name like a subcommand's
  EXPECT_THAT(stack.babilu({"whoami"}).out, StartsWith("proxy\n"));
  EXPECT_THAT(stack.babilu({"whoami", "--name", "ada"}).out, StartsWith("ada\n"));
  const auto nobody = stack.babilu({"whoami", "--name", "bob"});
  EXPECT_EQ(nobody.exit_code, 3);
  EXPECT_THAT(nobody.err, HasSubstr("run: babilu login bob"));

  const auto login = stack.babilu({"login", "ada", "--token-file", stack.path() / "token"}, {},
                                  {{"BABILU_PASSWORD", password}});
  EXPECT_EQ(login.exit_code, 0) << login.err;
  EXPECT_EQ(std::filesystem::status(stack.path() / "token").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_THAT(stack.babilu({"whoami", "--token-file", stack.path() / "token"}).out,
              StartsWith("ada\n"));
}

TEST(Commands, RefusalsSayWhy) {
  Stack stack;
  stack.add_account("ada");
  const Environment wrong{{"BABILU_PASSWORD", "not the password"}};

  const auto password_wrong = stack.babilu({"login", "ada"}, {}, wrong);
  EXPECT_EQ(password_wrong.exit_code, 3);
  EXPECT_THAT(password_wrong.err, AllOf(HasSubstr("wrong_credentials"), HasSubstr("request ")));
  EXPECT_THAT(password_wrong.err, ::testing::Not(HasSubstr("not the password")));
  const auto name_unknown = stack.babilu({"login", "eve", "--json"}, {}, wrong);
  EXPECT_EQ(name_unknown.exit_code, 3);
  EXPECT_EQ(field(name_unknown.out, "reason"), "wrong_credentials");
  EXPECT_THAT(name_unknown.out, HasSubstr("\"exit_code\":3"));

  const auto taken = stack.babilu({"signup", "ada"}, {}, wrong);
  EXPECT_EQ(taken.exit_code, 1);
  EXPECT_THAT(taken.err, HasSubstr("name_taken"));

  const std::string ciphertext = stack.babilu({"encrypt"}, "secret").out;
  for (const std::size_t at : {std::size_t{9}, ciphertext.size() / 2, ciphertext.size() - 1}) {
    const auto corrupt = stack.babilu({"decrypt"}, changed(ciphertext, at));
    EXPECT_EQ(corrupt.exit_code, 1) << at;
    EXPECT_THAT(corrupt.err, HasSubstr("ciphertext_corrupt")) << at;
    EXPECT_EQ(corrupt.out, "") << at;
  }
  const auto nonsense = stack.babilu({"decrypt"}, "no ciphertext!");
  EXPECT_EQ(nonsense.exit_code, 1);
  EXPECT_THAT(nonsense.err, HasSubstr("ciphertext_malformed"));
  const auto other_data = stack.babilu({"decrypt", "--associated-data", "x"}, ciphertext);
  EXPECT_THAT(other_data.err, HasSubstr("ciphertext_corrupt"));

  stack.add_account("bob");
  const auto of_another = stack.babilu({"decrypt"}, ciphertext);
  EXPECT_EQ(of_another.exit_code, 1);
  EXPECT_THAT(of_another.err, HasSubstr("ciphertext_of_another_account"));
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Commands, BoundsOfWhatGoesIn) {
  Stack stack;
  stack.add_account("ada");
  const auto signup = [&](const std::string& name, const std::string& secret) {
    write_file(stack.path() / "password", secret);
    return stack.babilu({"signup", name, "--password-file", stack.path() / "password"});
  };
  for (const std::string name : {"", "Ada", "-ada", "a b", "ada\n", "a\xC3", "\xFF\xFE"}) {
    const auto refused = signup(name, password);
    EXPECT_NE(refused.exit_code, 0) << name;
    EXPECT_THAT(refused.err, ::testing::AnyOf(HasSubstr("name_invalid"), HasSubstr("flag"),
                                              HasSubstr("Give its NAME"), HasSubstr("NAME")));
  }
  EXPECT_THAT(signup(std::string(65, 'a'), password).err, HasSubstr("name_invalid"));
  EXPECT_THAT(signup(std::string(100'000, 'a'), password).err, HasSubstr("name_invalid"));
  EXPECT_EQ(signup(std::string(64, 'a'), password).exit_code, 0);

  const auto accented = signup("zoe", "Zo\xC3\xAB has a password");
  EXPECT_EQ(accented.exit_code, 0) << accented.err;
  EXPECT_THAT(accented.err, HasSubstr("compared byte by byte"));
  EXPECT_THAT(signup("max", password).err, Not(HasSubstr("byte by byte")));
  EXPECT_THAT(signup("eve", "seven77").err, HasSubstr("password_too_short"));
  EXPECT_THAT(signup("eve", std::string(1025, 'x')).err, HasSubstr("password_too_long"));
  EXPECT_THAT(signup("eve", std::string("null\0byte", 9)).err, HasSubstr("password_invalid"));
  EXPECT_THAT(signup("eve", "not UTF-8: \xC3\x28").err, HasSubstr("password_invalid"));
  EXPECT_THAT(signup("eve", "").err, HasSubstr("empty"));
  const auto huge = signup("eve", std::string(10 << 20, 'x'));
  EXPECT_EQ(huge.exit_code, 2);
  EXPECT_THAT(huge.err, HasSubstr("larger than 64 KiB"));
  EXPECT_EQ(signup("eve", std::string(1024, 'x')).exit_code, 0);

  const std::string most(192 * 1024, 'm');
  const auto encrypted = stack.babilu({"encrypt"}, most);
  ASSERT_EQ(encrypted.exit_code, 0) << encrypted.err;
  EXPECT_EQ(stack.babilu({"decrypt"}, encrypted.out).out, most);
  // Whatever the size, one answer.
  for (const std::size_t size : {most.size() + 1, 2 * most.size(), std::size_t{10} << 20}) {
    const auto refused = stack.babilu({"encrypt"}, std::string(size, 'm'));
    EXPECT_EQ(refused.exit_code, 2) << size;
    EXPECT_THAT(refused.err, HasSubstr("the standard input is larger than 192 KiB")) << size;
  }
  for (const std::size_t size : {most.size() + 2048, std::size_t{10} << 20}) {
    EXPECT_THAT(stack.babilu({"decrypt"}, "\x01" + std::string(size, '\xFF')).err,
                HasSubstr("is larger than"))
        << size;
  }
  EXPECT_EQ(stack.babilu({"sign"}, std::string(253 * 1024, 'm')).exit_code, 0);
  EXPECT_THAT(stack.babilu({"sign"}, std::string(255 * 1024, 'm')).err, HasSubstr("larger than"));
  EXPECT_EQ(stack.babilu({"decrypt"}, stack.babilu({"encrypt"}, "").out).exit_code, 0);
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Commands, ALoginThatCannotBeKeptSucceededAllTheSame) {
  Stack stack;
  stack.add_account("ada");
  for (const std::vector<std::string>& further :
       std::vector<std::vector<std::string>>{{}, {"--token-file", "/nowhere/token"}}) {
    std::vector<std::string> arguments{"login", "ada"};
    arguments.insert(arguments.end(), further.begin(), further.end());
    const auto login =
        stack.babilu(arguments, {}, {{"BABILU_PASSWORD", password}, {"HOME", "/proc/nowhere"}});
    EXPECT_EQ(login.exit_code, 2);
    EXPECT_THAT(login.err, AllOf(HasSubstr("logged in as ada"), HasSubstr("--token-file")));
  }
  const auto homeless =
      stack.babilu({"login", "ada"}, {}, {{"BABILU_PASSWORD", password}, {"HOME", ""}});
  EXPECT_THAT(homeless.err, AllOf(HasSubstr("logged in as ada"), HasSubstr("--token-file")));
  EXPECT_EQ(homeless.err.find("--token-file"), homeless.err.rfind("--token-file")) << homeless.err;
}

TEST(Commands, APasswordIsTheSameFromEverywhere) {
  Stack stack;
  stack.add_account("ada");
  const std::string plain = password;
  for (const std::string& written : {plain, plain + "\n", plain + "\r\n", "\xEF\xBB\xBF" + plain}) {
    write_file(stack.path() / "password", written);
    EXPECT_EQ(
        stack.babilu({"login", "ada", "--password-file", stack.path() / "password"}).exit_code, 0);
    EXPECT_EQ(stack.babilu({"login", "ada"}, {}, {{"BABILU_PASSWORD", written}}).exit_code, 0);
    EXPECT_EQ(stack.babilu({"login", "ada", "--password-file", "/dev/stdin"}, written).exit_code,
              0);
  }
}

TEST(Commands, TokensThatDoNotCount) {
  Stack stack({.backend = {"--token-lifetime", "1s"}});
  Stack elsewhere;
  elsewhere.add_account("ada");
  const auto whoami_with = [&](const std::string& token) {
    return stack.babilu({"whoami"}, {}, {{"BABILU_TOKEN", token}});
  };
  const auto token = [](const Stack& of) {
    return read_file(of.path() / ".local/state/babilu" / ("token-" + of.target() + "-ada"));
  };

  const auto foreign = whoami_with(token(elsewhere));
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_THAT(foreign.err, HasSubstr("token_foreign"));

  stack.add_account("ada");
  std::string forged = token(stack);
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  const auto refused = whoami_with(forged);
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("token_forged"), HasSubstr("babilu login")));
  EXPECT_THAT(whoami_with("QUJD").err, HasSubstr("token_malformed"));
  EXPECT_THAT(whoami_with("!").err, HasSubstr("holds no token"));

  EXPECT_TRUE(eventually([&] {
    const auto expired = stack.babilu({"whoami"});
    return expired.exit_code == 3 && expired.err.find("token_expired") != std::string::npos;
  }));
  EXPECT_EQ(stack.trouble(), "");
}

}  // namespace
}  // namespace babilu::testing
