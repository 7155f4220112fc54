#include "core/telemetry/metric_names.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/base/utf8.h"

namespace babilu::telemetry {

namespace {

using namespace std::string_view_literals;

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
  throw std::invalid_argument("metric " + std::string(name) + ": " + std::string(why));
}

}  // namespace

void check_family(std::string_view name, std::string_view help, MetricKind kind) {
  // Prometheus would also take ':', which is for names that recording rules make.
  if (!is_identifier(name)) refuse(name, "not a metric name ([a-zA-Z_][a-zA-Z0-9_]*)");
  if (help.empty() || !is_utf8(help) || help.find_first_of("\n\\\"") != help.npos) {
    refuse(name, "needs a help text of one plain line");
  }
  const bool total = name.ends_with("_total"sv);
  if (kind == MetricKind::counter) {
    if (!total || name == "_total") refuse(name, "a counter's name ends in _total");
    return;
  }
  if (total) refuse(name, "only a counter's name ends in _total");
  for (const std::string_view suffix :
       {"_count"sv, "_sum"sv, "_bucket"sv, "_created"sv, "_info"sv}) {
    if (name.ends_with(suffix)) refuse(name, "ends in a suffix that the formats give themselves");
  }
}

void check_labels(std::string_view family, Labels& labels) {
  for (auto& [name, value] : labels) {
    if (!is_identifier(name) || name.starts_with("__"sv)) refuse(family, "bad label " + name);
    if (name == "le" || name == "quantile") refuse(family, "label " + name + " is reserved");
    std::string clean;
    append_utf8(clean, value);
    value = std::move(clean);
  }
  std::sort(labels.begin(), labels.end());
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (std::adjacent_find(labels.begin(), labels.end(), same_name) != labels.end()) {
    refuse(family, "a label is given twice");
  }
}

std::string_view base_name(std::string_view name, MetricKind kind) {
  return kind == MetricKind::counter ? name.substr(0, name.size() - "_total"sv.size()) : name;
}

std::string_view unit_of(std::string_view name, MetricKind kind) {
  const std::string_view base = base_name(name, kind);
  for (const std::string_view unit : {"seconds"sv, "bytes"sv, "ratio"sv}) {
    if (base.size() > unit.size() + 1 && base.ends_with(unit) &&
        base[base.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

}  // namespace babilu::telemetry
