#include "bench/load/crowd.h"

#include <algorithm>
#include <stdexcept>

namespace babilu::load {

namespace {

constexpr std::size_t opening_at_once = 64;
constexpr Nanoseconds growth_limit = from_seconds(60);

}  // namespace

Crowd::Crowd(int port, bool tls)
    : port_(port), tls_(tls ? std::make_unique<TlsClient>() : nullptr) {}

void Crowd::add() {
  const auto number = static_cast<std::uint32_t>(members_.size());
  members_.emplace_back(new Member{Session(port_, tls_.get(), number)});
  Member& member = *members_.back();
  poll_.add(member.session.descriptor(), &member, EPOLLIN | EPOLLOUT);
}

void Crowd::grow(std::size_t count, Replies& replies) {
  const Nanoseconds limit = now() + growth_limit;
  std::size_t ready = members_.size();
  while (ready < count) {
    while (members_.size() < std::min(count, ready + opening_at_once)) add();
    if (now() > limit) throw std::runtime_error("the sessions do not get ready");
    serve(from_seconds(0.1), replies);
    // In order, near enough: whoever was opened first is ready first.
    while (ready < members_.size() && at(ready).state() == Session::State::ready) ++ready;
  }
}

std::size_t Crowd::unanswered() const noexcept {
  std::size_t sum = 0;
  for (const auto& member : members_) sum += member->session.unanswered();
  return sum;
}

void Crowd::fail() {
  throw std::runtime_error("a session ended before its time");
}

}  // namespace babilu::load
