// babilu-bench [NAME] [--rows A,B] [--pairs N] [--against PROGRAM]: runs one comparison, or all;
// prints its table and writes build/bench/NAME.json, or NAME-against.json. BABILU_PROGRAM is the
// program that is measured, when it is not the one beside this.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include <CLI/CLI.hpp>

#include "bench/report.h"
#include "bench/versus/echo.h"
#include "bench/versus/proxy.h"

namespace {

using namespace babilu::bench;
using Comparisons = std::map<std::string, std::function<std::vector<Row>()>>;

std::filesystem::path program_beside(const std::filesystem::path& binaries) {
  const char* chosen = std::getenv("BABILU_PROGRAM");
  const std::filesystem::path program = chosen != nullptr ? chosen : binaries / "babilu";
  // babilu itself would take it for one of its options.
  unsetenv("BABILU_PROGRAM");
  return program;
}

int run(const Comparisons& comparisons, const std::string& wanted,
        const std::filesystem::path& results, bool against) {
  try {
    for (const auto& [name, measure] : comparisons) {
      if (!wanted.empty() && wanted != name) continue;
      const std::vector<Row> rows = measure();
      print_table(name, rows);
      write_json(results, against ? name + "-against" : name, rows);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "babilu-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path binaries = std::filesystem::canonical("/proc/self/exe").parent_path();
  const std::filesystem::path build = binaries.parent_path();
  const std::filesystem::path program = program_beside(binaries);
  ProxyComparison proxy{.program = program,
                        .load = binaries / "babilu-load",
                        .chart = build / "bench" / "proxy-benchmark.svg"};
  const Comparisons comparisons{
      {"echo",
       [&] {
         return proxy.against.empty() ? run_echo(program)
                                      : run_echo_against(program, proxy.against, proxy.pairs);
       }},
      {"proxy", [&] { return run_proxy(proxy); }},
  };

  CLI::App app("Measures Babilu beside others.");
  std::string wanted;
  std::vector<std::string> names;
  for (const auto& [name, measure] : comparisons) names.push_back(name);
  app.add_option("name", wanted, "the comparison; all without one")->check(CLI::IsMember(names));
  app.add_option("--rows", proxy.rows,
                 "proxy: only these: cpu tls pipeline open saturation memory handshake nginx; "
                 "against another: cpu tls pipeline")
      ->delimiter(',');
  CLI::Option* pairs =
      app.add_option("--pairs", proxy.pairs, "how often each is measured (5; against another 15)")
          ->check(CLI::Range(1, 99));
  app.add_option("--against", proxy.against, "another babilu, to compare with instead")
      ->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  if (!proxy.against.empty() && pairs->empty()) proxy.pairs = 15;
  return run(comparisons, wanted, build / "bench", !proxy.against.empty());
}
