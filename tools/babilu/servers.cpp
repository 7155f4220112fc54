// proxy, backend: the processes of the stack.
#include "roles/backend/process.h"
#include "roles/proxy/process.h"
#include "tools/babilu/commands.h"

namespace babilu::cli {

namespace {

/// The same files, environment and command line, read anew.
proxy::Reread reread(std::vector<std::string> arguments) {
  Invocation again("proxy", "", std::move(arguments));
  proxy::ProxyConfig config;
  proxy::bind(again.options(), config);
  if (auto problem = again.resolve_again()) return std::move(*problem);
  return config;
}

}  // namespace

int proxy(Invocation& invocation) {
  proxy::ProxyConfig config;
  proxy::bind(invocation.options(), config);
  invocation.warn_of_unknown_variables();
  if (const auto code = invocation.resolve()) return *code;
  return proxy::run_proxy(config, [&] { return reread(invocation.arguments()); });
}

int backend(Invocation& invocation) {
  backend::BackendConfig config;
  backend::bind(invocation.options(), config);
  invocation.warn_of_unknown_variables();
  if (const auto code = invocation.resolve()) return *code;
  return backend::run_backend(config);
}

}  // namespace babilu::cli
