#pragma once

#include <string>

#include "core/config/schema.h"

namespace babilu::cli {

/// As whom a call is made: with a configured token, or by one of the logins that are kept.
struct Caller {
  std::string name;  ///< empty: whoever logged in last
  config::SecretSource token;
};

inline void bind(config::Schema& schema, Caller& caller) {
  schema.option("name", caller.name, "whose login to use; default: whoever logged in last");
  schema.secret("token", caller.token, "the token that a login wrote, instead of the one kept");
}

}  // namespace babilu::cli
