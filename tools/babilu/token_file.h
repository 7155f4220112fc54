#pragma once

#include <filesystem>
#include <string>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"
#include "core/rpc/status.h"
#include "tools/babilu/files.h"

namespace babilu::config {
struct SecretSource;
}

/// Where a login is kept between commands: ${XDG_STATE_HOME:-~/.local/state}/babilu, one file for
/// each proxy and account, for its owner alone (0600), with the token in base64url. A link names
/// the last login at each proxy.
namespace babilu::cli {

/// A token, and whom it was given by and to.
struct Login {
  std::string target;  // "127.0.0.1:7400"
  std::string name;    // "ada"; empty: whoever logged in last
};

/// Keeps a token; in `file`, or in the login's own file when that is empty, and then as the last
/// login. The path of the file.
boost::system::result<std::filesystem::path, Problem> keep_token(const Login& login,
                                                                 const std::filesystem::path& file,
                                                                 ByteView token);

/// The token to show: the configured one, else the one that is kept. Else unauthenticated, and what
/// to do.
rpc::Outcome<Secret> find_token(const config::SecretSource& configured, const Login& login);

}  // namespace babilu::cli
