// Requests to the admin endpoint: what the reader makes of bytes does not depend on how they
// arrive, keeps to the limits, and leaves the framing that smuggling needs to nobody.
//
// Input: what came from a client.
#include <algorithm>
#include <string>
#include <vector>

#include "core/admin/request_reader.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using admin::Request;
using admin::RequestReader;
using State = RequestReader::State;

constexpr admin::HttpLimits limits{.header = 1024, .body = 512};

/// One request, or what was wrong; views copied.
struct Read {
  State state = State::head;
  unsigned status = 0;
  std::string head;
  std::string body;
  bool keep_alive = false;
  std::size_t taken = 0;  ///< of a complete request: bytes up to its end

  friend bool operator==(const Read&, const Read&) = default;
};

std::string in_words(const Request& request) {
  std::string words;
  for (const std::string_view part : {request.method, request.path, request.query, request.host,
                                      request.accept, request.authorization}) {
    words.append(part) += '\n';
  }
  return words + (request.head_only ? "HEAD" : "") + std::to_string(request.version);
}

void check_request(const Request& request) {
  check(request.path.starts_with('/'), "a path begins with a slash");
  check(request.path.find('?') == std::string_view::npos, "and ends before the question mark");
  check(request.version == 10 || request.version == 11, "the version is one that is spoken");
  check(request.body.size() <= limits.body, "a body is within its limit");
  for (const std::string_view text : {request.method, request.path, request.query}) {
    check(std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }),
          "no line ends inside a request line");
  }
  check(!request.has_parameter("no such\nparameter"), "a parameter that is not there is not found");
}

void check_failure(const admin::Response& failure) {
  check(failure.status >= 400 && failure.status <= 505 && failure.close,
        "a failure is an error, and the end of the connection");
  check(failure.body.ends_with('\n') && failure.body.size() > 1, "it says why");
}

/// As a connection does it: what the reader does not take yet waits for more.
Read read(ByteView bytes, Cut cut) {
  RequestReader reader(limits, {"192.0.2.1", 1});
  Read result;
  Bytes waiting;
  feed(bytes, cut, [&](ByteView piece) {
    waiting.insert(waiting.end(), piece.begin(), piece.end());
    for (;;) {
      const Bytes offered(waiting);
      const std::size_t taken = reader.put(offered);
      check(taken <= waiting.size(), "no more is taken than was offered");
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
      result.taken += taken;
      if (taken == 0 || reader.state() == State::complete || reader.state() == State::failed) break;
    }
    if (waiting.size() > limits.header) reader.fail(400, "a chunk of the body is malformed");
    return reader.state() != State::complete && reader.state() != State::failed;
  });
  result.state = reader.state();
  if (reader.state() == State::failed) {
    check_failure(reader.failure());
    check(!reader.keep_alive(), "nothing follows a failure");
    result.status = reader.failure().status;
    result.taken = 0;
    return result;
  }
  if (reader.state() == State::head) result.taken = 0;
  if (reader.state() != State::complete) return result;
  check_request(reader.request());
  result.head = in_words(reader.request());
  result.body = reader.request().body;
  result.keep_alive = reader.keep_alive();
  check(reader.put(waiting) == 0, "a complete request takes no more");
  return result;
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  const ByteView bytes(data, size);
  const Read whole = read(bytes, Cut::whole);
  for (const Cut cut : {Cut::single, Cut::varying}) {
    const Read other = read(bytes, cut);
    check((other.state == State::complete) == (whole.state == State::complete),
          "a request is complete however it arrives");
    if (whole.state == State::complete) {
      check(other == whole, "and it is the same request, with the same end");
    }
  }
  return 0;
}
