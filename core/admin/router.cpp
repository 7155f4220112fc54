#include "core/admin/router.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace babilu::admin {

const char* to_string(Method method) noexcept {
  return method == Method::get ? "GET" : "POST";
}

namespace {

bool matches(const Router::Route& route, std::string_view path) {
  if (!route.path.ends_with("/*")) return route.path == path;
  const std::string_view folder = std::string_view(route.path).substr(0, route.path.size() - 1);
  return path.size() > folder.size() && path.starts_with(folder);
}

}  // namespace

void Router::add(Route route) {
  const bool taken = std::any_of(routes_.begin(), routes_.end(), [&](const Route& other) {
    return other.method == route.method && other.path == route.path;
  });
  if (taken || !route.path.starts_with('/')) {
    throw std::invalid_argument("admin: cannot add the path " + route.path);
  }
  routes_.push_back(std::move(route));
}

const Router::Route* Router::find(const Request& request) const noexcept {
  for (const Route& route : routes_) {
    if (matches(route, request.path) && request.method == to_string(route.method)) return &route;
  }
  return nullptr;
}

Access Router::access(std::string_view path) const noexcept {
  const auto is_open = [&](const Route& route) {
    return matches(route, path) && route.access == Access::open;
  };
  return std::any_of(routes_.begin(), routes_.end(), is_open) ? Access::open : Access::guarded;
}

Response Router::missing(const Request& request) const {
  std::string allow;
  std::string list;
  for (const Route& route : routes_) {
    if (matches(route, request.path)) {
      if (!allow.empty()) allow += ", ";
      allow += route.method == Method::get ? "GET, HEAD" : "POST";
    }
    if (route.about.empty()) continue;
    list += fmt::format("  {:<5}{:<12} {}\n", to_string(route.method), route.path, route.about);
  }
  if (!allow.empty()) {
    return {.status = 405, .body = "this path takes " + allow + "\n", .fields = {{"Allow", allow}}};
  }
  return {.status = 404, .body = "there is no such path; there are:\n" + list};
}

}  // namespace babilu::admin
