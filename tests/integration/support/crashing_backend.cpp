// The backend, but for Echo: what this file defines is linked in the place of roles/backend/echo. A
// payload "crash" brings the process down, for tests of what becomes of such a request. Its
// arguments are those of `babilu`.
#include <cstdio>
#include <cstdlib>

#include "roles/api/echo.pb.h"
#include "roles/backend/echo/echo.h"
#include "roles/backend/process.h"

namespace babilu::backend {

void Echo::offer(rpc::ServiceTable& table) {
  api::offer<api::Echo>(table);
  rpc::add(table, api::Echo::echo, this, &Echo::echo);
}

task<rpc::Outcome<api::EchoReply>> Echo::echo(rpc::Call&, const api::EchoRequest& request) {
  if (request.payload() == "crash") std::abort();
  api::EchoReply reply;
  reply.set_payload(request.payload());
  co_return reply;
}

}  // namespace babilu::backend

int main(int argc, char** argv) {
  babilu::backend::BackendConfig config;
  babilu::config::Schema schema("babilu backend");
  babilu::backend::bind(schema, config);
  const std::vector<std::string> arguments(argv + 2, argv + argc);
  const auto loaded = schema.load(arguments, babilu::config::process_environment());
  for (const auto& error : loaded.errors) {
    std::fprintf(stderr, "crashing backend: %s\n", error.message().c_str());
  }
  return loaded.loaded() ? babilu::backend::run_backend(config) : 2;
}
