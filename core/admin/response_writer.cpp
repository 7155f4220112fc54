#include "core/admin/response_writer.h"

#include <cassert>

#include <fmt/format.h>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

namespace babilu::admin {

namespace beast = boost::beast;
namespace http = beast::http;

namespace {

// The dashboard is everything that this origin may show or run. Nothing of it may be framed, so no
// other page can lay a button over its own.
constexpr auto content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

using Message = http::response<http::string_body>;

void set_common_fields(Message& message, const Delivery& delivery) {
  message.set(http::field::date, http_date(delivery.date));
  message.set(http::field::cache_control, "no-store");
  message.set("Content-Security-Policy", content_policy);
  message.set("Cross-Origin-Resource-Policy", "same-origin");
  message.set("Referrer-Policy", "no-referrer");
  message.set("X-Content-Type-Options", "nosniff");
}

}  // namespace

std::string http_date(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  static constexpr const char* days_of_week[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months_of_year[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     days_of_week[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                     months_of_year[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

Bytes to_bytes(Response response, const Delivery& delivery) {
  Message message;
  message.version(static_cast<unsigned>(delivery.version));
  message.result(response.status);
  set_common_fields(message, delivery);
  for (const auto& [name, value] : response.fields) message.set(name, value);
  message.set(http::field::content_type, response.content_type);
  message.keep_alive(delivery.keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();

  Bytes bytes;
  http::response_serializer<http::string_body> serializer(message);
  serializer.split(delivery.head_only);
  beast::error_code error;
  while (!serializer.is_done() && !(delivery.head_only && serializer.is_header_done())) {
    serializer.next(error, [&](beast::error_code&, const auto& buffers) {
      std::size_t size = 0;
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        const auto* data = static_cast<const std::uint8_t*>(buffer.data());
        bytes.insert(bytes.end(), data, data + buffer.size());
        size += buffer.size();
      }
      serializer.consume(size);
    });
    assert(!error);  // a string has no end that could fail
  }
  return bytes;
}

ByteView continue_bytes() noexcept {
  return bytes_of("HTTP/1.1 100 Continue\r\n\r\n");
}

}  // namespace babilu::admin
