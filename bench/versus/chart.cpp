#include "bench/versus/chart.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

namespace babilu::bench {

namespace {

constexpr int width = 900;
constexpr int label_width = 450;
constexpr int bar_width = 310;  // of a ratio of `widest`
constexpr double widest = 2.4;  // longer bars are cut
constexpr int value_at = 780;
constexpr int row_height = 26;
constexpr int top = 64;

/// Colours that read on white and on black; text follows the reader's scheme.
constexpr const char* style = R"(<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.note, .value { fill: #59636e; }
.good { fill: #1a7f5a; } .bad { fill: #c2603c; } .plain { fill: #7b8794; }
.target { stroke: #1f2328; stroke-width: 2; } .even { stroke: #8c959f; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .note, .value { fill: #9198a1; } .target { stroke: #e6edf3; }
}
</style>
)";

double x_of(double ratio) {
  return label_width + bar_width * std::min(ratio, widest) / widest;
}

std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

const char* colour(const Row& row) {
  const auto holds = row.holds();
  if (!holds) return "plain";
  return *holds ? "good" : "bad";
}

std::string bar(const Row& row, int y) {
  const double ratio = *row.ratio();
  std::string text = fmt::format(
      "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n"
      "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"14\" rx=\"2\"/>\n"
      "<text class=\"value\" x=\"{}\" y=\"{}\">{:.2f}</text>\n",
      label_width - 10, y + 12, escape(row.row), colour(row), label_width, y + 1,
      x_of(ratio) - label_width, value_at, y + 12, ratio);
  text += fmt::format(
      "<line class=\"target\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>\n"
      "<text class=\"note\" x=\"{3}\" y=\"{4}\">{5} {6:.2f}</text>\n",
      x_of(*row.target), y - 2, y + 18, value_at + 44, y + 12, row.at_least ? "≥" : "≤",
      *row.target);
  return text;
}

}  // namespace

void write_chart(const std::filesystem::path& file, const std::vector<Row>& rows,
                 const std::string& rival) {
  std::string bars;
  int y = top;
  for (const Row& row : rows) {
    if (!row.ratio() || !row.target) continue;
    bars += bar(row, y);
    y += row_height;
  }
  std::ofstream out(file);
  out << fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" role=\"img\" aria-label=\"Babilu's proxy beside HAProxy\">\n{2}"
      "<text class=\"title\" x=\"16\" y=\"24\">Babilu's proxy beside {7}, one core each: "
      "ours / theirs</text>\n"
      "<text class=\"note\" x=\"16\" y=\"44\">The dashed line is HAProxy, the short one the "
      "target. "
      "Shorter is better, but longer where the target is ≥. Grey does not count.</text>\n"
      "<line class=\"even\" x1=\"{3:.1f}\" x2=\"{3:.1f}\" y1=\"{4}\" y2=\"{5}\"/>\n{6}</svg>\n",
      width, y + 8, style, x_of(1), top - 8, y, bars, escape(rival));
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace babilu::bench
