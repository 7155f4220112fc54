#pragma once

#include <string_view>

namespace babilu {

/// The version of the libraries, such as "0.2.0": that of the project in CMakeLists.txt.
extern const std::string_view version;

}  // namespace babilu
