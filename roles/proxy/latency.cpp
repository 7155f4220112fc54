#include "roles/proxy/latency.h"

#include <cmath>

namespace babilu::proxy {

namespace {

constexpr double decay_seconds = 2;

double in_seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

/// What is left of a figure after a time: e^(−t/T). While t is small its first term will do: many
/// replies come in one turn of the loop, with t = 0.
double faded(Clock::duration time) {
  if (time < std::chrono::milliseconds(200))
    return decay_seconds / (decay_seconds + in_seconds(time));
  return std::exp(-in_seconds(time) / decay_seconds);
}

}  // namespace

void Latencies::Place::update(double sample, Clock::time_point now) noexcept {
  if (sample >= average) {
    average = sample;
  } else {
    const double keep = faded(now - updated);
    average = average * keep + sample * (1 - keep);
  }
  updated = now;
}

double Latencies::seconds(std::uint16_t method, Clock::time_point now) const noexcept {
  const Place& place = places_[place_of(method) % size];
  return place.average * faded(now - place.updated);
}

void Latencies::begin_window() noexcept {
  for (Place& place : places_) place.window = {};
}

}  // namespace babilu::proxy
