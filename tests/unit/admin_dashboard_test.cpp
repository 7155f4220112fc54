// The dashboard's files.
#include <algorithm>

#include "core/admin/dashboard.h"
#include "tests/unit/admin_support.h"

namespace babilu::admin {
namespace {

TEST(AdminDashboard, IsWholeAndNeedsNobodyElse) {
  Site site;
  site.lifecycle.advance(Phase::ready);
  site.play([](Site& s) -> task<> {
    const Reply page = co_await exchange(s, request("GET /"));
    EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_NE(page.body.find("</html>"), std::string::npos);
    std::size_t linked = 0;
    for (const Asset& asset : dashboard_assets()) {
      const Reply reply = co_await exchange(s, request("GET " + std::string(asset.path)));
      EXPECT_EQ(reply.status, 200U);
      EXPECT_EQ(reply.body, asset.content);
      EXPECT_EQ(reply.field("Content-Type"), asset.content_type);
      EXPECT_EQ(reply.body.find("https://"), std::string::npos) << asset.path;
      if (page.body.find('"' + std::string(asset.path) + '"') != std::string::npos) ++linked;
    }
    EXPECT_GE(linked, 2U) << "the page uses its style and its script";
    for (const std::string_view attribute : {"src=\"/", "href=\"/"}) {
      for (std::size_t at = page.body.find(attribute); at != std::string::npos;
           at = page.body.find(attribute, at + 1)) {
        const std::size_t begin = at + attribute.size() - 1;
        const std::string path = page.body.substr(begin, page.body.find('"', begin) - begin);
        EXPECT_EQ((co_await exchange(s, request("GET " + path))).status, 200U) << path;
      }
    }
  });
}

TEST(AdminDashboard, ItsScriptsImportEachOtherOnly) {
  const auto is_served = [](const std::string& path) {
    const auto assets = dashboard_assets();
    return std::any_of(assets.begin(), assets.end(),
                       [&](const Asset& asset) { return asset.path == path; });
  };
  std::size_t imports = 0;
  for (const Asset& asset : dashboard_assets()) {
    const std::string_view from = " from \".";
    for (std::size_t at = asset.content.find(from); at != std::string_view::npos;
         at = asset.content.find(from, at + 1)) {
      const std::size_t begin = at + from.size();
      const std::size_t end = asset.content.find('"', begin);
      const std::string path(asset.content.substr(begin, end - begin));
      EXPECT_TRUE(is_served(path)) << asset.path << " imports " << path;
      ++imports;
    }
  }
  EXPECT_GE(imports, 1U);
}

}  // namespace
}  // namespace babilu::admin
