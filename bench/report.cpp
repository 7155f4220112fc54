#include "bench/report.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace babilu::bench {

namespace {

std::string show(std::optional<double> value) {
  return value ? fmt::format("{:.2f}", *value) : std::string("-");
}

std::string show_target(const Row& row) {
  if (!row.target) return "-";
  return fmt::format("{}{:.2f}", row.at_least ? "≥" : "≤", *row.target);
}

template <class T>
boost::json::value to_json(const std::optional<T>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

}  // namespace

std::optional<double> Row::ratio() const {
  if (paired) return paired;
  if (!theirs || *theirs == 0) return std::nullopt;
  return ours / *theirs;
}

std::optional<bool> Row::holds() const {
  if (!target || !counts || !ratio()) return std::nullopt;
  return at_least ? *ratio() >= *target : *ratio() <= *target;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double spread(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return (*most - *least) / median(values);
}

void print_table(const std::string& name, const std::vector<Row>& rows) {
  std::size_t width = name.size();
  for (const Row& row : rows) width = std::max(width, row.row.size());
  fmt::print("{:<{}}  {:>9} {:>9} {:<14} {:>6} {:>6} {:>5} {:>6} {:>6}\n", name, width, "ours",
             "theirs", "unit", "ratio", "target", "holds", "pairs", "spread");
  for (const Row& row : rows) {
    const auto holds = row.holds();
    fmt::print("{:<{}}  {:>9.2f} {:>9} {:<14} {:>6} {:>6} {:>5} {:>6} {:>5.0f}%\n", row.row, width,
               row.ours, show(row.theirs), row.unit, show(row.ratio()), show_target(row),
               holds ? (*holds ? "yes" : "NO") : "-", row.pairs, 100 * row.spread);
  }
}

void write_json(const std::filesystem::path& directory, const std::string& name,
                const std::vector<Row>& rows) {
  boost::json::array list;
  for (const Row& row : rows) {
    list.push_back({{"row", row.row},
                    {"ours", row.ours},
                    {"theirs", to_json(row.theirs)},
                    {"unit", row.unit},
                    {"ratio", to_json(row.ratio())},
                    {"target", to_json(row.target)},
                    {"holds", to_json(row.holds())},
                    {"pairs", row.pairs},
                    {"spread", row.spread}});
  }
  std::filesystem::create_directories(directory);
  std::ofstream out(directory / (name + ".json"));
  out << boost::json::serialize(list) << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + (directory / name).string());
}

}  // namespace babilu::bench
