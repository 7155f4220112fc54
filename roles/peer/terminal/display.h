#pragma once

#include <string>

#include "core/base/harmless.h"
#include "core/store/parameter.h"

/// How things look to a person.
namespace babilu::peer {

using babilu::harmless;
using babilu::harmless_excerpt;
using babilu::harmless_line;

/// "14:03:27", in the machine's time zone.
std::string time_of_day(store::WallTime time);
/// "2026-01-31 14:03", in the machine's time zone.
std::string day_and_time(store::WallTime time);

}  // namespace babilu::peer
