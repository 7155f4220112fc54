#pragma once

#include <filesystem>
#include <string>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"

namespace babilu {

/// Whether a pipe may be read, which gives what it has once, when somebody has written it.
enum class Pipes { wait, refuse };

/// All of a file of at most `limit` bytes, which may hold a secret: no copy of it stays. The error
/// is for people: "No such file or directory".
///
/// With `wait`, a pipe or a terminal is read to its end, for as long as that takes; signals that
/// the process holds back (core/runtime/signals.h) come through meanwhile. With `refuse`, which is
/// for a loop that must go on, this never waits.
boost::system::result<Secret, std::string> read_file(const std::filesystem::path& path,
                                                     std::size_t limit, Pipes pipes = Pipes::wait);

}  // namespace babilu
