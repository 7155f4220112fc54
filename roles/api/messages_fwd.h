#pragma once

/// The messages' names, for headers; whoever builds or reads one includes its .pb.h.
namespace babilu::api {

class EchoRequest;
class EchoReply;
class SignUpRequest;
class SignUpReply;
class LoginRequest;
class LoginReply;
class WhoamiRequest;
class WhoamiReply;
class VerifyRequest;
class VerifyReply;
class EncryptRequest;
class EncryptReply;
class DecryptRequest;
class DecryptReply;
class SignRequest;
class SignReply;

}  // namespace babilu::api
