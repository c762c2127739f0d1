// Tests of transport/tls.h: contexts, and the engine without any stream.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/transport/transport_testing.h"
#include "transport/tls.h"

namespace h2::inline v0::transport {
namespace {

struct Engines {
  std::unique_ptr<TlsEngine> client;
  std::unique_ptr<TlsEngine> server;
};

// Carries ciphertext across, `most` bytes at a time.
void carry(TlsEngine& from, TlsEngine& to, std::size_t most = 1000) {
  const Bytes out = from.output();
  const std::size_t n = to.feed(out.first(std::min(out.size(), most)));
  from.consume_output(n);
}

Engines established() {
  const Authority authority;
  Engines both{TlsEngine::client(client_context(authority.pem()), "localhost").value(),
               TlsEngine::server(server_context(authority.issue({"localhost"}))).value()};
  bool done = false;
  for (int i = 0; i < 1000 && !done; ++i) {
    const bool client = both.client->handshake().value() == TlsEngine::Step::kDone;
    carry(*both.client, *both.server, 100);
    const bool server = both.server->handshake().value() == TlsEngine::Step::kDone;
    carry(*both.server, *both.client, 100);
    done = client && server;
  }
  EXPECT_TRUE(done);
  return both;
}

std::string read_some(TlsEngine& engine) {
  std::vector<std::uint8_t> buffer(100000);
  const auto got = engine.read(buffer).value();
  return std::string(reinterpret_cast<const char*>(buffer.data()), got.bytes);
}

TEST(TlsEngine, GathersSmallPiecesIntoOneRecord) {
  Engines both = established();
  while (!both.server->output().empty()) carry(*both.server, *both.client);
  ASSERT_TRUE(both.client->output().empty());
  const std::array<Bytes, 4> pieces{as_bytes("a"), Bytes(), as_bytes("bc"), as_bytes("def")};
  EXPECT_EQ(both.client->write(pieces).value().bytes, 6U);
  const Bytes record = both.client->output();
  ASSERT_GE(record.size(), 5U);
  EXPECT_EQ(record.size(), 5U + (unsigned{record[3]} << 8U | unsigned{record[4]}))
      << "more than one record";
  carry(*both.client, *both.server);
  EXPECT_EQ(read_some(*both.server), "abcdef");
}

TEST(TlsEngine, PiecesOfAllSizesArriveInOrder) {
  Engines both = established();
  const std::string text = pattern(90000, 5);
  std::vector<Bytes> pieces;
  std::size_t at = 0;
  for (std::size_t size : {1U, 16384U, 16383U, 0U, 9U, 20000U, 3U, 33000U}) {
    pieces.push_back(as_bytes(std::string_view(text).substr(at, size)));
    at += size;
  }
  pieces.push_back(as_bytes(std::string_view(text).substr(at)));
  EXPECT_EQ(both.client->write(pieces).value().bytes, text.size());
  std::string got;
  while (!both.client->output().empty()) {
    carry(*both.client, *both.server, 7777);
    got += read_some(*both.server);
  }
  EXPECT_TRUE(got == text);
}

TEST(TlsEngine, FullOutputTakesNoMore) {
  Engines both = established();
  const std::string text = pattern(1000000, 6);
  const std::array<Bytes, 1> piece{as_bytes(text)};
  const std::size_t taken = both.client->write(piece).value().bytes;
  EXPECT_GE(taken, 100000U);
  EXPECT_LT(taken, 200000U);
  EXPECT_TRUE(both.client->write(piece).value().would_block());
  std::vector<std::uint8_t> out;
  both.client->take_output(out);
  EXPECT_GE(out.size(), taken);
  EXPECT_GT(both.client->write(piece).value().bytes, 0U);
}

TEST(TlsEngine, SmallBuffersReadAllWithoutMoreInput) {
  Engines both = established();
  const std::array<Bytes, 1> piece{as_bytes("abcdef")};
  ASSERT_TRUE(both.client->write(piece));
  carry(*both.client, *both.server);
  std::array<std::uint8_t, 4> buffer{};
  EXPECT_EQ(both.server->read(buffer).value().bytes, 4U);
  EXPECT_TRUE(both.server->has_input());
  EXPECT_EQ(both.server->read(buffer).value().bytes, 2U);
  EXPECT_TRUE(both.server->read(buffer).value().would_block());
  EXPECT_FALSE(both.server->has_input());
}

TEST(TlsEngine, CloseNotifyIsTheEndAndItsAbsenceIsTruncation) {
  for (const bool notify : {true, false}) {
    Engines both = established();
    const std::array<Bytes, 1> piece{as_bytes("bye")};
    ASSERT_TRUE(both.client->write(piece));
    if (notify) both.client->close_notify();
    while (!both.client->output().empty()) carry(*both.client, *both.server);
    both.server->end_input();
    EXPECT_EQ(read_some(*both.server), "bye");
    std::array<std::uint8_t, 8> buffer{};
    const auto last = both.server->read(buffer);
    if (notify) {
      EXPECT_TRUE(last.value().end());
      EXPECT_TRUE(both.server->read(buffer).value().end());
      EXPECT_EQ(both.client->write(piece).error().code, TransportErrc::kClosed);
    } else {
      ASSERT_FALSE(last);
      EXPECT_EQ(last.error().code, TransportErrc::kTruncated);
    }
  }
}

TEST(TlsEngine, BrokenRecordIsAProtocolError) {
  Engines both = established();
  const std::array<Bytes, 1> piece{as_bytes("abcdef")};
  ASSERT_TRUE(both.client->write(piece));
  std::vector<std::uint8_t> out;
  both.client->take_output(out);
  out.back() ^= 1U;
  EXPECT_EQ(both.server->feed(out), out.size());
  std::array<std::uint8_t, 8> buffer{};
  const auto failed = both.server->read(buffer);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTlsProtocol);
  EXPECT_FALSE(both.server->output().empty()) << "no alert";
}

TEST(TlsEngine, PeerWithoutTlsIsTold) {
  auto client = TlsEngine::client(client_context(Authority().pem()), "localhost").value();
  ASSERT_EQ(client->handshake().value(), TlsEngine::Step::kWantsInput);
  (void)client->feed(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const auto failed = client->handshake();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTlsHandshake);
  EXPECT_NE(failed.error().detail.find("does not speak TLS"), std::string::npos)
      << failed.error().message();
}

TEST(TlsEngine, EndDuringTheHandshakeIsTold) {
  auto client = TlsEngine::client(client_context(Authority().pem()), "localhost").value();
  ASSERT_EQ(client->handshake().value(), TlsEngine::Step::kWantsInput);
  client->end_input();
  const auto failed = client->handshake();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTlsHandshake);
  EXPECT_EQ(failed.error().detail, "the peer closed the connection");
}

