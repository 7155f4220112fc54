// The multiplexer between an enemy and an owner, beside a model of what is allowed: every request
// gets exactly one final reply, nothing is told of streams that are not live, limits are kept to,
// and it does not matter how the enemy's bytes arrive.
//
// Input: side (bit 0), frame limit, streams limit; then a script of what the enemy sends and what
// the owner does, as in Script::next.
#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "core/rpc/multiplexer.h"
#include "core/wire/envelope.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/status.h"

namespace babilu::fuzz {
namespace {

using rpc::Multiplexer;
using rpc::Side;
using wire::Frame;
using wire::Header;
using wire::Kind;

struct Setting {
  Side side;
  rpc::MultiplexerLimits limits;
};

/// What both sides have said, as docs/protocol.md has it. Told of each event and each frame that
/// goes out; ends the program when one is not allowed.
class Model final : public Multiplexer::Events {
 public:
  explicit Model(const Setting& setting) : setting_(setting) {}

  struct Theirs {
    Multiplexer::Tag tag = 0;
    bool replied = false;
  };
  std::map<std::uint32_t, Theirs> theirs;          ///< live
  std::map<std::uint32_t, Multiplexer::Tag> ours;  ///< live
  std::uint32_t frame_limit = 0;                   ///< of the other side
  std::uint32_t streams_limit = 0;
  bool greeted = false;
  bool we_go = false;
  bool they_go = false;
  std::string log;  ///< everything that was told

  bool is_ours(std::uint32_t stream) const {
    return (stream % 2 == 1) == (setting_.side == Side::dialer);
  }

  void on_hello(const wire::Hello& hello) override {
    check(!greeted, "hello is told once");
    check(hello.version_min() <= 1 && hello.version_max() >= 1, "its versions hold ours");
    check(hello.initial_credit() == 0 || hello.initial_credit() >= rpc::default_credit,
          "it grants the credit that every hello must");
    greeted = true;
    frame_limit = hello.frame_limit() == 0 ? wire::default_frame_limit : hello.frame_limit();
    streams_limit = hello.streams_limit() == 0 ? 1024 : hello.streams_limit();
    log += "hello " + hello.SerializeAsString() + "\n";
  }
  void on_request(const Frame& frame, Multiplexer::Tag& tag) override {
    opened(frame);
    check(!we_go, "no request is taken after our goaway");
    check(theirs.size() < setting_.limits.streams, "no more requests than our hello allows");
    tag = frame.header.stream + 1000u;
    theirs[frame.header.stream] = {tag, false};
    note("request", frame);
  }
  void on_refused(const Frame& frame, rpc::Status& why) override {
    opened(frame);
    check(we_go || theirs.size() == setting_.limits.streams, "only what is too much is refused");
    check(!why.ok(), "a refusal has its reason");
    refused_.push_back(frame.header.stream);
    note("refused", frame);
  }
  void on_item(const Frame& frame, Multiplexer::Tag tag, bool outgoing) override {
    on_live(frame, tag, outgoing);
    note("item", frame);
  }
  void on_credit(const Frame& frame, Multiplexer::Tag tag, bool outgoing) override {
    on_live(frame, tag, outgoing);
    note("credit", frame);
  }
  void on_reply(const Frame& frame, Multiplexer::Tag tag) override {
    const auto found = ours.find(frame.header.stream);
    check(found != ours.end(), "a reply belongs to a live request of ours");
    check(found->second == tag, "and carries its tag");
    ours.erase(found);
    note("reply", frame);
  }
  void on_cancel(std::uint32_t stream, Multiplexer::Tag tag) override {
    const auto found = theirs.find(stream);
    check(found != theirs.end() && found->second.tag == tag, "what is cancelled is live");
    log += "cancel " + std::to_string(stream) + "\n";
  }
  void on_pong(std::uint32_t value) override {
    check(greeted, "nothing but a goaway is told before the hello");
    log += "pong " + std::to_string(value) + "\n";
  }
  void on_goaway(std::uint32_t last, const rpc::Status& why) override {
    they_go = true;
    log += "goaway " + std::to_string(last) + why.to_string() + "\n";
  }

