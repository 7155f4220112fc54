#include <algorithm>
#include <cctype>
#include <string>

#include "core/telemetry/exposition.h"

namespace babilu::telemetry {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Cuts the part before the first `separator` off `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

/// A weight in thousandths (RFC 9110 §12.4.2: at most three digits); a malformed one is 0.
int parsed_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  int thousandths = 0;
  for (std::size_t place = 0; place < 3; ++place) {
    const char digit = place + 2 < text.size() ? text[place + 2] : '0';
    if (digit < '0' || digit > '9') return 0;
    thousandths = thousandths * 10 + (digit - '0');
  }
  return std::min(1000, (text[0] - '0') * 1000 + thousandths);
}

struct MediaRange {
  std::string_view type;
  std::string_view version;
  int weight = 1000;
};

MediaRange parsed_range(std::string_view element) {
  MediaRange range;
  range.type = take(element, ';');
  while (!element.empty()) {
    std::string_view parameter = take(element, ';');
    const std::string_view name = take(parameter, '=');
    if (same(name, "q")) range.weight = parsed_weight(trimmed(parameter));
    if (same(name, "version")) range.version = trimmed(parameter);
  }
  return range;
}

}  // namespace

bool prefers_openmetrics(std::string_view accept) {
  int openmetrics = 0;
  int text = 0;
  while (!accept.empty()) {
    const MediaRange range = parsed_range(take(accept, ','));
    const bool version_we_write =
        range.version.empty() || range.version == "1.0.0" || range.version == "\"1.0.0\"";
    if (same(range.type, "application/openmetrics-text") && version_we_write) {
      openmetrics = std::max(openmetrics, range.weight);
    } else if (same(range.type, "text/plain") || same(range.type, "text/*")) {
      text = std::max(text, range.weight);
    }
  }
  return openmetrics > 0 && openmetrics >= text;
}

}  // namespace babilu::telemetry
