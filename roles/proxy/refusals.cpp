#include "roles/proxy/refusals.h"

#include <algorithm>

#include "core/rpc/reasons.h"
#include "roles/api/reasons.h"

namespace babilu::proxy {

namespace {

constexpr std::string_view session_reasons[] = {api::reasons.too_many_sessions.word(),
                                                api::reasons.too_many_sessions_of_address.word(),
                                                api::reasons.too_many_addresses.word(),
                                                api::reasons.too_many_handshakes.word(),
                                                api::reasons.too_many_handshakes_in_all.word(),
                                                api::reasons.too_many_without_header.word()};

constexpr std::string_view request_reasons[] = {
    api::reasons.too_many_requests.word(), rpc::reasons.too_many_streams.word(),
    rpc::reasons.hop_not_allowed.word(),   api::reasons.unknown_service.word(),
    api::reasons.no_backend.word(),        api::reasons.backends_busy.word(),
    api::reasons.backend_lost.word(),      rpc::reasons.deadline.word(),
    rpc::reasons.cancelled.word(),         rpc::reasons.draining.word(),
    rpc::reasons.request_too_large.word(), api::reasons.item_too_large.word(),
    api::reasons.credit_exceeded.word(),   api::reasons.backend_exceeded_credit.word(),
    api::reasons.item_after_end.word(),    api::reasons.backend_item_after_end.word()};

}  // namespace

Refusals::Refusals(telemetry::Metrics& metrics, std::string_view name, std::string_view help,
                   std::span<const std::string_view> reasons) {
  const auto add = [&](std::string_view reason) {
    std::string text(reason);
    entries_.push_back({text, metrics.counter(name, help, {{"reason", text}})});
  };
  std::ranges::for_each(reasons, add);
  add("other");
}

void Refusals::count(std::string_view reason) noexcept {
  auto found = std::ranges::find(entries_, reason, &Entry::reason);
  if (found == entries_.end()) --found;
  found->counter.add();
}

Refusals refused_sessions(telemetry::Metrics& metrics) {
  return {metrics, "babilu_proxy_sessions_refused_total", "Connections that a limit did not let in",
          session_reasons};
}

Refusals refused_requests(telemetry::Metrics& metrics) {
  return {metrics, "babilu_proxy_requests_refused_total",
          "Requests that the proxy itself answered with an error", request_reasons};
}

}  // namespace babilu::proxy
