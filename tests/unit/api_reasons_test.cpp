// The tables of reasons, and what docs/protocol.md says of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/rpc/reasons.h"
#include "core/server/reasons.h"
#include "roles/api/reasons.h"

namespace babilu {
namespace {

using rpc::Code;
using rpc::Reason;

constexpr std::string_view begin_mark =
    "<!-- The tables are generated; see tests/unit/api_reasons_test.cpp -->\n";
constexpr std::string_view end_mark = "<!-- End of what is generated -->\n";

template <class... Tables>
std::vector<Reason> reasons_of(const Tables&... tables) {
  std::vector<Reason> all;
  const auto add = [&](const auto& table) {
    for (const Reason& reason : rpc::all_of(table)) all.push_back(reason);
  };
  (add(tables), ...);
  return all;
}

std::vector<Reason> all_reasons() {
  return reasons_of(rpc::reasons, server::reasons, api::reasons, api::peer_reasons);
}

std::string place_of(const Reason& reason) {
  switch (reason.place()) {
    case Reason::Place::reply:
      return "reply";
    case Reason::Place::goaway:
      return "goaway";
    case Reason::Place::either:
      return "reply, goaway";
    case Reason::Place::nowhere:
      break;
  }
  return "";
}

void write_codes(std::string& out) {
  out += "| value | status | meaning |\n|---|---|---|\n";
  for (std::uint8_t value = 0; value < rpc::code_count; ++value) {
    const Code code = static_cast<Code>(value);
    out += fmt::format("| {} | `{}` | {} |\n", value, rpc::to_string(code), rpc::meaning_of(code));
  }
}

void write_reasons(std::string& out, std::string_view title, const std::vector<Reason>& reasons) {
  out += fmt::format("\n{}\n\n| reason | status | in | meaning |\n|---|---|---|---|\n", title);
  for (const Reason& reason : reasons) {
    if (reason.place() == Reason::Place::nowhere) continue;
    out += fmt::format("| `{}` | `{}` | {} | {} |\n", reason.word(), rpc::to_string(reason.code()),
                       place_of(reason), reason.meaning());
  }
}

void write_local(std::string& out) {
  out +=
      "\nNever on the wire, but in what the project's own programs print and log:\n\n"
      "| reason | status | meaning |\n|---|---|---|\n";
  for (const Reason& reason : all_reasons()) {
    if (reason.place() != Reason::Place::nowhere) continue;
    out += fmt::format("| `{}` | `{}` | {} |\n", reason.word(), rpc::to_string(reason.code()),
                       reason.meaning());
  }
}

std::string tables() {
  std::string out;
  write_codes(out);
  write_reasons(out, "On any connection:", reasons_of(rpc::reasons));
  write_reasons(
      out, "From a proxy and the services behind it:", reasons_of(server::reasons, api::reasons));
  write_reasons(out, "Between peers:", reasons_of(api::peer_reasons));
  write_local(out);
  return out;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Reasons, StandInTheProtocolPage) {
  const std::string path = SOURCE_TREE "/docs/protocol.md";
  std::string page = read(path);
  const std::size_t mark = page.find(begin_mark);
  const std::size_t end = page.find(end_mark);
  ASSERT_TRUE(mark != std::string::npos && end != std::string::npos && mark < end) << path;
  const std::size_t begin = mark + begin_mark.size();
  if (page.substr(begin, end - begin) == tables()) return;
  if (std::getenv("BABILU_WRITE_DOCS") != nullptr) {
    page.replace(begin, end - begin, tables());
    std::ofstream(path) << page;
    return;
  }
  FAIL() << "the tables in " << path << " are not those of the constants; write them anew:\n"
         << "  BABILU_WRITE_DOCS=1 " << std::filesystem::read_symlink("/proc/self/exe").string()
         << " --gtest_filter=Reasons.StandInTheProtocolPage";
}

/// The comments of the services' definitions, on one line.
std::string comments() {
  std::string text;
  for (const char* name : {"echo", "identity", "peer", "registry", "vault"}) {
    std::stringstream lines(read(fmt::format("{}/roles/api/{}.proto", SOURCE_TREE, name)));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t comment = line.find("//");
      if (comment != std::string::npos) text += line.substr(comment + 2);
    }
  }
  return text;
}

/// What a pattern finds, one after the other.
std::vector<std::smatch> all_in(const std::string& text, const std::regex& pattern) {
  return {std::sregex_iterator(text.begin(), text.end(), pattern), std::sregex_iterator()};
}

TEST(Reasons, ThatTheServicesNameAreTheseWithTheseStatuses) {
  static const std::regex status("([a-z_]+) \\(([^()]*)\\)");
  static const std::regex word("[a-z]+(_[a-z0-9]+)+");
  std::set<std::string> codes;
  for (std::uint8_t value = 0; value < rpc::code_count; ++value) {
    codes.emplace(rpc::to_string(static_cast<Code>(value)));
  }
  std::set<std::pair<std::string, std::string>> known;
  for (const Reason& reason : all_reasons()) {
    known.emplace(rpc::to_string(reason.code()), reason.word());
  }
  const std::string text = comments();
  std::size_t found = 0;
  for (const std::smatch& listed : all_in(text, status)) {
    if (!codes.contains(listed[1])) continue;
    const std::string words = listed[2];
    for (const std::smatch& one : all_in(words, word)) {
      ++found;
      EXPECT_TRUE(known.contains({listed[1], one[0]})) << listed[1] << " (" << one[0] << ")";
    }
  }
  EXPECT_GT(found, 30u);
}

TEST(Reasons, OfServicesAreNamedInTheirDefinitions) {
  const std::vector<Reason> all = reasons_of(api::reasons);
  auto first = std::ranges::find(all, api::reasons.name_invalid.word(), &Reason::word);
  std::vector<Reason> expected(first, all.end());
  std::ranges::copy(reasons_of(api::peer_reasons), std::back_inserter(expected));
  const std::string text = comments();
  for (const Reason& reason : expected) {
    if (reason.place() == Reason::Place::nowhere) continue;
    const std::regex word(fmt::format("\\b{}\\b", reason.word()));
    EXPECT_TRUE(std::regex_search(text, word)) << reason.word();
  }
}

/// Files of core and roles where a table of reasons is defined.
std::set<std::string> files_with_tables() {
  static const std::regex table("struct \\w+ : (rpc::)?ReasonTable");
  std::set<std::string> found;
  for (const char* part : {"core", "roles"}) {
    const std::filesystem::path root(SOURCE_TREE);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / part)) {
      const std::string name = entry.path().string();
      if (!name.ends_with(".h") && !name.ends_with(".cpp")) continue;
      if (std::regex_search(read(name), table)) {
        found.insert(entry.path().lexically_relative(root).string());
      }
    }
  }
  return found;
}

TEST(Reasons, StandInNoOtherTables) {
  EXPECT_EQ(
      files_with_tables(),
      (std::set<std::string>{"core/rpc/reasons.h", "core/server/reasons.h", "roles/api/reasons.h"}))
      << "all_reasons() here must go through every table";
}

TEST(Reasons, AreWordsThatMeanOneThing) {
  std::set<std::pair<std::string_view, Code>> seen;
  for (const Reason& reason : all_reasons()) {
    EXPECT_TRUE(seen.emplace(reason.word(), reason.code()).second) << reason.word() << " twice";
    EXPECT_EQ(reason.word().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
              std::string_view::npos)
        << reason.word();
    EXPECT_FALSE(reason.word().empty() || reason.meaning().empty());
    EXPECT_EQ(reason.meaning().find_first_of("|\n"), std::string_view::npos) << reason.word();
    EXPECT_NE(reason.code(), Code::ok) << reason.word();
  }
  EXPECT_GT(seen.size(), 100u);
}

}  // namespace
}  // namespace babilu
