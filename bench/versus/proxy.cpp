#include "bench/versus/proxy.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "bench/versus/chart.h"
#include "bench/versus/comparison.h"
#include "bench/versus/haproxy_version.h"

namespace babilu::bench {

namespace {

using Rows = std::vector<Row>;

/// The share of its core that a proxy must use for its rate to count as its limit.
constexpr double busy_enough = 0.95;
constexpr int many = 1'024;
/// Fewer are for a quick look.
constexpr int pairs_of_a_figure = 5;

const char* kind(bool tls) {
  return tls ? "TLS" : "plaintext";
}

double cost(const Sample& sample) {
  return sample.at("cpu_us") / sample.at("requests");
}
double rate(const Sample& sample) {
  return sample.at("requests") / sample.at("seconds");
}
double busy(const Sample& sample) {
  return sample.at("cpu_us") / 1e6 / sample.at("seconds");
}

double median_of(const std::vector<Sample>& samples, const Figure& figure) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(figure(sample));
  return median(values);
}

Row with_target(Row row, double target) {
  row.target = target;
  return row;
}

Row cost_row(Comparison& comparison, const std::string& name, const Shape& shape, double target) {
  return with_target(compare(fmt::format("{}, {}", name, kind(shape.tls)), "µs CPU/request",
                             comparison.requests(shape), cost),
                     target);
}

Rows lockstep(Comparison& comparison, bool tls, double target) {
  Rows rows;
  for (const int sessions : {64, 256, many}) {
    rows.push_back(cost_row(comparison, fmt::format("CPU, {} sessions in lockstep", sessions),
                            {.tls = tls, .sessions = sessions}, target));
  }
  return rows;
}

Rows pipelined(Comparison& comparison) {
  Rows rows;
  for (const bool tls : {false, true}) {
    rows.push_back(cost_row(comparison, "CPU, 64 sessions, 16 requests deep",
                            {.tls = tls, .sessions = 64, .depth = 16}, 0.7));
  }
  return rows;
}

Rows saturation(Comparison& comparison) {
  // With one, the load's core is the one that has no time left.
  constexpr int unanswered = 2;
  Rows rows;
  for (const int sessions : {64, many}) {
    const Pairs& pairs = comparison.requests({.sessions = sessions, .depth = unanswered});
    const double ours = median_of(pairs.ours, busy);
    const double theirs = median_of(pairs.theirs, busy);
    Row row =
        compare(fmt::format("rate at saturation, {} sessions {} deep (core {:.0f}/{:.0f} % busy)",
                            sessions, unanswered, 100 * ours, 100 * theirs),
                "requests/s", pairs, rate);
    row.target = 1.8;
    row.at_least = true;
    row.counts = std::min(ours, theirs) >= busy_enough;
    rows.push_back(std::move(row));
  }
  return rows;
}

/// What HAProxy does with all of its core.
double saturation_rate(Comparison& comparison, bool tls) {
  const Pairs& pairs = comparison.requests({.tls = tls, .sessions = many});
  return median_of(pairs.theirs, [](const Sample& sample) { return rate(sample) / busy(sample); });
}

/// All of the way, load and backend included: what these take is the same for both proxies, so less
/// of the whole is less of what a proxy adds. (Without a proxy the two share a core in another way,
/// and take longer: that difference says nothing.)
Row latency_row(Comparison& comparison, const Shape& shape) {
  Row row =
      compare(fmt::format("p99 latency at 50 % of HAProxy's saturation, {}", kind(shape.tls)), "µs",
              comparison.requests(shape), [](const Sample& sample) { return sample.at("p99_us"); });
  return with_target(std::move(row), 1.0);
}

Rows open_loop(Comparison& comparison) {
  Rows rows;
  for (const bool tls : {false, true}) {
    const double most = saturation_rate(comparison, tls);
    const Shape tenth{.tls = tls, .sessions = many, .rate = most * 0.1};
    const Shape half{.tls = tls, .sessions = many, .rate = most * 0.5};
    rows.push_back(
        cost_row(comparison, "CPU, 1024 sessions at 10 % of HAProxy's saturation", tenth, 0.7));
    rows.push_back(
        cost_row(comparison, "CPU, 1024 sessions at 50 % of HAProxy's saturation", half, 0.6));
    rows.push_back(latency_row(comparison, half));
  }
  return rows;
}

Rows memory(Comparison& comparison) {
  Rows rows;
  for (const bool tls : {false, true}) {
    Row row = compare(fmt::format("memory of an idle session, {}", kind(tls)), "KiB",
                      comparison.idle(tls),
                      [](const Sample& sample) { return sample.at("bytes_per_session") / 1024; });
    rows.push_back(with_target(std::move(row), tls ? 1.0 : 0.5));
  }
  return rows;
}

Rows handshakes(Comparison& comparison) {
  const auto cost = [](const Sample& sample) {
    return sample.at("cpu_us") / sample.at("handshakes") / 1e3;
  };
  Rows rows;
  const auto add = [&](const char* name, const Handshake& shape) {
    rows.push_back(with_target(compare(name, "ms CPU", comparison.handshakes(shape), cost), 1.0));
  };
  add("full TLS 1.3 handshake, X25519", {});
  if (haproxy_version().hybrid) {
    add("full TLS 1.3 handshake, X25519MLKEM768", {.group = "X25519MLKEM768"});
  }
  add("resumed TLS 1.3 handshake", {.resume = true});
  return rows;
}

Rows nginx(Comparison& comparison) {
  Rows rows;
  for (const int sessions : {64, many}) {
    rows.push_back(
        compare(fmt::format("CPU beside nginx, {} sessions in lockstep, plaintext", sessions),
                "µs CPU/request", comparison.requests_of_nginx({.sessions = sessions}), cost));
  }
  return rows;
}

struct Group {
  const char* name;
  std::function<Rows(Comparison&)> run;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> all{
      {"cpu", [](Comparison& comparison) { return lockstep(comparison, false, 0.5); }},
      {"tls", [](Comparison& comparison) { return lockstep(comparison, true, 0.6); }},
      {"pipeline", pipelined},
      {"open", open_loop},
      {"saturation", saturation},
      {"memory", memory},
      {"handshake", handshakes},
      {"nginx", nginx},
  };
  return all;
}

/// CPU beside the other program; where its pairs say too little, instructions as well.
void add_against(Comparison& comparison, const std::string& name, const Shape& shape, Rows& rows) {
  Row row = cost_row(comparison, "CPU, " + name, shape, 1.03);
  row.counts = row.is_steady();
  const bool counts = row.counts;
  rows.push_back(std::move(row));
  if (counts) return;
  rows.push_back(
      with_target(compare(fmt::format("instructions, {}, {}", name, kind(shape.tls)),
                          "instructions", comparison.instructions(shape),
                          [](const Sample& sample) { return sample.at("instructions"); }),
                  1.01));
}

const std::vector<Group>& groups_against() {
  const auto lockstep_of = [](bool tls) {
    return [tls](Comparison& comparison) {
      Rows rows;
      for (const int sessions : {64, 256, many}) {
        add_against(comparison, fmt::format("{} sessions in lockstep", sessions),
                    {.tls = tls, .sessions = sessions}, rows);
      }
      return rows;
    };
  };
  static const std::vector<Group> all{
      {"cpu", lockstep_of(false)},
      {"tls", lockstep_of(true)},
      {"pipeline",
       [](Comparison& comparison) {
         Rows rows;
         for (const bool tls : {false, true}) {
           add_against(comparison, "64 sessions, 16 requests deep",
                       {.tls = tls, .sessions = 64, .depth = 16}, rows);
         }
         return rows;
       }},
  };
  return all;
}

void check_names(const std::vector<Group>& groups, const std::set<std::string>& wanted) {
  std::set<std::string> known;
  for (const Group& group : groups) known.insert(group.name);
  for (const std::string& name : wanted) {
    if (known.contains(name)) continue;
    throw std::runtime_error(
        fmt::format("there are no rows {}; there are: {}", name, fmt::join(known, " ")));
  }
}

}  // namespace

std::vector<Row> run_proxy(const ProxyComparison& wanted) {
  const bool against = !wanted.against.empty();
  const std::vector<Group>& chosen = against ? groups_against() : groups();
  check_names(chosen, wanted.rows);
  if (!std::filesystem::exists(wanted.load)) {
    throw std::runtime_error("babilu-load is missing: install libssl-dev and build again");
  }
  if (!against) {
    const HaproxyVersion version = haproxy_version();
    fmt::print("beside HAProxy {} on {}\n", version.haproxy, version.openssl);
  }
  Comparison comparison(wanted.program, wanted.load, wanted.pairs, {.other = wanted.against});
  Rows rows;
  for (const Group& group : chosen) {
    if (!wanted.rows.empty() && !wanted.rows.contains(group.name)) continue;
    fmt::print(stderr, "measuring: {}\n", group.name);
    for (Row& row : group.run(comparison)) rows.push_back(std::move(row));
  }
  const bool all = !against && wanted.rows.empty() && wanted.pairs >= pairs_of_a_figure;
  if (all && !wanted.chart.empty()) write_chart(wanted.chart, rows, haproxy_version().title());
  return rows;
}

}  // namespace babilu::bench
