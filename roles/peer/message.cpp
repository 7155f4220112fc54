#include "roles/peer/message.h"

#include "core/base/utf8.h"
#include "roles/api/reasons.h"

namespace babilu::peer {

using rpc::Status;

Status check_text(std::string_view text) {
  if (text.empty()) return {api::peer_reasons.text_empty, "the message is empty"};
  if (text.size() > most_text_bytes) {
    return {api::peer_reasons.text_too_long, "a message has at most 16 KiB of text"};
  }
  if (text.find('\0') != std::string_view::npos || !is_utf8(text)) {
    return {api::peer_reasons.text_not_utf8, "the message is not UTF-8 text without NUL"};
  }
  return {};
}

}  // namespace babilu::peer
