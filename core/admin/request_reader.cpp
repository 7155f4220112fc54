#include "core/admin/request_reader.h"

#include <cassert>
#include <memory>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "core/crypto/secret.h"

namespace babilu::admin {

namespace beast = boost::beast;
namespace http = beast::http;

namespace {

/// Header fields hold the bearer token, so their memory is wiped. (Botan's allocator is for
/// integers only, and Beast allocates what is none.)
template <class T>
struct WipingAllocator : std::allocator<T> {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = WipingAllocator<U>;
  };
  WipingAllocator() = default;
  template <class U>
  explicit(false) WipingAllocator(const WipingAllocator<U>&) noexcept {}
  void deallocate(T* memory, std::size_t count) noexcept {
    crypto::wipe({reinterpret_cast<std::uint8_t*>(memory), count * sizeof(T)});
    std::allocator<T>::deallocate(memory, count);
  }
};

using MessageParser = http::request_parser<http::string_body, WipingAllocator<char>>;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

struct Refusal {
  unsigned status;
  const char* why;
};

Refusal explain(const beast::error_code& error, bool in_request_line) {
  if (error == http::error::header_limit || error == http::error::header_field_name_too_large ||
      error == http::error::header_field_value_too_large) {
    return in_request_line ? Refusal{414, "the request line is too long"}
                           : Refusal{431, "the header is too large"};
  }
  if (error == http::error::body_limit) return {413, "the body is too large"};
  if (error == http::error::bad_version) {
    return {505, "this endpoint speaks HTTP/1.1 and HTTP/1.0, without TLS"};
  }
  if (error == http::error::bad_method) return {400, "this is not an HTTP request"};
  if (error == http::error::bad_target) return {400, "the request line has no usable target"};
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length ||
      error == http::error::bad_transfer_encoding) {
    return {400, "the header contradicts itself about the length of the body"};
  }
  if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension) {
    return {400, "a chunk of the body is malformed"};
  }
  return {400, "the header is malformed"};
}

}  // namespace

struct RequestReader::Parser : MessageParser {};

RequestReader::RequestReader(const HttpLimits& limits, net::Address remote)
    : parser_(std::make_unique<Parser>()) {
  parser_->header_limit(limits.header);
  parser_->body_limit(limits.body);
  request_.remote = std::move(remote);
}

RequestReader::~RequestReader() = default;

std::size_t RequestReader::put(ByteView bytes) {
  if (state_ == State::complete || state_ == State::failed) return 0;
  if (bytes.empty()) return 0;  // Beast computes with the pointer, which may be null
  beast::error_code error;
  const std::size_t taken = parser_->put({bytes.data(), bytes.size()}, error);
  if (error == http::error::need_more) return taken;
  if (error) {
    const bool in_request_line = parser_->get().target().empty();
    const Refusal refusal = explain(error, in_request_line);
    fail(refusal.status, refusal.why);
    return taken;
  }
  if (state_ == State::head && parser_->is_header_done()) finish_head();
  if (state_ == State::body && parser_->is_done()) {
    request_.body = parser_->get().body();
    request_.body_follows = false;
    state_ = State::complete;
  }
  return taken;
}

void RequestReader::finish_head() {
  assert(state_ == State::head && parser_->is_header_done());
  const auto& message = parser_->get();
  request_.version = static_cast<int>(message.version());
  request_.head_only = message.method() == http::verb::head;
  request_.method = request_.head_only ? "GET" : view(message.method_string());
  request_.host = view(message[http::field::host]);
  request_.accept = view(message[http::field::accept]);
  request_.authorization = view(message[http::field::authorization]);
  request_.body_follows = !parser_->is_done();
  if (!check_framing() || !check_target()) return;
  state_ = State::body;
  parser_->eager(true);
}

bool RequestReader::check_framing() {
  const auto& message = parser_->get();
  const auto encodings = message.count(http::field::transfer_encoding);
  const auto hosts = message.count(http::field::host);
  if (encodings != 0 && (request_.version == 10 || encodings > 1)) {
    fail(400, "Transfer-Encoding is not allowed here");
  } else if (encodings != 0 &&
             !beast::iequals(message[http::field::transfer_encoding], "chunked")) {
    fail(501, "of the transfer encodings only chunked is understood");
  } else if (hosts > 1 || (hosts == 0 && request_.version == 11)) {
    fail(400, "exactly one Host field is needed");
  } else if (message.count(http::field::authorization) > 1) {
    fail(400, "more than one Authorization field");
  }
  return state_ != State::failed;
}

bool RequestReader::check_target() {
  std::string_view target = view(parser_->get().target());
  bool absolute = false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    // Schemes have no case (RFC 9110 §4.2.3).
    if (!beast::iequals(target.substr(0, scheme.size()), scheme)) continue;
    // The absolute form, whose host counts instead of the field (RFC 9112 §3.2.2).
    target.remove_prefix(scheme.size());
    request_.host = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(request_.host.size());
    absolute = true;
    break;
  }
  const std::size_t mark = std::min(target.find('?'), target.size());
  request_.path = target.substr(0, mark);
  if (absolute && request_.path.empty()) request_.path = "/";
  if (!request_.path.starts_with('/')) {
    fail(400, "the request line has no usable target");
    return false;
  }
  request_.query = target.substr(std::min(mark + 1, target.size()));
  return true;
}

bool RequestReader::expects_continue() const noexcept {
  return request_.version == 11 &&
         beast::iequals(parser_->get()[http::field::expect], "100-continue");
}

bool RequestReader::keep_alive() const noexcept {
  return state_ != State::failed && parser_->is_header_done() && parser_->keep_alive();
}

void RequestReader::fail(unsigned status, std::string why) {
  if (state_ == State::complete || state_ == State::failed) return;
  state_ = State::failed;
  failure_ = Response{.status = status, .body = std::move(why) + "\n", .close = true};
}

}  // namespace babilu::admin
