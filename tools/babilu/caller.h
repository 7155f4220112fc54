#pragma once

#include <string>

#include "core/config/schema.h"

namespace babilu::cli {

/// As whom a call is made: with a configured token, or by one of the logins that are kept.
struct Caller {
  std::string as;  ///< empty: whoever logged in last
  config::SecretSource token;
};

inline void bind(config::Schema& schema, Caller& caller) {
  schema.option("as", caller.as, "whose login to use, if several are logged in");
  schema.secret("token", caller.token, "the token that a login wrote, instead of the one kept");
}

}  // namespace babilu::cli
