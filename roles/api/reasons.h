#pragma once

#include "core/rpc/reason.h"

/// The reasons of the roles, beside those that any connection has (core/rpc/reasons.h).
namespace babilu::api {

/// Of the proxy and of the backends' services.
struct Reasons : rpc::ReasonTable {
  using Code = rpc::Code;
  using Reason = rpc::Reason;

  // The proxy, of a connection.
  Reason too_many_sessions = in_goaway(Code::resource_exhausted, "too_many_sessions",
                                       "the proxy has as many sessions as it takes");
  Reason too_many_sessions_of_address =
      in_goaway(Code::resource_exhausted, "too_many_sessions_of_address",
                "the client's address has as many sessions as it may");
  Reason too_many_addresses = in_goaway(Code::resource_exhausted, "too_many_addresses",
                                        "the proxy has too many new clients at once");
  Reason too_many_handshakes = in_goaway(Code::resource_exhausted, "too_many_handshakes",
                                         "the client's address connects too often");
  Reason too_many_handshakes_in_all =
      in_goaway(Code::resource_exhausted, "too_many_handshakes_in_all",
                "more clients connect than the proxy takes at once");
  Reason too_many_without_header =
      local(Code::resource_exhausted, "too_many_without_header",
            "a connection of a balancer gave way before its PROXY header had come");
  Reason slow_reader = local(Code::resource_exhausted, "slow_reader",
                             "a session was dropped that did not read its replies");

  // The proxy, of a request.
  Reason too_many_requests = in_reply(Code::resource_exhausted, "too_many_requests",
                                      "above the rate of the client's address");
  Reason unknown_service =
      in_reply(Code::unimplemented, "unknown_service", "no backend offers the service");
  Reason no_backend =
      in_reply(Code::unavailable, "no_backend", "no backend of the service is connected now");
  Reason backends_busy = in_reply(Code::resource_exhausted, "backends_busy",
                                  "every backend of the service has as much as it takes");
  Reason backend_lost = in_reply(Code::unavailable, "backend_lost",
                                 "the link to the backend broke before the reply; the request may "
                                 "have been done");
  Reason credit_exceeded = in_reply(Code::resource_exhausted, "credit_exceeded",
                                    "the client sent or granted more on the stream than it may");
  Reason backend_exceeded_credit =
      in_reply(Code::internal, "backend_exceeded_credit",
               "the backend sent or granted more on the stream than it may");
  Reason item_too_large = in_reply(Code::resource_exhausted, "item_too_large",
                                   "the backend sent an item that is larger than the client takes");
  Reason item_too_large_for_backend =
      in_reply(Code::invalid_argument, "item_too_large",
               "the client sent an item that is larger than the backend takes");
  Reason item_after_end = in_reply(Code::invalid_argument, "item_after_end",
                                   "the client sent an item after its flag `end`");
  Reason backend_item_after_end = in_reply(Code::internal, "backend_item_after_end",
                                           "the backend sent an item after its flag `end`");
  Reason not_served =
      in_reply(Code::unimplemented, "not_served", "a backend asked the proxy something");

  // The services. Their .proto files name each of these.
  Reason name_invalid =
      in_reply(Code::invalid_argument, "name_invalid", "nobody can have this name");
  Reason password_too_short =
      in_reply(Code::invalid_argument, "password_too_short", "a password has 8 bytes at least");
  Reason password_too_long =
      in_reply(Code::invalid_argument, "password_too_long", "a password has 1,024 bytes at most");
  Reason password_invalid =
      in_reply(Code::invalid_argument, "password_invalid", "a password has no NUL in it");
  Reason name_taken =
      in_reply(Code::already_exists, "name_taken", "an account of this name exists");
  Reason too_many_passwords =
      in_reply(Code::resource_exhausted, "too_many_passwords",
               "the client's address has passwords set or checked too often");
  Reason wrong_credentials = in_reply(Code::unauthenticated, "wrong_credentials",
                                      "name or password is wrong; which one is not said");
  Reason too_many_failures = in_reply(Code::resource_exhausted, "too_many_failures",
                                      "too many logins for this account failed from there");
  Reason token_missing =
      in_reply(Code::unauthenticated, "token_missing", "the method needs a token");
  Reason token_malformed =
      in_reply(Code::unauthenticated, "token_malformed", "the token is none of version 1");
  Reason token_foreign =
      in_reply(Code::unauthenticated, "token_foreign", "the token is of another deployment");
  Reason token_forged =
      in_reply(Code::unauthenticated, "token_forged", "the token was not issued here");
  Reason token_expired =
      in_reply(Code::unauthenticated, "token_expired", "the token has expired: log in again");
  Reason account_unknown =
      in_reply(Code::not_found, "account_unknown", "the account does not exist");
  Reason signature_length =
      in_reply(Code::invalid_argument, "signature_length", "a signature has 64 bytes");
  Reason plaintext_too_large =
      in_reply(Code::invalid_argument, "plaintext_too_large", "a plaintext has 192 KiB at most");
  Reason associated_data_too_large = in_reply(Code::invalid_argument, "associated_data_too_large",
                                              "associated data has 4 KiB at most");
  Reason ciphertext_malformed = in_reply(Code::invalid_argument, "ciphertext_malformed",
                                         "this is no ciphertext of the vault's");
  Reason ciphertext_corrupt =
      in_reply(Code::invalid_argument, "ciphertext_corrupt",
               "the ciphertext was changed, or the associated data is not the same");
  Reason ciphertext_of_another_account =
      in_reply(Code::permission_denied, "ciphertext_of_another_account",
               "only the account that encrypted it can decrypt it");
  Reason key_does_not_open = in_reply(Code::data_loss, "key_does_not_open",
                                      "a key of the account does not open under this master key");
};
inline constexpr Reasons reasons;

/// Of peers; roles/api/peer.proto says which method has which.
struct PeerReasons : rpc::ReasonTable {
  using Code = rpc::Code;
  using Reason = rpc::Reason;

