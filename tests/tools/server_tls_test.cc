// The server over TLS: the client library against it, and clients that do not agree on "h2".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client.h"
#include "tests/interop/peer.h"
#include "tools/h2/server.h"
#include "transport/clock.h"
#include "transport/deadline.h"
#include "transport/dialer.h"
#include "transport/tls.h"

namespace h2::tools {
namespace {

class ServerTls : public ::testing::Test {
 protected:
  ServerTls() {
    auto server = Server::start({});
    EXPECT_TRUE(server.has_value()) << (server ? "" : server.error());
    server_ = std::move(*server);
    options_.ca_file = dir_.write("ca.pem", server_->certificate_pem());
  }
  // A connection after its handshake.
  Result<transport::Dialed, transport::TransportError> dial(std::vector<std::string> alpn) {
    transport::TlsClientConfig config;
    config.ca_pem = server_->certificate_pem();
    config.alpn = std::move(alpn);
    auto context = transport::TlsContext::client(config);
    EXPECT_TRUE(context.has_value());
    transport::DialTarget target;
    target.host = "127.0.0.1";
    target.port = server_->port();
    target.tls = *context;
    return transport::make_dialer()->dial(
        target, transport::deadline_after(transport::system_clock(), seconds(20)));
  }
  testing::ScratchDir dir_;
  std::unique_ptr<Server> server_;
  ClientOptions options_;
};

TEST_F(ServerTls, ClientThatTrustsItsCertificateIsServed) {
  const Client client(options_);
  const auto response = client.get(server_->origin() + "/bytes/3000000");
  ASSERT_TRUE(response.has_value()) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body.size(), 3'000'000U);
  EXPECT_EQ(response->info.alpn, "h2");
}

TEST_F(ServerTls, ClientThatDoesNotTrustItRefuses) {
  const auto response = Client{}.get(server_->origin() + "/");
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().kind, client::ErrorKind::kTls);
}

TEST_F(ServerTls, EchoOfTwentyMebibytesIsUnchanged) {
  const Client client(options_);
  const std::string body = testing::make_bytes(std::size_t{20} << 20U, 3);
  const auto response = client.post(server_->origin() + "/echo", body, "application/octet-stream");
  ASSERT_TRUE(response.has_value()) << response.error().message();
  EXPECT_TRUE(response->body == body) << response->body.size();
}

TEST_F(ServerTls, DrainTellsTheClient) {
  const Client client(options_);
  ASSERT_TRUE(client.get(server_->origin() + "/bytes/1").has_value());
  server_->begin_stop();
  EXPECT_TRUE(server_->wait_stopped(seconds(20)));
  EXPECT_EQ(server_->stats().active, 0U);
}

TEST_F(ServerTls, ClientThatOffersOnlyAnotherProtocolIsTurnedAway) {
  EXPECT_FALSE(dial({"http/1.1"}).has_value());
}

TEST_F(ServerTls, ClientWithoutAlpnIsClosed) {
  auto dialed = dial({});
  if (!dialed) return;  // refused in the handshake: as good
  std::uint8_t buffer[1024];
  for (;;) {
    const auto read = dialed->stream->try_read(buffer);
    if (!read || read->end()) break;
    ASSERT_TRUE(read->would_block()) << "the server said something";
    const auto ready = dialed->stream->wait(
        true, false, transport::deadline_after(transport::system_clock(), seconds(20)));
    ASSERT_TRUE(ready.has_value());
    ASSERT_FALSE(ready->timed_out);
  }
  EXPECT_EQ(server_->stats().requests, 0U);
}

}  // namespace
}  // namespace h2::tools
