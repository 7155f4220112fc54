#include "bench/versus/load.h"

#include <fmt/format.h>
#include <boost/json.hpp>

namespace babilu::bench {

namespace {

using namespace std::chrono_literals;

constexpr int attempts = 3;

Sample parse(const std::string& line) {
  Sample sample;
  const boost::json::value parsed = boost::json::parse(line);
  for (const auto& [name, value] : parsed.as_object()) {
    sample[name] = value.to_number<double>();
  }
  return sample;
}

void add(Arguments& arguments, const char* option, std::string value) {
  arguments.emplace_back(option);
  arguments.push_back(std::move(value));
}

Arguments about(const char* command, const Subject& subject, bool tls) {
  Arguments arguments{command};
  add(arguments, "--port", std::to_string(subject.port));
  if (subject.id != 0) add(arguments, "--measured", std::to_string(subject.id));
  if (tls) arguments.emplace_back("--tls");
  return arguments;
}

}  // namespace

Arguments Load::echo(int port) const {
  return {program_, "echo", "--port", std::to_string(port)};
}

void Load::wait_for(int port, bool tls) const {
  Arguments arguments{program_, "wait", "--port", std::to_string(port)};
  if (tls) arguments.emplace_back("--tls");
  run_program(arguments, load_core, 20s);
}

Arguments Load::requesting(const Subject& subject, const Shape& shape) const {
  Arguments arguments = about("requests", subject, shape.tls);
  add(arguments, "--sessions", std::to_string(shape.sessions));
  add(arguments, "--depth", std::to_string(shape.depth));
  if (shape.rate > 0) add(arguments, "--rate", std::to_string(shape.rate));
  return arguments;
}

Sample Load::requests(const Subject& subject, const Shape& shape) const {
  return run(requesting(subject, shape));
}

Sample Load::requests(const Subject& subject, const Shape& shape, std::chrono::seconds time) const {
  Arguments arguments = requesting(subject, shape);
  add(arguments, "--warm-up", "0");
  add(arguments, "--seconds", std::to_string(time.count()));
  return run(arguments);
}

Sample Load::handshakes(const Subject& subject, const Handshake& shape) const {
  Arguments arguments = about("handshakes", subject, false);
  add(arguments, "--group", shape.group);
  if (shape.resume) arguments.emplace_back("--resume");
  return run(arguments);
}

Sample Load::idle(const Subject& subject, bool tls) const {
  return run(about("idle", subject, tls));
}

/// A run with an error measures something else, so it is repeated; but not for ever.
Sample Load::run(const Arguments& arguments) const {
  Arguments all{program_};
  all.insert(all.end(), arguments.begin(), arguments.end());
  for (int i = 0; i < attempts; ++i) {
    Sample sample = parse(run_program(all, load_core, 120s));
    if (sample["errors"] == 0) return sample;
    fmt::print(stderr, "{:.0f} errors, once more: {}\n", sample["errors"],
               fmt::join(arguments, " "));
  }
  throw std::runtime_error(fmt::format("errors each time: {}", fmt::join(arguments, " ")));
}

}  // namespace babilu::bench
