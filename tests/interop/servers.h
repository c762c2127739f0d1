// nghttpd and nginx with small configurations of their own in a scratch directory.
// Used by the tests of this folder.
#ifndef H2_TESTS_INTEROP_SERVERS_H_
#define H2_TESTS_INTEROP_SERVERS_H_

#include <cstdint>
#include <string>

#include "tests/interop/peer.h"
#include "tests/tools/certificates.h"

namespace h2::inline v0::testing {

enum class Security : std::uint8_t { kTls, kCleartext };

// A server that serves the files of `dir`/www, to which write_www() adds.
class WebServer {
 public:
  // Where it is: "https://localhost:PORT" or "http://localhost:PORT". Empty if it did not start
  // (that is a failed expectation).
  const std::string& origin() const { return origin_; }
  std::uint16_t port() const { return port_; }
  const CertificateFiles& certificate() const { return certificate_; }
  const ScratchDir& dir() const { return dir_; }
  Peer& peer() { return peer_; }
  // Puts a file under the server's root.
  void write_www(const std::string& name, const std::string& contents) const;

 protected:
  explicit WebServer(Security security);
  void started(std::uint16_t port);

  ScratchDir dir_;
  CertificateFiles certificate_;
  Security security_;
  std::uint16_t port_ = 0;
  std::string origin_;
  Peer peer_;
};

// nghttpd; a POST or PUT anywhere is answered with its own body.
class Nghttpd : public WebServer {
 public:
  explicit Nghttpd(Security security);
};

// nginx. A POST to /upload is answered with the field x-body-file, the path of a file with the
// body, and the body "stored"; /refuse answers 403 without reading the request's body.
class Nginx : public WebServer {
 public:
  explicit Nginx(Security security);
};

// `h2 serve` on `dir`/www.
class H2Serve : public WebServer {
 public:
  explicit H2Serve(Security security);
};

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_INTEROP_SERVERS_H_
