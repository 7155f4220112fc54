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

/// All of it, if it is at most `limit` bytes; else too_large().
boost::system::result<Secret, Problem> read_input(const std::string& name, std::size_t limit);

/// What is said of an input that one call does not take.
Problem too_large(const std::string& name, std::size_t limit);

/// Writes all of it as an OutputFile (core/base/output_file.h), with these permissions where the
/// file is made or replaced; absent: as it was, or the usual ones.
std::optional<Problem> write_output(const std::string& name, ByteView content,
                                    std::optional<unsigned> permissions = {});

/// Whether the standard output is a person's.
bool output_is_terminal(const std::string& name);

}  // namespace babilu::cli
