#include "roles/backend/effect.h"

#include "roles/api/reasons.h"

#include <cassert>

#include <fmt/format.h>

namespace babilu::backend {

using rpc::Status;

namespace {

Status key_conflict() {
  return {api::reasons.idempotency_conflict,
          "this idempotency key was used for another request; draw a new one for each"};
}

const rpc::Reason& reason_of(store::ErrorCode code) {
  switch (code) {
    case store::ErrorCode::refused:
      return api::reasons.busy;
    case store::ErrorCode::deadline_exceeded:
      return rpc::reasons.deadline;
    case store::ErrorCode::unavailable:
      return api::reasons.unavailable;
    case store::ErrorCode::outcome_unknown:
      return api::reasons.outcome_unknown;
    case store::ErrorCode::disk_full:
      return api::reasons.disk_full;
    case store::ErrorCode::replaced:
      return api::reasons.replaced;
    case store::ErrorCode::corrupt:
      return api::reasons.corrupt;
    case store::ErrorCode::constraint:
      return api::reasons.constraint;
    default:
      return api::reasons.database_error;
  }
}

}  // namespace

Status to_status(const store::StoreError& error) {
  // Where the files are is the operator's business; the log says it.
  const bool about_files = error.code == store::ErrorCode::replaced;
  Status status(reason_of(error.code),
                about_files ? "the database's files were replaced" : error.message);
  status.retry_after = error.retry_after;
  return status;
}

Status busy(std::chrono::milliseconds retry_after) {
  Status status(api::reasons.busy, "the backend has too much to do; try again");
  status.retry_after = retry_after;
  return status;
}

namespace detail {

rpc::Outcome<store::IdempotentRequest> request_of(const rpc::Call& call) {
  auto request =
      store::IdempotentRequest::make(bytes_of(call.idempotency_key), call.method, call.message);
  if (request) return std::move(*request);
  // A session lets no request of a mutating method through without a key of the right size.
  return Status(api::reasons.not_mutating,
                fmt::format("method {}.{} has effects but is not declared mutating: a bug of this "
                            "backend",
                            call.method >> 8, call.method & 0xff));
}

// A status that is not ok travels in the place of the reply: its code, then its detail.
store::Answer to_answer(Effect effect) {
  assert(effect.status.ok() || effect.reply.empty());
  if (effect.status.ok()) {
    Bytes account(sizeof effect.account);
    for (std::size_t i = 0; i < account.size(); ++i) {
      account[i] = static_cast<std::uint8_t>(effect.account >> (8 * i));
    }
    if (effect.account == 0) account.clear();
    return {true, Secret(effect.reply.begin(), effect.reply.end()), std::move(account)};
  }
  store::Answer answer;
  const Bytes detail = rpc::encode_detail(effect.status);
  answer.reply.push_back(static_cast<std::uint8_t>(effect.status.code));
  answer.reply.insert(answer.reply.end(), detail.begin(), detail.end());
  return answer;
}

rpc::Outcome<Bytes> to_outcome(store::StoreResult<store::Answered> result) {
  if (!result) return to_status(result.error());
  if (result->kind == store::Recalled::Kind::conflict) return key_conflict();
  const Secret& reply = result->answer.reply;
  if (result->answer.ok) return Bytes(reply.begin(), reply.end());
  return rpc::decode_detail(rpc::code_from_wire(reply.at(0)), ByteView(reply).subspan(1));
}

}  // namespace detail

task<rpc::Outcome<std::optional<Bytes>>> recall_reply(store::Store& store, const rpc::Call& call) {
  auto request = detail::request_of(call);
  if (!request) co_return request.error();
  const auto now = call.runtime.clock().wall();
  auto look = [request = std::move(*request), now](store::Snapshot& snapshot) {
    return store::recall(snapshot, request, now);
  };
  auto found = co_await store.read(call.runtime, std::move(look), call.deadline);
  if (!found) co_return to_status(found.error());
  switch (found->kind) {
    case store::Recalled::Kind::fresh:
      co_return std::optional<Bytes>();
    case store::Recalled::Kind::conflict:
      co_return key_conflict();
    case store::Recalled::Kind::replayed:
      break;
  }
  co_return std::optional<Bytes>(Bytes(found->reply.begin(), found->reply.end()));
}

}  // namespace babilu::backend
