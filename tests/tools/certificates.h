// Certificates and the program under test, for the tests of the `h2` program.
#ifndef H2_TESTS_TOOLS_CERTIFICATES_H_
#define H2_TESTS_TOOLS_CERTIFICATES_H_

#include <string>

#include "tests/interop/peer.h"

namespace h2::inline v0::testing {

// The files of a certificate that is its own root.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

// What a certificate is to be.
struct CertificateRequest {
  std::string name = "localhost";  // besides 127.0.0.1, if it is "localhost"
  bool expired = false;
};

// Makes a certificate and writes it and its key into `dir`.
CertificateFiles make_certificate(const ScratchDir& dir, const CertificateRequest& request = {});

// The path of the `h2` program that this build made.
std::string h2_program();

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_TOOLS_CERTIFICATES_H_
