// What a proxy puts in front of a request.
#include <gtest/gtest.h>

#include "core/net/address.h"
#include "core/wire/envelope.pb.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {
namespace {

TEST(HopData, FitsInWhatClientsAreToldToLeave) {
  // An interface's name, behind the %, has 15 bytes at most.
  const net::Address longest{"1111:2222:3333:4444:5555:6666:7777:8888%fifteen-letters", 65535};
  for (std::uint32_t attempt : {1u, 2u}) {
    const Bytes encoded = encode_hop(longest.to_string(), attempt);
    EXPECT_LE(encoded.size(), most_hop_bytes);
    wire::Hop hop;
    ASSERT_TRUE(hop.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())));
    EXPECT_EQ(hop.client_address(), longest.to_string());
    EXPECT_EQ(hop.attempt(), attempt);
  }
}

}  // namespace
}  // namespace babilu::proxy
