#include "core/store/store.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "core/store/database_file.h"
#include "core/store/metrics.h"
#include "core/store/readers.h"
#include "core/store/writer.h"
#include "core/telemetry/metrics.h"

namespace babilu::store {

namespace {

using Connections = std::vector<std::unique_ptr<Connection>>;

StoreResult<Connections> open_readers(const StoreOptions& options) {
  Connections connections;
  for (unsigned i = 0; i < options.readers; ++i) {
    auto connection = reopen(options.path, Connection::Mode::read);
    if (!connection) return connection.error();
    connections.push_back(std::move(*connection));
  }
  return connections;
}

}  // namespace

// The writer is the last to be made and the first to end: its last checkpoint waits for no reader
// of this process when they are idle.
struct Store::Parts {
  Parts(StoreOptions its_options, DatabaseFile file, Connections connections)
      : options(std::move(its_options)),
        registry(options.metrics != nullptr ? *options.metrics : uncounted),
        metrics(registry),
        readers(std::move(connections), options, metrics, registry),
        writer(std::move(file), options, metrics, health) {}

  const StoreOptions options;
  telemetry::Metrics uncounted;
  telemetry::Metrics& registry;
  StoreMetrics metrics;
  Health health;
  Readers readers;
  Writer writer;
};

StoreResult<std::unique_ptr<Store>> Store::open(StoreOptions options) {
  auto file = open_database_file(options.path, options.kind, options.schemas, options.patience);
  if (!file) return file.error();
  auto readers = open_readers(options);
  if (!readers) return readers.error();
  auto parts = std::make_unique<Parts>(std::move(options), std::move(*file), std::move(*readers));
  return std::unique_ptr<Store>(new Store(std::move(parts)));
}

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Store::~Store() = default;

void Store::require(const Schema& schema) const {
  const auto& schemas = parts_->options.schemas;
  if (std::ranges::find(schemas, schema.name, &Schema::name) != schemas.end()) return;
  throw std::logic_error("the store was opened without the schema \"" + std::string(schema.name) +
                         "\", whose tables are used: add it to StoreOptions::schemas");
}

std::optional<std::string> Store::problem() const {
  if (const auto changed = parts_->writer.files_changed()) return changed->to_string();
  return parts_->health.problem();
}

void Store::checkpoint_soon() noexcept {
  parts_->writer.checkpoint_soon();
}

task<> Store::run_write(Runtime& runtime, detail::WriteWork& work, Deadline deadline,
                        AfterLostCommit after_lost) {
  return parts_->writer.run(runtime, work, deadline, after_lost);
}

task<> Store::run_read(Runtime& runtime, detail::ReadWork& work, Deadline deadline) {
  return parts_->readers.run(runtime, work, deadline);
}

}  // namespace babilu::store
