// Replies kept under an idempotency key: the same request gets the same reply, another request is a
// conflict, and of what was changed in the database nothing is taken for a reply.
//
// Input: method (2), lengths of key, message and reply (1 each), those, then a byte that says what
// is done to the kept reply, and with what.
#include <algorithm>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "core/store/idempotency.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using namespace std::chrono_literals;
using store::IdempotentRequest;
using store::Recalled;

constexpr store::WallTime now{500'000h};

std::unique_ptr<store::Connection> open_database() {
  std::string folder = (std::filesystem::temp_directory_path() / "babilu-fuzz-XXXXXX").string();
  check(mkdtemp(folder.data()) != nullptr, "there is room for a database");
  auto opened = store::Connection::open(folder + "/db", store::Connection::Mode::write);
  check(opened.has_value(), "the database opens");
  // Nobody else opens it, so its name can go at once.
  (*opened)->run_script("pragma journal_mode = memory; pragma synchronous = off;");
  (*opened)->run_script(store::idempotency_schema.migrations.front().sql);
  std::filesystem::remove_all(folder);
  return std::move(*opened);
}

/// One for the whole run, rolled back after each input.
store::Connection& database() {
  static const std::unique_ptr<store::Connection> connection = open_database();
  return *connection;
}

Bytes changed(Bytes kept, Input& input) {
  switch (input.byte() % 4) {
    case 0:
      while (!input.empty()) kept[input.number<std::uint16_t>() % kept.size()] ^= input.byte();
      break;
    case 1:
      kept.resize(input.number<std::uint16_t>() % (kept.size() + 1));
      break;
    case 2: {
      const ByteView more = input.rest();
      kept.insert(kept.end(), more.begin(), more.end());
      break;
    }
    default: {
      const ByteView other = input.rest();
      kept.assign(other.begin(), other.end());
    }
  }
  return kept;
}

/// Nothing when the kept reply does not open.
std::optional<Recalled> recall(store::Transaction& transaction, const IdempotentRequest& request,
                               store::WallTime when = now) {
  try {
    return store::recall(transaction, request, when);
  } catch (const store::DatabaseError& error) {
    check(error.error().code == store::ErrorCode::corrupt, "what does not open is corrupt");
    return std::nullopt;
  }
}

void check_relations(store::Transaction& transaction, ByteView key, std::uint16_t method,
                     ByteView message) {
  Bytes other(message.begin(), message.end());
  other.push_back(0);
  const auto with_other_message = IdempotentRequest::make(key, method, other);
  const auto with_other_method =
      IdempotentRequest::make(key, static_cast<std::uint16_t>(method + 1), message);
  for (const auto& request : {*with_other_message, *with_other_method}) {
    check(recall(transaction, request)->kind == Recalled::Kind::conflict,
          "the same key for another request is a conflict");
  }
  Bytes other_key(key.begin(), key.end());
  other_key[0] ^= 1;
  const auto with_other_key = IdempotentRequest::make(other_key, method, message);
  check(recall(transaction, *with_other_key)->kind == Recalled::Kind::fresh,
        "another key is another request");
}

void check_request(store::Transaction& transaction, Input& input) {
  const auto method = input.number<std::uint16_t>();
  const std::size_t key_bytes = input.byte();
  const std::size_t message_bytes = input.byte();
  const std::size_t reply_bytes = input.byte();
  const ByteView key = input.bytes(key_bytes);
  const ByteView message = input.bytes(message_bytes);
  const ByteView reply = input.bytes(reply_bytes);
  const auto request = IdempotentRequest::make(key, method, message);
  check(request.has_value() == (key.size() == IdempotentRequest::key_size), "a key has its size");
  if (!request) return;

  check(recall(transaction, *request)->kind == Recalled::Kind::fresh, "nothing is kept at first");
  const store::IdempotencyOptions options;
  store::remember(transaction, *request, {}, reply, now, options);
  const auto recalled = recall(transaction, *request);
  check(recalled && recalled->kind == Recalled::Kind::replayed &&
            std::ranges::equal(recalled->reply, reply),
        "the same request gets the same reply");
  check(recall(transaction, *request, now + options.keep)->kind == Recalled::Kind::fresh,
        "until its time is over");
  check_relations(transaction, key, method, message);

  const Bytes kept = *transaction.find<Bytes>("select reply from babilu_reply");
  const Bytes forged = changed(kept, input);
  transaction.execute("update babilu_reply set reply = ?", forged);
  check(recall(transaction, *request).has_value() == (forged == kept), "nothing else is a reply");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  Input input({data, size});
  database().execute("begin");
  store::Transaction transaction(database());
  check_request(transaction, input);
  database().execute("rollback");
  return 0;
}
