#include "tools/babilu/exit_code.h"

#include "tools/babilu/reasons.h"

namespace babilu::cli {

rpc::Status usage_error(std::string message) {
  return {reasons.usage, std::move(message)};
}

ExitCode exit_code_of(const rpc::Status& status) noexcept {
  if (status.is(reasons.usage)) return ExitCode::usage;
  switch (status.code) {
    case rpc::Code::ok:
      return ExitCode::done;
    case rpc::Code::invalid_argument:
    case rpc::Code::not_found:
    case rpc::Code::already_exists:
    case rpc::Code::permission_denied:
    case rpc::Code::failed_precondition:
    case rpc::Code::out_of_range:
      return ExitCode::refused;
    case rpc::Code::unauthenticated:
      return ExitCode::unauthenticated;
    case rpc::Code::unavailable:
    case rpc::Code::deadline_exceeded:
    case rpc::Code::resource_exhausted:
    case rpc::Code::aborted:
    case rpc::Code::cancelled:
      return ExitCode::unavailable;
    case rpc::Code::unknown:
    case rpc::Code::unimplemented:
    case rpc::Code::internal:
    case rpc::Code::data_loss:
      return ExitCode::internal;
  }
  return ExitCode::internal;
}

}  // namespace babilu::cli
