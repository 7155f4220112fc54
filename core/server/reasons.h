#pragma once

#include "core/rpc/reason.h"

namespace babilu::server {

/// Reasons of any server with a database.
struct Reasons : rpc::ReasonTable {
  using Code = rpc::Code;
  using Reason = rpc::Reason;

  Reason busy = in_reply(Code::resource_exhausted, "busy", "too much to do at once");
  Reason idempotency_conflict =
      in_reply(Code::invalid_argument, "idempotency_conflict",
               "the idempotency key was used for another method or message");
  Reason unavailable = in_reply(Code::unavailable, "unavailable",
                                "the database does not answer; the request had no effect");
  Reason outcome_unknown = in_reply(Code::unavailable, "outcome_unknown",
                                    "the database failed while it kept the effect, which may have "
                                    "happened");
  Reason disk_full = in_reply(Code::unavailable, "disk_full", "the database's disk is full");
  Reason replaced = in_reply(Code::unavailable, "replaced",
                             "the database's files were moved or replaced; the server writes "
                             "nothing");
  Reason corrupt = in_reply(Code::data_loss, "corrupt", "the database is damaged");
  Reason constraint =
      in_reply(Code::internal, "constraint", "the database refused what the backend wrote");
  Reason database_error =
      in_reply(Code::internal, "database_error", "the server asked the database what it cannot");
  Reason not_mutating =
      in_reply(Code::internal, "not_mutating",
               "the method has effects, but is not declared mutating: a mistake of the server");
};
inline constexpr Reasons reasons;

}  // namespace babilu::server
