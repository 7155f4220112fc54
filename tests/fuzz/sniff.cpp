// Which protocol a connection speaks, by its first bytes: decided once, the same however they
// arrive, and never against what the frame reader makes of them.
//
// Input: the bytes.
#include "core/tls/sniff.h"

#include "core/wire/reader.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using Verdict = std::optional<boost::system::error_code>;

/// The first bytes as a listener without TLS would take them, for a first frame.
bool is_a_frame(ByteView bytes) {
  wire::FrameReader reader(wire::hello_limit);
  return reader.consume(bytes, [](const wire::Frame&) { return false; }) == wire::FrameError::none;
}

void check_decision(ByteView bytes, const boost::system::error_code& decision) {
  // RFC 8446 §5.1: handshake or alert, 0x0301 or above.
  const bool record =
      bytes.size() >= 3 && (bytes[0] == 22 || bytes[0] == 21) && bytes[1] == 3 && bytes[2] != 0;
  check(!decision == record, "TLS is what begins with a record of a handshake or an alert");
  check(!decision || decision.category() == tls::error_category(), "an error is one of TLS");
  const bool whole = bytes.size() >= tls::sniff_bytes;
  if (!whole || decision == tls::Error::plaintext_babilu) return;
  const ByteView header = bytes.first(wire::header_bytes);
  check(!is_a_frame(header) || header[4] != 0, "a hello frame is never taken for anything else");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  const ByteView bytes(data, size);
  Verdict decided;
  for (std::size_t length = 0; length <= size; ++length) {
    const Bytes begin(data, data + length);
    const Verdict verdict = tls::sniff(begin);
    check(verdict || length < tls::sniff_bytes, "sniff_bytes are always enough");
    check(!decided || verdict == decided, "a decision stays when more bytes come");
    if (verdict && !decided) check_decision(begin, *verdict);
    decided = verdict;
    if (length >= 2 * tls::sniff_bytes) break;
  }
  if (decided) check_decision(bytes, *decided);
  return 0;
}
