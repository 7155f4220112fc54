#include "core/admin/guard.h"

#include <algorithm>

#include "core/crypto/secret.h"

namespace babilu::admin {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// What follows "Bearer ", or nothing when the field is of another kind.
std::optional<std::string_view> bearer(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (lower(authorization.substr(0, scheme.size())) != scheme) return std::nullopt;
  authorization.remove_prefix(scheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

Response unauthorized(std::string_view why, std::string_view challenge) {
  return {
      .status = 401,
      .body = std::string(why),
      .fields = {{"WWW-Authenticate", "Bearer realm=\"babilu admin\"" + std::string(challenge)}}};
}

}  // namespace

Guard::Guard(std::optional<Secret> token, std::vector<std::string> host_names)
    : token_(std::move(token)), host_names_(std::move(host_names)) {
  for (std::string& name : host_names_) name = lower(name);
}

std::optional<Response> Guard::refuse(const Request& request, Access access) const {
  if (!token_) return refuse_without_token(request);
  if (access == Access::open) return std::nullopt;
  const auto given = bearer(request.authorization);
  if (!given) return unauthorized("this path needs \"Authorization: Bearer TOKEN\"\n", "");
  if (crypto::equal(bytes_of(*given), *token_)) return std::nullopt;
  return unauthorized("the token is not the one of this process\n", ", error=\"invalid_token\"");
}

std::optional<Response> Guard::refuse_without_token(const Request& request) const {
  // Browsers always send Host; HTTP/1.0 health checks often do not.
  const bool unnamed = request.host.empty() && request.version == 10;
  if (!unnamed && !knows_host(request.host)) {
    return Response{.status = 421,
                    .body =
                        "without a token this endpoint answers to localhost, loopback numbers "
                        "and configured names only\n"};
  }
  if (request.method == "GET") return std::nullopt;
  return Response{.status = 403,
                  .body =
                      "changes need the admin token, and this process was started without one: "
                      "see --admin-token-file\n"};
}

bool Guard::knows_host(std::string_view authority) const {
  const std::string host = host_of(authority);
  return net::Address{host, 0}.is_loopback() ||
         std::find(host_names_.begin(), host_names_.end(), host) != host_names_.end();
}

std::string host_of(std::string_view authority) {
  const bool bracketed = authority.starts_with('[');
  const std::size_t end = bracketed ? authority.find(']') : authority.find(':');
  const std::string_view host = authority.substr(0, end);
  std::string_view port = end == std::string_view::npos ? "" : authority.substr(end);
  if (bracketed && end == std::string_view::npos) return {};
  if (bracketed) port.remove_prefix(1);
  const bool is_port = port.empty() || (port.starts_with(':') &&
                                        port.find_first_not_of("0123456789", 1) == port.npos);
  if (!is_port) return {};
  return lower(host.substr(bracketed ? 1 : 0));
}

}  // namespace babilu::admin
