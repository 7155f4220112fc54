#include "roles/proxy/pool.h"

#include <algorithm>
#include <utility>

#include "core/crypto/random.h"
#include "core/runtime/runtime.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

namespace {

/// Replies of one method within a review below which nothing is concluded from them.
constexpr std::uint32_t enough_samples = 5;

/// What is short enough for several of it to wait for one another, and for how many: each costs
/// less than a write and the wake-up that comes with it.
constexpr double short_seconds = 0.002;
constexpr unsigned longest_run = 16;

std::uint64_t seed_from(Random& random) {
  std::uint64_t seed = 0;
  crypto::fill_random(random, {reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
  return seed;
}

}  // namespace

Pool::Pool(Runtime& runtime, net::Network& network, net::Security& security, Figures& figures,
           const Link::Options& options, Relay& relay)
    : runtime_(runtime),
      network_(network),
      security_(security),
      figures_(figures),
      options_(options),
      relay_(relay),
      dice_(seed_from(runtime.random())),
      scope_(runtime) {}

void Pool::set_backends(const std::vector<Backend>& backends) {
  const auto named = [](const std::string& name) {
    return [&name](const auto& entry) { return entry.name == name; };
  };
  for (Member& member : links_) {
    if (std::ranges::none_of(backends, named(member.link->name()))) {
      run_ = {};
      show_ejected(member, false);
      member.link->leave();
      leaving_.push_back(std::move(member.link));
    }
  }
  std::erase_if(links_, [](const Member& member) { return member.link == nullptr; });
  for (const Backend& backend : backends) {
    const auto known = std::ranges::find_if(
        links_, [&](const Member& member) { return member.link->name() == backend.name; });
    if (known != links_.end()) {
      known->link->set_weight(backend.weight);
      continue;
    }
    links_.push_back({std::make_unique<Link>(runtime_, network_, security_, backend, figures_,
                                             options_, relay_)});
    links_.back().link->figures().draining.set(0);  // it may have been there before
    scope_.spawn_essential("link", run(*links_.back().link));
  }
}

task<> Pool::run(Link& link) {
  co_await link.run();
  std::erase_if(leaving_, [&](const auto& leaving) { return leaving.get() == &link; });
}

task<> Pool::close() {
  co_await scope_.close();
}

/// Into usable_: those that may have it. Who is left out comes into play again when there is nobody
/// else.
void Pool::find_usable(std::uint8_t service, const Link* except, Clock::time_point now) {
  usable_.clear();
  for (const bool any : {false, true}) {
    for (const Member& member : links_) {
      Link* const link = member.link.get();
      if (link == except || !link->has_room(service)) continue;
      if (any || takes_work(member, now)) usable_.push_back(link);
    }
    if (!usable_.empty()) return;
  }
}

Link* Pool::choose_anew(std::uint16_t method, std::uint32_t route, const Link* except,
                        Clock::time_point now) {
  find_usable(static_cast<std::uint8_t>(method >> 8), except, now);
  if (usable_.empty()) return nullptr;
  bool goes_on = true;
  std::size_t chosen = 0;
  if (usable_.size() > 1) {
    candidates_.clear();
    for (const Link* link : usable_) candidates_.push_back(link->candidate(method, now));
    chosen = *proxy::choose(candidates_, route, route == 0 ? dice_.roll() : 0);
    const Candidate& candidate = candidates_[chosen];
    goes_on = candidate.latency_seconds > 0 && candidate.latency_seconds < short_seconds &&
              candidate.share == 1;
  }
  if (goes_on && route == 0 && except == nullptr) {
    run_ = {usable_[chosen], method, longest_run - 1, now};
  }
  return usable_[chosen];
}

std::uint32_t Pool::frame_limit() const noexcept {
  std::uint32_t least = wire::default_frame_limit;
  for (const Member& member : links_) least = std::min(least, member.link->frame_limit());
  return least;
}

void Pool::tell_costs(MethodCosts& costs) const noexcept {
  costs.clear();
  for (const Member& member : links_) costs.add(member.link->method_costs());
}

std::size_t Pool::links_up() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(links_, [](const Member& member) { return member.link->up(); }));
}

