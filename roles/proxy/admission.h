#pragma once

#include <atomic>
#include <mutex>

#include "core/rpc/status.h"
#include "roles/proxy/address_table.h"

namespace babilu::proxy {

/// Who may connect, and how much each address may ask. Shared by the Runtimes of a process; any
/// thread. A mutex at accept, none for a request.
class Admission {
 public:
  /// The table of addresses draws a key from `random`.
  Admission(AdmissionOptions options, crypto::Random& random);

  /// A session's place. Gives it back at its end. Thread: its session's.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Admission& admission, const boost::asio::ip::address& remote, AddressEntry& entry)
        : admission_(&admission), remote_(packed(remote)), entry_(&entry) {}
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          remote_(other.remote_),
          entry_(std::exchange(other.entry_, nullptr)) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket();

    /// False when one more request now is too many. `count()` says as how many it counts, and is
    /// asked only where there is a limit.
    template <class Count>
    bool take_request(Clock::time_point now, Count count) noexcept {
      const unsigned rate = entry_ == nullptr ? 0 : request_rate();
      return rate == 0 || entry_->requests.take(now, rate, count());
    }
    bool take_request(Clock::time_point now) noexcept {
      return take_request(now, [] { return 1U; });
    }
    /// Why, with the time after which one more may come.
    rpc::Status too_many_requests(Clock::time_point now, std::uint32_t count = 1) const;
    /// Counts what came besides requests, and gives the time until a request may be taken again.
    Clock::duration charge(Clock::time_point now, std::uint32_t count) noexcept {
      return entry_ == nullptr ? Clock::duration{}
                               : entry_->requests.charge(now, request_rate(), count);
    }
    /// Moves to where the options of now put its address, and gives what holds there. Once when
    /// the session begins, and after each set_options().
    AddressLimits take_up_limits();

   private:
    unsigned request_rate() const noexcept {
      return entry_->requests_per_second.load(std::memory_order_relaxed);
    }

    Admission* admission_ = nullptr;
    boost::asio::ip::address_v6::bytes_type remote_{};  ///< a session should be small
    AddressEntry* entry_ = nullptr;                     ///< stays while it has a session
  };

  /// A place for a session, or why there is none.
  boost::system::result<Ticket, rpc::Status> admit(const boost::asio::ip::address& address,
                                                   Clock::time_point now);

  /// Holds for the sessions to come; those that are there take it up by their tickets.
  void set_options(AdmissionOptions options);
  AdmissionOptions options() const;
  unsigned sessions() const noexcept { return sessions_.load(std::memory_order_relaxed); }
  /// Addresses that are remembered now.
  std::size_t addresses() const;

 private:
  AddressEntry& move_session(AddressEntry& from, const boost::asio::ip::address& remote,
                             AddressLimits& limits);
  void leave(AddressEntry& entry);

  mutable std::mutex mutex_;
  AdmissionOptions options_;
  AddressTable addresses_;
  Bucket handshakes_;
  std::atomic<unsigned> sessions_{0};
};

}  // namespace babilu::proxy
