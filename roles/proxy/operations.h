#pragma once

#include <functional>
#include <list>
#include <mutex>

#include "core/tls/context.h"
#include "roles/proxy/proxy.h"

namespace babilu {
class Runtime;
namespace admin {
class Admin;
}
}  // namespace babilu

namespace babilu::proxy {

/// The Proxies of a process, one for each Runtime: what an operator asks of all of them. Any
/// thread.
class Fleet {
 public:
  using UseContext = std::function<void(const tls::ContextPtr&)>;

  explicit Fleet(Figures& figures) : figures_(figures) {}

  /// A Proxy's place among the others; it leaves with this. Belongs to its Runtime's thread.
  class [[nodiscard]] Membership;
  Membership add(Runtime& runtime, Proxy& proxy, UseContext use);

  /// Each Proxy takes these up on its own thread, a little later.
  void apply(const ProxyOptions& options, const tls::ContextPtr& context);
  void set_draining(const std::string& backend, bool draining);

  Figures& figures() noexcept { return figures_; }

 private:
  struct Member;
  void tell_all(const std::function<void(Member&)>& what);

  Figures& figures_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Member>> members_;
};

class Fleet::Membership {
 public:
  Membership(Fleet& fleet, std::shared_ptr<Member> member)
      : fleet_(fleet), member_(std::move(member)) {}
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership();

 private:
  Fleet& fleet_;
  std::shared_ptr<Member> member_;
};

/// Adds to the admin endpoint:
///
///   POST /backends/NAME/drain    no new requests to this backend
///   POST /backends/NAME/undrain  as before
///   GET  /stats                  section "backends": health, load, latency, retries, bytes;
///                                section "limits": those in force, and what was refused and why
void extend(admin::Admin& admin, Fleet& fleet, const Admission& admission,
            const Observer& observer);

}  // namespace babilu::proxy
