// What the tests of transport/ share: streams that are joined, transfers to the end, and
// certificates.
#ifndef H2_TESTS_TRANSPORT_TRANSPORT_TESTING_H_
#define H2_TESTS_TRANSPORT_TRANSPORT_TESTING_H_

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "transport/certificates.h"
#include "transport/clock.h"
#include "transport/listener.h"
#include "transport/tcp_stream.h"
#include "transport/tls.h"
#include "transport/tls_stream.h"

namespace h2::inline v0::transport {

// Long enough for a slow machine under a sanitizer; a test that gets here has failed.
inline Deadline soon() { return deadline_after(system_clock(), seconds(60)); }

using StreamPair = std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>>;

// A client and a server over TCP on the loopback.
inline StreamPair tcp_pair(const IoEnvironment& client = {}) {
  auto listener = Listener::listen("127.0.0.1", 0);
  EXPECT_TRUE(listener) << listener.error().message();
  auto first = TcpStream::connect((*listener)->address(), soon(), {}, client);
  EXPECT_TRUE(first) << first.error().message();
  auto second = (*listener)->accept(soon());
  EXPECT_TRUE(second) << second.error().message();
  return {std::move(*first), std::move(*second)};
}

// Two ends of a socket pair; it takes little before it blocks.
inline StreamPair socket_pair(const IoEnvironment& first = {}) {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {std::make_unique<TcpStream>(fds[0], TcpOptions{}, first),
          std::make_unique<TcpStream>(fds[1])};
}

// Writes all of `bytes` and flushes, waiting where needed.
inline Result<void, TransportError> write_all(ByteStream& stream, Bytes bytes) {
  while (!bytes.empty() || stream.needs_flush()) {
    const std::array<Bytes, 1> piece{bytes};
    auto written = stream.try_write(piece);
    if (!written) return unexpected(written.error());
    bytes = bytes.subspan(written->bytes);
    if (!written->would_block()) continue;
    auto ready = stream.wait(false, true, soon());
    if (!ready) return unexpected(ready.error());
    if (ready->timed_out) return unexpected(TransportError{Phase::kSend, TransportErrc::kTimedOut});
  }
  return {};
}
inline Result<void, TransportError> write_all(ByteStream& stream, std::string_view text) {
  return write_all(stream, as_bytes(text));
}

// Reads `n` bytes, or fewer if the stream ends before.
inline Result<std::string, TransportError> read_n(ByteStream& stream, std::size_t n) {
  std::string got;
  std::vector<std::uint8_t> buffer(65536);
  while (got.size() < n) {
    const std::size_t room = std::min(buffer.size(), n - got.size());
    auto read = stream.try_read(std::span<std::uint8_t>(buffer.data(), room));
    if (!read) return unexpected(read.error());
    if (read->end()) break;
    got.append(reinterpret_cast<const char*>(buffer.data()), read->bytes);
    if (!read->would_block()) continue;
    auto ready = stream.wait(true, false, soon());
    if (!ready) return unexpected(ready.error());
    if (ready->timed_out)
      return unexpected(TransportError{Phase::kReceive, TransportErrc::kTimedOut});
  }
  return got;
}
// Reads to the end.
inline Result<std::string, TransportError> read_all(ByteStream& stream) {
  return read_n(stream, std::numeric_limits<std::size_t>::max());
}

// Bytes without a short period.
inline std::string pattern(std::size_t size, std::uint32_t seed) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1664525U + 1013904223U;
    c = static_cast<char>(seed >> 24U);
  }
  return text;
}

// A certificate authority for one test.
class Authority {
 public:
  Authority() {
    CertificateRequest request;
    request.names = {"Test Authority"};
    request.use = CertificateUse::kAuthority;
    root_ = make_certificate(request).value();
  }
  const std::string& pem() const { return root_.cert_pem; }
  CertifiedKey issue(CertificateRequest request) const {
    request.issuer = &root_;
    return make_certificate(request).value();
  }
  CertifiedKey issue(std::vector<std::string> names) const {
    CertificateRequest request;
    request.names = std::move(names);
    return issue(request);
  }

 private:
  CertifiedKey root_;
};

inline std::shared_ptr<TlsContext> server_context(const CertifiedKey& key,
                                                  TlsServerConfig config = {}) {
  config.cert_pem = key.cert_pem;
  config.key_pem = key.key_pem;
  return TlsContext::server(config).value();
}
inline std::shared_ptr<TlsContext> client_context(const std::string& roots,
                                                  TlsClientConfig config = {}) {
  config.ca_pem = roots;
  return TlsContext::client(config).value();
}

struct TlsPair {
  std::unique_ptr<TlsStream> client;
  std::unique_ptr<TlsStream> server;
  Result<void, TransportError> client_result;
  Result<void, TransportError> server_result;
};

// Both handshakes, over the given streams, in this thread.
inline TlsPair tls_pair(std::shared_ptr<const TlsContext> client,
                        std::shared_ptr<const TlsContext> server,
                        std::string_view host = "localhost", StreamPair below = socket_pair()) {
  TlsPair pair;
  pair.client = TlsStream::client(std::move(below.first), std::move(client), host).value();
  pair.server = TlsStream::server(std::move(below.second), std::move(server)).value();
  bool client_done = false;
  bool server_done = false;
  for (int turn = 0; turn < 100 && !(client_done && server_done); ++turn) {
    const auto step = [](TlsStream& stream, bool& done, Result<void, TransportError>& result) {
      if (done) return;
      auto now = stream.try_handshake();
      done = !now || *now == TlsStream::Handshake::kDone;
      if (now) return;
      result = unexpected(now.error());
      stream.close();  // as anyone would
    };
    step(*pair.client, client_done, pair.client_result);
    step(*pair.server, server_done, pair.server_result);
  }
  EXPECT_TRUE(client_done && server_done) << "the handshake does not end";
  return pair;
}

}  // namespace h2::inline v0::transport

#endif  // H2_TESTS_TRANSPORT_TRANSPORT_TESTING_H_
