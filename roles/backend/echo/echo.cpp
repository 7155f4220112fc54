#include "roles/backend/echo/echo.h"

#include <cstdlib>

#include "roles/api/echo.pb.h"

namespace babilu::backend {

void Echo::offer(rpc::ServiceTable& table) {
  api::offer<api::Echo>(table);
  rpc::add(table, api::Echo::echo, this, &Echo::echo);
}

namespace {

/// For tests of what a request costs that brings its backend down.
bool crashes_on_request() {
  static const bool wanted = std::getenv("BABILU_TEST_CRASH") != nullptr;
  return wanted;
}

}  // namespace

task<rpc::Outcome<api::EchoReply>> Echo::echo(rpc::Call&, const api::EchoRequest& request) {
  if (crashes_on_request() && request.payload() == "crash") std::abort();
  api::EchoReply reply;
  reply.set_payload(request.payload());
  co_return reply;
}

}  // namespace babilu::backend
