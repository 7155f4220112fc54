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

/// People export what reaches a stack, as the demo says, or where tools/dev keeps its libraries,
/// and start servers in the same shell.
void prepare(Invocation& invocation) {
  for (const char* of_others : {"TARGET", "CA", "PLAINTEXT", "DEADLINE", "JSON", "TOKEN",
                                "TOKEN_FILE", "PASSWORD", "PASSWORD_FILE", "CACHE"}) {
    invocation.options().known_variable(std::string("BABILU_") + of_others);
  }
  invocation.warn_of_unknown_variables();
}

}  // namespace

int proxy(Invocation& invocation) {
  proxy::ProxyConfig config;
  proxy::bind(invocation.options(), config);
  prepare(invocation);
  if (const auto code = invocation.resolve()) return *code;
  return proxy::run_proxy(config, [&] { return reread(invocation.arguments()); });
}

int backend(Invocation& invocation) {
  backend::BackendConfig config;
  backend::bind(invocation.options(), config);
  prepare(invocation);
  if (const auto code = invocation.resolve()) return *code;
  return backend::run_backend(config);
}

}  // namespace babilu::cli
