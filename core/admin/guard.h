#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/admin/http.h"
#include "core/base/bytes.h"

namespace babilu::admin {

/// What a path asks of those who come.
enum class Access {
  open,     ///< nothing: health checks carry no token, and the dashboard asks for it itself
  guarded,  ///< the token, where there is one
};

/// Who may ask what.
///
/// With a token: whoever has it. No web page of another origin can add it to a request, so nothing
/// else needs to be looked at. Without one the endpoint is on loopback, where any user of the
/// machine may look, and nobody may change anything. A page in a browser on the same machine may
/// not even look: a form or fetch sent across sites is not shown the answer, and a name of the
/// page's own that resolves to loopback (DNS rebinding) is seen in Host, which must be a loopback
/// name or number or one of `host_names`.
class Guard {
 public:
  Guard(std::optional<Secret> token, std::vector<std::string> host_names);

  /// Nothing, or the answer that says why not. Tokens are compared in constant time.
  std::optional<Response> refuse(const Request& request, Access access) const;
  bool has_token() const noexcept { return token_.has_value(); }

 private:
  std::optional<Response> refuse_without_token(const Request& request) const;
  bool knows_host(std::string_view authority) const;

  std::optional<Secret> token_;
  std::vector<std::string> host_names_;
};

/// The host of "name:7480" or "[::1]:7480", in lower case; empty when malformed.
std::string host_of(std::string_view authority);

}  // namespace babilu::admin
