#include "roles/backend/services.h"

#include <algorithm>

#include "core/store/idempotency.h"
#include "core/store/store.h"

namespace babilu::backend {

const std::vector<std::string>& Services::names() {
  static const std::vector<std::string> all{api::Echo::name, api::Registry::name,
                                            api::Identity::name, api::Vault::name};
  return all;
}

Services::Services(ServicesShared& shared, const std::vector<std::string>& wanted)
    : registry_(shared.store, shared.passwords, shared.deployment),
      identity_(shared.store, shared.passwords, shared.deployment, shared.identity),
      vault_(shared.store, shared.deployment, shared.keyring) {
  const auto offers = [&](const char* name) {
    return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
  };
  if (offers(api::Echo::name)) echo_.offer(table_);
  if (offers(api::Registry::name)) registry_.offer(table_);
  if (offers(api::Identity::name)) identity_.offer(table_);
  if (offers(api::Vault::name)) vault_.offer(table_);
  if (table_.has_mutating()) shared.store.require(store::idempotency_schema);
}

}  // namespace babilu::backend
