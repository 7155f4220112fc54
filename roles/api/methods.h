#pragma once

#include "core/rpc/typed.h"
#include "roles/api/messages_fwd.h"

/// The contracts between roles: one table for each service, over the messages of its .proto file.
/// The last number is a method's cost. Those that hash passwords have a rate of their own.
namespace babilu::api {

struct Echo {
  static constexpr std::uint8_t id = 1;
  static constexpr const char* name = "echo";
  static constexpr std::uint32_t revision = 1;
  static constexpr rpc::Method<Echo, EchoRequest, EchoReply> echo{
      {0x0101, "echo.Echo", rpc::MethodKind::idempotent}};
};

struct Registry {
  static constexpr std::uint8_t id = 2;
  static constexpr const char* name = "registry";
  static constexpr std::uint32_t revision = 1;
  static constexpr rpc::Method<Registry, SignUpRequest, SignUpReply> sign_up{
      {0x0201, "registry.SignUp", rpc::MethodKind::mutating}};
};

struct Identity {
  static constexpr std::uint8_t id = 3;
  static constexpr const char* name = "identity";
  static constexpr std::uint32_t revision = 1;
  static constexpr rpc::Method<Identity, LoginRequest, LoginReply> login{
      {0x0301, "identity.Login", rpc::MethodKind::mutating}};
  static constexpr rpc::Method<Identity, WhoamiRequest, WhoamiReply> whoami{
      {0x0302, "identity.Whoami", rpc::MethodKind::idempotent, 4}};
  static constexpr rpc::Method<Identity, VerifyRequest, VerifyReply> verify{
      {0x0303, "identity.Verify", rpc::MethodKind::idempotent, 16}};
};

struct Vault {
  static constexpr std::uint8_t id = 4;
  static constexpr const char* name = "vault";
  static constexpr std::uint32_t revision = 1;
  static constexpr rpc::Method<Vault, EncryptRequest, EncryptReply> encrypt{
      {0x0401, "vault.Encrypt", rpc::MethodKind::idempotent, 3}};
  static constexpr rpc::Method<Vault, DecryptRequest, DecryptReply> decrypt{
      {0x0402, "vault.Decrypt", rpc::MethodKind::idempotent, 3}};
  static constexpr rpc::Method<Vault, SignRequest, SignReply> sign{
      {0x0403, "vault.Sign", rpc::MethodKind::idempotent, 8}};
};

/// Offers a service in hello.
template <class Service>
void offer(rpc::ServiceTable& table) {
  table.offer(Service::id, Service::name, Service::revision);
}

}  // namespace babilu::api
