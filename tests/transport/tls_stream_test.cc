// Tests of transport/tls_stream.h: handshakes and their failures, and bytes over several kinds of
// streams.
#include "transport/tls_stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/transport/transport_testing.h"
#include "transport/memory_stream.h"

namespace h2::inline v0::transport {
namespace {

StreamPair memory(const MemoryStreamOptions& options = {}) {
  auto [a, b] = make_memory_pair(options);
  return {std::move(a), std::move(b)};
}

std::string exchange(TlsPair& pair) {
  if (!write_all(*pair.client, "ping") || read_n(*pair.server, 4).value_or("") != "ping")
    return "no ping";
  if (!write_all(*pair.server, "pong")) return "no pong";
  return read_n(*pair.client, 4).value_or("no answer");
}

// ---- agreement
// ------------------------------------------------------------------------------------------

TEST(TlsStream, SpeaksTls13WithAlpnByDefault) {
  const Authority authority;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})));
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  ASSERT_TRUE(pair.server_result) << pair.server_result.error().message();
  for (const TlsStream* one : {pair.client.get(), pair.server.get()}) {
    EXPECT_EQ(one->info().alpn, "h2");
    EXPECT_EQ(one->info().tls_version, "TLSv1.3");
    EXPECT_EQ(one->info().tls_cipher.substr(0, 4), "TLS_");
    EXPECT_EQ(one->info().server_name, "localhost");
  }
  EXPECT_EQ(pair.client->info().peer_certificate_subject, "CN=localhost");
  EXPECT_EQ(exchange(pair), "pong");
}

TEST(TlsStream, SpeaksTls12WithEphemeralAeadSuitesOnly) {
  const Authority authority;
  TlsServerConfig old;
  old.max_version = TlsVersion::k1_2;
  TlsPair pair = tls_pair(client_context(authority.pem()),
                          server_context(authority.issue({"localhost"}), old));
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  EXPECT_EQ(pair.client->info().tls_version, "TLSv1.2");
  EXPECT_EQ(pair.client->info().tls_cipher.substr(0, 10), "TLS_ECDHE_");
  EXPECT_EQ(pair.client->info().alpn, "h2");
  EXPECT_EQ(exchange(pair), "pong");
}

TEST(TlsStream, NoVersionInCommonFailsBothSides) {
  const Authority authority;
  TlsServerConfig old;
  old.max_version = TlsVersion::k1_2;
  TlsClientConfig modern;
  modern.min_version = TlsVersion::k1_3;
  const TlsPair pair = tls_pair(client_context(authority.pem(), modern),
                                server_context(authority.issue({"localhost"}), old));
  ASSERT_FALSE(pair.client_result);
  ASSERT_FALSE(pair.server_result);
  EXPECT_EQ(pair.client_result.error().code, TransportErrc::kTlsHandshake);
}

TEST(TlsStream, ServersPreferenceDecidesAlpn) {
  const Authority authority;
  TlsServerConfig config;
  config.alpn = {"http/1.1", "h2"};
  const TlsPair pair = tls_pair(client_context(authority.pem()),
                                server_context(authority.issue({"localhost"}), config));
  EXPECT_EQ(pair.client->info().alpn, "http/1.1");
  EXPECT_EQ(pair.server->info().alpn, "http/1.1");
}

TEST(TlsStream, NoProtocolInCommonIsItsOwnErrorOnBothSides) {
  const Authority authority;
  TlsClientConfig config;
  config.alpn = {"spdy/1"};
  const TlsPair pair = tls_pair(client_context(authority.pem(), config),
                                server_context(authority.issue({"localhost"})));
  ASSERT_FALSE(pair.client_result);
  EXPECT_EQ(pair.client_result.error().code, TransportErrc::kTlsAlpn);
  ASSERT_FALSE(pair.server_result);
  EXPECT_EQ(pair.server_result.error().code, TransportErrc::kTlsAlpn);
}

TEST(TlsStream, WithoutAlpnOnOneSideNoneIsAgreed) {
  const Authority authority;
  TlsServerConfig server;
  server.alpn = {};
  TlsPair pair = tls_pair(client_context(authority.pem()),
                          server_context(authority.issue({"localhost"}), server));
  ASSERT_TRUE(pair.client_result);
  EXPECT_EQ(pair.client->info().alpn, "");
  TlsClientConfig client;
  client.alpn = {};
  pair = tls_pair(client_context(authority.pem(), client),
                  server_context(authority.issue({"localhost"})));
  ASSERT_TRUE(pair.client_result);
  EXPECT_EQ(pair.server->info().alpn, "");
}

