// A program's configuration from its three sources: all or nothing, within its rules, and what is
// printed is read as the same; what is wrong is said without harm.
//
// Input, parted by NUL: the TOML file; then arguments of the command line, and variables as
// NAME=value. Parts with a slash are left out: no other file is opened.
#include <algorithm>
#include <set>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/utf8.h"
#include "core/config/schema.h"
#include "core/config/toml_file.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using namespace std::chrono_literals;

/// A file in memory, by a name that is always the same.
class File {
 public:
  explicit File(std::string_view text) {
    static const int descriptor = memfd_create("configuration", MFD_CLOEXEC);
    static const std::string name = "/proc/self/fd/" + std::to_string(descriptor);
    path = name;
    const bool written =
        ftruncate(descriptor, 0) == 0 &&
        pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
    check(written, "the file is written");
  }
  std::string path;
};

enum class Format { text, json };

struct Values {
  std::string listen = "127.0.0.1:7400";
  std::vector<std::string> backends = {"127.0.0.1:7401"};
  std::filesystem::path database;
  bool verbose = false;
  Format format = Format::text;
  std::optional<std::uint64_t> seed;
  std::uint32_t sessions = 1000;
  config::ByteSize frame{256 * 1024};
  double load = 0.5;
  std::chrono::milliseconds idle = 30s;

  friend bool operator==(const Values&, const Values&) = default;
};

struct Program {
  Values values;
  config::SecretSource token;
  config::Schema schema{"babilu fuzz"};

  Program() {
    schema.option("listen", values.listen, "address to listen on", config::listen_address());
    schema.option("backends", values.backends, "backends to relay to", config::address());
    schema.option("database", values.database, "the database file");
    schema.option("verbose", values.verbose, "say more");
    schema.option("format", values.format, "of the log",
                  config::choices<Format>({{"text", Format::text}, {"json", Format::json}}));
    schema.option("seed", values.seed, "of the randomness");
    schema.secret("token", token, "what the admin endpoint asks for");
    config::Section limits = schema.section("limits", "what a client may use");
    limits.option("sessions", values.sessions, "sessions at once", config::range(1, 100'000));
    limits.option("max_frame", values.frame, "bytes", config::at_least(config::ByteSize{1024}));
    limits.option("load", values.load, "share of a core", config::range(0.0, 1.0));
    limits.option("idle", values.idle, "time without a frame", config::range(1s, 1h));
  }
};

bool is_clean(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

/// The table that a key is in; empty for the root, and for keys with quotes.
std::string table_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos || key.find('"') != std::string::npos ? "" : key.substr(0, dot);
}

void check_file(std::string_view text) {
  const File file(text);
  const config::TomlFile read = config::read_toml(file.path);
  check(read.errors.empty() || read.entries.empty(), "there are entries, or errors");
  for (const config::Error& error : read.errors) {
    check(error.where.starts_with(file.path + ":"), "an error has its place");
    check(is_clean(error.message()), "what is wrong is said without harm");
  }
  std::set<std::string> tables{""};
  for (const auto& entry : read.entries) {
    check(entry.where.starts_with(file.path + ":"), "an entry has its place");
    check(is_clean(entry.key) && !entry.key.empty(), "a key is shown without harm");
    check(is_clean(config::describe(entry.value)), "a value is shown without harm");
    check(tables.contains(table_of(entry.key)), "a table comes before what is in it");
    if (entry.is_table) tables.insert(entry.key);
  }
}

struct Given {
  std::string_view file;
  std::vector<std::string> arguments;
  config::Environment environment;
};

bool is_variable(std::string_view part) {
  const std::string_view name = part.substr(0, part.find('='));
  return name.size() < part.size() && name.starts_with("BABILU_") && name != "BABILU_CONFIG" &&
         std::ranges::all_of(
             name,
             [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

Given parts_of(std::string_view text) {
  Given given;
  given.file = text.substr(0, text.find('\0'));
  for (text.remove_prefix(given.file.size()); !text.empty();) {
    text.remove_prefix(1);
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(part.size());
    if (part.find('/') != std::string_view::npos || part.starts_with("--config")) continue;
    if (is_variable(part)) {
      const std::size_t equals = part.find('=');
      given.environment[std::string(part.substr(0, equals))] = part.substr(equals + 1);
    } else {
      given.arguments.emplace_back(part);
    }
  }
  return given;
}

void check_rules(const Values& values) {
  check(config::is_listen_address(values.listen), "one can listen there");
  for (const std::string& backend : values.backends) {
    check(config::is_address(backend), "a backend can be dialed");
  }
  check(values.sessions >= 1 && values.sessions <= 100'000 && values.frame.bytes >= 1024 &&
            values.load >= 0 && values.load <= 1 && values.idle >= 1s && values.idle <= 1h,
        "limits are kept to");
}

void check_printed(const Program& program) {
  const std::string printed = program.schema.print();
  check(is_utf8(printed), "what is printed is UTF-8");
  const File file(printed);
  Program again;
  const config::Result result = again.schema.load({"--config", file.path}, {});
  check(result.loaded(), "what is printed is a configuration");
  check(again.values == program.values, "with the same values");
}

void check_errors(const config::Result& result) {
  check(!result.errors.empty(), "a failure has its reason");
  for (const config::Error& error : result.errors) {
    // An argument is shown to whoever gave it.
    check(error.where == "command line" || is_clean(error.message()),
          "what is wrong is said without harm");
  }
}

void check_loaded(const Given& given) {
  const File file(given.file);
  std::vector<std::string> arguments = given.arguments;
  arguments.insert(arguments.begin(), {"--config", file.path});
  Program program;
  const config::Result result = program.schema.load(arguments, given.environment);
  using Outcome = config::Result::Outcome;
  if (result.outcome != Outcome::loaded) {
    check(program.values == Values{}, "nothing is set when not all is right");
  }
  if (result.outcome == Outcome::failed) check_errors(result);
  if (result.outcome != Outcome::loaded) return;
  check(result.errors.empty(), "what is loaded has no errors");
  check_rules(program.values);
  check_printed(program);
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  const Given given = parts_of(text_of({data, size}));
  check_file(given.file);
  check_loaded(given);
  return 0;
}