  // Introductions. Whoever refuses one says goaway with the same reason.
  Reason key_invalid =
      in_either(Code::invalid_argument, "key_invalid", "this is no Ed25519 public key");
  Reason bad_signature = in_either(Code::unauthenticated, "bad_signature",
                                   "the signature does not fit key, name and connection");
  Reason no_introduction = in_goaway(Code::unauthenticated, "no_introduction",
                                     "no acceptable introduction came in time");
  Reason introduced_already = in_reply(Code::failed_precondition, "introduced_already",
                                       "an introduction is made once on a connection");
  Reason not_introduced =
      in_reply(Code::unauthenticated, "not_introduced", "first comes peer.Introduce");
  Reason not_accepted = in_goaway(Code::cancelled, "not_introduced",
                                  "the sender's own introduction was refused, and so it leaves");
  Reason key_changed =
      in_either(Code::permission_denied, "key_changed", "the name is known there with another key");
  Reason name_changed = in_either(Code::permission_denied, "name_changed",
                                  "the key is known there under another name");
  Reason yourself =
      in_either(Code::failed_precondition, "yourself", "both ends are the same person");
  Reason same_name =
      in_either(Code::failed_precondition, "same_name", "both ends have the same name");
  Reason other_name =
      in_either(Code::failed_precondition, "other_name", "somebody else was expected there");
  Reason contacts_full =
      in_either(Code::resource_exhausted, "contacts_full", "no more contacts fit in there");

  // Messages.
  Reason message_id = in_reply(Code::invalid_argument, "message_id", "a message's id has 16 bytes");
  Reason message_id_reused = in_reply(Code::invalid_argument, "message_id_reused",
                                      "another message was kept under this id");
  Reason sent_at =
      in_reply(Code::invalid_argument, "sent_at", "the time is not in milliseconds since 1970");
  Reason text_empty = in_reply(Code::invalid_argument, "text_empty", "the message is empty");
  Reason text_too_long =
      in_reply(Code::invalid_argument, "text_too_long", "a message has at most 16 KiB of text");
  Reason text_not_utf8 = in_reply(Code::invalid_argument, "text_not_utf8",
                                  "the message is not UTF-8 text without NUL");
  Reason too_fast = in_reply(Code::resource_exhausted, "too_fast", "more messages than are taken");
  Reason flood =
      in_either(Code::resource_exhausted, "flood", "more messages than are taken, again and again");
  Reason contact_full =
      in_reply(Code::resource_exhausted, "contact_full", "no more of the sender's messages fit in");
  Reason forgotten = in_reply(Code::permission_denied, "forgotten",
                              "the sender has been forgotten there meanwhile");
  Reason store = in_either(Code::unavailable, "store", "the profile cannot be read or written");

  // What a peer says of itself.
  Reason no_channel_binding =
      local(Code::failed_precondition, "no_channel_binding", "the connection is not encrypted");
  Reason gave_way = local(Code::resource_exhausted, "gave_way",
                          "a stranger was sent away, as more came than are let in");
  Reason left = local(Code::unavailable, "left", "they left before an introduction");
  Reason no_peer = local(Code::unavailable, "no_peer", "no peer answers there");
  Reason no_contact = local(Code::not_found, "no_contact", "nobody of this name is known");
  Reason profile = local(Code::failed_precondition, "profile", "the profile cannot be used");
  Reason no_profile = local(Code::not_found, "no_profile", "there is no such profile");
  Reason other_profile =
      local(Code::failed_precondition, "other_profile", "the profile is somebody else's");
};
inline constexpr PeerReasons peer_reasons;

}  // namespace babilu::api
