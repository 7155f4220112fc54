#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/input_file.h"
#include "core/config/result.h"
#include "core/config/value.h"

namespace babilu::config {

/// A TOML file, flattened, in the order of its lines.
struct TomlFile {
  struct Entry {
    std::string key;    // "limits.sessions"
    std::string where;  // "proxy.toml:3:12"
    bool is_table = false;
    RawValue value;
  };

  std::vector<Entry> entries;  // a table comes before what is in it
  std::vector<Error> errors;   // unreadable, or not TOML: then there are no entries
};

/// At most 1 MiB is read.
TomlFile read_toml(const std::filesystem::path& path, Pipes pipes = Pipes::wait);

}  // namespace babilu::config
