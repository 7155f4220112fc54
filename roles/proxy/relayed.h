#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include <boost/container/vector.hpp>
#include <boost/intrusive/list.hpp>

#include "core/wire/frame.h"
#include "roles/proxy/link.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

/// A request on its way: the tag of its stream on both sides; internal to the Relay. Owned by its
/// stream on a link, or by the Relay while it is in a list of those that wait.
struct Relay::Relayed : boost::intrusive::list_base_hook<> {
  static constexpr int most_sends = 2;
  static constexpr std::uint32_t most_credit = 0x7fffffff;
  /// Milliseconds that are enough for whatever a backend does: below, a client that is in a hurry
  /// tells of itself.
  static constexpr std::uint32_t generous = 1000;
  /// Milliseconds of a request whose client set no time.
  static constexpr std::uint32_t usual_time = 30'000;

  /// Bytes that are not zeroed before they are filled.
  using Kept = boost::container::vector<std::uint8_t>;

  /// Ends a wait for a backend.
  struct Patience {
    /// Until `patience` or `latest`, where the request's own time is as good as up.
    Patience(Clock& clock, Relay& its_relay, Relayed& its_request, Deadline patience,
             Deadline latest)
        : relay(its_relay),
          request(its_request),
          expires(latest <= patience),
          alarm(clock, [](void* self) { static_cast<Patience*>(self)->end(); }, this) {
      alarm.set(std::min(patience, latest));
    }
    void end() { relay.give_up(request); }

    Relay& relay;
    Relayed& request;
    bool expires;
    Alarm alarm;
  };

  ClientSession* session = nullptr;  ///< none once the client has gone
  Link* link = nullptr;              ///< none while it waits
  std::uint32_t session_stream = 0;
  std::uint32_t link_stream = 0;
  wire::Header head;
  Clock::time_point began;
  int sends = 0;
  bool stream_used = false;  ///< items or credit have passed
  /// How long it takes tells of the backend: the client did not choose that, nor has it a part in
  /// the time, nor did any other backend.
  bool comparable = false;
  bool broken_off = false;  ///< answered by the proxy while the backend still works
  /// What one side may still send.
  struct Way {
    std::uint32_t credit = rpc::default_credit;  ///< bytes of items
    bool ended = false;                          ///< an item had the flag `end`
  };
  Way from_session;
  Way from_link;
  Kept kept;  ///< metadata and message, while it may be sent again
  std::unique_ptr<Patience> patience;
  std::uint64_t turn = 0;  ///< among those that wait
  Relayed* next_spare = nullptr;

  void keep(ByteView payload) {
    kept.resize(payload.size(), boost::container::default_init);
    if (!payload.empty()) std::memcpy(kept.data(), payload.data(), payload.size());
  }
  ByteView what_was_kept() const { return {kept.data(), kept.size()}; }
  void begin(ClientSession& its_session, const wire::Header& its_head, Clock::time_point now) {
    session = &its_session;
    link = nullptr;
    session_stream = its_head.stream;
    head = its_head;
    if (head.value == 0) head.value = usual_time;
    began = now;
    sends = 0;
    stream_used = broken_off = false;
    comparable = its_head.route == 0;
    from_session = from_link = {};
  }
  /// It has ended: what it held is let go, but for a little memory.
  void clear() noexcept {
    constexpr std::size_t a_little = 1024;
    if (kept.capacity() > a_little) Kept().swap(kept);
    kept.clear();
    patience.reset();
  }

  /// Counts an item against the sender's credit, or credit for the other side.
  Breach account(const wire::Frame& frame, Way& sender, Way& other) noexcept {
    const std::size_t bytes = frame.payload().size();
    stream_used = true;
    comparable = false;
    if (frame.header.kind == wire::Kind::credit) {
      if (frame.header.value > most_credit - other.credit) return Breach::credit;
      other.credit += frame.header.value;
      return Breach::none;
    }
    if (sender.ended) return Breach::end;
    if (bytes > sender.credit) return Breach::credit;
    sender.credit -= static_cast<std::uint32_t>(bytes);
    sender.ended = frame.header.has(wire::flags::end);
    return Breach::none;
  }

  static rpc::Multiplexer::Tag tag(Relayed* relayed) {
    return reinterpret_cast<rpc::Multiplexer::Tag>(relayed);
  }
  static Relayed* from(rpc::Multiplexer::Tag tag) { return reinterpret_cast<Relayed*>(tag); }

  std::uint8_t service() const { return static_cast<std::uint8_t>(head.method >> 8); }
  bool may_be_sent_again() const {
    return head.has(wire::flags::retryable) && sends < most_sends && !stream_used;
  }
  /// What is needed to send it again is there, whether or not that is allowed.
  bool is_kept() const { return !stream_used && (!kept.empty() || head.size == head.hop); }

  /// What is left of the caller's time, in the header's terms.
  std::optional<std::uint32_t> time_left(Clock::time_point now) const {
    if (now == began) return head.value;  // as for most
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(now - began).count();
    if (spent >= head.value) return std::nullopt;
    return static_cast<std::uint32_t>(head.value - spent);
  }
  /// That it comes too late tells nothing of the backend.
  bool excuses_lateness(const Link& by) const noexcept {
    return !comparable || head.value < generous || by.answered_since(began);
  }
  Deadline deadline() const { return began + std::chrono::milliseconds(head.value); }
};

}  // namespace babilu::proxy
