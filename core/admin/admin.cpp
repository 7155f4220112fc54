#include "core/admin/admin.h"

#include <cassert>
#include <stdexcept>

#include <boost/scope/scope_exit.hpp>

#include "core/net/accept.h"
#include "core/runtime/runtime.h"

namespace babilu::admin {

using telemetry::field;

namespace {

/// So many random hexadecimal digits are 64 bits, which nobody finds by asking.
constexpr std::size_t min_token = 16;

std::optional<Error> refuse_options(const net::Address& at, const AdminOptions& options) {
  if (options.token && options.token->empty()) return Error::token_empty;
  if (at.is_loopback()) return std::nullopt;
  if (!options.token) return Error::token_required;
  if (options.token->size() < min_token) return Error::token_too_short;
  return std::nullopt;
}

}  // namespace

struct Admin::Figures {
  explicit Figures(telemetry::Metrics& metrics)
      : answered(metrics.counter("babilu_admin_requests_total",
                                 "Requests that the admin endpoint answered")),
        refused(metrics.counter("babilu_admin_requests_refused_total",
                                "Requests to the admin endpoint answered with 4xx or 5xx")),
        open(metrics.gauge("babilu_admin_open_connections", "Connections to the admin endpoint")),
        gave_way(metrics.counter("babilu_admin_connections_closed_total",
                                 "Connections to the admin endpoint that gave way to others")) {}
  telemetry::Counter& answered;
  telemetry::Counter& refused;
  telemetry::Gauge& open;
  telemetry::Counter& gave_way;
};

Result<net::ListenerPtr> listen(net::Network& network, const net::Address& at,
                                const AdminOptions& options) {
  if (const auto error = refuse_options(at, options)) return error_code(*error);
  return network.listen(at);
}

Admin::Admin(Runtime& runtime, net::ListenerPtr listener, AdminOptions options,
             Lifecycle& lifecycle, telemetry::Metrics& metrics, telemetry::Log log)
    : runtime_(runtime),
      listener_(std::move(listener)),
      options_(std::move(options)),
      lifecycle_(lifecycle),
      metrics_(metrics),
      log_(log.component("admin")),
      guard_(options_.token, options_.host_names),
      figures_(std::make_unique<Figures>(metrics)),
      started_(runtime.now()),
      connections_(options_.limits.connections, [this] { figures_->gave_way.add(); }),
      scope_(runtime) {
  if (const auto error = refuse_options(listener_->local(), options_)) {
    throw std::invalid_argument(error_code(*error).message());
  }
  add_own_paths();
}

Admin::~Admin() = default;

void Admin::handle(Method method, std::string path, std::string about, Handler handler) {
  router_.add({method, std::move(path), Access::guarded, std::move(about), std::move(handler)});
}

void Admin::add_stats(std::string name, StatsSource source) {
  sections_.emplace_back(std::move(name), std::move(source));
}

std::optional<Response> Admin::refuse(const Request& head) {
  if (auto refusal = guard_.refuse(head, router_.access(head.path))) {
    // Without a token is how the dashboard and forgetful people come; a wrong one is news.
    const bool forgotten = refusal->status == 401 && head.authorization.empty();
    const auto level = forgotten ? telemetry::LogLevel::debug : telemetry::LogLevel::warn;
    log_.limited(level, "refused", "request refused", field("remote", head.remote),
                 field("method", head.method), field("path", head.path), field("host", head.host),
                 field("status", refusal->status));
    return count(std::move(*refusal));
  }
  if (router_.find(head) == nullptr) return count(router_.missing(head));
  return std::nullopt;
}

Response Admin::answer(const Request& request) {
  try {
    const Router::Route* const route = router_.find(request);
    assert(route != nullptr);  // or refuse() has answered
    return count(route->handler(request));
  } catch (const std::exception& error) {
    log_.error("a handler failed", field("path", request.path), field("error", error.what()));
    return count({.status = 500, .body = "this is a mistake of the program; see its log\n"});
  }
}

Response Admin::count(Response response) {
  figures_->answered.add();
  if (response.status >= 400) figures_->refused.add();
  return response;
}

task<> Admin::run() {
  const boost::scope::scope_exit no_more([&] { listener_->close(); });
  net::Acceptor acceptor{.take =
                             [this](net::StreamPtr stream) {
                               scope_.spawn("admin connection", serve(std::move(stream)));
                             },
                         .on_trouble =
                             [this](error_code why) {
                               log_.limited(telemetry::LogLevel::warn, "accept",
                                            "cannot accept; pausing", field("error", why));
                             }};
  co_await scope_.close_after(net::accept_each(runtime_, *listener_, std::move(acceptor)));
}

task<> Admin::serve(net::StreamPtr stream) {
  Connection connection(runtime_, std::move(stream), options_.limits, *this, connections_);
  figures_->open.add();
  const boost::scope::scope_exit forget([&] { figures_->open.subtract(); });
  co_await connection.run();
}

}  // namespace babilu::admin
