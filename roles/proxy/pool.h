#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/runtime/scope.h"
#include "roles/proxy/link.h"

namespace babilu::proxy {

/// The backends of one Runtime: which there are, which of them gets a request, and who is left out
/// because it fails or is slow.
///
/// Owner: the Proxy. Thread: the Runtime's.
class Pool {
 public:
  Pool(Runtime& runtime, net::Network& network, net::Security& security, Figures& figures,
       const Link::Options& options, Relay& relay);

  /// Makes these the backends: new ones are dialed, missing ones are left in order.
  void set_backends(const std::vector<Backend>& backends);
  /// Reviews health, until cancelled.
  task<> keep_watch();
  /// Ends all links. Nothing must be unanswered any more.
  task<> close();

  /// A link for a request, or null when there is none with room. `except` is where it was lost.
  ///
  /// Short requests that come in one turn of the loop go in runs to the same backend: they leave in
  /// one write, and so do their replies on all of their way back.
  Link* choose(std::uint16_t method, std::uint32_t route, const Link* except,
               Clock::time_point now) {
    const bool goes_on = run_.left > 0 && run_.method == method && run_.turn == now && route == 0 &&
                         except == nullptr &&
                         run_.link->has_room(static_cast<std::uint8_t>(method >> 8));
    if (!goes_on) return choose_anew(method, route, except, now);
    --run_.left;
    return run_.link;
  }
  /// Whether a backend offers the service now, with room or without.
  bool offers(std::uint8_t service) const noexcept;
  /// Waiting for it makes sense: a backend offers it or did when it was last there; or none has
  /// been there yet, so that nothing is known.
  bool may_come_to_offer(std::uint8_t service) const noexcept;
  /// All backends have been there, and none of them offered it.
  bool never_offers(std::uint8_t service) const noexcept;
  /// visit(tag) for each request that is on a link; it must not send any.
  template <class Visit>
  void each_unanswered(Visit visit) const {
    for (const Member& member : links_) member.link->each_unanswered(visit);
    for (const auto& link : leaving_) link->each_unanswered(visit);
  }
  std::size_t links_up() const noexcept;
  /// Most bytes after a header that every backend takes: any may get any request.
  std::uint32_t frame_limit() const noexcept;
  /// What the backends say that their methods cost.
  void tell_costs(MethodCosts& costs) const noexcept;
  std::size_t size() const noexcept { return links_.size(); }

  /// An operator's wish: no new requests to this backend, or as before. False: no such backend.
  bool set_draining(const std::string& name, bool draining);

 private:
  struct Member {
    std::unique_ptr<Link> link;
    bool draining = false;
    bool shown_ejected = false;  ///< counted in the figures, which all Runtimes share
  };
  bool takes_work(const Member& member, Clock::time_point now) const noexcept {
    return !member.draining && !member.link->health().ejected(now);
  }
  Link* choose_anew(std::uint16_t method, std::uint32_t route, const Link* except,
                    Clock::time_point now);
  void find_usable(std::uint8_t service, const Link* except, Clock::time_point now);
  void review(Clock::time_point now);
  static void show_ejected(Member& member, bool ejected);
  bool can_do_without(const Member& member, Clock::time_point now) const;
  double times_as_slow(const Link& link, Clock::duration& mean) const;
  task<> run(Link& link);

  struct Run {
    Link* link = nullptr;
    std::uint16_t method = 0;
    unsigned left = 0;
    Clock::time_point turn{};
  };
  Runtime& runtime_;
  net::Network& network_;
  net::Security& security_;
  Figures& figures_;
  const Link::Options& options_;
  Relay& relay_;
  Dice dice_;
  std::vector<Member> links_;
  Run run_;
  std::vector<Link*> usable_;          ///< choose() works on these
  std::vector<Candidate> candidates_;  ///< the same
  std::vector<std::unique_ptr<Link>> leaving_;
  Scope scope_;
};

}  // namespace babilu::proxy
