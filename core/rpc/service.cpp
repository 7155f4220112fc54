#include "core/rpc/service.h"

#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

void ServiceTable::offer(std::uint8_t id, std::string name, std::uint32_t revision) {
  services_.push_back({id, std::move(name), revision});
}

void ServiceTable::add(const MethodTraits& traits, Handler handler) {
  methods_[traits.id] = std::make_unique<Entry>(Entry{traits, std::move(handler)});
}

const ServiceTable::Entry* ServiceTable::find(std::uint16_t method) const {
  const auto found = methods_.find(method);
  return found == methods_.end() ? nullptr : found->second.get();
}

void ServiceTable::describe(wire::Hello& hello) const {
  for (const Service& service : services_) {
    auto* offered = hello.add_services();
    offered->set_id(service.id);
    offered->set_name(service.name);
    offered->set_revision(service.revision);
  }
}

}  // namespace babilu::rpc
