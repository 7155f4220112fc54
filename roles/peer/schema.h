#pragma once

#include "core/store/schema.h"

namespace babilu::peer {

/// A profile's tables: who I am, whom I know, what was said.
extern const store::Schema profile_schema;

}  // namespace babilu::peer
