#include "core/config/value.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/config/rules.h"
#include "core/config/suggest.h"

namespace babilu::config {
namespace {

using namespace std::chrono_literals;

RawValue typed_by_hand(std::string text) {
  return Untyped{{std::move(text)}};
}

template <class T>
std::optional<T> read(std::string text) {
  return Codec<T>::read(typed_by_hand(std::move(text))).value;
}

TEST(ConfigIntegers, AreReadWithinTheirType) {
  EXPECT_EQ(read<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(read<std::int8_t>("-128"), -128);
  EXPECT_EQ(read<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read<std::uint32_t>("-0"), 0u);
  EXPECT_EQ(Codec<int>::read(std::int64_t{-7}).value, -7);
  EXPECT_EQ(Codec<std::int64_t>::read(std::numeric_limits<std::int64_t>::min()).value,
            std::numeric_limits<std::int64_t>::min());
}

TEST(ConfigIntegers, RefuseWhatDoesNotFitOrIsNone) {
  EXPECT_FALSE(read<std::uint16_t>("65536"));
  EXPECT_FALSE(read<std::int8_t>("-129"));
  EXPECT_FALSE(read<std::int64_t>("-9223372036854775809"));
  EXPECT_FALSE(read<std::uint64_t>("18446744073709551616"));
  EXPECT_FALSE(read<std::uint32_t>("-1"));
  for (const char* text :
       {"", " 1", "1 ", "+1", "0x10", "1e3", "1.0", "one", "--1", "-", "1_000"}) {
    EXPECT_FALSE(read<int>(text)) << text;
  }
  EXPECT_FALSE(Codec<int>::read(1.0).value);
  EXPECT_FALSE(Codec<int>::read(true).value);
  EXPECT_FALSE(Codec<int>::read(std::string("1")).value);  // a TOML text is no number
}

TEST(ConfigReals, AreFinite) {
  EXPECT_EQ(read<double>("0.25"), 0.25);
  EXPECT_EQ(read<double>("-1e3"), -1000);
  EXPECT_EQ(Codec<double>::read(std::int64_t{2}).value, 2);
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0,5", "1.0x"}) {
    EXPECT_FALSE(read<double>(text)) << text;
  }
  EXPECT_FALSE(Codec<double>::read(std::numeric_limits<double>::infinity()).value);
}

TEST(ConfigBooleans, HaveNames) {
  for (const char* text : {"true", "yes", "on", "1"}) EXPECT_EQ(read<bool>(text), true) << text;
  for (const char* text : {"false", "no", "off", "0"}) EXPECT_EQ(read<bool>(text), false) << text;
  for (const char* text : {"", "True", "2", "maybe"}) EXPECT_FALSE(read<bool>(text)) << text;
  EXPECT_FALSE(Codec<bool>::read(std::int64_t{1}).value);
}

TEST(ConfigDurations, AreExact) {
  EXPECT_EQ(read<std::chrono::milliseconds>("250ms"), 250ms);
  EXPECT_EQ(read<std::chrono::milliseconds>("1.5s"), 1500ms);
  EXPECT_EQ(read<std::chrono::milliseconds>("1h30m"), 90min);
  EXPECT_EQ(read<std::chrono::milliseconds>("0s"), 0ms);
  EXPECT_EQ(read<std::chrono::seconds>("2m"), 120s);
  EXPECT_EQ(read<std::chrono::seconds>("1d"), 24h);
  EXPECT_EQ(read<std::chrono::nanoseconds>("0.000000001s"), 1ns);
  EXPECT_EQ(Codec<std::chrono::seconds>::read(std::string("10s")).value, 10s);
  for (const char* text : {"", "10", "s", "10 s", "-1s", "1.s", ".5s", "1.5.5s", "10sec", "1S",
                           "1m30", "99999999999999d", "999999999999999999999s", "0.0000000001s"}) {
    EXPECT_FALSE(read<std::chrono::milliseconds>(text)) << text;
  }
  EXPECT_FALSE(read<std::chrono::milliseconds>(std::string(1000, '1')));
}

TEST(ConfigDurations, EndBeforeAnythingOverflows) {
  EXPECT_EQ(read<std::chrono::nanoseconds>("36500d"), longest_duration);
  for (const char* text :
       {"36500d1ns", "106751d23h45m", "106752d", "99999999999999999999d", "18446744073709551615ns",
        "18446744073709551616ns", "9223372036854775807s9223372036854775807s"}) {
    const auto parsed = Codec<std::chrono::milliseconds>::read(typed_by_hand(text));
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_EQ(parsed.problem, "longer than 36500d") << text;
  }
  // Added to a time of either clock, it is still later.
  const auto now = std::chrono::system_clock::now();
  EXPECT_GT(now + longest_duration, now);
  EXPECT_FALSE(read<ByteSize>("18446744073709551615TiB"));
}

TEST(ConfigDurations, FinerThanTheirUnitAreRefusedAndSaySo) {
  const auto parsed = Codec<std::chrono::seconds>::read(typed_by_hand("1500ms"));
  EXPECT_FALSE(parsed.value);
  EXPECT_EQ(parsed.problem, "finer than 1s, its unit");
  EXPECT_EQ(Codec<std::chrono::seconds>::read(std::int64_t{10}).problem, "without a unit");
}

TEST(ConfigSizes, KnowBinaryAndDecimalUnits) {
  EXPECT_EQ(read<ByteSize>("256KiB")->bytes, 262'144u);
  EXPECT_EQ(read<ByteSize>("10MB")->bytes, 10'000'000u);
  EXPECT_EQ(read<ByteSize>("1.5KiB")->bytes, 1536u);
  EXPECT_EQ(read<ByteSize>("2TiB")->bytes, std::uint64_t{2} << 40);
  EXPECT_EQ(read<ByteSize>("4096")->bytes, 4096u);
  EXPECT_EQ(read<ByteSize>("7B")->bytes, 7u);
  EXPECT_EQ(Codec<ByteSize>::read(std::int64_t{4096}).value->bytes, 4096u);
  for (const char* text : {"", "-1", "-1KiB", "1K", "1KIB", "1.5B", "0.3KiB", "1 KiB", "KiB",
                           "17179869184GiB", "18446744073709551616", "1KiB1KiB"}) {
    EXPECT_FALSE(read<ByteSize>(text)) << text;
  }
  EXPECT_FALSE(Codec<ByteSize>::read(std::int64_t{-1}).value);
  EXPECT_FALSE(Codec<ByteSize>::read(1.5).value);
}

TEST(ConfigTexts, AreUtf8WithoutNul) {
  EXPECT_EQ(read<std::string>("žlutý"), "žlutý");
  EXPECT_EQ(read<std::string>(""), "");
  EXPECT_FALSE(read<std::string>("\xff"));
  EXPECT_FALSE(read<std::string>(std::string("a\0b", 3)));
  EXPECT_FALSE(read<std::filesystem::path>("\xc3\x28"));
  EXPECT_FALSE(Codec<std::string>::read(std::int64_t{1}).value);
}

TEST(ConfigLists, AreRepeatedOrSeparatedByCommas) {
  using List = std::vector<std::string>;
  EXPECT_EQ(read<List>("a, b,c"), (List{"a", "b", "c"}));
  EXPECT_EQ(Codec<List>::read(Untyped{{"a", "b,c"}}).value, (List{"a", "b", "c"}));
  EXPECT_EQ(Codec<List>::read(List{"with, comma"}).value, (List{"with, comma"}));
  EXPECT_EQ(Codec<List>::read(List{}).value, List{});
  EXPECT_FALSE(read<List>("a,,b"));
  EXPECT_FALSE(read<List>("a,"));
  EXPECT_FALSE(Codec<List>::read(std::string("a")).value);
  EXPECT_FALSE(Codec<List>::read(List{"\xff"}).value);
}

TEST(ConfigPrinting, IsReadBackAsTheSame) {
  const std::vector<std::chrono::nanoseconds> times = {
      0ns, 1ns, 999us, 1500ms, 61s, 61'500'000us, 90min, 10'000s, 36h, longest_duration};
  for (const auto time : times) {
    EXPECT_EQ(read<std::chrono::nanoseconds>(print_duration(time)), time) << print_duration(time);
  }
  EXPECT_EQ(print_duration(90min), "1h30m");
  EXPECT_EQ(print_duration(1500ms), "1500ms");
  for (const std::uint64_t bytes : {0ull, 1ull, 1000ull, 1024ull, 1536ull, 3ull << 40, ~0ull - 1}) {
    EXPECT_EQ(read<ByteSize>(print_byte_size({bytes})), ByteSize{bytes});
  }
  EXPECT_EQ(print_byte_size({262'144}), "256KiB");
  for (const double value : {0.0, 1.0, -2.5, 1e300, 5e-324, 0.1}) {
    EXPECT_EQ(read<double>(print_real(value)), value);
  }
  EXPECT_EQ(print_real(3), "3.0");
}

TEST(ConfigPrinting, OfATextCommandsNoTerminal) {
  EXPECT_EQ(print_string("a\x1B[31m \xC2\x9B \u202E \U000E0041 \u00E9"),
            R"("a\u001B[31m \u009B \u202E \U000E0041 é")");
}

TEST(ConfigRules, Addresses) {
  for (const char* text :
       {"127.0.0.1:7400", "[::1]:7400", "localhost:1", "backend-a:65535", "a.b_c.example:80"}) {
    EXPECT_TRUE(is_address(text)) << text;
  }
  for (const char* text :
       {"",           ":",      "127.0.0.1", ":7400", "127.0.0.1:",  "127.0.0.1:65536",
        "::1:1",      "[::1:1", "[::g]:1",   "[]:1",  "256.0.0.1:1", "1.2.3:1",
        "a b:1",      "a/b:1",  "-a:1",      "a:-1",  "a:+1",        "a: 1",
        "http://a:1", "a:b:1"}) {
    EXPECT_FALSE(is_address(text)) << text;
  }
  EXPECT_FALSE(is_address("127.0.0.1:0"));
  EXPECT_TRUE(is_listen_address("127.0.0.1:0"));
  EXPECT_FALSE(is_address(std::string(300, 'a') + ":1"));
  for (const char* text : {"0.0.0.0:7400", "[::]:0", "[::1]:7400", "localhost:7400"}) {
    EXPECT_TRUE(is_listen_address(text)) << text;
  }
  // A name says where others are.
  for (const char* text : {"example.org:7400", "0.0.0.0", "::1:7400", "127.0.0.1:70000", ":7400"}) {
    EXPECT_FALSE(is_listen_address(text)) << text;
  }
}

TEST(ConfigRules, SayWhatTheyExpect) {
  EXPECT_EQ(Rule<std::uint32_t>(range(1, 100)).expected, "a whole number from 1 to 100");
  EXPECT_EQ(Rule<std::chrono::milliseconds>(range(10ms, 1min)).expected,
            "a duration from \"10ms\" to \"1m\"");
  EXPECT_EQ(Rule<ByteSize>(at_least(ByteSize{1024})).expected, "a size, at least \"1KiB\"");
  EXPECT_EQ(Rule<std::string>(one_of({"a", "b", "c"})).expected, "a, b or c");
}

std::string wrong_with(std::string_view text) {
  return text == "even" ? "" : '"' + std::string(text) + "\" is odd";
}

TEST(ConfigRules, SayWhatIsWrongWhereTheReaderKnows) {
  const Rule<std::string> one = readable("something even", wrong_with);
  EXPECT_TRUE(one.holds("even"));
  EXPECT_FALSE(one.holds("three"));
  EXPECT_EQ(one.problem("three"), "\"three\" is odd");
  const Rule<std::vector<std::string>> list = readable("something even", wrong_with);
  EXPECT_TRUE(list.holds({"even", "even"}));
  EXPECT_FALSE(list.holds({"even", "three", "five"}));
  EXPECT_EQ(list.problem({"even", "three", "five"}), "\"three\" is odd");
}

TEST(ConfigSuggestions, CountEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("listen", "lisen"), 1u);
  EXPECT_EQ(edit_distance("listen", "litsen"), 1u);  // neighbours exchanged
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(ConfigSuggestions, OfferTheNearestIfNearEnough) {
  const std::vector<std::string> known = {"listen", "limits.sessions", "tls.key"};
  EXPECT_EQ(nearest("limit.sessions", known), "limits.sessions");
  EXPECT_EQ(nearest("lsiten", known), "listen");
  EXPECT_EQ(nearest("database", known), std::nullopt);
  EXPECT_EQ(nearest("x", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), known), std::nullopt);
}

}  // namespace
}  // namespace babilu::config
