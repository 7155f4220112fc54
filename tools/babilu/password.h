#pragma once

#include <string>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"
#include "tools/babilu/files.h"

namespace babilu::config {
struct SecretSource;
}

namespace babilu::cli {

enum class Asked { once, twice };

/// The password that was configured (a file, or BABILU_PASSWORD), else what the person at the
/// terminal types, unseen; twice, where a mistake would lock them out. The error says what to do.
boost::system::result<Secret, Problem> obtain_password(const config::SecretSource& configured,
                                                       const std::string& prompt, Asked asked);

}  // namespace babilu::cli
