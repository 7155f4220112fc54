#pragma once

#include <string>
#include <vector>

#include "core/admin/guard.h"
#include "core/admin/http.h"

namespace babilu::admin {

enum class Method { get, post };

const char* to_string(Method method) noexcept;

/// Which handler answers which path. Few paths, so a list.
class Router {
 public:
  struct Route {
    Method method = Method::get;
    std::string path;  ///< one that ends in "/*" stands for all below it
    Access access = Access::guarded;
    std::string about;  ///< one line, for the list of paths; empty hides the path there
    Handler handler;
  };

  /// Throws std::invalid_argument for a path that does not begin with a slash, or is taken.
  void add(Route route);

  /// Null when there is none: missing() says why.
  const Route* find(const Request& request) const noexcept;
  /// How the path is guarded, whatever the method; unknown paths are guarded.
  Access access(std::string_view path) const noexcept;
  /// 405 with Allow for a path that exists, else 404 with the list of paths.
  Response missing(const Request& request) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace babilu::admin
