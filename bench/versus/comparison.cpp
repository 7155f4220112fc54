#include "bench/versus/comparison.h"

#include <fmt/format.h>

namespace babilu::bench {

namespace {

namespace port {
constexpr int backend = 17'600;
constexpr int ours = 17'610;  // and the next, for administration
constexpr int ours_tls = 17'612;
constexpr int ours_idle = 17'614;
constexpr int counted = 17'616;
constexpr int other = 17'640;  // as ours
constexpr int other_tls = 17'642;
constexpr int other_idle = 17'644;
constexpr int haproxy = 17'620;
constexpr int haproxy_tls = 17'621;
constexpr int haproxy_spliced = 17'622;
constexpr int haproxy_idle = 17'623;
constexpr int nginx = 17'630;
}  // namespace port

/// Runs under callgrind.
constexpr std::chrono::seconds shorter{3};
constexpr std::chrono::seconds longer{9};

/// Runs that decide whether HAProxy splices.
constexpr int splice_runs = 3;

template <class Start>
Subject running(std::map<int, ProxyPtr>& proxies, int port, Start start) {
  ProxyPtr& proxy = proxies[port];
  if (!proxy) proxy = start();
  return proxy->subject();
}

}  // namespace

Row compare(std::string name, std::string unit, const Pairs& pairs, const Figure& figure) {
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < pairs.ours.size(); ++i) {
    ours.push_back(figure(pairs.ours[i]));
    theirs.push_back(figure(pairs.theirs[i]));
    ratios.push_back(ours.back() / theirs.back());
  }
  Row row;
  row.row = std::move(name);
  row.ours = median(ours);
  row.theirs = median(theirs);
  row.unit = std::move(unit);
  row.pairs = static_cast<int>(ratios.size());
  row.spread = spread(ratios);
  row.paired = median(ratios);
  return row;
}

Comparison::Comparison(std::filesystem::path program, std::filesystem::path load, int pairs,
                       Rival rival)
    : pairs_(pairs),
      rival_(std::move(rival)),
      load_(std::move(load)),
      backend_(load_.echo(port::backend), load_core),
      rivals_(std::move(program), directory_.path(), directory_.make_certificates(), load_,
              port::backend) {
  load_.wait_for(port::backend, false);
}

const Pairs& Comparison::requests(const Shape& shape) {
  const auto known = measured_.find(shape);
  if (known != measured_.end()) return known->second;
  const Subject us = ours(shape.tls);
  const Subject them = theirs(shape.tls);
  return measured_[shape] = in_turns([&] { return load_.requests(us, shape); },
                                     [&] { return load_.requests(them, shape); });
}

Pairs Comparison::handshakes(const Handshake& shape) {
  const Subject us = ours(true);
  const Subject them = theirs(true);
  return in_turns([&] { return load_.handshakes(us, shape); },
                  [&] { return load_.handshakes(them, shape); });
}

Counted Comparison::count(const std::filesystem::path& program, const Shape& shape,
                          std::chrono::seconds time) {
  const std::filesystem::path file = directory_.path() / "callgrind";
  Counted result;
  {
    const ProxyPtr proxy = rivals_.start_counted(program, port::counted, shape.tls, file);
    result.requests = load_.requests({.port = port::counted}, shape, time).at("all_requests");
  }
  result.instructions = read_instructions(file);
  return result;
}

Pairs Comparison::instructions(const Shape& shape) {
  const auto measure = [&](const std::filesystem::path& program) {
    const Counted fewer = count(program, shape, shorter);
    return Sample{{"instructions", instructions_per_request(fewer, count(program, shape, longer))}};
  };
  return {.ours = {measure(rivals_.program())}, .theirs = {measure(rival_.other)}};
}

Pairs Comparison::idle(bool tls) {
  const bool splice = rival_.other.empty() && !tls && splices();
  return in_turns(
      [&] {
        const ProxyPtr proxy = rivals_.start_ours(rivals_.program(), port::ours_idle, tls);
        return load_.idle(proxy->subject(), tls);
      },
      [&] {
        const ProxyPtr proxy = rival_.other.empty()
                                   ? rivals_.start_haproxy(port::haproxy_idle, tls, splice)
                                   : rivals_.start_ours(rival_.other, port::other_idle, tls);
        return load_.idle(proxy->subject(), tls);
      });
}

Pairs Comparison::requests_of_nginx(const Shape& shape) {
  const Subject us = ours(false);
  const Subject them = nginx();
  return in_turns([&] { return load_.requests(us, shape); },
                  [&] { return load_.requests(them, shape); });
}

Pairs Comparison::in_turns(const std::function<Sample()>& ours,
                           const std::function<Sample()>& theirs) const {
  Pairs pairs;
  for (int i = 0; i < pairs_; ++i) {
    pairs.ours.push_back(ours());
    pairs.theirs.push_back(theirs());
  }
  return pairs;
}

Subject Comparison::ours(bool tls) {
  const int at = tls ? port::ours_tls : port::ours;
  return running(running_, at, [&] { return rivals_.start_ours(rivals_.program(), at, tls); });
}

Subject Comparison::theirs(bool tls) {
  if (rival_.other.empty()) return haproxy(tls);
  const int at = tls ? port::other_tls : port::other;
  return running(running_, at, [&] { return rivals_.start_ours(rival_.other, at, tls); });
}

Subject Comparison::haproxy(bool tls) {
  if (!tls && splices()) {
    return running(running_, port::haproxy_spliced,
                   [&] { return rivals_.start_haproxy(port::haproxy_spliced, false, true); });
  }
  const int at = tls ? port::haproxy_tls : port::haproxy;
  return running(running_, at, [&] { return rivals_.start_haproxy(at, tls, false); });
}

Subject Comparison::nginx() {
  return running(running_, port::nginx, [&] { return rivals_.start_nginx(port::nginx); });
}

double Comparison::cost(const Subject& subject) const {
  const Sample sample = load_.requests(subject, {});
  return sample.at("cpu_us") / sample.at("requests");
}

bool Comparison::splices() {
  if (splices_) return *splices_;
  const ProxyPtr copying = rivals_.start_haproxy(port::haproxy, false, false);
  const ProxyPtr splicing = rivals_.start_haproxy(port::haproxy_spliced, false, true);
  std::vector<double> off;
  std::vector<double> on;
  for (int i = 0; i < splice_runs; ++i) {
    off.push_back(cost(copying->subject()));
    on.push_back(cost(splicing->subject()));
  }
  splices_ = median(on) < median(off);
  fmt::print("HAProxy runs {} splicing: {:.2f} µs CPU/request without, {:.2f} with\n",
             *splices_ ? "with" : "without", median(off), median(on));
  return *splices_;
}

}  // namespace babilu::bench
