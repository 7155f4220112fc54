#include "roles/proxy/latency.h"

namespace babilu::proxy {

namespace {

constexpr double decay_seconds = 10;

double in_seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void Latencies::record(std::uint16_t method, Clock::duration latency,
                       Clock::time_point now) noexcept {
  Place& place = places_[place_of(method) % size];
  const double sample = in_seconds(latency);
  ++place.window.count;
  place.window.sum += sample;
  if (sample >= place.average) {
    place.average = sample;
  } else {
    // e^(−t/T) by its first term: many replies come in one turn of the loop, with t = 0.
    const double keep = decay_seconds / (decay_seconds + in_seconds(now - place.updated));
    place.average = place.average * keep + sample * (1 - keep);
  }
  place.updated = now;
}

void Latencies::begin_window() noexcept {
  for (Place& place : places_) place.window = {};
}

}  // namespace babilu::proxy
