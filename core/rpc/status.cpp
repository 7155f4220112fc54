#include "core/rpc/status.h"

#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

std::string Status::to_string() const {
  std::string text = rpc::to_string(code);
  if (!reason.empty()) text += " (" + reason + ")";
  if (!message.empty()) text += ": " + message;
  return text;
}

Bytes encode_detail(const Status& status) {
  wire::StatusDetail detail;
  detail.set_reason(status.reason);
  detail.set_message(status.message);
  detail.set_request_id(status.request_id);
  detail.set_retry_after_ms(static_cast<std::uint32_t>(status.retry_after.count()));
  Bytes encoded(detail.ByteSizeLong());
  detail.SerializeToArray(encoded.data(), static_cast<int>(encoded.size()));
  return encoded;
}

Status decode_detail(Code code, ByteView bytes) {
  wire::StatusDetail detail;
  Status status(code);
  if (!detail.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return status;
  status.reason = detail.reason();
  status.message = detail.message();
  status.request_id = detail.request_id();
  status.retry_after = std::chrono::milliseconds(detail.retry_after_ms());
  return status;
}

}  // namespace babilu::rpc
