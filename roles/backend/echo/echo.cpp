#include "roles/backend/echo/echo.h"

#include "roles/api/echo.pb.h"

namespace babilu::backend {

void Echo::offer(rpc::ServiceTable& table) {
  api::offer<api::Echo>(table);
  rpc::add(table, api::Echo::echo, this, &Echo::echo);
}

task<rpc::Outcome<api::EchoReply>> Echo::echo(rpc::Call&, const api::EchoRequest& request) {
  api::EchoReply reply;
  reply.set_payload(request.payload());
  co_return reply;
}

}  // namespace babilu::backend
