#include "core/rpc/service.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

void ServiceTable::offer(std::uint8_t id, std::string name, std::uint32_t revision) {
  const auto same = std::ranges::find_if(
      services_, [&](const Service& other) { return other.id == id || other.name == name; });
  if (same != services_.end()) {
    throw std::logic_error(fmt::format("service {} ({}) cannot be offered beside service {} ({})",
                                       name, id, same->name, same->id));
  }
  services_.push_back({id, std::move(name), revision});
}

void ServiceTable::add(const MethodTraits& traits, Handler handler) {
  if (std::ranges::find(services_, traits.service(), &Service::id) == services_.end()) {
    throw std::logic_error(fmt::format("method {} ({:#06x}) is of service {}, which is not offered",
                                       traits.name, traits.id, traits.service()));
  }
  if (!handler) throw std::logic_error(fmt::format("method {} has no handler", traits.name));
  auto& entry = methods_[traits.id];
  if (entry) {
    throw std::logic_error(fmt::format("methods {} and {} have the same id, {:#06x}",
                                       entry->traits.name, traits.name, traits.id));
  }
  entry = std::make_unique<Entry>(Entry{traits, std::move(handler)});
}

const ServiceTable::Entry* ServiceTable::find(std::uint16_t method) const {
  const auto found = methods_.find(method);
  return found == methods_.end() ? nullptr : found->second.get();
}

bool ServiceTable::has_mutating() const noexcept {
  return std::ranges::any_of(methods_,
                             [](const auto& method) { return method.second->traits.mutating(); });
}

void ServiceTable::describe(wire::Hello& hello) const {
  for (const Service& service : services_) {
    auto* offered = hello.add_services();
    offered->set_id(service.id);
    offered->set_name(service.name);
    offered->set_revision(service.revision);
    for (std::uint32_t number = 0; number < 256; ++number) {
      const Entry* const entry = find(static_cast<std::uint16_t>(service.id << 8 | number));
      if (entry == nullptr || entry->traits.cost == MethodTraits{}.cost) continue;
      auto* cost = offered->add_costs();
      cost->set_method(number);
      cost->set_cost(entry->traits.cost);
    }
  }
}

}  // namespace babilu::rpc