  /// A frame that went out.
  void sent(const Header& header) {
    if (header.kind != Kind::reply) return;
    check(header.has(wire::flags::end), "a reply ends its stream");
    check(!is_ours(header.stream), "replies are to their requests");
    if (const auto refused = std::ranges::find(refused_, header.stream);
        refused != refused_.end()) {
      check(header.has(wire::flags::unstarted), "a refused request had no effect");
      refused_.erase(refused);
      return;
    }
    const auto found = theirs.find(header.stream);
    check(found != theirs.end() && found->second.replied, "each reply is one that the owner gave");
    theirs.erase(found);
  }
  /// After what went out was looked at.
  void settled() const {
    check(refused_.empty(), "what was refused was answered");
    for (const auto& [stream, request] : theirs) check(!request.replied, "each reply goes out");
  }

 private:
  void opened(const Frame& frame) const {
    check(greeted, "nothing but a goaway is told before the hello");
    check(frame.header.stream != 0 && !is_ours(frame.header.stream), "their streams are theirs");
    check(!theirs.contains(frame.header.stream), "a stream is opened once");
  }
  void on_live(const Frame& frame, Multiplexer::Tag tag, bool outgoing) {
    const std::uint32_t stream = frame.header.stream;
    check(outgoing == is_ours(stream), "whose stream it is, is told rightly");
    if (outgoing) {
      check(ours.contains(stream) && ours[stream] == tag,
            "what comes is for a live stream of ours");
    } else {
      check(theirs.contains(stream) && theirs[stream].tag == tag, "or for one of theirs");
    }
  }
  void note(std::string_view what, const Frame& frame) {
    check(frame.body.size() <= setting_.limits.frame, "no frame is larger than our hello allows");
    log.append(what) +=
        ' ' + std::to_string(frame.header.stream) + ' ' + std::to_string(frame.header.value) + ' ';
    log.append(text_of(frame.body)) += '\n';
  }

  const Setting setting_;
  std::vector<std::uint32_t> refused_;
};

/// Plays one script; the bytes of each step are fed as `cut` says.
class Script {
 public:
  Script(const Setting& setting, Cut cut)
      : setting_(setting),
        cut_(cut),
        model_(setting),
        multiplexer_(setting.side, setting.limits, out_) {
    multiplexer_.send_hello({});
    look_at_what_was_sent();
  }

  std::string play(Input input) {
    while (!input.empty() && !ended_) {
      next(input);
      look_at_what_was_sent();
      compare();
    }
    finish();
    return model_.log + sent_;
  }

 private:
  void next(Input& input) {
    const std::uint8_t what = input.byte();
    switch (what % 14) {
      case 0:
        return enemy(input.bytes(input.byte()));
      case 1:
        return enemy_hello(input);
      case 2:
      case 3:
        return enemy_frame(input);
      case 4:
        return enemy_request(input);
      case 5:
        return enemy_reply(input);
      case 6:
      case 7:
        return reply(input);
      case 8:
        return request(input);
      case 9:
        return cancel(input);
      case 10:
        return set_tag(input);
      case 11:
        return forward(input);
      case 12:
        multiplexer_.ping(what);
        return;
      default:
        multiplexer_.goaway({});
        model_.we_go = true;
    }
  }

