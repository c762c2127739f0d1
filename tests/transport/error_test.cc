// Tests of transport/error.h.
#include "transport/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace h2::inline v0::transport {
namespace {

TEST(TransportError, MessageNamesPhasePeerAndCause) {
  const TransportError error{
      Phase::kConnect, TransportErrc::kRefused, ECONNREFUSED, "example.com:443", {}};
  EXPECT_EQ(error.message(), "Connecting to example.com:443 failed: connection refused.");
}

TEST(TransportError, MessageAddsTheDetail) {
  const TransportError error{Phase::kTls, TransportErrc::kCertificateUntrusted, 0, "a.test",
                             "self signed"};
  EXPECT_EQ(error.message(),
            "TLS with a.test failed: the certificate is not trusted (self signed).");
}

TEST(TransportError, SystemErrorTellsWhatTheSystemSaid) {
  EXPECT_EQ(system_error(Phase::kListen, EACCES, "[::]:80").message(),
            "Listening on [::]:80 failed: Permission denied.");
}

TEST(TransportError, ErrnoValuesBecomeCodes) {
  EXPECT_EQ(system_error(Phase::kConnect, ECONNREFUSED).code, TransportErrc::kRefused);
  EXPECT_EQ(system_error(Phase::kConnect, ENETUNREACH).code, TransportErrc::kUnreachable);
  EXPECT_EQ(system_error(Phase::kSend, EPIPE).code, TransportErrc::kReset);
  EXPECT_EQ(system_error(Phase::kReceive, ETIMEDOUT).code, TransportErrc::kTimedOut);
  EXPECT_EQ(system_error(Phase::kListen, EADDRINUSE).code, TransportErrc::kAddressInUse);
  EXPECT_EQ(system_error(Phase::kReceive, EIO).code, TransportErrc::kSystem);
  EXPECT_EQ(system_error(Phase::kReceive, EIO).sys_errno, EIO);
}

}  // namespace
}  // namespace h2::inline v0::transport
