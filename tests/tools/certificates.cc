#include "tests/tools/certificates.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "transport/certificates.h"

namespace h2::inline v0::testing {

CertificateFiles make_certificate(const ScratchDir& dir, const CertificateRequest& request) {
  transport::CertificateRequest asked;
  asked.names = {request.name};
  if (request.name == "localhost") asked.names.emplace_back("127.0.0.1");
  if (request.expired) {
    asked.not_before = seconds(-10 * 24 * 3600);
    asked.not_after = seconds(-5 * 24 * 3600);
  }
  const auto made = transport::make_certificate(asked);
  if (!made) {
    ADD_FAILURE() << "no certificate for " << request.name;
    return {};
  }
  return {dir.write(request.name + ".pem", made->cert_pem),
          dir.write(request.name + ".key", made->key_pem)};
}

std::string h2_program() {
  // Where Bazel puts what a test's `data` names; or, outside of it, what the environment says.
  if (const char* program = std::getenv("H2_PROGRAM")) return program;
  const char* root = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (root == nullptr || workspace == nullptr) {
    ADD_FAILURE() << "neither H2_PROGRAM nor TEST_SRCDIR is set";
    return "h2";
  }
  return std::string(root) + "/" + workspace + "/tools/h2";
}

}  // namespace h2::inline v0::testing
