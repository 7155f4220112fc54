#include "tools/babilu/demo/http_get.h"

#include <array>
#include <charconv>

#include <fmt/format.h>
#include <boost/asio/error.hpp>

namespace babilu::cli {

namespace {

/// "HTTP/1.1 200": all that is looked at.
constexpr std::size_t status_line = 12;
constexpr std::size_t status_at = 9;

int parse_status(std::string_view text) {
  int status = 0;
  if (!text.starts_with("HTTP/1.") || text.size() < status_line) return 0;
  std::from_chars(text.data() + status_at, text.data() + status_line, status);
  return status;
}

}  // namespace

task<int> http_status(net::Network& network, net::Address to, std::string path, Deadline deadline) {
  auto stream = co_await network.connect(to, deadline);
  if (!stream) co_return 0;
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, to.to_string());
  if (co_await net::write_all(**stream, bytes_of(request), deadline)) co_return 0;
  std::array<std::uint8_t, status_line> head{};
  std::size_t size = 0;
  while (size < head.size()) {
    const net::Transfer got = (*stream)->read_some(MutableByteView(head).subspan(size));
    size += got.bytes;
    if (got.error && got.error != boost::asio::error::would_block) co_return 0;
    if (!got.error) continue;
    if (co_await (*stream)->readable(deadline)) co_return 0;
  }
  co_return parse_status(text_of(head));
}

}  // namespace babilu::cli
