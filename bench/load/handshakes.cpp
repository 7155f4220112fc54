#include "bench/load/handshakes.h"

#include <memory>
#include <stdexcept>

#include "bench/load/meter.h"
#include "bench/load/poll.h"
#include "bench/load/transport.h"

namespace babilu::load {

namespace {

class Run {
 public:
  explicit Run(const HandshakeOptions& options)
      : options_(options),
        meter_(options.measured),
        tls_(options.group),
        slots_(options.parallel) {}
  Result run();

 private:
  struct Slot {
    std::unique_ptr<Transport> transport;
    bool connected = false;
  };

  void fetch_ticket();
  void open(Slot& slot);
  void serve(Nanoseconds until);
  void on_event(Slot& slot);

  const HandshakeOptions& options_;
  const Meter meter_;
  const TlsClient tls_;
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> ticket_{nullptr, SSL_SESSION_free};
  Poll poll_;
  std::vector<Slot> slots_;
  std::uint64_t done_ = 0;
  std::uint64_t errors_ = 0;
};

/// The ticket comes after the handshake, and is noticed when something is read.
void Run::fetch_ticket() {
  Transport transport(options_.port, &tls_);
  Poll poll;
  poll.add(transport.descriptor(), &transport, EPOLLIN);
  std::array<std::uint8_t, 1024> ignored;
  for (int i = 0; i < 100 && tls_.session() == nullptr; ++i) {
    if (transport.advance() == Transport::State::open) transport.read(ignored);
    poll.wait(from_seconds(0.02));
  }
  if (tls_.session() == nullptr) throw std::runtime_error("the server gives no tickets");
  ticket_.reset(SSL_SESSION_dup(tls_.session()));
}

void Run::open(Slot& slot) {
  slot.transport = std::make_unique<Transport>(options_.port, &tls_, ticket_.get());
  slot.connected = false;
  poll_.add(slot.transport->descriptor(), &slot, EPOLLIN | EPOLLOUT);
}

void Run::on_event(Slot& slot) {
  const auto state = slot.transport->advance();
  if (!slot.connected) {
    slot.connected = true;
    poll_.change(slot.transport->descriptor(), &slot, EPOLLIN);
  }
  if (state == Transport::State::connecting) return;
  if (state == Transport::State::failed) {
    ++errors_;
  } else {
    ++done_;
    if (SSL_session_reused(slot.transport->tls()) != (options_.resume ? 1 : 0)) ++errors_;
  }
  slot.transport.reset();
  open(slot);
}

void Run::serve(Nanoseconds until) {
  for (Nanoseconds time = now(); time < until; time = now()) {
    for (const epoll_event& event : poll_.wait(from_seconds(0.01))) {
      on_event(*static_cast<Slot*>(event.data.ptr));
    }
  }
}

Result Run::run() {
  if (options_.resume) fetch_ticket();
  for (Slot& slot : slots_) open(slot);
  serve(now() + from_seconds(options_.warm_up));
  const Nanoseconds from = now();
  const Nanoseconds cpu = meter_.cpu();
  const std::uint64_t done = done_;
  serve(from + from_seconds(options_.seconds));
  Result result;
  result.set("seconds", static_cast<double>(now() - from) / 1e9);
  result.set("handshakes", static_cast<double>(done_ - done));
  result.set("cpu_us", static_cast<double>(meter_.cpu() - cpu) / 1e3);
  result.set("errors", static_cast<double>(errors_));
  return result;
}

}  // namespace

Result run_handshakes(const HandshakeOptions& options) {
  return Run(options).run();
}

}  // namespace babilu::load
