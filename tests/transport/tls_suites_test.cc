// Which versions, cipher suites (RFC 9113 §9.2, §9.2.2) and protocols (RFC 9113 §3.2) are spoken
// and which are not: our engine against BoringSSL itself, restricted to one suite.
#include <gtest/gtest.h>
#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/transport/transport_testing.h"
#include "transport/tls.h"

namespace h2::inline v0::transport {
namespace {

std::string text_of(BIO* bio) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  return BIO_mem_contents(bio, &data, &size) == 1
             ? std::string(reinterpret_cast<const char*>(data), size)
             : std::string();
}

// A self-signed certificate with an RSA key; make_certificate's are of elliptic curves.
const CertifiedKey& rsa_certificate() {
  static const CertifiedKey made = [] {
    const bssl::UniquePtr<EVP_PKEY_CTX> maker(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
    EVP_PKEY* raw = nullptr;
    EXPECT_EQ(EVP_PKEY_keygen_init(maker.get()), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(maker.get(), 2048), 1);
    EXPECT_EQ(EVP_PKEY_keygen(maker.get(), &raw), 1);
    const bssl::UniquePtr<EVP_PKEY> key(raw);
    const bssl::UniquePtr<X509> cert(X509_new());
    X509_set_version(cert.get(), X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_pubkey(cert.get(), key.get());
    EXPECT_NE(X509_sign(cert.get(), key.get(), EVP_sha256()), 0);
    const bssl::UniquePtr<BIO> cert_out(BIO_new(BIO_s_mem()));
    const bssl::UniquePtr<BIO> key_out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(cert_out.get(), cert.get());
    PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return CertifiedKey{text_of(cert_out.get()), text_of(key_out.get())};
  }();
  return made;
}

// The other end: one version of TLS with one suite and the curve P-256.
class Peer {
 public:
  Peer(bool server, const char* suite, std::uint16_t version = TLS1_2_VERSION) {
    context_.reset(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
    EXPECT_EQ(SSL_CTX_set_min_proto_version(context_.get(), version), 1);
    EXPECT_EQ(SSL_CTX_set_max_proto_version(context_.get(), version), 1);
    EXPECT_EQ(SSL_CTX_set_strict_cipher_list(context_.get(), suite), 1) << suite;
    const int curve = NID_X9_62_prime256v1;
    EXPECT_EQ(SSL_CTX_set1_curves(context_.get(), &curve, 1), 1);
    if (server) {
      const CertifiedKey& pem = rsa_certificate();
      const bssl::UniquePtr<BIO> cert_in(
          BIO_new_mem_buf(pem.cert_pem.data(), static_cast<int>(pem.cert_pem.size())));
      const bssl::UniquePtr<BIO> key_in(
          BIO_new_mem_buf(pem.key_pem.data(), static_cast<int>(pem.key_pem.size())));
      const bssl::UniquePtr<X509> cert(PEM_read_bio_X509(cert_in.get(), nullptr, nullptr, nullptr));
      const bssl::UniquePtr<EVP_PKEY> key(
          PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr));
      EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), cert.get()), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key.get()), 1);
    }
    SSL_CTX_set_alpn_select_cb(context_.get(), &note_offer, &offered_);
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    if (server) {
      SSL_set_accept_state(ssl_.get());
    } else {
      SSL_set_connect_state(ssl_.get());
    }
  }

  // Goes on with the handshake; true: complete.
  bool step(TlsEngine& engine) {
    const Bytes came = engine.output();
    BIO_write(in_, came.data(), static_cast<int>(came.size()));
    engine.consume_output(came.size());
    const bool done = SSL_do_handshake(ssl_.get()) == 1;
    ERR_clear_error();
    std::vector<std::uint8_t> goes(65'536);
    const int n = BIO_read(out_, goes.data(), static_cast<int>(goes.size()));
    if (n > 0) (void)engine.feed(Bytes(goes).first(static_cast<std::size_t>(n)));
    return done;
  }
  std::string suite() const { return SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_.get())); }
  // The protocols that our client offered, as on the wire.
  const std::string& offered() const { return offered_; }
  std::uint16_t curve() const { return SSL_get_curve_id(ssl_.get()); }

 private:
  static int note_offer(SSL*, const std::uint8_t**, std::uint8_t*, const std::uint8_t* in,
                        unsigned size, void* to) {
    static_cast<std::string*>(to)->assign(reinterpret_cast<const char*>(in), size);
    return SSL_TLSEXT_ERR_NOACK;
  }

  std::string offered_;
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

