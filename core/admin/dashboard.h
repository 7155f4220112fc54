#pragma once

#include <span>
#include <string_view>

namespace babilu::admin {

/// A file of the dashboard, compiled into the program.
struct Asset {
  std::string_view path;  ///< "/" for index.html, else "/" and the file's name
  std::string_view content_type;
  std::string_view content;
};

/// All of core/admin/dashboard.
std::span<const Asset> dashboard_assets() noexcept;

}  // namespace babilu::admin
