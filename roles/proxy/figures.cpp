#include "roles/proxy/figures.h"

#include <algorithm>
#include <utility>

namespace babilu::proxy {

namespace {

/// Causes of one backend that are known to be in the log.
constexpr std::size_t most_told = 8;

/// "babilu_proxy_backend_requests_total" and the like, labelled with the backend.
std::string name(const char* what) {
  return std::string("babilu_proxy_backend_") + what;
}

}  // namespace

BackendFigures::BackendFigures(telemetry::Metrics& metrics, const std::string& backend)
    : links_up(metrics.gauge(name("links_up"), "Links to the backend that are up",
                             {{"backend", backend}})),
      in_flight(metrics.gauge(name("in_flight"), "Requests sent to the backend and unanswered",
                              {{"backend", backend}})),
      ejected(metrics.gauge(name("ejected"), "Event loops that give the backend no work now",
                            {{"backend", backend}})),
      draining(metrics.gauge(name("draining"), "1 when an operator drains the backend",
                             {{"backend", backend}})),
      requests(metrics.counter(name("requests_total"), "Requests that the backend answered",
                               {{"backend", backend}})),
      errors(metrics.counter(name("errors_total"),
                             "Failures of the backend's own: replies that say so, and requests "
                             "that it left unanswered until their time was up",
                             {{"backend", backend}})),
      retries(metrics.counter(name("retries_total"), "Requests that came from a lost backend",
                              {{"backend", backend}})),
      ejections(metrics.counter(name("ejections_total"), "Times that the backend was ejected",
                                {{"backend", backend}})),
      bytes_sent(metrics.counter(name("sent_bytes_total"), "Bytes of requests to the backend",
                                 {{"backend", backend}})),
      bytes_received(metrics.counter(name("received_bytes_total"),
                                     "Bytes of replies from the backend", {{"backend", backend}})),
      latency(metrics.histogram(name("duration_seconds"),
                                "From a request's arrival to the backend's reply",
                                {{"backend", backend}})),
      metrics_(metrics),
      backend_(backend) {}

BackendFigures::~BackendFigures() {
  metrics_.remove({{"backend", backend_}});
}

bool DownCause::set(const std::string& why) {
  const std::lock_guard lock(mutex_);
  why_ = why;
  if (std::ranges::find(told_, why) != told_.end()) return false;
  if (told_.size() == most_told) told_.erase(told_.begin());
  told_.push_back(why);
  return true;
}

void DownCause::clear() {
  const std::lock_guard lock(mutex_);
  why_.clear();
  told_.clear();
}

std::string DownCause::get() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

RelayTotals::RelayTotals(telemetry::Metrics& metrics)
    : requests(metrics.counter("babilu_proxy_requests_total", "Requests answered by a backend")),
      errors(metrics.counter("babilu_proxy_request_errors_total",
                             "Requests that a backend answered with an error")),
      latency(metrics.histogram("babilu_proxy_request_duration_seconds",
                                "From a request's arrival to its reply")) {}

Tally::Tally(Runtime& runtime, BackendFigures& figures, RelayTotals& totals)
    : figures_(figures),
      totals_(totals),
      publish_(runtime, [](void* self) { static_cast<Tally*>(self)->publish(); }, this) {}

void Tally::publish() {
  figures_.in_flight.add(std::exchange(in_flight_, 0));
  figures_.bytes_sent.add(std::exchange(sent_bytes_, 0));
  if (faults_ != 0) figures_.errors.add(std::exchange(faults_, 0));
  if (latencies_.count() == 0) return;
  figures_.bytes_received.add(std::exchange(received_bytes_, 0));
  totals_.errors.add(std::exchange(errors_, 0));
  figures_.requests.add(latencies_.count());
  totals_.requests.add(latencies_.count());
  figures_.latency.record_all(latencies_);
  totals_.latency.record_all(latencies_);
  latencies_.clear();
}

void ServiceBoard::add(std::uint8_t id, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Service& service = services_[id];
  service.name = name;
  ++service.links;
}

void ServiceBoard::remove(std::uint8_t id) {
  const std::lock_guard lock(mutex_);
  --services_[id].links;
}

void ServiceBoard::expect(std::uint8_t id) {
  const std::lock_guard lock(mutex_);
  ++services_[id].expected;
}

void ServiceBoard::expect_no_more(std::uint8_t id) {
  const std::lock_guard lock(mutex_);
  --services_[id].expected;
}

std::vector<std::string> ServiceBoard::missing() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [id, service] : services_) {
    if (service.links <= 0 && service.expected > 0) names.push_back(service.name);
  }
  return names;
}

std::shared_ptr<BackendFigures> Figures::of(const std::string& backend) {
  const std::lock_guard lock(mutex_);
  Entry& entry = figures_[backend];
  if (!entry.figures) entry.figures = std::make_unique<BackendFigures>(metrics_, backend);
  ++entry.users;
  return {entry.figures.get(), [this, backend](BackendFigures*) { give_back(backend); }};
}

/// Under the lock to its end: whoever asks for the name meanwhile must not get series that go.
void Figures::give_back(const std::string& backend) {
  const std::lock_guard lock(mutex_);
  const auto found = figures_.find(backend);
  if (--found->second.users == 0) figures_.erase(found);
}

}  // namespace babilu::proxy
