#include "core/rpc/typed.h"

#include <google/protobuf/message_lite.h>

namespace babilu::rpc {

Bytes encode(const google::protobuf::MessageLite& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

bool decode(ByteView bytes, google::protobuf::MessageLite& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace babilu::rpc
