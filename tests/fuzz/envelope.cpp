// What travels around a message: a hello is taken just when docs/protocol.md allows it, and what a
// status says is the same on the other side.
//
// Input: a byte (0: a hello, 1: a goaway before the hello, else a status), then the message. A
// status begins with its code.
#include <optional>
#include <string>

#include "core/rpc/multiplexer.h"
#include "core/wire/envelope.pb.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using rpc::Multiplexer;
using wire::Frame;
using wire::Kind;

struct Seen final : Multiplexer::Events {
  std::optional<wire::Hello> hello;
  std::optional<rpc::Status> goaway;
  std::uint32_t last = 0;

  void on_hello(const wire::Hello& got) override {
    check(!hello, "hello is told once");
    hello = got;
  }
  void on_goaway(std::uint32_t stream, const rpc::Status& why) override {
    last = stream;
    goaway = why;
  }
  void on_request(const Frame&, Multiplexer::Tag&) override { check(false, "nothing was asked"); }
  void on_item(const Frame&, Multiplexer::Tag, bool) override { check(false, "no item came"); }
  void on_credit(const Frame&, Multiplexer::Tag, bool) override { check(false, "no credit came"); }
  void on_reply(const Frame&, Multiplexer::Tag) override { check(false, "no reply came"); }
  void on_cancel(std::uint32_t, Multiplexer::Tag) override { check(false, "no cancel came"); }
  void on_pong(std::uint32_t) override { check(false, "no pong came"); }
};

bool parse(google::protobuf::MessageLite& message, ByteView bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string why_not(ByteView message) {
  wire::Hello hello;
  if (message.size() > wire::hello_limit) return "bad_frame";
  if (!parse(hello, message)) return "bad_hello";
  if (hello.version_min() > 1 || hello.version_max() < 1) return "no_common_version";
  const bool too_little = hello.initial_credit() != 0 && hello.initial_credit() < 65536;
  if (too_little) return "credit_too_small";
  const bool too_short = hello.frame_limit() != 0 && hello.frame_limit() < 1024;
  return too_short ? "frame_limit_too_small" : "";
}

void check_hello(ByteView message, rpc::Side side, Cut cut) {
  Buffer out;
  Multiplexer multiplexer(side, {}, out);
  Seen seen;
  Buffer frame;
  wire::append(frame, {.kind = Kind::hello}, {}, message);
  std::string reason;
  feed(frame, cut, [&](ByteView piece) {
    if (const auto violation = multiplexer.receive(piece, seen)) reason = violation->reason.word();
    return reason.empty();
  });
  check(reason == why_not(message), "a hello is taken when it is one");
  check(seen.hello.has_value() == reason.empty() && multiplexer.greeted() == reason.empty(),
        "and is told when it is taken");
  if (!seen.hello) return;
  const std::uint32_t limit = seen.hello->frame_limit();
  check(multiplexer.peer_frame_limit() == (limit == 0 ? wire::default_frame_limit : limit),
        "its limit is known");
  check(multiplexer.may_request(), "requests may go out then");
}

void check_goaway(ByteView message) {
  Buffer out;
  Multiplexer multiplexer(rpc::Side::dialer, {}, out);
  Seen seen;
  Buffer frame;
  wire::append(frame, {.kind = Kind::goaway, .value = 7}, {}, message);
  const bool fits = message.size() <= wire::hello_limit;
  check(multiplexer.receive(frame, seen).has_value() == !fits, "a goaway may come first");
  if (!fits) return;
  check(seen.goaway && seen.last == 7 && multiplexer.peer_going_away(), "and is told");
  wire::StatusDetail detail;
  const bool parsed = parse(detail, message);
  check(seen.goaway->ok() == (!parsed || detail.code() == 0), "with the reason that it has");
}

void check_status(Input input) {
  const rpc::Code code = rpc::code_from_wire(input.byte());
  const ByteView message = input.rest();
  const rpc::Status status = rpc::decode_detail(code, message);
  check(status.code == code, "a detail leaves the code alone");
  check(rpc::to_string(code)[0] != '\0' && !status.to_string().empty(), "a status can be read");
  const rpc::Status again = rpc::decode_detail(code, rpc::encode_detail(status));
  check(again.reason == status.reason && again.message == status.message &&
            again.request_id == status.request_id && again.retry_after == status.retry_after,
        "it says the same on the other side");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  // A protobuf that does not parse says so on standard error, each time.
  static const google::protobuf::LogSilencer silence;
  Input input({data, size});
  switch (input.byte()) {
    case 0: {
      const ByteView message = input.rest();
      for (const Cut cut : cuts) check_hello(message, rpc::Side::listener, cut);
      check_hello(message, rpc::Side::dialer, Cut::whole);
      break;
    }
    case 1:
      check_goaway(input.rest());
      break;
    default:
      check_status(input);
  }
  return 0;
}