// ---- the server's certificate
// ---------------------------------------------------------------------------

TransportErrc verdict(const Authority& authority, const CertificateRequest& request,
                      std::string_view host, TlsClientConfig config = {}) {
  const TlsPair pair = tls_pair(client_context(authority.pem(), std::move(config)),
                                server_context(authority.issue(request)), host);
  if (pair.client_result) return TransportErrc{255};
  EXPECT_EQ(pair.client_result.error().phase, Phase::kTls);
  EXPECT_EQ(pair.client_result.error().peer, host);
  return pair.client_result.error().code;
}
constexpr TransportErrc kAccepted{255};

CertificateRequest for_names(std::vector<std::string> names) {
  CertificateRequest request;
  request.names = std::move(names);
  return request;
}

TEST(TlsVerification, UnknownAuthorityIsUntrusted) {
  const Authority ours;
  const Authority theirs;
  const TlsPair pair =
      tls_pair(client_context(ours.pem()), server_context(theirs.issue({"localhost"})));
  ASSERT_FALSE(pair.client_result);
  EXPECT_EQ(pair.client_result.error().code, TransportErrc::kCertificateUntrusted);
  ASSERT_FALSE(pair.server_result) << "the server is told by an alert";
}

TEST(TlsVerification, SelfSignedIsUntrusted) {
  const Authority authority;
  const TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(make_self_signed().value()));
  ASSERT_FALSE(pair.client_result);
  EXPECT_EQ(pair.client_result.error().code, TransportErrc::kCertificateUntrusted);
}

TEST(TlsVerification, ExpiredAndNotYetValidAreTold) {
  const Authority authority;
  CertificateRequest request = for_names({"localhost"});
  request.not_before = seconds(-1800);
  request.not_after = seconds(-900);
  EXPECT_EQ(verdict(authority, request, "localhost"), TransportErrc::kCertificateExpired);
  request.not_before = seconds(900);
  request.not_after = seconds(1800);
  EXPECT_EQ(verdict(authority, request, "localhost"), TransportErrc::kCertificateNotYetValid);
}

TEST(TlsVerification, OtherHostsAreTold) {
  const Authority authority;
  EXPECT_EQ(verdict(authority, for_names({"a.test"}), "b.test"),
            TransportErrc::kCertificateWrongHost);
  EXPECT_EQ(verdict(authority, for_names({"a.test"}), "a.test"), kAccepted);
  EXPECT_EQ(verdict(authority, for_names({"a.test"}), "A.TEST"), kAccepted);
}

TEST(TlsVerification, WildcardIsOneWholeLabel) {
  const Authority authority;
  EXPECT_EQ(verdict(authority, for_names({"*.a.test"}), "x.a.test"), kAccepted);
  EXPECT_EQ(verdict(authority, for_names({"*.a.test"}), "x.y.a.test"),
            TransportErrc::kCertificateWrongHost);
  EXPECT_EQ(verdict(authority, for_names({"*.a.test"}), "a.test"),
            TransportErrc::kCertificateWrongHost);
  EXPECT_EQ(verdict(authority, for_names({"x*.a.test"}), "xy.a.test"),
            TransportErrc::kCertificateWrongHost);
}

TEST(TlsVerification, AddressesAreComparedAsAddresses) {
  const Authority authority;
  EXPECT_EQ(verdict(authority, for_names({"127.0.0.1", "::1"}), "127.0.0.1"), kAccepted);
  EXPECT_EQ(verdict(authority, for_names({"127.0.0.1", "::1"}), "::1"), kAccepted);
  EXPECT_EQ(verdict(authority, for_names({"127.0.0.1"}), "127.0.0.2"),
            TransportErrc::kCertificateWrongHost);
  EXPECT_EQ(verdict(authority, for_names({"localhost"}), "127.0.0.1"),
            TransportErrc::kCertificateWrongHost);
}

TEST(TlsVerification, ServerNameReplacesTheHost) {
  const Authority authority;
  TlsClientConfig config;
  config.server_name = "a.test";
  EXPECT_EQ(verdict(authority, for_names({"a.test"}), "127.0.0.1", config), kAccepted);
  const TlsPair pair = tls_pair(client_context(authority.pem(), config),
                                server_context(authority.issue({"a.test"})), "127.0.0.1");
  EXPECT_EQ(pair.server->info().server_name, "a.test");
}