TEST(TlsEngine, HostIsNeededAndTheContextMustFit) {
  const Authority authority;
  const auto client = client_context(authority.pem());
  EXPECT_EQ(TlsEngine::client(client, "").error().code, TransportErrc::kBadConfiguration);
  EXPECT_EQ(TlsEngine::server(client).error().code, TransportErrc::kBadConfiguration);
  EXPECT_EQ(TlsEngine::client(server_context(authority.issue({"a"})), "a").error().code,
            TransportErrc::kBadConfiguration);
}

TEST(TlsEngine, ReleasedMemoryIsMadeAgain) {
  Engines both = established();
  both.server->release_memory();
  both.client->release_memory();
  const std::array<Bytes, 1> piece{as_bytes("again")};
  ASSERT_TRUE(both.client->write(piece));
  while (!both.client->output().empty()) carry(*both.client, *both.server);
  EXPECT_EQ(read_some(*both.server), "again");
}

// ---- contexts
// -------------------------------------------------------------------------------------------

// A file that is gone after the test.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text)
      : path_(::testing::TempDir() + "/" + std::to_string(::getpid()) + name) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { (void)std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(TlsContext, FilesThatCannotBeUsedAreNamed) {
  const TemporaryFile nonsense("nonsense.pem", "no PEM here\n");
  const TemporaryFile broken("broken.pem",
                             "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const CertifiedKey key = make_self_signed().value();
  const TemporaryFile cert("cert.pem", key.cert_pem);
  const TemporaryFile other_key("other.pem", make_self_signed().value().key_pem);
  for (const std::string& bad :
       {nonsense.path(), broken.path(), std::string("/nonexistent/file")}) {
    TlsClientConfig client;
    client.ca_file = bad;
    const auto no_ca = TlsContext::client(client);
    ASSERT_FALSE(no_ca) << bad;
    EXPECT_EQ(no_ca.error().code, TransportErrc::kBadCaFile) << bad;
    EXPECT_EQ(no_ca.error().peer, bad);
    TlsServerConfig server;
    server.cert_file = bad;
    server.key_file = bad;
    const auto no_cert = TlsContext::server(server);
    ASSERT_FALSE(no_cert) << bad;
    EXPECT_EQ(no_cert.error().code, TransportErrc::kBadCertificateFile) << bad;
    server.cert_file = cert.path();
    const auto no_key = TlsContext::server(server);
    ASSERT_FALSE(no_key) << bad;
    EXPECT_EQ(no_key.error().code, TransportErrc::kBadKeyFile) << bad;
    EXPECT_EQ(no_key.error().peer, bad);
  }
  TlsServerConfig mismatch;
  mismatch.cert_file = cert.path();
  mismatch.key_file = other_key.path();
  EXPECT_EQ(TlsContext::server(mismatch).error().code, TransportErrc::kBadKeyFile);
}

TEST(TlsContext, CertificateAndKeyMayShareAFile) {
  const CertifiedKey key = make_self_signed().value();
  const TemporaryFile both("both.pem", key.cert_pem + key.key_pem);
  TlsServerConfig config;
  config.cert_file = both.path();
  EXPECT_TRUE(TlsContext::server(config));
}

TEST(TlsContext, OptionsThatMakeNoSenseAreRefused) {
  TlsClientConfig config;
  config.alpn = {""};
  EXPECT_EQ(TlsContext::client(config).error().code, TransportErrc::kBadConfiguration);
  config = {};
  config.min_version = TlsVersion::k1_3;
  config.max_version = TlsVersion::k1_2;
  EXPECT_EQ(TlsContext::client(config).error().code, TransportErrc::kBadConfiguration);
  config = {};
  config.key_pem = make_self_signed().value().key_pem;
  EXPECT_EQ(TlsContext::client(config).error().code, TransportErrc::kBadConfiguration);
}

TEST(TlsContext, RootsComeFromTheEnvironmentFirst) {
  const CertifiedKey key = make_self_signed().value();
  const TemporaryFile roots("roots.pem", key.cert_pem);
  ASSERT_EQ(::setenv("SSL_CERT_FILE", roots.path().c_str(), 1), 0);
  EXPECT_EQ(system_roots().file, roots.path());
  const auto client = TlsContext::client().value();
  ASSERT_EQ(::unsetenv("SSL_CERT_FILE"), 0);
  const TlsPair pair = tls_pair(client, server_context(key));
  EXPECT_TRUE(pair.client_result) << pair.client_result.error().message();
}

TEST(TlsContext, KeyLogIsWritten) {
  const CertifiedKey key = make_self_signed().value();
  const TemporaryFile log("keys.log", "");
  TlsClientConfig config;
  config.key_log_file = log.path();
  const TlsPair pair = tls_pair(client_context(key.cert_pem, config), server_context(key));
  ASSERT_TRUE(pair.client_result);
  std::stringstream text;
  text << std::ifstream(log.path()).rdbuf();
  EXPECT_NE(text.str().find("CLIENT_TRAFFIC_SECRET_0 "), std::string::npos) << text.str();
}

}  // namespace
}  // namespace h2::inline v0::transport
