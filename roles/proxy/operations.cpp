#include "roles/proxy/operations.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "core/admin/admin.h"
#include "core/base/harmless.h"
#include "core/runtime/runtime.h"

namespace babilu::proxy {

namespace json = boost::json;

struct Fleet::Member {
  Runtime& runtime;
  Proxy* proxy;  ///< null once it has ended; its own thread alone looks
  UseContext use;
};

Fleet::Membership Fleet::add(Runtime& runtime, Proxy& proxy, UseContext use) {
  auto member = std::make_shared<Member>(Member{runtime, &proxy, std::move(use)});
  const std::lock_guard lock(mutex_);
  members_.push_back(member);
  return Membership(*this, std::move(member));
}

Fleet::Membership::~Membership() {
  member_->proxy = nullptr;
  const std::lock_guard lock(fleet_.mutex_);
  fleet_.members_.remove(member_);
}

void Fleet::tell_all(const std::function<void(Member&)>& what) {
  const std::lock_guard lock(mutex_);
  for (const auto& member : members_) {
    member->runtime.post([member, what] {
      if (member->proxy != nullptr) what(*member);
    });
  }
}

void Fleet::apply(const ProxyOptions& options, const tls::ContextPtr& context) {
  tell_all([options, context](Member& member) {
    member.use(context);
    member.proxy->apply(options);
  });
}

void Fleet::set_draining(const std::string& backend, bool draining) {
  tell_all([backend, draining](Member& member) { member.proxy->set_draining(backend, draining); });
}

namespace {

double milliseconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

const char* state_of(const BackendFigures& figures) {
  if (figures.links_up.value() == 0) return "down";
  if (figures.draining.value() != 0) return "draining";
  if (figures.ejected.value() != 0) return "ejected";
  return "healthy";
}

/// A row of the dashboard's table, so nothing in it is nested.
json::object describe(const std::string& name, const BackendFigures& figures) {
  const auto latency = figures.latency.snapshot();
  return {{"name", name},
          {"state", state_of(figures)},
          {"links_up", figures.links_up.value()},
          {"in_flight", figures.in_flight.value()},
          {"requests", figures.requests.value()},
          {"errors", figures.errors.value()},
          {"retries", figures.retries.value()},
          {"ejections", figures.ejections.value()},
          {"p50_ms", milliseconds(latency.quantile(0.5))},
          {"p99_ms", milliseconds(latency.quantile(0.99))},
          {"max_ms", milliseconds(latency.max())},
          {"sent_bytes", figures.bytes_sent.value()},
          {"received_bytes", figures.bytes_received.value()}};
}

json::value describe(Figures& figures) {
  json::array backends;
  figures.each([&](const std::string& name, const BackendFigures& backend) {
    backends.push_back(describe(name, backend));
  });
  return backends;
}

json::object describe(const Refusals& refusals) {
  json::object counts;
  refusals.each([&](std::string_view reason, std::uint64_t count) { counts[reason] = count; });
  return counts;
}

json::value describe(const Admission& admission, const Observer& observer) {
  const AdmissionOptions options = admission.options();
  return json::object{{"sessions", options.sessions},
                      {"sessions_open", admission.sessions()},
                      {"total_handshakes_per_second", options.total_handshakes_per_second},
                      {"addresses", admission.addresses()},
                      {"sessions_per_address", options.each.sessions},
                      {"handshakes_per_second", options.each.handshakes_per_second},
                      {"requests_per_second", options.each.requests_per_second},
                      {"overrides", options.overrides.size()},
                      {"exempt_networks", options.exempt.size()},
                      {"refused_sessions", describe(observer.refused_sessions())},
                      {"refused_requests", describe(observer.refused_requests())}};
}

/// "/backends/127.0.0.1:7401/drain" to the name and what is asked of it.
admin::Response change_backend(Fleet& fleet, std::string_view path) {
  constexpr std::string_view folder = "/backends/";
  path.remove_prefix(folder.size());
  const auto slash = path.rfind('/');
  const auto decoded = admin::percent_decoded(path.substr(0, slash));
  if (!decoded) return {.status = 400, .body = "the name of the backend is cut off at a %\n"};
  const std::string& name = *decoded;
  const std::string_view wish = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  if (wish != "drain" && wish != "undrain") {
    return {.status = 404, .body = "there are /backends/NAME/drain and /backends/NAME/undrain\n"};
  }
  std::string known;
  bool found = false;
  fleet.figures().each([&](const std::string& backend, const BackendFigures&) {
    found |= backend == name;
    known += "  " + backend + "\n";
  });
  if (!found) {
    return {
        .status = 404,
        .body = fmt::format("there is no backend {}; there are:\n{}", harmless_line(name), known)};
  }
  fleet.set_draining(name, wish == "drain");
  return {.status = 202, .body = fmt::format("{}: {}\n", name, wish)};
}

}  // namespace

void extend(admin::Admin& admin, Fleet& fleet, const Admission& admission,
            const Observer& observer) {
  admin.handle(
      admin::Method::post, "/backends/*", "NAME/drain, NAME/undrain: one backend's work",
      [&fleet](const admin::Request& request) { return change_backend(fleet, request.path); });
  admin.add_stats("backends", [&fleet] { return describe(fleet.figures()); });
  admin.add_stats("limits", [&] { return describe(admission, observer); });
}

}  // namespace babilu::proxy
