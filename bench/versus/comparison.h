#pragma once

#include <functional>
#include <map>
#include <vector>

#include "bench/callgrind.h"
#include "bench/directory.h"
#include "bench/report.h"
#include "bench/versus/rivals.h"

namespace babilu::bench {

/// What was measured of us and of a rival, in turns.
struct Pairs {
  std::vector<Sample> ours;
  std::vector<Sample> theirs;
};

using Figure = std::function<double(const Sample&)>;

/// The medians of a figure, and the median and spread of its ratios.
Row compare(std::string name, std::string unit, const Pairs& pairs, const Figure& figure);

/// Who our proxy is compared with.
struct Rival {
  std::filesystem::path other;  ///< another babilu; empty for HAProxy
};

/// Proxies on one core, load and backend on the other. Proxies are started when first needed, and
/// kept: whoever has no sessions uses nothing.
class Comparison {
 public:
  Comparison(std::filesystem::path program, std::filesystem::path load, int pairs,
             Rival rival = {});

  int pairs() const noexcept { return pairs_; }
  /// Each shape is measured once.
  const Pairs& requests(const Shape& shape);
  Pairs handshakes(const Handshake& shape);
  /// Instructions of a request, of us and of another babilu; measured once.
  Pairs instructions(const Shape& shape);
  /// With new processes for each sample.
  Pairs idle(bool tls);
  Pairs requests_of_nginx(const Shape& shape);

 private:
  Pairs in_turns(const std::function<Sample()>& ours, const std::function<Sample()>& theirs) const;
  Subject ours(bool tls);
  Subject theirs(bool tls);
  Subject haproxy(bool tls);
  Counted count(const std::filesystem::path& program, const Shape& shape,
                std::chrono::seconds time);
  Subject nginx();
  /// Whether HAProxy does better with splice(2). Measured once.
  bool splices();
  double cost(const Subject& subject) const;

  const int pairs_;
  const Rival rival_;
  Directory directory_;
  Load load_;
  Process backend_;
  Rivals rivals_;
  std::map<int, ProxyPtr> running_;  // by port
  std::map<Shape, Pairs> measured_;
  std::optional<bool> splices_;
};

}  // namespace babilu::bench
