// babilu-bench [NAME]: runs one comparison, or all; prints its table and writes build/bench/NAME.json.
#include <cstdio>
#include <functional>
#include <map>

#include "bench/report.h"
#include "bench/versus/echo.h"

int main(int argc, char** argv) {
  using namespace babilu::bench;
  const std::filesystem::path binaries = std::filesystem::canonical("/proc/self/exe").parent_path();
  const std::filesystem::path results = binaries.parent_path() / "bench";
  const std::map<std::string, std::function<std::vector<Row>()>> comparisons{
      {"echo", [&] { return run_echo(binaries / "babilu"); }},
  };

  const std::string wanted = argc > 1 ? argv[1] : "";
  if (!wanted.empty() && !comparisons.contains(wanted)) {
    std::fprintf(stderr, "there is no comparison %s; there are:", wanted.c_str());
    for (const auto& [name, run] : comparisons) std::fprintf(stderr, " %s", name.c_str());
    std::fputc('\n', stderr);
    return 2;
  }
  try {
    for (const auto& [name, run] : comparisons) {
      if (!wanted.empty() && wanted != name) continue;
      const std::vector<Row> rows = run();
      print_table(name, rows);
      write_json(results, name, rows);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "babilu-bench: %s\n", error.what());
    return 1;
  }
}
