#pragma once

#include <string>

#include "core/crypto/random.h"

namespace babilu::rpc {

/// What a request that was refused is called where somebody asks about it: 16 hexadecimal digits.
std::string make_request_id(crypto::Random& random);

}  // namespace babilu::rpc
