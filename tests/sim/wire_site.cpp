#include "tests/sim/wire_site.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"

namespace babilu::test {

using wire::Kind;

WireEnd::WireEnd(Runtime& runtime, net::StreamPtr stream, rpc::Side side,
                 const Options& its_options, Scope& scope, const std::string& host)
    : options(its_options),
      runtime_(runtime),
      connection_(runtime, std::move(stream), side, options.connection, *this),
      scope_(scope) {
  wire::Hello hello;
  for (const std::uint8_t id : options.services) {
    auto* const service = hello.add_services();
    service->set_id(id);
    service->set_name("s" + std::to_string(id) + " of " + host);
    for (const auto& [method, cost] : options.costs) {
      if (method >> 8 != id) continue;
      auto* const said = service->add_costs();
      said->set_method(method & 0xffU);
      said->set_cost(cost);
    }
  }
  connection_.greet(std::move(hello));
  scope.spawn("wire end", run());
}

task<> WireEnd::run() {
  why_over = co_await connection_.run();
  over = true;
}

std::uint32_t WireEnd::ask(std::string_view payload, Ask how) {
  const wire::Header head{.flags = how.retryable ? wire::flags::retryable : std::uint8_t{0},
                          .method = how.method,
                          .value = how.milliseconds,
                          .route = how.route,
                          .meta = how.meta};
  const std::uint32_t stream =
      connection_.multiplexer().request(head, bytes_of(how.hop), bytes_of(payload), 1);
  connection_.flush();
  return stream;
}

void WireEnd::item(std::uint32_t stream, std::size_t bytes) {
  connection_.multiplexer().forward({.kind = Kind::item, .stream = stream}, Bytes(bytes, 1));
  connection_.flush();
}

void WireEnd::grant(std::uint32_t stream, std::uint32_t bytes) {
  connection_.multiplexer().forward({.kind = Kind::credit, .stream = stream, .value = bytes}, {});
  connection_.flush();
}

void WireEnd::cancel(std::uint32_t stream) {
  connection_.multiplexer().cancel(stream);
  connection_.flush();
}

void WireEnd::ping() {
  connection_.multiplexer().ping(0);
  connection_.flush();
}

void WireEnd::reply(std::uint32_t stream, std::string_view payload) {
  const ByteView bytes = bytes_of(payload);
  connection_.multiplexer().reply(stream, rpc::Reply::of(Bytes(bytes.begin(), bytes.end())));
  connection_.flush();
}

void WireEnd::refuse(std::uint32_t stream, rpc::Code code, bool unstarted) {
  rpc::Reply refusal = rpc::Reply::refuse(test::status(code, "as_the_test_wants"));
  refusal.unstarted = unstarted;
  connection_.multiplexer().reply(stream, refusal);
  connection_.flush();
}

void WireEnd::reply_to_all(std::string_view payload) {
  for (const Seen& request : all(Kind::request)) reply(request.head.stream, payload);
}

void WireEnd::goaway() {
  connection_.multiplexer().goaway({});
  connection_.flush();
}

std::size_t WireEnd::count(Kind kind) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(seen, [&](const Seen& one) { return one.head.kind == kind; }));
}

std::vector<WireEnd::Seen> WireEnd::all(Kind kind) const {
  std::vector<Seen> found;
  std::ranges::copy_if(seen, std::back_inserter(found),
                       [&](const Seen& one) { return one.head.kind == kind; });
  return found;
}

std::vector<std::string> WireEnd::requests() const {
  std::vector<std::string> payloads;
  for (const Seen& request : all(Kind::request)) payloads.push_back(request.payload);
  return payloads;
}

const WireEnd::Seen* WireEnd::answer_to(std::uint32_t stream) const {
  const auto found = std::ranges::find_if(seen, [&](const Seen& one) {
    return one.head.kind == Kind::reply && one.head.stream == stream;
  });
  return found == seen.end() ? nullptr : &*found;
}

WireEnd::Seen WireEnd::answer(std::uint32_t stream) const {
  const Seen* const found = answer_to(stream);
  EXPECT_NE(found, nullptr) << "no answer to stream " << stream;
  return found == nullptr ? Seen() : *found;
}

