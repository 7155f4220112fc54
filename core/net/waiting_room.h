#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include <boost/intrusive/list.hpp>

#include "core/net/stream.h"

namespace babilu::net {

class WaitingRoom;

/// A stream whose other end has yet to say who it is, or what it wants. Its place is given up with
/// it. Owner: the coroutine that waits; the stream is in use for as long. Thread: the Runtime's.
class Guest : public boost::intrusive::list_base_hook<> {
 public:
  Guest(WaitingRoom& room, Stream& stream);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { leave(); }

  /// Waits for something else, from now on.
  void wait() noexcept;
  /// Needs the place no more: the other end has said what it had to.
  void leave() noexcept;
  /// Had to give way.
  bool gone() const noexcept { return gone_; }

 private:
  friend class WaitingRoom;
  WaitingRoom& room_;
  Stream& stream_;
  const std::string share_;
  bool gone_ = false;
};

/// How many streams others may hold at no cost to them. One more takes the place of another, whose
/// stream is closed, and whose waits end with operation_aborted: one of the address (or /64 of
/// IPv6) that has most places, so that nobody fills the room for others; of those the one that has
/// waited for longest, as what is meant seriously comes soon.
class WaitingRoom {
 public:
  /// `on_gave_way` counts those that had to go.
  explicit WaitingRoom(std::size_t places, std::function<void()> on_gave_way = [] {});
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  std::size_t size() const noexcept { return guests_.size(); }

 private:
  friend class Guest;
  void enter(Guest& guest);
  Guest& first_to_go();

  const std::size_t places_;
  const std::function<void()> on_gave_way_;
  boost::intrusive::list<Guest> guests_;  ///< who has waited for longest first
};

}  // namespace babilu::net
