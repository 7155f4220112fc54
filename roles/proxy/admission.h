#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/system/result.hpp>

#include "core/rpc/status.h"
#include "core/runtime/clock.h"

namespace babilu::proxy {

/// A range of addresses: "10.0.0.0/8", "2001:db8::/32", or one address. IPv4 in IPv6 is IPv4.
class Cidr {
 public:
  static boost::system::result<Cidr> parse(std::string_view text);
  bool contains(const boost::asio::ip::address& address) const;
  unsigned prefix_bits() const noexcept { return prefix_; }

 private:
  boost::asio::ip::address network_;
  unsigned prefix_ = 0;
};

/// What one address may have. An IPv6 address is its /64: that much one customer gets.
struct AddressLimits {
  unsigned sessions = 1000;
  unsigned handshakes_per_second = 100;
  unsigned requests_per_second = 5000;  ///< twice as many at once
};

struct AdmissionOptions {
  unsigned sessions = 15'000;  ///< of the process, in all
  AddressLimits each;
  struct Override {
    Cidr network;
    AddressLimits limits;
  };
  std::vector<Override> overrides;  ///< the longest prefix counts
  std::vector<Cidr> exempt;         ///< only the limit of the process holds here

  /// "10.0.0.0/8 sessions=5000 handshakes=500 requests=20000"; what is not named is as in `each`.
  static boost::system::result<Override> parse_override(std::string_view text,
                                                        const AddressLimits& each);
};

/// So many events a second, and twice as many at once after a pause: the generic cell rate
/// algorithm (ITU-T I.371), one atomic number. Any thread.
class Bucket {
 public:
  /// False when one more is too many; rate 0 allows none.
  bool take(Clock::time_point now, unsigned per_second) noexcept;
  /// As good as new: nothing is lost when it is forgotten.
  bool full(Clock::time_point now) const noexcept;

 private:
  std::atomic<std::int64_t> empty_until_{0};
};

/// Who may connect, and how much each address may ask. Shared by the Runtimes of a process; any
/// thread. A mutex at accept, none for a request.
class Admission {
 public:
  explicit Admission(AdmissionOptions options);

  struct Address;
  /// A session's place. Gives it back at its end.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Admission& admission, std::shared_ptr<Address> address)
        : admission_(&admission), address_(std::move(address)) {}
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          address_(std::move(other.address_)) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket();

    /// Nothing, or why one more request is too many now.
    std::optional<rpc::Status> take_request(Clock::time_point now);

   private:
    Admission* admission_ = nullptr;
    std::shared_ptr<Address> address_;
  };

  /// A place for a session, or why there is none.
  boost::system::result<Ticket, rpc::Status> admit(const boost::asio::ip::address& address,
                                                   Clock::time_point now);

  /// Holds for the sessions to come; and for the requests of those that are there.
  void set_options(AdmissionOptions options);
  AdmissionOptions options() const;
  unsigned sessions() const noexcept { return sessions_.load(std::memory_order_relaxed); }

 private:
  void leave(Address* address);
  const AddressLimits* limits_of(const boost::asio::ip::address& address) const;
  void forget_idle(Clock::time_point now);

  mutable std::mutex mutex_;
  AdmissionOptions options_;
  std::unordered_map<std::string, std::shared_ptr<Address>> addresses_;
  std::size_t forget_at_ = 1024;
  std::atomic<unsigned> sessions_{0};
};

}  // namespace babilu::proxy
