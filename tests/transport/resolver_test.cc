// Tests of transport/resolver.h. No test needs a name server.
#include "transport/resolver.h"

#include <gtest/gtest.h>

#include "tests/transport/transport_testing.h"

namespace h2::inline v0::transport {
namespace {

TEST(Resolver, LiteralsAreThemselves) {
  const auto resolver = make_resolver();
  EXPECT_EQ(resolver->resolve("192.0.2.7", 80, Time{0}).value().at(0).to_string(), "192.0.2.7:80");
  EXPECT_EQ(resolver->resolve("[2001:db8::7]", 80, Time{0}).value().at(0).to_string(),
            "[2001:db8::7]:80");
}

TEST(Resolver, LocalhostAndNamesBelowItAreTheLoopback) {
  const auto resolver = make_resolver();
  for (const char* name : {"localhost", "LOCALHOST.", "a.b.localhost"}) {
    const auto addresses = resolver->resolve(name, 443, soon()).value();
    ASSERT_EQ(addresses.size(), 2U) << name;
    EXPECT_EQ(addresses[0].to_string(), "[::1]:443");
    EXPECT_EQ(addresses[1].to_string(), "127.0.0.1:443");
  }
}

TEST(Resolver, InvalidNamesDoNotExist) {
  const auto failed = make_resolver()->resolve("no-such-host.invalid", 80, soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kNameNotFound);
  EXPECT_EQ(failed.error().message(),
            "Looking up no-such-host.invalid failed: the name does not exist.");
}

TEST(Resolver, WhatIsNoHostNameIsSaid) {
  const auto resolver = make_resolver();
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\0b", 3),
                                  std::string("a/b"), std::string(300, 'a')}) {
    EXPECT_EQ(resolver->resolve(name, 80, soon()).error().code, TransportErrc::kBadAddress) << name;
  }
}

TEST(Resolver, PassedDeadlineIsToldWithoutAnAnswer) {
  const auto failed = make_resolver()->resolve("example.com", 80, Time{0});
  ASSERT_FALSE(failed);
  // A hosts file or a missing network may answer at once.
  EXPECT_TRUE(failed.error().code == TransportErrc::kTimedOut ||
              failed.error().code == TransportErrc::kResolveFailed ||
              failed.error().code == TransportErrc::kNameNotFound)
      << failed.error().message();
}

TEST(Resolver, DeadlineHoldsWhileNameServersAreSilent) {
  const Deadline deadline = deadline_after(system_clock(), milliseconds(50));
  const auto result = make_resolver()->resolve("nobody-has-this-name.example", 80, deadline);
  ASSERT_FALSE(result);
  // Without a network the answer comes at once, and is another error.
  if (result.error().code == TransportErrc::kTimedOut) {
    EXPECT_GE(system_clock().now(), deadline);
  }
}

}  // namespace
}  // namespace h2::inline v0::transport
