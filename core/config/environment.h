#pragma once

#include <functional>
#include <map>
#include <string>

namespace babilu::config {

/// The variables whose names begin with BABILU_.
using Environment = std::map<std::string, std::string, std::less<>>;

/// Those of this process. Not while another thread changes the environment.
Environment process_environment();

}  // namespace babilu::config
