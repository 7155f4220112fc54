// A session that serves, and a client that sends requests with any metadata: each gets exactly one
// reply, with the reason that docs/protocol.md gives, and a handler runs for those only that may
// pass.
//
// Input: a byte (bit 0: hop data is believed), then requests, as in read_request.
#include <map>
#include <string>
#include <vector>

#include "core/net/memory.h"
#include "core/rpc/session.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/sim/world.h"
#include "core/wire/envelope.pb.h"
#include "core/wire/reader.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using namespace std::chrono_literals;
using rpc::Code;
using rpc::Reply;
using wire::Frame;
using wire::Kind;

constexpr std::size_t most_requests = 64;

struct Request {
  wire::Header head;
  Bytes hop;
  Bytes meta;
  Bytes message;
  bool cancelled = false;
};

enum Method : std::uint16_t { echo = 0x0101, keep = 0x0102, sleep = 0x0103, unknown = 0x0201 };

Request read_request(Input& input, std::uint32_t stream) {
  constexpr Method methods[] = {echo, keep, sleep, unknown};
  Request request;
  const std::uint8_t how = input.byte();
  request.head.kind = Kind::request;
  request.head.stream = stream;
  request.head.method = methods[how & 3];
  if ((how & 4) == 0) request.head.flags = wire::flags::end;
  request.cancelled = (how & 8) != 0;
  if ((how & 16) != 0) request.head.value = input.byte();
  const auto take = [&](std::size_t size) {
    const ByteView bytes = input.bytes(size);
    return Bytes(bytes.begin(), bytes.end());
  };
  if ((how & 32) != 0) request.hop = take(input.byte());
  if ((how & 64) != 0) request.meta = take(input.byte());
  if ((how & 128) != 0) request.message = take(input.byte());
  request.head.meta = static_cast<std::uint16_t>(request.meta.size());
  return request;
}

std::vector<Request> read_requests(Input& input) {
  std::vector<Request> requests;
  while (!input.empty() && requests.size() < most_requests) {
    const auto stream = static_cast<std::uint32_t>(2 * requests.size() + 1);
    requests.push_back(read_request(input, stream));
  }
  return requests;
}

