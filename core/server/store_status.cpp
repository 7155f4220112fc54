#include "core/server/store_status.h"

#include "core/rpc/reasons.h"
#include "core/server/reasons.h"

namespace babilu::server {

using rpc::Status;

namespace {

const rpc::Reason& reason_of(store::ErrorCode code) {
  switch (code) {
    case store::ErrorCode::refused:
      return reasons.busy;
    case store::ErrorCode::deadline_exceeded:
      return rpc::reasons.deadline;
    case store::ErrorCode::unavailable:
      return reasons.unavailable;
    case store::ErrorCode::outcome_unknown:
      return reasons.outcome_unknown;
    case store::ErrorCode::disk_full:
      return reasons.disk_full;
    case store::ErrorCode::replaced:
      return reasons.replaced;
    case store::ErrorCode::corrupt:
      return reasons.corrupt;
    case store::ErrorCode::constraint:
      return reasons.constraint;
    default:
      return reasons.database_error;
  }
}

}  // namespace

Status to_status(const store::StoreError& error) {
  const bool about_files = error.code == store::ErrorCode::replaced;
  Status status(reason_of(error.code),
                about_files ? "the database's files were replaced" : error.message);
  status.retry_after = error.retry_after;
  return status;
}

Status busy(std::chrono::milliseconds retry_after) {
  Status status(reasons.busy, "the server has too much to do; try again");
  status.retry_after = retry_after;
  return status;
}

}  // namespace babilu::server
