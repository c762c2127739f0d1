// Makes certificates: for a server that has none of its own, and for tests. Not a certificate
// authority. Tested by tests/transport/certificates_test.cc.
#ifndef H2_TRANSPORT_CERTIFICATES_H_
#define H2_TRANSPORT_CERTIFICATES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "h2core/time.h"
#include "hpack/result.h"
#include "transport/error.h"

namespace h2::inline v0::transport {

// A certificate (or chain, leaf first) and its private key, both PEM.
struct CertifiedKey {
  std::string cert_pem{};
  std::string key_pem{};
};

enum class CertificateUse : std::uint8_t { kServer, kClient, kAuthority };

struct CertificateRequest {
  // Subject alternative names: IP literals become iPAddress, all else dNSName. The first is the
  // common name too.
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  CertificateUse use = CertificateUse::kServer;
  // Validity, from now (by the system's calendar).
  Duration not_before = seconds(-3600);
  Duration not_after = seconds(30 * 24 * 3600);
  // Who signs; nullptr: itself. Must hold an authority's certificate. Used during the call only.
  const CertifiedKey* issuer = nullptr;
};

// A new P-256 key with a certificate over it. Errors: kBadCertificateFile or kBadKeyFile for an
// unusable issuer.
Result<CertifiedKey, TransportError> make_certificate(const CertificateRequest& request = {});

// The same, signed by itself.
Result<CertifiedKey, TransportError> make_self_signed(std::vector<std::string> names = {
                                                          "localhost", "127.0.0.1", "::1"});

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_CERTIFICATES_H_
