#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "core/telemetry/exposition.h"
#include "core/telemetry/metric_names.h"

namespace babilu::telemetry {

namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  return fmt::format("{}", value);
}

/// OpenMetrics compares bounds as text, so a whole one is written with ".0", as by everyone.
std::string bound(double value) {
  std::string text = number(value);
  if (text.find_first_not_of("0123456789") == std::string::npos) text += ".0";
  return text;
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   const Labels& labels, std::string_view value, std::string_view le = {}) {
  out += name;
  out += suffix;
  char separator = '{';
  const auto append_label = [&](std::string_view label, std::string_view label_value) {
    out += separator;
    separator = ',';
    out += label;
    out += "=\"";
    append_escaped(out, label_value);
    out += '"';
  };
  for (const auto& [label, label_value] : labels) append_label(label, label_value);
  if (!le.empty()) append_label("le", le);
  if (separator == ',') out += '}';
  fmt::format_to(std::back_inserter(out), " {}\n", value);
}

void append_histogram(std::string& out, std::string_view name, const SeriesSnapshot& series) {
  for (const auto& [upper_bound, cumulative] : series.histogram.buckets) {
    append_sample(out, name, "_bucket", series.labels, fmt::to_string(cumulative),
                  bound(upper_bound));
  }
  append_sample(out, name, "_count", series.labels, fmt::to_string(series.histogram.count));
  append_sample(out, name, "_sum", series.labels, number(series.histogram.sum));
}

std::string_view type_name(MetricKind kind) {
  return kind == MetricKind::counter ? "counter"
         : kind == MetricKind::gauge ? "gauge"
                                     : "histogram";
}

}  // namespace

std::string openmetrics_text(const std::vector<FamilySnapshot>& families) {
  std::string out;
  for (const FamilySnapshot& family : families) {
    const std::string_view name = base_name(family.name, family.kind);
    fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", name, type_name(family.kind));
    if (!family.unit.empty()) {
      fmt::format_to(std::back_inserter(out), "# UNIT {} {}\n", name, family.unit);
    }
    fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
    append_escaped(out, family.help);
    out += '\n';
    for (const SeriesSnapshot& series : family.series) {
      if (family.kind == MetricKind::histogram) {
        append_histogram(out, name, series);
      } else {
        const bool counter = family.kind == MetricKind::counter;
        append_sample(out, name, counter ? "_total" : "", series.labels, number(series.value));
      }
    }
  }
  out += "# EOF\n";
  return out;
}

}  // namespace babilu::telemetry
