#include "core/admin/http.h"

#include <algorithm>

namespace babilu::admin {

bool Request::has_parameter(std::string_view name) const noexcept {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    if (parameter.substr(0, parameter.find('=')) == name) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace babilu::admin
