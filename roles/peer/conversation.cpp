#include "roles/peer/conversation.h"

#include <algorithm>

#include "core/runtime/runtime.h"
#include "roles/peer/messages.h"

namespace babilu::peer {

using namespace std::chrono_literals;
using rpc::Code;
using rpc::Status;

namespace {

constexpr Clock::duration shortest_pause = 50ms;
constexpr Clock::duration longest_pause = 30s;
constexpr Clock::duration default_pause = 1s;

/// The other will never take this message.
bool is_final(Code code) {
  return code == Code::invalid_argument || code == Code::out_of_range ||
         code == Code::unimplemented || code == Code::permission_denied;
}

}  // namespace

Conversation::Conversation(Runtime& runtime, Profile& profile, const NodeOptions& options,
                           Contact contact, Listener& listener)
    : runtime_(runtime),
      profile_(profile),
      options_(options),
      contact_(std::move(contact)),
      listener_(listener),
      changed_(runtime) {}

void Conversation::add(std::shared_ptr<PeerSession> session) {
  sessions_.push_back(std::move(session));
  wake();
}

void Conversation::remove(const PeerSession& session) {
  std::erase_if(sessions_, [&](const auto& other) { return other.get() == &session; });
  wake();
}

void Conversation::accept() {
  for (const auto& session : sessions_) session->accept();
}

void Conversation::wake() {
  ++wakes_;
  changed_.notify_all();
}

std::shared_ptr<PeerSession> Conversation::usable_session() const {
  for (auto session = sessions_.rbegin(); session != sessions_.rend(); ++session) {
    if ((*session)->usable()) return *session;
  }
  return nullptr;
}

task<> Conversation::pump() {
  while (!sessions_.empty()) {
    const std::uint64_t wakes = wakes_;
    auto look = [id = contact_.id](store::Snapshot& snapshot) {
      return next_pending(snapshot, id);
    };
    auto next = co_await profile_.store->read(runtime_, std::move(look),
                                              runtime_.now() + options_.store_timeout);
    const auto session = usable_session();
    if (!next) {
      listener_.on_trouble("cannot look for messages to send: " + next.error().message);
      co_await pause(default_pause);
    } else if (*next && session) {
      co_await send(*session, **next);
    } else if (wakes == wakes_) {
      co_await changed_.wait();
    }
  }
}

task<> Conversation::send(PeerSession& session, const Message& message) {
  const auto result = co_await session.deliver(message);
  const Status& status = result.reply.status;
  if (status.ok()) {
    co_await settle(message, MessageState::delivered, status);
  } else if (is_final(status.code)) {
    co_await settle(message, MessageState::refused, status);
  } else if (!result.connection_lost) {
    const Clock::duration hint = status.retry_after;
    const auto time = hint > 0s ? std::clamp(hint, shortest_pause, longest_pause) : default_pause;
    co_await pause(time);
  }
}

task<> Conversation::settle(const Message& message, MessageState state, const Status& why) {
  auto unit = [number = message.number, state](store::Transaction& transaction) {
    peer::settle(transaction, number, state);
    return store::commit();
  };
  const auto settled = co_await profile_.store->write(runtime_, std::move(unit),
                                                      runtime_.now() + options_.store_timeout,
                                                      store::AfterLostCommit::run_again);
  if (settled) {
    listener_.on_settled(contact_, message, why);
  } else {
    // It stays pending and goes out again; the other knows it by its id.
    listener_.on_trouble("cannot note that a message arrived: " + settled.error().message);
    co_await pause(default_pause);
  }
}

/// Ends early when a connection comes or goes.
task<> Conversation::pause(Clock::duration time) {
  const Deadline until = runtime_.now() + time;
  const std::size_t connections = sessions_.size();
  while (sessions_.size() == connections && runtime_.now() < until) co_await changed_.wait(until);
}

}  // namespace babilu::peer
