#pragma once

#include <functional>

#include "roles/proxy/config.h"

namespace babilu::proxy {

/// What the configuration says now, or what is wrong with it.
using Reread = boost::system::result<ProxyConfig, std::string>;
using Rereader = std::function<Reread()>;

/// Runs a proxy until it is told to drain; the exit code of the process. SIGHUP and POST /reload
/// take up what `reread` gives, whole or not at all.
int run_proxy(const ProxyConfig& config, Rereader reread);

}  // namespace babilu::proxy
