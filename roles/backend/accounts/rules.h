#pragma once

#include <string_view>

#include "core/rpc/status.h"

namespace babilu::backend {

/// Whether an account may have this name, and this password. The status says what is wrong and
/// what would be right.
rpc::Status check_name(std::string_view name);
rpc::Status check_password(std::string_view password);

}  // namespace babilu::backend