bool Pool::offers(std::uint8_t service) const noexcept {
  return std::ranges::any_of(links_,
                             [&](const Member& member) { return member.link->offers(service); });
}

bool Pool::may_come_to_offer(std::uint8_t service) const noexcept {
  bool nothing_known = true;
  for (const Member& member : links_) {
    if (member.link->has_offered(service)) return true;
    nothing_known = nothing_known && !member.link->has_been_up();
  }
  return nothing_known;
}

bool Pool::never_offers(std::uint8_t service) const noexcept {
  return !links_.empty() && std::ranges::all_of(links_, [&](const Member& member) {
    return member.link->has_been_up() && !member.link->has_offered(service);
  });
}

bool Pool::set_draining(const std::string& name, bool draining) {
  for (Member& member : links_) {
    if (member.link->name() != name) continue;
    member.draining = draining;
    run_ = {};
    member.link->figures().draining.set(draining ? 1 : 0);
    return true;
  }
  return false;
}

task<> Pool::keep_watch() {
  for (;;) {
    co_await runtime_.sleep_for(options_.health.review);
    review(runtime_.now());
  }
}

void Pool::review(Clock::time_point now) {
  for (Member& member : links_) {
    Link& link = *member.link;
    if (!link.up()) continue;
    Clock::duration mean{};
    const double slow = times_as_slow(link, mean);
    link.health().on_review(slow, mean);
    if (!link.health().asks_for_ejection() || !can_do_without(member, now)) continue;
    link.health().eject(now);
    run_ = {};
    link.figures().ejections.add();
    relay_.on_ejected(link, slow);
  }
  for (Member& member : links_) {
    member.link->latencies().begin_window();
    show_ejected(member, member.link->health().ejected(now));
  }
}

void Pool::show_ejected(Member& member, bool ejected) {
  if (std::exchange(member.shown_ejected, ejected) == ejected) return;
  member.link->figures().ejected.add(ejected ? 1 : -1);
}

/// Never more than half of all, and never the last one that offers a service.
bool Pool::can_do_without(const Member& member, Clock::time_point now) const {
  if (member.link->health().ejected(now)) return false;
  const auto out = std::ranges::count_if(links_, [&](const Member& other) {
    return &other != &member && (!other.link->up() || !takes_work(other, now));
  });
  if (static_cast<std::size_t>(out + 1) * 2 > links_.size()) return false;
  for (std::size_t service = 0; service < 256; ++service) {
    if (!member.link->services()[service]) continue;
    const bool elsewhere = std::ranges::any_of(links_, [&](const Member& other) {
      return &other != &member && takes_work(other, now) &&
             other.link->offers(static_cast<std::uint8_t>(service));
    });
    if (!elsewhere) return false;
  }
  return true;
}

/// Method by method against the mean of the others, weighed by how often it was called here.
double Pool::times_as_slow(const Link& link, Clock::duration& mean) const {
  double ratios = 0;
  double seconds = 0;
  std::uint32_t samples = 0;
  for (std::size_t place = 0; place < Latencies::size; ++place) {
    const auto& ours = link.latencies().window(place);
    if (ours.count < enough_samples) continue;
    Latencies::Window others;
    for (const Member& other : links_) {
      const auto& theirs = other.link->latencies().window(place);
      if (other.link.get() == &link || theirs.count < enough_samples) continue;
      others.count += theirs.count;
      others.sum += theirs.sum;
    }
    if (others.count == 0 || others.sum <= 0) continue;
    ratios += ours.count * (ours.mean() / others.mean());
    seconds += ours.sum;
    samples += ours.count;
  }
  if (samples == 0) return 0;
  mean =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds / samples));
  return ratios / samples;
}

}  // namespace babilu::proxy
