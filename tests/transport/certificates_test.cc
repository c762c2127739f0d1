// Tests of transport/certificates.h.
#include "transport/certificates.h"

#include <gtest/gtest.h>

#include "tests/transport/transport_testing.h"

namespace h2::inline v0::transport {
namespace {

TEST(Certificates, SelfSignedServesNameAndLoopbackAddresses) {
  const CertifiedKey key = make_self_signed().value();
  for (const char* host : {"localhost", "127.0.0.1", "::1", "[::1]"}) {
    const TlsPair pair = tls_pair(client_context(key.cert_pem), server_context(key), host);
    EXPECT_TRUE(pair.client_result) << host << ": " << pair.client_result.error().message();
  }
}

TEST(Certificates, EachKeyIsItsOwn) {
  EXPECT_NE(make_self_signed().value().key_pem, make_self_signed().value().key_pem);
}

TEST(Certificates, UnusableIssuerIsSaid) {
  const CertifiedKey nonsense{"not a certificate", "not a key"};
  CertificateRequest request;
  request.issuer = &nonsense;
  EXPECT_EQ(make_certificate(request).error().code, TransportErrc::kBadCertificateFile);
}

TEST(Certificates, NameThatWouldAddOthersIsRefused) {
  EXPECT_FALSE(make_self_signed({"a.test,DNS:b.test"}));
}

}  // namespace
}  // namespace h2::inline v0::transport
