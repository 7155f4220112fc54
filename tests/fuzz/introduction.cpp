// An introduction is believed when its owner made it, for this side of this connection, and never
// else.
//
// Input: a byte (bit 0: which side says it; bit 1: to start from the honest introduction; bit 2: on
// another connection), then changes to the honest one as pairs of place and bits to flip, or an
// api::IntroduceRequest.
#include "roles/peer/introduction.h"

#include "roles/api/peer.pb.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using rpc::Side;

const crypto::KeyPair& ada() {
  static const crypto::KeyPair keys = crypto::KeyPair::from_seed(Bytes(32, 1));
  return keys;
}

const Bytes& binding() {
  static const Bytes bytes(peer::binding_bytes, 0x5A);
  return bytes;
}

api::IntroduceRequest honest(Side side) {
  api::IntroduceRequest introduction;
  peer::introduce(ada(), "ada", side, binding(), introduction);
  return introduction;
}

std::string changed(std::string bytes, Input& input) {
  while (!input.empty()) {
    const std::uint8_t place = input.byte();
    bytes[place % bytes.size()] ^= static_cast<char>(input.byte());
  }
  return bytes;
}

bool same(const api::IntroduceRequest& a, const api::IntroduceRequest& b) {
  return a.name() == b.name() && a.public_key() == b.public_key() && a.signature() == b.signature();
}

bool is_name(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  return !name.empty() && name.size() <= 64 && first.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string_view::npos;
}

void judge(const api::IntroduceRequest& introduction, Side side, bool elsewhere) {
  const Bytes other_binding(peer::binding_bytes, 0x5B);
  const auto checked =
      peer::check_introduction(introduction, side, elsewhere ? other_binding : binding());
  const bool right = !elsewhere && same(introduction, honest(side));
  check(checked.has_value() == right, "believed is what the owner signed for here");
  if (checked) {
    check(checked->name == "ada" && checked->key == ada().public_key(), "and says who that is");
    return;
  }
  const rpc::Status& why = checked.error();
  check((why.reason == "name_invalid") == !is_name(introduction.name()), "names are judged first");
  check(
      why.reason == "name_invalid" || why.reason == "key_invalid" || why.reason == "bad_signature",
      "a refusal is one of those in peer.proto");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  // Protobuf says on standard error what it cannot parse, each time.
  static const google::protobuf::LogSilencer silence;
  Input input({data, size});
  const std::uint8_t how = input.byte();
  const Side side = (how & 1) != 0 ? Side::listener : Side::dialer;
  const bool from_honest = (how & 2) != 0;
  const std::string encoded = from_honest ? changed(honest(side).SerializeAsString(), input)
                                          : std::string(text_of(input.rest()));
  api::IntroduceRequest introduction;
  if (!introduction.ParseFromString(encoded)) return 0;
  judge(introduction, side, (how & 4) != 0);
  return 0;
}
