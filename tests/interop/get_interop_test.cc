// `h2 get` against nghttpd and nginx, over TLS and in cleartext.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/interop/servers.h"

namespace h2::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

// Runs `h2 get` with the server's certificate trusted.
Finished get(const WebServer& server, Argv arguments, const RunOptions& options = {}) {
  Argv argv{h2_program(), "get", "-sS"};
  if (server.origin().starts_with("https:")) {
    argv.insert(argv.end(), {"--cacert", server.certificate().certificate});
  } else {
    argv.emplace_back("--http2-prior-knowledge");
  }
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(argv, options);
}

std::string header_of(const std::string& head, const std::string& name) {
  const std::size_t begin = head.find(name + ": ");
  if (begin == std::string::npos) return {};
  const std::size_t value = begin + name.size() + 2;
  return head.substr(value, head.find('\r', value) - value);
}

// What every server must manage.
void get_small_file(WebServer& server) {
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(10'000, 1);
  server.write_www("small", bytes);
  const Finished f =
      get(server, {server.origin() + "/small", "-w", "%{stderr}%{http_code} %{http_version}"});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_TRUE(f.out == bytes);
  EXPECT_EQ(f.err, "200 2");
}

void get_missing_file(WebServer& server) {
  ASSERT_NE(server.port(), 0);
  const Finished f =
      get(server, {"-o", "/dev/null", "-w", "%{http_code}", server.origin() + "/missing"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "404");
}

void get_large_file(WebServer& server) {
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(50 * kMiB, 2);
  server.write_www("large", bytes);
  const std::string path = server.dir().file("downloaded");
  const Finished f = get(server, {"-o", path, server.origin() + "/large"});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_EQ(sha256_hex(read_file(path)), sha256_hex(bytes));
}

void get_hundred_at_once(WebServer& server) {
  ASSERT_NE(server.port(), 0);
  Argv arguments{"-Z", "--parallel-max", "100", "-w", "%{num_connects}\\n"};
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string name = "f" + std::to_string(i);
    server.write_www(name, make_bytes(20'000 + i, i));
    arguments.insert(arguments.end(),
                     {"-o", server.dir().file(name), server.origin() + "/" + name});
  }
  const Finished f = get(server, arguments);
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(read_file(server.dir().file("f" + std::to_string(i))) == make_bytes(20'000 + i, i))
        << i;
  }
  EXPECT_EQ(std::count(f.out.begin(), f.out.end(), '1'), 1) << "connections: " << f.out;
}

void post_and_compare_echo(WebServer& server) {
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(kMiB, 3);
  const Finished f =
      get(server, {"--data-binary", "@-", server.origin() + "/echo"}, {.input = bytes});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_TRUE(f.out == bytes) << f.out.size();
}

void post_and_compare_stored(WebServer& server, const Argv& how, const std::string& input,
                             const std::string& sent) {
  ASSERT_NE(server.port(), 0);
  Argv arguments{"-i", server.origin() + "/upload"};
  arguments.insert(arguments.end(), how.begin(), how.end());
  const Finished f = get(server, arguments, {.input = input});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_THAT(f.out, ::testing::EndsWith("stored"));
  EXPECT_TRUE(read_file(header_of(f.out, "x-body-file")) == sent);
}

class GetFromNghttpd : public ::testing::TestWithParam<Security> {
 protected:
  void SetUp() override { H2_REQUIRE_PEERS("nghttpd"); }
};

TEST_P(GetFromNghttpd, SmallFileArrivesUnchanged) {
  Nghttpd server(GetParam());
  get_small_file(server);
}

TEST_P(GetFromNghttpd, MissingFileIsStatus404) {
  Nghttpd server(GetParam());
  get_missing_file(server);
}

TEST_P(GetFromNghttpd, FiftyMebibytesArriveUnchanged) {
  Nghttpd server(GetParam());
  get_large_file(server);
}

TEST_P(GetFromNghttpd, HundredFilesAtOnceUseOneConnection) {
  Nghttpd server(GetParam());
  get_hundred_at_once(server);
}

TEST_P(GetFromNghttpd, PostedMebibyteIsEchoed) {
  Nghttpd server(GetParam());
  post_and_compare_echo(server);
}

class GetFromNginx : public ::testing::TestWithParam<Security> {
 protected:
  void SetUp() override { H2_REQUIRE_PEERS("nginx"); }
};

TEST_P(GetFromNginx, SmallFileArrivesUnchanged) {
  Nginx server(GetParam());
  get_small_file(server);
}

TEST_P(GetFromNginx, MissingFileIsStatus404) {
  Nginx server(GetParam());
  get_missing_file(server);
}

TEST_P(GetFromNginx, FiftyMebibytesArriveUnchanged) {
  Nginx server(GetParam());
  get_large_file(server);
}

TEST_P(GetFromNginx, HundredFilesAtOnceUseOneConnection) {
  Nginx server(GetParam());
  get_hundred_at_once(server);
}

TEST_P(GetFromNginx, PostedMebibyteIsStored) {
  Nginx server(GetParam());
  const std::string bytes = make_bytes(kMiB, 4);
  post_and_compare_stored(server, {"--data-binary", "@-"}, bytes, bytes);
}

TEST_P(GetFromNginx, UploadOfUnknownLengthIsStored) {
  Nginx server(GetParam());
  const std::string bytes = make_bytes(kMiB + 1, 5);
  post_and_compare_stored(server, {"-X", "POST", "-T", "-"}, bytes, bytes);
}

TEST_P(GetFromNginx, ResponseThatComesBeforeTheUploadEndsIsTaken) {
  Nginx server(GetParam());
  ASSERT_NE(server.port(), 0);
  const Finished f = get(
      server, {"--data-binary", "@-", "-w", "%{stderr}%{http_code}", server.origin() + "/refuse"},
      {.input = make_bytes(4 * kMiB, 6)});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "refused");
  EXPECT_EQ(f.err, "403");
}

std::string security_name(const ::testing::TestParamInfo<Security>& param) {
  return param.param == Security::kTls ? "Tls" : "Cleartext";
}

INSTANTIATE_TEST_SUITE_P(Get, GetFromNghttpd,
                         ::testing::Values(Security::kTls, Security::kCleartext), security_name);
INSTANTIATE_TEST_SUITE_P(Get, GetFromNginx, ::testing::Values(Security::kTls, Security::kCleartext),
                         security_name);

TEST(GetFromNginxWithoutTrust, IsRefusedWithTheReason) {
  H2_REQUIRE_PEERS("nginx");
  Nginx server(Security::kTls);
  ASSERT_NE(server.port(), 0);
  const Finished f = run({h2_program(), "get", server.origin() + "/"});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("localhost:" + std::to_string(server.port())));
  EXPECT_THAT(f.err, HasSubstr("certificate"));
}

}  // namespace
}  // namespace h2::testing