TEST(TlsVerification, AddressesAreNotSentAsServerName) {
  const Authority authority;
  const TlsPair pair = tls_pair(client_context(authority.pem()),
                                server_context(authority.issue({"127.0.0.1"})), "127.0.0.1");
  ASSERT_TRUE(pair.client_result);
  EXPECT_EQ(pair.server->info().server_name, "");
}

TEST(TlsVerification, SwitchedOffAcceptsAnything) {
  TlsClientConfig config;
  config.verify = Verify::kNo;
  TlsPair pair = tls_pair(TlsContext::client(config).value(),
                          server_context(make_self_signed({"x.test"}).value()), "y.test");
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  EXPECT_EQ(exchange(pair), "pong");
}

// ---- the client's certificate
// ---------------------------------------------------------------------------

TlsServerConfig asking(const Authority& authority, ClientCertificate how) {
  TlsServerConfig config;
  config.client_certificate = how;
  config.client_ca_pem = authority.pem();
  return config;
}

TEST(TlsClientCertificate, IsSentWhenAsked) {
  const Authority authority;
  CertificateRequest request = for_names({"Alice"});
  request.use = CertificateUse::kClient;
  const CertifiedKey alice = authority.issue(request);
  TlsClientConfig config;
  config.cert_pem = alice.cert_pem;
  config.key_pem = alice.key_pem;
  TlsPair pair = tls_pair(client_context(authority.pem(), config),
                          server_context(authority.issue({"localhost"}),
                                         asking(authority, ClientCertificate::kRequired)));
  ASSERT_TRUE(pair.server_result) << pair.server_result.error().message();
  EXPECT_EQ(pair.server->info().peer_certificate_subject, "CN=Alice");
  EXPECT_EQ(exchange(pair), "pong");
}

TEST(TlsClientCertificate, MayBeMissingIfOptional) {
  const Authority authority;
  TlsPair pair = tls_pair(client_context(authority.pem()),
                          server_context(authority.issue({"localhost"}),
                                         asking(authority, ClientCertificate::kOptional)));
  ASSERT_TRUE(pair.server_result) << pair.server_result.error().message();
  EXPECT_EQ(pair.server->info().peer_certificate_subject, "");
  EXPECT_EQ(exchange(pair), "pong");
}

TEST(TlsClientCertificate, MissingOneIsToldToBothSides) {
  const Authority authority;
  TlsPair pair = tls_pair(client_context(authority.pem()),
                          server_context(authority.issue({"localhost"}),
                                         asking(authority, ClientCertificate::kRequired)));
  ASSERT_FALSE(pair.server_result);
  EXPECT_EQ(pair.server_result.error().code, TransportErrc::kCertificateRequired);
  // In TLS 1.3 the client is done before the server looks.
  ASSERT_TRUE(pair.client_result);
  const auto read = read_n(*pair.client, 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, TransportErrc::kCertificateRequired);
}

TEST(TlsClientCertificate, OfAnotherAuthorityIsUntrusted) {
  const Authority authority;
  CertificateRequest request = for_names({"Mallory"});
  request.use = CertificateUse::kClient;
  const CertifiedKey mallory = Authority().issue(request);
  TlsClientConfig config;
  config.cert_pem = mallory.cert_pem;
  config.key_pem = mallory.key_pem;
  const TlsPair pair = tls_pair(client_context(authority.pem(), config),
                                server_context(authority.issue({"localhost"}),
                                               asking(authority, ClientCertificate::kRequired)));
  ASSERT_FALSE(pair.server_result);
  EXPECT_EQ(pair.server_result.error().code, TransportErrc::kCertificateUntrusted);
}

// ---- handshakes and time
// --------------------------------------------------------------------------------

TEST(TlsStream, BlockingHandshakesMeetOverTheLoopback) {
  const Authority authority;
  StreamPair below = tcp_pair();
  auto client =
      TlsStream::client(std::move(below.first), client_context(authority.pem()), "localhost")
          .value();
  auto server =
      TlsStream::server(std::move(below.second), server_context(authority.issue({"localhost"})))
          .value();
  std::thread other([&] { EXPECT_TRUE(server->handshake(soon())); });
  EXPECT_TRUE(client->handshake(soon()));
  other.join();
  EXPECT_EQ(client->info().alpn, "h2");
  EXPECT_EQ(client->info().peer_address, server->info().local_address);
}

