#pragma once

#include "core/rpc/typed.h"

namespace babilu::api {

class IntroduceRequest;
class IntroduceReply;
class DeliverRequest;
class DeliverReply;

/// What peers offer each other. Deliver carries its own identifier, so it needs no idempotency key.
struct Peer {
  static constexpr std::uint8_t id = 16;
  static constexpr const char* name = "peer";
  static constexpr std::uint32_t revision = 1;
  static constexpr rpc::Method<Peer, IntroduceRequest, IntroduceReply> introduce{
      {0x1001, "peer.Introduce", rpc::MethodKind::idempotent}};
  static constexpr rpc::Method<Peer, DeliverRequest, DeliverReply> deliver{
      {0x1002, "peer.Deliver", rpc::MethodKind::idempotent}};
};

}  // namespace babilu::api