WireEnd::Seen WireEnd::nth(Kind kind, std::size_t index) const {
  const std::vector<Seen> found = all(kind);
  EXPECT_LT(index, found.size()) << wire::to_string(kind);
  return index < found.size() ? found[index] : Seen();
}

WireEnd::Seen WireEnd::newest(Kind kind) const {
  const std::size_t count = this->count(kind);
  return nth(kind, count == 0 ? 0 : count - 1);
}

std::string WireEnd::outcome(std::uint32_t stream) const {
  const Seen* const answer = answer_to(stream);
  if (answer == nullptr) return "waiting";
  return answer->status.ok() ? "ok" : answer->status.reason;
}

std::size_t WireEnd::item_bytes() const {
  std::size_t bytes = 0;
  for (const Seen& item : all(Kind::item)) bytes += item.payload.size();
  return bytes;
}

void WireEnd::note(const wire::Frame& frame, rpc::Status status) {
  Seen now{.head = frame.header,
           .client = {},
           .attempt = 0,
           .payload = std::string(text_of(frame.payload())),
           .status = std::move(status),
           .at = runtime_.now()};
  if (frame.header.hop > 0) {
    wire::Hop hop;
    EXPECT_TRUE(hop.ParseFromArray(frame.hop().data(), static_cast<int>(frame.hop().size())));
    now.client = hop.client_address();
    now.attempt = hop.attempt();
  }
  seen.push_back(std::move(now));
}

void WireEnd::on_request(const wire::Frame& frame, rpc::Multiplexer::Tag&) {
  note(frame);
  if (!options.answer) return;
  const auto delay = options.delay_of.contains(frame.header.method)
                         ? options.delay_of.at(frame.header.method)
                         : options.delay;
  if (delay > 0s) {
    scope_.spawn("answer later", answer_later(frame.header.stream, delay));
  } else {
    connection_.multiplexer().reply(frame.header.stream, *options.answer);
  }
}

task<> WireEnd::answer_later(std::uint32_t stream, Clock::duration delay) {
  const rpc::Reply answer = *options.answer;
  co_await runtime_.sleep_for(delay);
  if (over) co_return;
  connection_.multiplexer().reply(stream, answer);
  connection_.flush();
}

void WireEnd::on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag) {
  const auto code = rpc::code_from_wire(frame.header.value);
  note(frame, code == rpc::Code::ok ? rpc::Status() : rpc::decode_detail(code, frame.message()));
}

void WireEnd::on_cancel(std::uint32_t stream, rpc::Multiplexer::Tag) {
  seen.push_back({.head = {.kind = Kind::cancel, .stream = stream},
                  .client = {},
                  .payload = {},
                  .status = {},
                  .at = runtime_.now()});
  if (options.answers_cancels) refuse(stream, rpc::Code::cancelled);
}

void WireEnd::on_goaway(std::uint32_t last, const rpc::Status& why) {
  seen.push_back({.head = {.kind = Kind::goaway, .value = last},
                  .client = {},
                  .payload = {},
                  .status = why,
                  .at = runtime_.now()});
}

void WireBackend::start() {
  listener_ = world_.host(host_).listen({host_, 7401}).value();
  scope_.spawn("accept", accept(listener_));
}

task<> WireBackend::accept(std::shared_ptr<net::Listener> listener) {
  for (;;) {
    auto stream = co_await listener->accept();
    if (!stream) co_return;
    ends_.push_back(std::make_unique<WireEnd>(world_.runtime(), std::move(*stream),
                                              rpc::Side::listener, options, scope_, host_));
  }
}

void WireBackend::stop() {
  close();
  if (!ends_.empty()) end().abort();
}

std::size_t WireBackend::asked() const {
  std::size_t asked = 0;
  for (const auto& end : ends_) asked += end->count(Kind::request);
  return asked;
}

void WireBackend::answer_with(const rpc::Reply& reply, Clock::duration delay) {
  options.answer = reply;
  options.delay = delay;
  for (auto& end : ends_) {
    end->options.answer = reply;
    end->options.delay = delay;
  }
}

