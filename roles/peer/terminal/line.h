#pragma once

#include <string>

namespace babilu::peer {

/// What a person, or a pipe, gives at once.
struct Line {
  std::string text;       ///< several lines when it was pasted
  bool pasted = false;    ///< its beginning was: it is said as it is, and never a command
  bool too_long = false;  ///< there was more, which has been thrown away
};

}  // namespace babilu::peer
