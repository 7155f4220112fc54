#pragma once

#include "core/store/schema.h"

namespace babilu::backend {

/// Accounts and their keys: what registry writes, and identity and vault read.
extern const store::Schema account_schema;

}  // namespace babilu::backend
