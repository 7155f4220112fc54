#pragma once

#include <memory>
#include <optional>

#include <boost/intrusive/list.hpp>

#include "core/rpc/connection.h"
#include "core/runtime/runtime.h"
#include "roles/proxy/admission.h"

namespace babilu::proxy {

class Relay;

/// One client's connection. Knows nothing but how to hand its frames to the Relay. There are
/// thousands, most of them idle: its memory is this object, its stream, and the coroutine that
/// reads.
class ClientSession final : public boost::intrusive::list_base_hook<>,
                            private rpc::Connection::Handler {
 public:
  class Owner {
   public:
    /// From the loop: await finish(), then destroy it.
    virtual void on_session_over(ClientSession& session) = 0;

   protected:
    ~Owner() = default;
  };

  ClientSession(Runtime& runtime, net::StreamPtr stream,
                std::shared_ptr<const rpc::ConnectionOptions> options, std::string_view remote,
                Admission::Ticket ticket, Relay& relay, Owner& owner);
  ~ClientSession();

  /// Serves until the client leaves or is sent away, which the owner is told.
  void start();
  /// The end of what belongs to it, and why it ended.
  task<rpc::Status> finish() { return connection_.finish(); }
  /// Takes no more requests; ends when those in flight are answered, or at the deadline.
  void drain(Deadline deadline);
  /// Ends it at once.
  void abort(rpc::Status why) { connection_.abort(std::move(why)); }
  /// After a reply was given: lets drain() look again.
  void answered() {
    if (draining_) answered_.notify_all();
  }

  rpc::Multiplexer& multiplexer() noexcept { return connection_.multiplexer(); }
  void flush() { connection_.flush(); }

  /// What its address may have now; see Admission::Ticket.
  AddressLimits take_up_limits() { return ticket_.take_up_limits(); }
  /// False when a request that counts as count() is too many for its address now.
  template <class Count>
  bool take_request(Clock::time_point now, Count count) noexcept {
    return ticket_.take_request(now, count);
  }
  rpc::Status too_many_requests(std::uint32_t count) const {
    return ticket_.too_many_requests(connection_.runtime().turn_began(), count);
  }
  /// Counts bytes of requests that are kept until they are answered; over `most` nothing is read.
  void keep(std::size_t bytes, std::size_t most) {
    kept_bytes_ += bytes;
    if (kept_bytes_ > most) connection_.pause_reading(true);
  }
  void forget(std::size_t bytes, std::size_t most) {
    kept_bytes_ -= bytes;
    if (kept_bytes_ <= most) connection_.pause_reading(rest_ != nullptr);
  }
  /// Counts requests that wait for a backend.
  void begins_to_wait() noexcept { ++waiting_; }
  void waits_no_more() noexcept { --waiting_; }
  std::size_t waiting() const noexcept { return waiting_; }
  /// It has far more replies than it takes.
  bool stalled() const noexcept { return connection_.outbox().over_hard(); }
  /// Closes it for that. False when that was done already.
  bool drop();

  /// Hop data of a first attempt, encoded once.
  const Bytes& hop() const noexcept { return hop_; }
  std::string remote() const;

 private:
  void on_over() override { owner_.on_session_over(*this); }
  void on_request(const wire::Frame& frame, rpc::Multiplexer::Tag& tag) override;
  void on_refused(const wire::Frame& frame, rpc::Status& why) override;
  void on_item(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag tag) override;
  void on_cancel(std::uint32_t stream, rpc::Multiplexer::Tag tag) override;
  void on_overhead(std::uint32_t count) override;

  void end_rest();
  task<> close_when_answered(Deadline deadline);

  Relay& relay_;
  Owner& owner_;
  const std::shared_ptr<const rpc::ConnectionOptions> options_;
  Admission::Ticket ticket_;
  rpc::Connection connection_;
  Condition answered_;
  const Bytes hop_;
  std::size_t kept_bytes_ = 0;
  std::size_t waiting_ = 0;
  std::unique_ptr<Alarm> rest_;  ///< until then it is not read from; most have none
  bool draining_ = false;
  bool dropped_ = false;
};

}  // namespace babilu::proxy
