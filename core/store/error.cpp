#include "core/store/error.h"

namespace babilu::store {

const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::deadline_exceeded:
      return "deadline_exceeded";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::outcome_unknown:
      return "outcome_unknown";
    case ErrorCode::disk_full:
      return "disk_full";
    case ErrorCode::constraint:
      return "constraint";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::invalid_path:
      return "invalid_path";
    case ErrorCode::not_a_database:
      return "not_a_database";
    case ErrorCode::foreign:
      return "foreign";
    case ErrorCode::read_only:
      return "read_only";
    case ErrorCode::replaced:
      return "replaced";
    case ErrorCode::newer_version:
      return "newer_version";
  }
  return "unknown";
}

std::string StoreError::to_string() const {
  return std::string(store::to_string(code)) + ": " + message;
}

}  // namespace babilu::store
