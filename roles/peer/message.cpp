#include "roles/peer/message.h"

#include "core/base/utf8.h"

namespace babilu::peer {

using rpc::Code;
using rpc::Status;

Status check_text(std::string_view text) {
  if (text.empty()) return {Code::invalid_argument, "text_empty", "the message is empty"};
  if (text.size() > most_text_bytes) {
    return {Code::invalid_argument, "text_too_long", "a message has at most 16 KiB of text"};
  }
  if (text.find('\0') != std::string_view::npos || !is_utf8(text)) {
    return {Code::invalid_argument, "text_not_utf8", "the message is not UTF-8 text without NUL"};
  }
  return {};
}

}  // namespace babilu::peer