bool parse(google::protobuf::MessageLite& message, ByteView bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

/// Why a request is not served; empty when it is.
std::string why_not(const Request& request, bool trusts_hop) {
  wire::Metadata metadata;
  wire::Hop hop;
  if (request.head.method == unknown) return "unknown_method";
  if (!request.head.has(wire::flags::end)) return "not_a_stream";
  if (!request.hop.empty() && !trusts_hop) return "hop_not_allowed";
  if (!parse(metadata, request.meta) || !parse(hop, request.hop)) return "bad_metadata";
  const bool has_key = metadata.idempotency_key().size() == 32;
  return request.head.method == keep && !has_key ? "idempotency_key" : "";
}

/// What ran.
struct Served {
  std::map<std::uint16_t, std::size_t> calls;
};

task<Reply> answer(Served& served, rpc::Call& call) {
  ++served.calls[call.method];
  check(call.method != keep || call.idempotency_key.size() == 32, "a key has its size");
  check(!call.client_address.empty() && !call.request_id.empty(), "a handler knows who asks");
  Bytes message(call.message.begin(), call.message.end());
  if (call.method == sleep) co_await call.runtime.sleep_for(100ms);
  co_return Reply::of(std::move(message));
}

rpc::ServiceTable table_of(Served& served) {
  rpc::ServiceTable table;
  table.offer(1, "fuzz", 1);
  const auto handler = [&served](rpc::Call& call) { return answer(served, call); };
  table.add({.id = echo, .name = "fuzz.Echo"}, handler);
  table.add({.id = keep, .name = "fuzz.Keep", .kind = rpc::MethodKind::mutating}, handler);
  table.add({.id = sleep, .name = "fuzz.Sleep"}, handler);
  return table;
}

Buffer to_send(const std::vector<Request>& requests) {
  Buffer out;
  wire::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  const std::string encoded = hello.SerializeAsString();
  wire::append(out, {.kind = Kind::hello}, {}, bytes_of(encoded));
  for (const Request& request : requests) {
    Bytes payload = request.meta;
    payload.insert(payload.end(), request.message.begin(), request.message.end());
    wire::append(out, request.head, request.hop, payload);
    if (!request.cancelled) continue;
    wire::append(out, {.kind = Kind::cancel, .stream = request.head.stream}, {}, {});
  }
  return out;
}

struct Got {
  Code code;
  std::string reason;
  Bytes message;
};

/// Reads until every request has its reply, or the connection ends.
task<> read_replies(net::Stream& stream, std::size_t count, std::map<std::uint32_t, Got>& replies) {
  wire::FrameReader reader;
  Bytes buffer(4096);
  bool over = false;
  while (replies.size() < count && !over) {
    const net::Transfer got = stream.read_some(buffer);
    const auto error = reader.consume(ByteView(buffer).first(got.bytes), [&](const Frame& frame) {
      over = over || frame.header.kind == Kind::goaway;
      if (frame.header.kind != Kind::reply) return true;
      const Code code = rpc::code_from_wire(frame.header.value);
      Got reply{code, rpc::decode_detail(code, frame.message()).reason,
                Bytes(frame.message().begin(), frame.message().end())};
      check(replies.emplace(frame.header.stream, std::move(reply)).second, "one reply for each");
      return true;
    });
    check(error == wire::FrameError::none, "what comes is frames");
    if (got.bytes == 0 && got.error && co_await stream.readable()) over = true;
  }
}

task<> serve(rpc::Session& session) {
  co_await session.run();
}

task<> play(sim::World& world, const std::vector<Request>& requests, bool trusts_hop,
            std::size_t segment, Served& served, std::map<std::uint32_t, Got>& replies) {
  Runtime& runtime = world.runtime();
  net::MemoryPair pair = net::make_memory_pair(runtime, {.max_segment = segment});
  const rpc::ServiceTable table = table_of(served);
  rpc::SessionOptions options;
  options.trust_hop_without_certificate = trusts_hop;
  rpc::Session session(runtime, std::move(pair.b), rpc::Side::listener, table, options);
  Scope scope(runtime);
  scope.spawn("session", serve(session));
  const Buffer bytes = to_send(requests);
  co_await net::write_all(*pair.a, bytes);
  co_await read_replies(*pair.a, requests.size(), replies);
  session.close({});
  pair.a->close();
  co_await scope.join();
}

void check_reply(const Request& request, const Got& got, bool trusts_hop) {
  const std::string why = why_not(request, trusts_hop);
  if (!why.empty()) {
    check(got.reason == why, "what is refused is refused for its reason");
  } else if (got.code == Code::ok) {
    check(got.message == request.message, "what is served is answered");
  } else {
    const bool late = got.reason == "deadline" && request.head.value != 0;
    check(late || (got.reason == "cancelled" && request.cancelled),
          "what may pass is served, late, or not wanted any more");
  }
}

void check_all(const std::vector<Request>& requests, bool trusts_hop, std::size_t segment) {
  Served served;
  std::map<std::uint32_t, Got> replies;
  sim::World world(1);
  world.run(play(world, requests, trusts_hop, segment, served, replies), 1h);
  check(replies.size() == requests.size(), "each request gets its reply");
  std::map<std::uint16_t, std::size_t> may_run;
  for (const Request& request : requests) {
    check_reply(request, replies.at(request.head.stream), trusts_hop);
    if (why_not(request, trusts_hop).empty()) ++may_run[request.head.method];
  }
  for (const auto& [method, calls] : served.calls) {
    check(calls <= may_run[method], "no handler runs for what was refused");
  }
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  static const google::protobuf::LogSilencer silence;
  Input input({data, size});
  const bool trusts_hop = (input.byte() & 1) != 0;
  const std::vector<Request> requests = read_requests(input);
  for (const std::size_t segment : {0, 29}) check_all(requests, trusts_hop, segment);
  return 0;
}
