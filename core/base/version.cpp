#include "core/base/version.h"

namespace babilu {

constinit const std::string_view version = BABILU_VERSION;

}  // namespace babilu