  void enemy(ByteView bytes) {
    feed(bytes, cut_, [&](ByteView piece) {
      if (const auto violation = multiplexer_.receive(piece, model_)) {
        check(!violation->reason.word().empty() && violation->reason.code() != rpc::Code::ok,
              "a violation is named");
        model_.log.append(violation->reason.word());
        ended_ = true;
      }
      return !ended_;
    });
  }
  void enemy(const Header& header, ByteView hop, ByteView payload) {
    Buffer frame;
    wire::append(frame, header, hop, payload);
    enemy(frame);
  }
  void enemy_hello(Input& input) {
    wire::Hello hello;
    hello.set_version_min(1);
    hello.set_version_max(1);
    const std::uint8_t limits = input.byte();
    if (limits != 0) hello.set_frame_limit(rpc::least_frame_limit / 2 << (limits & 7));
    if (limits != 0) hello.set_streams_limit(limits >> 4);
    const std::string encoded = hello.SerializeAsString();
    enemy({.kind = Kind::hello}, {}, bytes_of(encoded));
  }
  void enemy_frame(Input& input) {
    Header header;
    header.kind = static_cast<Kind>(input.byte() % 16);
    header.flags = input.byte();
    header.stream = input.byte();
    header.value = input.number<std::uint16_t>();
    header.meta = input.byte();
    const ByteView hop = input.bytes(input.byte() % 8);
    enemy(header, hop, input.bytes(input.byte()));
  }
  void enemy_request(Input& input) {
    const std::uint32_t stream = (input.byte() & ~1u) + (setting_.side == Side::dialer ? 2u : 1u);
    const std::uint8_t size = input.byte();
    const bool large = (size & 0x80) != 0;
    const Bytes kilobytes(large ? (size & 0x7Fu) * 1024 : 0, 1);
    const ByteView payload = large ? ByteView(kilobytes) : input.bytes(size % 64);
    const bool whole = multiplexer_.partial_bytes() == 0;
    const bool right = model_.greeted && !model_.theirs.contains(stream) &&
                       payload.size() <= setting_.limits.frame;
    enemy({.kind = Kind::request, .flags = wire::flags::end, .stream = stream}, {}, payload);
    check(!whole || ended_ == !right, "a request that is allowed is taken, and no other");
  }
  void enemy_reply(Input& input) {
    if (model_.ours.empty()) return;
    enemy({.kind = Kind::reply, .flags = wire::flags::end, .stream = one_of(model_.ours, input)},
          {}, input.bytes(input.byte() % 64));
  }

  template <class Map>
  static std::uint32_t one_of(const Map& streams, Input& input) {
    return std::next(streams.begin(), input.byte() % static_cast<int>(streams.size()))->first;
  }

  void reply(Input& input) {
    const std::uint8_t how = input.byte();
    // Now and then for a stream that may not be there: that is ignored.
    const bool any = model_.theirs.empty() || (how & 0x80) != 0;
    const std::uint32_t stream = any ? input.byte() : one_of(model_.theirs, input);
    const auto found = model_.theirs.find(stream);
    if (found != model_.theirs.end()) found->second.replied = true;
    if ((how & 1) != 0) {
      multiplexer_.reply(stream, rpc::Reply::refuse(test::status(rpc::Code::not_found, "nothing")));
    } else if ((how & 2) != 0) {
      multiplexer_.relay_reply(stream, {.value = how}, input.bytes(how % 32));
    } else {
      multiplexer_.reply(stream, rpc::Reply::of(Bytes(how * 8u, how)));
    }
  }
  void request(Input& input) {
    const ByteView payload = input.bytes(input.byte());
    if (!multiplexer_.may_request() || multiplexer_.too_large(payload.size())) return;
    const Multiplexer::Tag tag = ++last_tag_;
    const std::uint32_t stream =
        multiplexer_.request({.flags = wire::flags::end}, {}, payload, tag);
    check(model_.is_ours(stream) && stream != 0, "our streams are ours");
    check(model_.ours.emplace(stream, tag).second, "a stream of ours is opened once");
    check(model_.ours.size() <= model_.streams_limit, "no more requests than their hello allows");
  }
  void cancel(Input& input) {
    multiplexer_.cancel(model_.ours.empty() ? input.byte() : one_of(model_.ours, input));
  }
  void set_tag(Input& input) {
    const std::uint32_t stream = input.byte();
    const Multiplexer::Tag tag = ++last_tag_;
    multiplexer_.set_tag(stream, tag);
    if (const auto found = model_.ours.find(stream); found != model_.ours.end())
      found->second = tag;
    if (const auto found = model_.theirs.find(stream); found != model_.theirs.end()) {
      found->second.tag = tag;
    }
  }
  void forward(Input& input) {
    const std::uint32_t stream = input.byte();
    const Kind kind = input.byte() % 2 == 0 ? Kind::item : Kind::credit;
    const std::size_t before = out_.size();
    multiplexer_.forward({.kind = kind, .stream = stream, .value = 5}, input.bytes(4));
    const bool live = model_.ours.contains(stream) || model_.theirs.contains(stream);
    check((out_.size() > before) == live, "only what is for a live stream goes out");
  }

