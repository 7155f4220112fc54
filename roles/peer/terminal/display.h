#pragma once

#include <string>
#include <string_view>

#include "core/store/parameter.h"

/// How things look to a person.
namespace babilu::peer {

/// The text with everything in it that would command a terminal, or disguise itself, replaced by
/// something to see: control characters become their pictures ("␛"), characters that change the
/// direction of writing or cannot be seen, and malformed bytes, become U+FFFD. Lines after the
/// first are indented, so that none can pass for somebody else's message. For whatever comes from
/// the other side.
std::string harmless(std::string_view text);

/// The same, on one line of at most `most` characters, with "…" after them when there is more.
std::string harmless_excerpt(std::string_view text, std::size_t most = 60);

/// "14:03:27", in the machine's time zone.
std::string time_of_day(store::WallTime time);
/// "2026-01-31 14:03", in the machine's time zone.
std::string day_and_time(store::WallTime time);

}  // namespace babilu::peer
