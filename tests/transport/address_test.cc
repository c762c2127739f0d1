// Tests of transport/address.h.
#include "transport/address.h"

#include <gtest/gtest.h>

namespace h2::inline v0::transport {
namespace {

TEST(Address, Ipv4LiteralHasPortAndText) {
  const auto address = Address::from_literal("192.0.2.1", 443);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->family(), AF_INET);
  EXPECT_EQ(address->to_string(), "192.0.2.1:443");
  EXPECT_EQ(address->with_port(80).port(), 80);
}

TEST(Address, Ipv6LiteralMayHaveBrackets) {
  EXPECT_EQ(Address::from_literal("2001:db8::1", 443)->to_string(), "[2001:db8::1]:443");
  EXPECT_EQ(Address::from_literal("[2001:db8::1]", 80)->host_string(), "2001:db8::1");
  EXPECT_EQ(*Address::from_literal("[::1]", 80), Address::from_literal("::1", 1)->with_port(80));
}

TEST(Address, AnythingElseIsNoLiteral) {
  for (const char* text :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "[127.0.0.1]", "::1%nosuchzone", "1.2.3.4:80"}) {
    EXPECT_FALSE(Address::from_literal(text, 1)) << text;
  }
}

}  // namespace
}  // namespace h2::inline v0::transport