namespace {

std::vector<std::string> addresses(const std::vector<std::string>& hosts) {
  std::vector<std::string> named;
  for (const std::string& host : hosts) {
    const auto space = std::min(host.find(' '), host.size());
    named.push_back(host.substr(0, space) + ":7401" + host.substr(space));
  }
  return named;
}

}  // namespace

WireSite::WireSite(sim::World& its_world, const std::vector<std::string>& hosts,
                   proxy::ProxyOptions its_options)
    : world(its_world), options(std::move(its_options)), scope(world.runtime()) {
  for (const std::string& host : hosts) {
    const std::string bare = host.substr(0, host.find(' '));
    backends[bare] = std::make_unique<WireBackend>(world, bare, scope);
  }
  node = std::make_unique<ProxyNode>(world, addresses(hosts), options);
  scope.spawn("proxy", node->proxy().run());
}

task<> WireSite::start(std::vector<std::string> hosts) {
  const std::size_t wanted = node->proxy().links_up() + hosts.size();
  for (const std::string& host : hosts) backends.at(host)->start();
  co_await until([&] { return node->proxy().links_up() == wanted; }, "links are up");
}

task<> WireSite::connect() {
  client = co_await connect_from("client");
}

task<WireEnd*> WireSite::connect_from(std::string host, std::string first) {
  auto stream = co_await world.host(host).connect(SimulatedStack::address(), no_deadline);
  if (!first.empty()) {
    EXPECT_FALSE(co_await net::write_all(*stream.value(), bytes_of(first)));
  }
  clients.push_back(std::make_unique<WireEnd>(
      world.runtime(), std::move(stream).value(), rpc::Side::dialer,
      WireEnd::Options{.services = {}, .connection = client_options, .answer = {}}, scope, host));
  WireEnd* const end = clients.back().get();
  co_await until([end] { return end->greeted || end->over; }, "a session is greeted");
  co_return end;
}

task<> WireSite::until(std::function<bool()> holds, const char* what) {
  const auto give_up = now() + 1min;
  while (!holds() && now() < give_up) co_await sleep(1ms);
  EXPECT_TRUE(holds()) << what;
}

task<> WireSite::end() {
  for (auto& one : clients) one->close();
  node->lifecycle().advance(Phase::draining);
  for (auto& [host, backend] : backends) backend->close();
  co_await scope.join();
}

double WireSite::metric(std::string_view name, const std::string& backend) {
  double sum = 0;
  for (const auto& family : node->metrics().snapshot()) {
    if (family.name != name) continue;
    for (const auto& series : family.series) {
      const bool counts =
          backend.empty() || std::ranges::any_of(series.labels, [&](const auto& label) {
            return label.second == backend || label.second == backend + ":7401";
          });
      if (counts) sum += series.value;
    }
  }
  return sum;
}

std::size_t WireSite::logged(std::string_view text) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      world.events(), [&](const std::string& line) { return line.find(text) != line.npos; }));
}

void WireSite::apply(const std::vector<std::string>& hosts) {
  options.backends.clear();
  for (const std::string& address : addresses(hosts)) {
    options.backends.push_back(proxy::Backend::parse(address).value());
  }
  node->proxy().apply(options);
}

namespace {

task<> play(sim::World& world, const std::vector<std::string>& hosts, bool started, WireSteps steps,
            const proxy::ProxyOptions& options) {
  WireSite site(world, hosts, options);
  if (started) {
    std::vector<std::string> all;
    for (const auto& [host, backend] : site.backends) all.push_back(host);
    co_await site.start(all);
  }
  co_await site.connect();
  co_await steps(site);
  co_await site.end();
}

}  // namespace

void run_wire(const std::vector<std::string>& hosts, WireSteps steps, proxy::ProxyOptions options) {
  sim::World world(1);
  world.run(play(world, hosts, true, steps, options));
}

void run_wire_unstarted(const std::vector<std::string>& hosts, WireSteps steps,
                        proxy::ProxyOptions options) {
  sim::World world(1);
  world.run(play(world, hosts, false, steps, options));
}

}  // namespace babilu::test
