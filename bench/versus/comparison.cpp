#include "bench/versus/comparison.h"

#include <fmt/format.h>

namespace babilu::bench {

namespace {

namespace port {
constexpr int backend = 17'600;
constexpr int ours = 17'610;  // and the next, for administration
constexpr int ours_tls = 17'612;
constexpr int ours_idle = 17'614;
constexpr int haproxy = 17'620;
constexpr int haproxy_tls = 17'621;
constexpr int haproxy_spliced = 17'622;
constexpr int haproxy_idle = 17'623;
constexpr int nginx = 17'630;
}  // namespace port

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

Comparison::Comparison(std::filesystem::path program, std::filesystem::path load, int pairs)
    : pairs_(pairs),
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
  const Subject them = haproxy(shape.tls);
  return measured_[shape] = in_turns([&] { return load_.requests(us, shape); },
                                     [&] { return load_.requests(them, shape); });
}

Pairs Comparison::handshakes(bool resume) {
  const Subject us = ours(true);
  const Subject them = haproxy(true);
  return in_turns([&] { return load_.handshakes(us, resume); },
                  [&] { return load_.handshakes(them, resume); });
}

Pairs Comparison::idle(bool tls) {
  const bool splice = !tls && splices();
  return in_turns(
      [&] {
        const ProxyPtr proxy = rivals_.start_ours(port::ours_idle, tls);
        return load_.idle(proxy->subject(), tls);
      },
      [&] {
        const ProxyPtr proxy = rivals_.start_haproxy(port::haproxy_idle, tls, splice);
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
  return running(running_, at, [&] { return rivals_.start_ours(at, tls); });
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
