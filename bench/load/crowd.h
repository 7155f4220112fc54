#pragma once

#include <memory>
#include <vector>

#include "bench/load/poll.h"
#include "bench/load/session.h"

namespace babilu::load {

/// Many sessions on one epoll descriptor.
class Crowd {
 public:
  Crowd(int port, bool tls);

  /// Opens sessions until there are so many, a few at a time. Throws when one fails, or when it
  /// takes more than a minute.
  void grow(std::size_t count, Replies& replies);

  std::size_t size() const noexcept { return members_.size(); }
  Session& at(std::size_t index) { return members_[index]->session; }
  std::size_t unanswered() const noexcept;

  /// Waits for events and serves them; calls `after` with each session that had one.
  template <class After>
  void serve(Nanoseconds patience, Replies& replies, After after) {
    for (const epoll_event& event : poll_.wait(patience)) {
      auto& member = *static_cast<Member*>(event.data.ptr);
      member.session.on_event(replies);
      if (member.session.state() == Session::State::failed) fail();
      after(member.session);
      watch(member);
    }
  }
  void serve(Nanoseconds patience, Replies& replies) {
    serve(patience, replies, [](Session&) {});
  }
  /// Like Session::request() for one of them, outside of `after`.
  void request(std::size_t index, std::uint32_t count, Nanoseconds sent) {
    Member& member = *members_[index];
    member.session.request(count, sent);
    watch(member);
  }

 private:
  struct Member {
    Session session;
    bool writes = true;  // its socket is watched for writing, at first for being connected
  };

  void watch(Member& member) {
    const bool writes = member.session.blocked();
    if (writes == member.writes) return;
    member.writes = writes;
    poll_.change(member.session.descriptor(), &member, writes ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
  void add();
  [[noreturn]] static void fail();

  const int port_;
  std::unique_ptr<TlsClient> tls_;
  Poll poll_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace babilu::load