TEST(TlsStream, HandshakeEndsAtItsDeadline) {
  StreamPair below = socket_pair();
  auto client =
      TlsStream::client(std::move(below.first), client_context(Authority().pem()), "a.test")
          .value();
  const auto failed = client->handshake(deadline_after(system_clock(), milliseconds(5)));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTimedOut);
  EXPECT_EQ(failed.error().message(), "TLS with a.test failed: timed out.");
}

TEST(TlsStream, WakeCancelsAHandshake) {
  StreamPair below = socket_pair();
  auto client =
      TlsStream::client(std::move(below.first), client_context(Authority().pem()), "a.test")
          .value();
  std::thread other([&] { client->wake(); });
  EXPECT_EQ(client->handshake(soon()).error().code, TransportErrc::kCancelled);
  other.join();
}

TEST(TlsStream, HandshakeWorksByteByByte) {
  const Authority authority;
  MemoryStreamOptions options;
  options.max_read = 1;
  options.max_write = 1;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})),
               "localhost", memory(options));
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  EXPECT_EQ(exchange(pair), "pong");
}

// ---- ends
// -----------------------------------------------------------------------------------------------

TEST(TlsStream, CloseIsAnOrderlyEnd) {
  const Authority authority;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})));
  ASSERT_TRUE(write_all(*pair.client, "last"));
  pair.client->close();
  EXPECT_EQ(read_all(*pair.server).value(), "last");
  EXPECT_EQ(read_n(*pair.client, 1).error().code, TransportErrc::kClosed);
}

TEST(TlsStream, ShutdownOfWritingLeavesReadingOpen) {
  const Authority authority;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})));
  pair.client->shutdown_write();
  EXPECT_EQ(read_all(*pair.server).value(), "");
  ASSERT_TRUE(write_all(*pair.server, "still here"));
  EXPECT_EQ(read_n(*pair.client, 10).value(), "still here");
}

TEST(TlsStream, EndWithoutCloseNotifyIsTruncation) {
  const Authority authority;
  auto [a, b] = make_memory_pair();
  MemoryStream& below_client = *a;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})),
               "localhost", StreamPair{std::move(a), std::move(b)});
  ASSERT_TRUE(write_all(*pair.client, "half"));
  below_client.shutdown_write();
  EXPECT_EQ(read_n(*pair.server, 4).value(), "half");
  const auto failed = read_n(*pair.server, 1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTruncated);
  EXPECT_EQ(failed.error().phase, Phase::kReceive);
}

TEST(TlsStream, CutInsideARecordIsTruncationAfterWhatWasWhole) {
  const Authority authority;
  auto [a, b] = make_memory_pair();
  MemoryStream& below_client = *a;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})),
               "localhost", StreamPair{std::move(a), std::move(b)});
  ASSERT_TRUE(write_all(*pair.client, "whole"));
  below_client.cut_after(10, MemoryStream::Cut::kEnd);
  ASSERT_TRUE(write_all(*pair.client, "in pieces"));
  EXPECT_EQ(read_n(*pair.server, 5).value(), "whole");
  EXPECT_EQ(read_n(*pair.server, 1).error().code, TransportErrc::kTruncated);
}

// ---- bytes
// ----------------------------------------------------------------------------------------------

TEST(TlsStream, TakenBytesThatDoNotFitAreFlushedByWaitAndRead) {
  const Authority authority;
  MemoryStreamOptions options;
  options.capacity = 5000;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})),
               "localhost", memory(options));
  ASSERT_TRUE(pair.client_result);
  ASSERT_FALSE(pair.client->needs_flush());
  const std::string text = pattern(50000, 7);
  const std::array<Bytes, 1> piece{as_bytes(text)};
  EXPECT_EQ(pair.client->try_write(piece).value().bytes, text.size());
  EXPECT_TRUE(pair.client->needs_flush());
  EXPECT_TRUE(pair.client->try_write(piece).value().would_block());
  EXPECT_FALSE(pair.client->wait(false, true, Time{0}).value().writable);
  std::string got;
  std::vector<std::uint8_t> buffer(65536);
  while (got.size() < text.size()) {
    const auto read = pair.server->try_read(buffer).value();
    got.append(reinterpret_cast<const char*>(buffer.data()), read.bytes);
    (void)pair.client->wait(true, false, Time{0}).value();  // waits for nothing, and flushes
  }
  EXPECT_TRUE(got == text);
  EXPECT_FALSE(pair.client->needs_flush());
}

