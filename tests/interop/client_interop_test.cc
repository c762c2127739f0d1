// h2::Client against nghttpd and nginx over TLS with ALPN.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "tests/interop/servers.h"

namespace h2::testing {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

ClientOptions trusting(const WebServer& server) {
  ClientOptions options;
  options.ca_file = server.certificate().certificate;
  options.timeout = seconds(60);
  return options;
}

void get_small_file(const WebServer& server) {
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(10'000, 1);
  server.write_www("small", bytes);
  const Client client(trusting(server));
  const auto response = client.get(server.origin() + "/small");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(response->body == bytes);
  EXPECT_EQ(response->info.alpn, "h2");
  EXPECT_EQ(response->info.http_version, "2");
}

void get_large_file(const WebServer& server) {
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(50 * kMiB, 2);
  server.write_www("large", bytes);
  const Client client(trusting(server));
  const auto response = client.get(server.origin() + "/large");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(sha256_hex(response->body), sha256_hex(bytes));
}

// A hundred threads, one connection.
void get_hundred_at_once(const WebServer& server) {
  ASSERT_NE(server.port(), 0);
  constexpr std::size_t kCount = 100;
  for (std::size_t i = 0; i < kCount; ++i)
    server.write_www("f" + std::to_string(i), make_bytes(20'000 + i, i));
  const Client client(trusting(server));
  std::vector<std::string> bodies(kCount);
  std::vector<int> opened(kCount);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kCount; ++i) {
    threads.emplace_back([&, i] {
      const auto response = client.get(server.origin() + "/f" + std::to_string(i));
      bodies[i] = response ? response->body : response.error().message();
      opened[i] = response ? response->info.connections_opened : 1000;
    });
  }
  for (std::thread& thread : threads) thread.join();
  int connections = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_TRUE(bodies[i] == make_bytes(20'000 + i, i)) << i << ": " << bodies[i].substr(0, 200);
    connections += opened[i];
  }
  EXPECT_EQ(connections, 1);
}

TEST(ClientToNghttpd, SmallFileArrivesUnchanged) {
  H2_REQUIRE_PEERS("nghttpd");
  get_small_file(Nghttpd(Security::kTls));
}

TEST(ClientToNghttpd, FiftyMebibytesArriveUnchanged) {
  H2_REQUIRE_PEERS("nghttpd");
  get_large_file(Nghttpd(Security::kTls));
}

TEST(ClientToNghttpd, HundredRequestsAtOnceUseOneConnection) {
  H2_REQUIRE_PEERS("nghttpd");
  get_hundred_at_once(Nghttpd(Security::kTls));
}

TEST(ClientToNghttpd, PostedMebibyteIsEchoed) {
  H2_REQUIRE_PEERS("nghttpd");
  const Nghttpd server(Security::kTls);
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(kMiB, 3);
  const Client client(trusting(server));
  const auto response = client.post(server.origin() + "/echo", bytes, "application/octet-stream");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(response->body == bytes) << response->body.size();
}

TEST(ClientToNginx, SmallFileArrivesUnchanged) {
  H2_REQUIRE_PEERS("nginx");
  get_small_file(Nginx(Security::kTls));
}

TEST(ClientToNginx, FiftyMebibytesArriveUnchanged) {
  H2_REQUIRE_PEERS("nginx");
  get_large_file(Nginx(Security::kTls));
}

TEST(ClientToNginx, HundredRequestsAtOnceUseOneConnection) {
  H2_REQUIRE_PEERS("nginx");
  get_hundred_at_once(Nginx(Security::kTls));
}

TEST(ClientToNginx, PostedMebibyteIsStored) {
  H2_REQUIRE_PEERS("nginx");
  const Nginx server(Security::kTls);
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(kMiB, 4);
  const Client client(trusting(server));
  const auto response = client.post(server.origin() + "/upload", bytes, "application/octet-stream");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "stored");
  EXPECT_TRUE(read_file(std::string(response->header("x-body-file"))) == bytes);
}

}  // namespace
}  // namespace h2::testing
