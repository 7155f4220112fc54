#include "bench/versus/haproxy_version.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "bench/process.h"

namespace babilu::bench {

namespace {

/// What stands behind this in a text, up to the end of the line.
std::string after(const std::string& text, std::string_view label) {
  const auto at = text.find(label);
  if (at == std::string::npos) return {};
  const auto from = at + label.size();
  return text.substr(from, text.find('\n', from) - from);
}

}  // namespace

std::string HaproxyVersion::title() const {
  std::string name = fmt::format("HAProxy {}", haproxy.substr(0, haproxy.find('-')));
  const std::string number = after(openssl, "OpenSSL ");
  if (number.empty()) return name;
  return fmt::format("{} with OpenSSL {}", name, number.substr(0, number.find(' ')));
}

HaproxyVersion parse_haproxy_version(const std::string& said) {
  HaproxyVersion version;
  version.haproxy = after(said, "HAProxy version ");
  version.haproxy = version.haproxy.substr(0, version.haproxy.find(' '));
  version.openssl = after(said, "Running on OpenSSL version : ");
  int major = 0;
  int minor = 0;
  std::sscanf(version.openssl.c_str(), "OpenSSL %d.%d", &major, &minor);
  version.hybrid = major > 3 || (major == 3 && minor >= 5);
  return version;
}

HaproxyVersion haproxy_version() {
  if (!std::filesystem::exists(haproxy_program)) return {};
  return parse_haproxy_version(
      run_program({haproxy_program, "-vv"}, std::nullopt, std::chrono::seconds(10)));
}

}  // namespace babilu::bench
