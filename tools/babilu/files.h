#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"

/// What commands read and write. "-" is the standard input or output; so is an empty name.
namespace babilu::cli {

/// What went wrong with a file or a terminal, for people: "report.bin: Permission denied".
struct Problem {
  std::string text;
};

/// All of it, if it is at most `limit` bytes.
boost::system::result<Secret, Problem> read_input(const std::string& name, std::size_t limit);

/// Writes all of it, or leaves what was there: a regular file is replaced at once, a device or pipe
/// is written to.
std::optional<Problem> write_output(const std::string& name, ByteView content);

/// Replaces a file, or makes it, with these permissions; its reader sees the old one or the new.
std::optional<Problem> replace_file(const std::filesystem::path& place, ByteView content,
                                    unsigned permissions);

/// Whether the standard output is a person's.
bool output_is_terminal(const std::string& name);

}  // namespace babilu::cli
