#pragma once

#include <string>

#include "core/base/harmless.h"
#include "core/store/parameter.h"
#include "roles/peer/message.h"

/// How things look to a person.
namespace babilu::peer {

using babilu::harmless;
using babilu::harmless_excerpt;
using babilu::harmless_line;

/// When a message came, or went: "2026-03-01 17:30:05", and behind it "(sent 2026-02-28 23:10)"
/// where the sender's clock said something else by a minute or more; in the machine's time zone.
std::string moments(const Message& message);
/// "2026-01-31 14:03", in the machine's time zone.
std::string day_and_time(store::WallTime time);

}  // namespace babilu::peer
