#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "core/store/schema.h"
#include "core/telemetry/log.h"

namespace babilu::telemetry {
class Metrics;
}

namespace babilu::store {

struct StoreOptions {
  std::filesystem::path path;
  /// What the file is, in a word: "backend", "peer". A file of another kind is refused.
  std::string kind;
  std::vector<Schema> schemas;

  unsigned readers = 2;            ///< threads, each with a connection
  std::size_t write_queue = 4096;  ///< units that may wait; one more is refused
  std::size_t read_queue = 1024;

  std::size_t group_units = 256;               ///< at most so many units in a transaction,
  std::chrono::milliseconds group_time{10};    ///< and none is added after this time
  std::chrono::milliseconds patience{10'000};  ///< longest wait for other processes' turns
  std::size_t checkpoint_pages = 1000;         ///< of 4 KiB, in the write-ahead log

  telemetry::Metrics* metrics = nullptr;  ///< must outlive the store; nothing is counted without
  telemetry::Log log;
};

}  // namespace babilu::store
