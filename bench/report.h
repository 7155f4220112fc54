#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace babilu::bench {

/// Pairs that spread further say more of the machine than of the program; so do fewer of them.
inline constexpr double steady = 0.05;
inline constexpr int pairs_that_say_something = 3;

/// One figure of a comparison. Without a rival or a target, only what was measured.
struct Row {
  std::string row;               ///< what was measured, and how
  double ours = 0;               ///< median
  std::optional<double> theirs;  ///< median, in the same run
  std::string unit;
  std::optional<double> target;  ///< for ours / theirs
  bool at_least = false;         ///< whether the target is the least, not the most
  bool counts = true;            ///< whether it was measured well enough to be judged
  int pairs = 0;                 ///< how often it was measured
  double spread = 0;             ///< (largest − smallest) / median of ours, or of the ratio
  std::optional<double> paired;  ///< the median of each pair's ratio

  /// Whether there were enough pairs, and close enough together.
  bool is_steady() const { return pairs >= pairs_that_say_something && spread <= steady; }
  /// That of the pairs, else of the medians.
  std::optional<double> ratio() const;
  /// Whether the target is met; nothing without one, or when the row does not count.
  std::optional<bool> holds() const;
};

double median(std::vector<double> values);
double spread(const std::vector<double>& values);

void print_table(const std::string& name, const std::vector<Row>& rows);
/// Writes DIRECTORY/NAME.json.
void write_json(const std::filesystem::path& directory, const std::string& name,
                const std::vector<Row>& rows);

}  // namespace babilu::bench
