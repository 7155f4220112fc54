#pragma once

#include <string>
#include <string_view>

#include "core/crypto/signature.h"
#include "core/rpc/multiplexer.h"
#include "core/rpc/status.h"

namespace babilu::api {
class IntroduceRequest;
}

/// How a peer proves that the other end of this very connection is held by the owner of its key. No
/// I/O inside.
///
/// The signature covers the TLS channel binding, so it is worth nothing on another connection: not
/// when it is replayed, nor when somebody in the middle relays it between two connections of their
/// own. It covers which side signs, so it cannot be sent back to whoever made it; and the name, so
/// nobody can put another one to it. Both sides sign, so both know.
namespace babilu::peer {

/// Given to the TLS exporter; 32 bytes come out.
inline constexpr std::string_view binding_label = "EXPORTER-babilu-peer";
inline constexpr std::size_t binding_bytes = 32;

/// Somebody whose signature is good. Whether they are who they should be is for contacts to say.
struct Introduced {
  std::string name;
  crypto::PublicKey key{};
};

/// Our own introduction, on the side that we have of the connection.
void introduce(const crypto::KeyPair& keys, std::string_view name, rpc::Side side, ByteView binding,
               api::IntroduceRequest& introduction);

/// Checks that of the other, who has `side`.
/// Errors: name_invalid, key_invalid, bad_signature. Cost: about 200 µs.
rpc::Outcome<Introduced> check_introduction(const api::IntroduceRequest& introduction,
                                            rpc::Side side, ByteView binding);

}  // namespace babilu::peer