std::unique_ptr<TlsEngine> engine(bool server) {
  if (server) {
    TlsServerConfig config;
    config.cert_pem = rsa_certificate().cert_pem;
    config.key_pem = rsa_certificate().key_pem;
    return TlsEngine::server(TlsContext::server(config).value()).value();
  }
  TlsClientConfig config;
  config.verify = Verify::kNo;
  return TlsEngine::client(TlsContext::client(config).value(), "localhost").value();
}

// Whether our engine and a peer with that suite only agree.
bool agree(bool ours_is_server, const char* suite, std::string* agreed = nullptr) {
  const auto ours = engine(ours_is_server);
  Peer peer(!ours_is_server, suite);
  bool peer_done = false;
  for (int i = 0; i < 20; ++i) {
    const auto step = ours->handshake();
    if (!step) return false;
    peer_done = peer.step(*ours) || peer_done;
    if (peer_done && *step == TlsEngine::Step::kDone) {
      if (agreed != nullptr) *agreed = peer.suite();
      EXPECT_EQ(peer.curve(), SSL_CURVE_SECP256R1);
      return true;
    }
  }
  return false;
}

TEST(TlsSuites, TheMandatorySuiteOfTls12IsSpokenByBothSides) {
  for (const bool ours_is_server : {false, true}) {
    std::string agreed;
    EXPECT_TRUE(agree(ours_is_server, "ECDHE-RSA-AES128-GCM-SHA256", &agreed));
    EXPECT_EQ(agreed, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  }
}

TEST(TlsSuites, ProhibitedSuitesOfTls12AreSpokenByNeitherSide) {
  for (const char* suite : {"ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES128-GCM-SHA256",
                            "AES256-GCM-SHA384", "AES128-SHA"}) {
    for (const bool ours_is_server : {false, true}) {
      EXPECT_FALSE(agree(ours_is_server, suite)) << suite;
    }
  }
}

TEST(TlsVersions, OlderOnesThan12AreRefused) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const auto ours = engine(true);
    Peer peer(false, "ECDHE-RSA-AES128-SHA", static_cast<std::uint16_t>(version));
    EXPECT_TRUE(ours->handshake());
    EXPECT_FALSE(peer.step(*ours));
    const auto refused = ours->handshake();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("unsupported protocol"), std::string::npos)
        << refused.error().message();
  }
}

TEST(TlsProtocols, H2cIsNotOffered) {
  const auto ours = engine(false);
  Peer peer(true, "ECDHE-RSA-AES128-GCM-SHA256");
  for (int i = 0; i < 20 && peer.offered().empty(); ++i) {
    ASSERT_TRUE(ours->handshake());
    (void)peer.step(*ours);
  }
  EXPECT_EQ(peer.offered(), "\x02h2\x08http/1.1");
}

TEST(TlsProtocols, H2cIsNotSelected) {
  const Authority authority;
  TlsClientConfig config;
  config.alpn = {"h2c", "h2"};
  const TlsPair both = tls_pair(client_context(authority.pem(), config),
                                server_context(authority.issue({"localhost"})));
  ASSERT_TRUE(both.client_result);
  EXPECT_EQ(both.server->info().alpn, "h2");
  config.alpn = {"h2c"};
  const TlsPair none = tls_pair(client_context(authority.pem(), config),
                                server_context(authority.issue({"localhost"})));
  ASSERT_FALSE(none.server_result);
  EXPECT_EQ(none.server_result.error().code, TransportErrc::kTlsAlpn);
}

}  // namespace
}  // namespace h2::inline v0::transport
