// A message from a peer: taken only when it is what peer.proto says, and then just as it came.
//
// Input: an api::DeliverRequest.
#include "roles/api/peer.pb.h"
#include "roles/peer/envelope.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr store::WallTime now{500'000h};
constexpr std::uint64_t year_2200_ms = 7'258'118'400'000;

/// RFC 3629 §4, by code points: shares nothing with core/base/utf8.h.
bool is_utf8_without_nul(std::string_view text) {
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead == 0) return false;
    const std::size_t length = lead < 0x80             ? 1
                               : (lead & 0xE0) == 0xC0 ? 2
                               : (lead & 0xF0) == 0xE0 ? 3
                               : (lead & 0xF8) == 0xF0 ? 4
                                                       : 0;
    if (length == 0 || text.size() - at < length) return false;
    char32_t value = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if ((byte & 0xC0) != 0x80) return false;
      value = value << 6 | (byte & 0x3Fu);
    }
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return false;
    }
    at += length;
  }
  return true;
}

bool should_be_taken(const api::DeliverRequest& envelope) {
  const std::string& text = envelope.text();
  return envelope.message_id().size() == 16 && envelope.sent_at() <= year_2200_ms &&
         !text.empty() && text.size() <= 16384 && is_utf8_without_nul(text);
}

void check_opened(const peer::Message& message, const api::DeliverRequest& envelope) {
  check(message.text == envelope.text(), "the text is as it was sent");
  check(message.kept_at == now && message.state == peer::MessageState::received,
        "it is a message that came just now");
  api::DeliverRequest again;
  peer::seal(message, again);
  check(again.message_id() == envelope.message_id() && again.sent_at() == envelope.sent_at() &&
            again.text() == envelope.text(),
        "sealed again, it is the same envelope");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  // Protobuf says on standard error what it cannot parse, each time.
  static const google::protobuf::LogSilencer silence;
  api::DeliverRequest envelope;
  if (!envelope.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto opened = peer::open(envelope, now);
  check(opened.has_value() == should_be_taken(envelope), "a message is taken when it is a message");
  if (opened) {
    check_opened(*opened, envelope);
  } else {
    check(opened.error().code == rpc::Code::invalid_argument && !opened.error().reason.empty(),
          "a refusal has its reason");
  }
  return 0;
}
