#include "core/rpc/typed.h"

#include <google/protobuf/message_lite.h>
#include <google/protobuf/stubs/logging.h>

namespace babilu::rpc {

Bytes encode(const google::protobuf::MessageLite& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

bool decode(ByteView bytes, google::protobuf::MessageLite& message) {
  // Whoever sent what cannot be parsed is told so; it must not fill our standard error besides.
  [[maybe_unused]] static const auto silenced = google::protobuf::SetLogHandler(nullptr);
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace babilu::rpc
