#pragma once

#include <memory>
#include <vector>

#include "core/runtime/condition.h"
#include "roles/peer/peer_session.h"
#include "roles/peer/profile.h"

namespace babilu::peer {

/// A contact who is here: the connections with them, and a coroutine that sends what is pending for
/// them, one message after the other, so that they arrive in order.
///
/// Owner: the Node, and pump() while it runs. Thread: the Runtime's.
class Conversation {
 public:
  /// Hears what became of our messages.
  class Listener {
   public:
    virtual void on_settled(const Contact& contact, const Message& message,
                            const rpc::Status& why) = 0;
    virtual void on_trouble(const std::string& what) = 0;

   protected:
    ~Listener() = default;
  };

  Conversation(Runtime& runtime, Profile& profile, const NodeOptions& options, Contact contact,
               Listener& listener);

  void add(std::shared_ptr<PeerSession> session);
  void remove(const PeerSession& session);
  bool empty() const noexcept { return sessions_.empty(); }
  const std::vector<std::shared_ptr<PeerSession>>& sessions() const noexcept { return sessions_; }
  const Contact& contact() const noexcept { return contact_; }

  /// They are no stranger from now on.
  void accept();
  /// There may be something to send.
  void wake();
  /// Sends what is pending until the last connection has gone.
  task<> pump();

 private:
  std::shared_ptr<PeerSession> usable_session() const;
  task<> send(PeerSession& session, const Message& message);
  task<> settle(const Message& message, MessageState state, const rpc::Status& why);
  task<> pause(Clock::duration time);

  Runtime& runtime_;
  Profile& profile_;
  const NodeOptions& options_;
  const Contact contact_;
  Listener& listener_;
  std::vector<std::shared_ptr<PeerSession>> sessions_;  ///< the newest last
  Condition changed_;
  std::uint64_t wakes_ = 0;
};

}  // namespace babilu::peer
