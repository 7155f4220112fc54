#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/rpc/session.h"
#include "core/sim/world.h"
#include "roles/api/peer.pb.h"
#include "roles/peer/node.h"
#include "roles/peer/security.h"

/// What the tests of peers share.
namespace babilu::peer::testing {

/// A directory that goes with its test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Notes everything that a node tells.
class Recorder final : public Events {
 public:
  explicit Recorder(Runtime& runtime) : runtime_(runtime), changed_(runtime) {}

  void on_joined(const Joined& event) override { note(joined, event); }
  void on_left(const Contact& contact, const Ending& ending) override {
    note(left, {contact.name, ending});
  }
  void on_message(const Contact& contact, const Message& message) override {
    note(messages, {contact.name, message.text});
  }
  void on_settled(const Contact& contact, const Message& message, const rpc::Status& why) override {
    note(settled, {contact.name, message.text, why});
  }
  void on_refused(const Refusal& refusal) override { note(refused, refusal); }
  void on_refused_us(const net::Address&, const rpc::Status& why) override {
    note(refused_us, why);
  }
  void on_unreachable(const net::Address&, const rpc::Status& why) override {
    note(unreachable, why);
  }
  void on_stranger(const net::Address&, const std::string& why) override { note(strangers, why); }
  void on_trouble(const std::string& what) override { note(troubles, what); }

  /// Waits until a condition holds. Throws when it still does not after a minute.
  task<> until(std::function<bool()> holds, Clock::duration time = std::chrono::minutes(1));

  struct Left {
    std::string name;
    Ending ending;
  };
  struct Said {
    std::string name;
    std::string text;
    friend bool operator==(const Said&, const Said&) = default;
  };
  struct Settled {
    std::string name;
    std::string text;
    rpc::Status why;
  };
  std::vector<Joined> joined;
  std::vector<Left> left;
  std::vector<Said> messages;
  std::vector<Settled> settled;
  std::vector<Refusal> refused;
  std::vector<rpc::Status> refused_us;
  std::vector<rpc::Status> unreachable;
  std::vector<std::string> strangers;
  std::vector<std::string> troubles;

 private:
  template <class T>
  void note(std::vector<T>& list, T event) {
    list.push_back(std::move(event));
    changed_.notify_all();
  }

  Runtime& runtime_;
  Condition changed_;
};

inline constexpr std::uint16_t port = 7500;

/// A peer on a host of its own name. stop() before the end.
struct Peer {
  Peer(sim::World& world, std::unique_ptr<Profile> its_profile, std::string host,
       NodeOptions options);

  void listen();
  /// The host of the other is called like them.
  void dial(const std::string& host, std::string with = {}) {
    node->dial({host, port}, std::move(with));
  }
  task<> stop();
  /// What is in the database.
  task<std::vector<Message>> history(std::string name);
  task<std::vector<Contact>> contacts();
  /// Whether it went out at once.
  task<bool> say(std::string to, std::string text);

  sim::World& world;
  std::string host;
  std::unique_ptr<Profile> profile;
  PeerSecurity security;
  Recorder events;
  std::unique_ptr<Node> node;
};

/// A world with profiles that outlive their peers.
class Town {
 public:
  explicit Town(std::uint64_t seed) : world(seed) {}

  /// A peer with the profile of that name, made if need be; started again after a stop(), it is the
  /// same person.
  task<std::unique_ptr<Peer>> peer(std::string name, NodeOptions options = {});
  /// Somebody who calls themselves so, with a profile, and a host, of their own.
  task<std::unique_ptr<Peer>> namesake(std::string name, std::string host,
                                       NodeOptions options = {});

  sim::World world;

 private:
  TemporaryDirectory directory_;
};

/// One end of a connection under the test's control: speaks the protocol as the test wants it. Lets
/// the other introduce itself, and keeps what it said.
class RawPeer {
 public:
  RawPeer(sim::World& world, net::StreamPtr stream, rpc::Side side);
  ~RawPeer();

  task<rpc::Reply> call(std::uint16_t method, const google::protobuf::MessageLite& message);
  task<rpc::Reply> introduce(const crypto::KeyPair& keys, std::string name);
  task<rpc::Reply> deliver(const MessageId& id, std::string text);
  /// Waits until the other has introduced itself.
  task<api::IntroduceRequest> their_introduction();
  /// Waits until the connection has ended.
  task<rpc::Status> ended();
  task<> close();
  bool open() const { return session_.open(); }

  net::Stream& stream() { return session_.stream(); }

 private:
  task<> run();
  task<rpc::Outcome<api::IntroduceReply>> on_introduce(rpc::Call& call,
                                                       const api::IntroduceRequest& request);

  Runtime& runtime_;
  const rpc::Side side_;
  rpc::ServiceTable services_;
  rpc::Session session_;
  Condition changed_;
  Scope scope_;
  std::optional<api::IntroduceRequest> introduction_;
  std::optional<rpc::Status> outcome_;
};

/// Connects to a peer from a host, over TLS.
task<std::unique_ptr<RawPeer>> dial_raw(sim::World& world, std::string from, std::string to);
task<net::StreamPtr> dial_tls(sim::World& world, std::string from, std::string to);
/// Accepts one connection at a host, over TLS.
task<net::StreamPtr> accept_tls(sim::World& world, net::Listener& listener);

MessageId message_id(std::uint8_t number);

}  // namespace babilu::peer::testing