TEST(TlsStream, BufferedInputMakesItReadable) {
  const Authority authority;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})));
  ASSERT_TRUE(write_all(*pair.client, "abcdef"));
  std::array<std::uint8_t, 2> buffer{};
  EXPECT_TRUE(pair.server->wait(true, false, soon()).value().readable);
  EXPECT_EQ(pair.server->try_read(buffer).value().bytes, 2U);
  EXPECT_TRUE(pair.server->has_buffered_input());
  EXPECT_TRUE(pair.server->wait(true, false, soon()).value().readable);
  EXPECT_EQ(read_n(*pair.server, 4).value(), "cdef");
}

TEST(TlsStream, WakeFromAnotherThreadEndsAWait) {
  const Authority authority;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})));
  (void)read_n(*pair.client, 0);
  std::thread other([&] { pair.client->wake(); });
  for (;;) {  // the server's session tickets may make it readable first
    const Ready ready = pair.client->wait(true, false, soon()).value();
    ASSERT_FALSE(ready.timed_out);
    if (ready.woken) break;
    std::array<std::uint8_t, 8> buffer{};
    EXPECT_TRUE(pair.client->try_read(buffer).value().would_block());
  }
  other.join();
}

// One end used by two threads: one reads and does all the waiting, the other writes.
class TwoThreads {
 public:
  TwoThreads(ByteStream& stream, std::string out, std::size_t expected)
      : stream_(stream),
        out_(std::move(out)),
        reader_([this, expected] { read(expected); }),
        writer_([this] { write(); }) {}
  std::string join() {
    writer_.join();
    reader_.join();
    return std::move(in_);
  }

 private:
  void read(std::size_t expected) {
    std::vector<std::uint8_t> buffer(65536);
    while (in_.size() < expected || !written_ || stream_.needs_flush()) {
      const auto got = stream_.try_read(buffer);
      ASSERT_TRUE(got) << got.error().message();
      in_.append(reinterpret_cast<const char*>(buffer.data()), got->bytes);
      if (!got->would_block()) continue;
      // wait() flushes by itself, but is not ended by that; only who wants to write is.
      const auto ready =
          stream_.wait(true, blocked_ || (written_ && stream_.needs_flush()), soon());
      ASSERT_TRUE(ready) << ready.error().message();
      ASSERT_FALSE(ready->timed_out);
      if (!ready->writable) continue;
      const std::lock_guard lock(mutex_);
      blocked_ = false;
      room_.notify_all();
    }
  }
  void write() {
    Bytes left = as_bytes(out_);
    while (!left.empty()) {
      const std::array<Bytes, 2> pieces{left.first(std::min<std::size_t>(9, left.size())),
                                        left.subspan(std::min<std::size_t>(9, left.size()))};
      const auto result = stream_.try_write(pieces);
      ASSERT_TRUE(result) << result.error().message();
      left = left.subspan(result->bytes);
      if (!result->would_block()) continue;
      std::unique_lock lock(mutex_);
      blocked_ = true;
      stream_.wake();
      room_.wait(lock, [this] { return !blocked_; });
    }
    written_ = true;
    stream_.wake();
  }

  ByteStream& stream_;
  std::string out_;
  std::string in_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::atomic<bool> blocked_{false};
  std::atomic<bool> written_{false};
  std::thread reader_;
  std::thread writer_;
};

void transfer(ByteStream& a, ByteStream& b) {
  const std::string to_b = pattern(std::size_t{8} << 20U, 1);
  const std::string to_a = pattern(std::size_t{8} << 20U, 2);
  TwoThreads first(a, to_b, to_a.size());
  TwoThreads second(b, to_a, to_b.size());
  EXPECT_TRUE(first.join() == to_a);
  EXPECT_TRUE(second.join() == to_b);
}

TEST(LargeTransfer, OverTlsOverTcpReadAndWrittenByDifferentThreads) {
  const Authority authority;
  TlsPair pair = tls_pair(client_context(authority.pem()),
                          server_context(authority.issue({"localhost"})), "localhost", tcp_pair());
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  transfer(*pair.client, *pair.server);
}

TEST(LargeTransfer, OverTlsOverMemoryReadAndWrittenByDifferentThreads) {
  const Authority authority;
  MemoryStreamOptions options;
  options.capacity = 100000;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})),
               "localhost", memory(options));
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  transfer(*pair.client, *pair.server);
}

TEST(LargeTransfer, OverTcpReadAndWrittenByDifferentThreads) {
  StreamPair pair = tcp_pair();
  transfer(*pair.first, *pair.second);
}

}  // namespace
}  // namespace h2::inline v0::transport
