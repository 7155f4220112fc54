#pragma once

#include "roles/api/methods.h"

namespace babilu::backend {

/// Service 1: gives back what it gets.
class Echo {
 public:
  void offer(rpc::ServiceTable& table);

 private:
  task<rpc::Outcome<api::EchoReply>> echo(rpc::Call& call, const api::EchoRequest& request);
};

}  // namespace babilu::backend
