#pragma once

#include <optional>

#include "core/rpc/service.h"
#include "core/rpc/session.h"
#include "roles/peer/contact.h"
#include "roles/peer/introduction.h"
#include "roles/peer/message.h"
#include "roles/peer/options.h"

namespace babilu::api {
class DeliverReply;
class DeliverRequest;
class IntroduceReply;
class IntroduceRequest;
}  // namespace babilu::api

namespace babilu::peer {

/// Why we want nothing to do with somebody.
struct Refusal {
  rpc::Status why;
  net::Address address;
  std::string name;                        ///< as claimed; empty when it was no name
  std::optional<crypto::PublicKey> shown;  ///< the key they signed with; empty if they did not
  std::optional<Contact> known;            ///< the contact that they collide with
};

/// How a connection ended.
struct Ending {
  enum class Kind {
    left,       ///< in order
    gone,       ///< vanished: no answer, or a broken connection
    refused,    ///< by us; the Host has been told
    refused_us  ///< by the other, before we got to talk
  };
  Kind kind = Kind::left;
  rpc::Status why;
  bool joined = false;  ///< both introductions had been accepted
};

/// One connection with a peer, dialed or accepted: both introduce themselves, then messages go both
/// ways. Protocol only; who is welcome, and where messages go, is the Host's business.
///
/// Owner: whoever awaits run(). Thread: the Runtime's. Cancellation of run() closes the stream.
class PeerSession {
 public:
  class Host {
   public:
    /// Whether this is somebody to talk to. Their signature is good.
    virtual task<boost::system::result<Contact, Refusal>> recognise(PeerSession& session,
                                                                    Introduced introduced) = 0;
    /// Both introductions have been accepted.
    virtual void on_joined(PeerSession& session) = 0;
    /// Keeps a message. Ok means that it is on the disk.
    virtual task<rpc::Status> receive(PeerSession& session, Message message) = 0;
    /// We refused them; the connection ends.
    virtual void on_refused(const Refusal& refusal) = 0;

   protected:
    ~Host() = default;
  };

  PeerSession(Runtime& runtime, net::StreamPtr stream, rpc::Side side, const crypto::KeyPair& keys,
              std::string_view name, const NodeOptions& options, Host& host);

  task<Ending> run();

  /// Sends a message that is kept already, and waits until the other has kept it, too.
  task<rpc::Session::CallResult> deliver(const Message& message);
  /// Ends in order: what is being received is kept and acknowledged first.
  void drain(Deadline deadline) { session_.drain(deadline); }
  void close(rpc::Status why) { session_.close(std::move(why)); }

  /// Who it is, once their introduction was accepted.
  const std::optional<Contact>& contact() const noexcept { return contact_; }
  /// The contact is no stranger from now on.
  void accept() noexcept {
    if (contact_) contact_->accepted = true;
  }
  bool joined() const noexcept { return joined_; }
  /// Messages may go out on it.
  bool usable() const noexcept {
    return joined_ && session_.open() && !session_.other_side_leaving();
  }
  rpc::Side side() const noexcept { return side_; }
  const net::Address& remote() const noexcept { return remote_; }

 private:
  task<> introduce_ourselves();
  task<rpc::Outcome<api::IntroduceReply>> on_introduce(rpc::Call& call,
                                                       const api::IntroduceRequest& request);
  task<rpc::Outcome<api::DeliverReply>> on_deliver(rpc::Call& call,
                                                   const api::DeliverRequest& request);
  std::optional<rpc::Status> too_fast();
  rpc::Status refuse(Refusal refusal);
  task<> close_after_the_reply(rpc::Status why);
  Ending explain(rpc::Status outcome) const;

  Runtime& runtime_;
  const crypto::KeyPair& keys_;
  const std::string_view name_;
  const NodeOptions& options_;
  Host& host_;
  const rpc::Side side_;
  const net::Address remote_;
  const Secret binding_;
  rpc::ServiceTable services_;
  rpc::Session session_;
  Condition changed_;
  RateLimit messages_;
  RateLimit ignored_refusals_;
  std::optional<Contact> contact_;
  std::optional<rpc::Status> refused_;       ///< by us
  std::optional<rpc::Status> not_accepted_;  ///< our introduction, by them
  bool introduced_ = false;                  ///< they have tried to
  bool joined_ = false;
};

}  // namespace babilu::peer
