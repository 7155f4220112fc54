#include "tests/sim/peer_support.h"

#include <cstdlib>
#include <stdexcept>

#include <gtest/gtest.h>

#include "roles/api/peer.h"

namespace babilu::peer::testing {

using namespace std::chrono_literals;

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "babilu-peer-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

task<> Recorder::until(std::function<bool()> holds, Clock::duration time) {
  const Deadline deadline = runtime_.now() + time;
  while (!holds()) {
    const bool notified = co_await changed_.wait(deadline);
    // What the test looks at next would not be there.
    if (!notified && !holds()) throw std::runtime_error("it did not happen in time");
  }
}

Peer::Peer(sim::World& its_world, std::unique_ptr<Profile> its_profile, std::string its_host,
           NodeOptions options)
    : world(its_world),
      host(std::move(its_host)),
      profile(std::move(its_profile)),
      security(world.runtime()),
      events(world.runtime()),
      node(std::make_unique<Node>(world.runtime(), world.host(host), security, *profile, options,
                                  events)) {}

void Peer::listen() {
  node->listen(world.host(host).listen({host, port}).value());
}

task<> Peer::stop() {
  co_await node->leave(world.runtime().now() + 3s);
}

task<std::vector<Message>> Peer::history(std::string name) {
  auto found = co_await node->history(std::move(name), 10'000);
  co_return std::move(found.value());
}

task<std::vector<Contact>> Peer::contacts() {
  auto found = co_await node->contacts();
  co_return std::move(found.value());
}

task<bool> Peer::say(std::string to, std::string text) {
  auto sent = co_await node->send(std::move(to), std::move(text));
  co_return sent.value().here;
}

task<std::unique_ptr<Peer>> Town::peer(std::string name, NodeOptions options) {
  auto profile = co_await open_profile(world.runtime(), directory_ / (name + ".db"), name);
  co_return std::make_unique<Peer>(world, std::move(profile.value()), name, options);
}

task<std::unique_ptr<Peer>> Town::namesake(std::string name, std::string host,
                                           NodeOptions options) {
  const std::string file = name + "-at-" + host + ".db";
  auto profile = co_await open_profile(world.runtime(), directory_ / file, name);
  co_return std::make_unique<Peer>(world, std::move(profile.value()), host, options);
}

RawPeer::RawPeer(sim::World& world, net::StreamPtr stream, rpc::Side side)
    : runtime_(world.runtime()),
      side_(side),
      session_(runtime_, std::move(stream), side, services_, {}),
      changed_(runtime_),
      scope_(runtime_) {
  services_.offer(api::Peer::id, api::Peer::name, api::Peer::revision);
  rpc::add(services_, api::Peer::introduce, this, &RawPeer::on_introduce);
  scope_.spawn("raw peer", run());
}

RawPeer::~RawPeer() = default;

task<> RawPeer::run() {
  rpc::Status outcome = co_await session_.run();
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

task<rpc::Outcome<api::IntroduceReply>> RawPeer::on_introduce(
    rpc::Call&, const api::IntroduceRequest& request) {
  introduction_ = request;
  changed_.notify_all();
  co_return api::IntroduceReply();
}

task<rpc::Reply> RawPeer::call(std::uint16_t method, const google::protobuf::MessageLite& message) {
  const Bytes encoded = rpc::encode(message);
  const Deadline deadline = runtime_.now() + 10s;
  const bool greeted = co_await session_.greeted(deadline);
  EXPECT_TRUE(greeted);
  rpc::CallOptions options;
  options.deadline = deadline;
  auto result = co_await session_.call(method, encoded, options);
  co_return std::move(result.reply);
}

task<rpc::Reply> RawPeer::introduce(const crypto::KeyPair& keys, std::string name) {
  const Secret binding = session_.stream().channel_binding(binding_label);
  api::IntroduceRequest introduction;
  peer::introduce(keys, name, side_, binding, introduction);
  co_return co_await call(api::Peer::introduce.traits.id, introduction);
}

task<rpc::Reply> RawPeer::deliver(const MessageId& id, std::string text) {
  api::DeliverRequest request;
  request.set_message_id(id.data(), id.size());
  request.set_sent_at(1'767'225'600'000);
  request.set_text(std::move(text));
  co_return co_await call(api::Peer::deliver.traits.id, request);
}

task<api::IntroduceRequest> RawPeer::their_introduction() {
  while (!introduction_) co_await changed_.wait();
  co_return *introduction_;
}

task<rpc::Status> RawPeer::ended() {
  while (!outcome_) co_await changed_.wait();
  co_return *outcome_;
}

task<> RawPeer::close() {
  session_.close({});
  co_await scope_.join();
}

task<net::StreamPtr> dial_tls(sim::World& world, std::string from, std::string to) {
  PeerSecurity security(world.runtime());
  const net::Address address{to, port};
  auto stream = co_await net::dial(world.host(from), security, address, world.runtime().now() + 5s);
  co_return std::move(stream.value());
}

task<net::StreamPtr> accept_tls(sim::World& world, net::Listener& listener) {
  PeerSecurity security(world.runtime());
  auto raw = co_await listener.accept();
  auto stream = co_await security.accept(std::move(raw.value()), world.runtime().now() + 5s);
  co_return std::move(stream.value());
}

task<std::unique_ptr<RawPeer>> dial_raw(sim::World& world, std::string from, std::string to) {
  auto stream = co_await dial_tls(world, std::move(from), std::move(to));
  co_return std::make_unique<RawPeer>(world, std::move(stream), rpc::Side::dialer);
}

MessageId message_id(std::uint8_t number) {
  MessageId id{};
  id.fill(number);
  return id;
}

}  // namespace babilu::peer::testing