  void look_at_what_was_sent() {
    ByteView bytes(out_);
    while (!bytes.empty()) {
      check(bytes.size() >= wire::header_bytes, "what goes out is whole frames");
      const Header header = wire::decode(bytes.first<wire::header_bytes>());
      check(wire::check(header, wire::default_frame_limit) == wire::FrameError::none,
            "each of them makes sense");
      check(bytes.size() - wire::header_bytes >= header.size, "and has its bytes");
      model_.sent(header);
      bytes = bytes.subspan(wire::header_bytes + header.size);
    }
    sent_.append(text_of(ByteView(out_)));
    out_ = {};
    model_.settled();
  }

  void compare() {
    check(multiplexer_.incoming() == model_.theirs.size(), "their live streams are counted");
    check(multiplexer_.outgoing() == model_.ours.size(), "and ours");
    check(multiplexer_.greeted() == model_.greeted, "a hello is told");
    const bool may = model_.greeted && !model_.we_go && !model_.they_go &&
                     model_.ours.size() < model_.streams_limit;
    check(multiplexer_.may_request() == may, "we may ask when both sides allow it");
    if (model_.greeted) {
      check(multiplexer_.peer_frame_limit() == model_.frame_limit, "their limit is known");
    }
  }

  /// The end of the connection: every request has one answer, or an owner who is told.
  void finish() {
    while (!model_.theirs.empty() && !ended_) {
      const auto& [stream, request] = *model_.theirs.begin();
      model_.theirs.begin()->second.replied = true;
      multiplexer_.reply(stream, rpc::Reply::of({}));
      look_at_what_was_sent();
    }
    std::size_t abandoned = 0;
    multiplexer_.abandon_outgoing([&](Multiplexer::Tag) { ++abandoned; });
    check(abandoned == model_.ours.size(), "each request of ours is told of the end");
    abandoned = 0;
    multiplexer_.abandon_incoming([&](Multiplexer::Tag) { ++abandoned; });
    check(abandoned == model_.theirs.size(), "and each of theirs");
    check(multiplexer_.incoming() + multiplexer_.outgoing() == 0, "nothing is left");
  }

  const Setting setting_;
  const Cut cut_;
  Model model_;
  Buffer out_;
  Multiplexer multiplexer_;
  std::string sent_;
  Multiplexer::Tag last_tag_ = 1;
  bool ended_ = false;
};

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  // Protobuf says on standard error what it cannot parse, each time.
  static const google::protobuf::LogSilencer silence;
  Input input({data, size});
  Setting setting{(input.byte() & 1) == 0 ? Side::listener : Side::dialer, {}};
  setting.limits.frame = 256u << (input.byte() % 11);
  setting.limits.streams = 1 + input.byte() % 8u;
  const std::string whole = Script(setting, Cut::whole).play(input);
  for (const Cut cut : {Cut::single, Cut::varying}) {
    check(Script(setting, cut).play(input) == whole, "it does not matter how bytes arrive");
  }
  return 0;
}
