// `h2 get` against nghttpd and nginx, over TLS and in cleartext. What the client does with other
// servers is in client_interop_test.cc.
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

// What every server must manage.
void get_small_file(WebServer& server) {
  const Finished f =
      get(server, {server.origin() + "/small", "-w", "%{stderr}%{http_code} %{http_version}"});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.log();
  EXPECT_TRUE(f.out == Site::small());
  EXPECT_EQ(f.err, "200 2");
}

void get_missing_file(WebServer& server) {
  const Finished f =
      get(server, {"-o", "/dev/null", "-w", "%{http_code}", server.origin() + "/missing"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "404");
}

void get_large_file(WebServer& server) {
  const ScratchDir dir;
  const Finished f = get(server, {"-o", dir.file("downloaded"), server.origin() + "/large"});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.log();
  EXPECT_EQ(sha256_hex(read_file(dir.file("downloaded"))), Site::get().large_hash());
}

void get_hundred_at_once(WebServer& server) {
  const ScratchDir dir;
  Argv arguments{"-Z", "--parallel-max", "100", "-w", "%{num_connects}\n"};
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string name = "f" + std::to_string(i);
    arguments.insert(arguments.end(), {"-o", dir.file(name), server.origin() + "/" + name});
  }
  const Finished f = get(server, arguments);
  EXPECT_EQ(f.exit_code, 0) << f.err << server.log();
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_TRUE(read_file(dir.file("f" + std::to_string(i))) == Site::file(i)) << i;
  EXPECT_EQ(std::count(f.out.begin(), f.out.end(), '1'), 1) << "connections: " << f.out;
}

void post_and_compare_echo(WebServer& server) {
  const std::string bytes = make_bytes(kMiB, 3);
  const Finished f =
      get(server, {"--data-binary", "@-", server.origin() + "/echo"}, {.input = bytes});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.log();
  EXPECT_TRUE(f.out == bytes) << f.out.size();
}

class GetFromNghttpd : public ::testing::TestWithParam<Security> {
 protected:
  void SetUp() override { H2_REQUIRE_SERVER(*find_server("nghttpd")); }
};

TEST_P(GetFromNghttpd, SmallFileArrivesUnchanged) {
  WebServer server("nghttpd", GetParam());
  get_small_file(server);
}

TEST_P(GetFromNghttpd, MissingFileIsStatus404) {
  WebServer server("nghttpd", GetParam());
  get_missing_file(server);
}

TEST_P(GetFromNghttpd, FiftyMebibytesArriveUnchanged) {
  WebServer server("nghttpd", GetParam());
  get_large_file(server);
}

TEST_P(GetFromNghttpd, HundredFilesAtOnceUseOneConnection) {
  WebServer server("nghttpd", GetParam());
  get_hundred_at_once(server);
}

TEST_P(GetFromNghttpd, PostedMebibyteIsEchoed) {
  WebServer server("nghttpd", GetParam());
  post_and_compare_echo(server);
}

class GetFromNginx : public ::testing::TestWithParam<Security> {
 protected:
  void SetUp() override { H2_REQUIRE_SERVER(*find_server("nginx")); }
};

TEST_P(GetFromNginx, SmallFileArrivesUnchanged) {
  WebServer server("nginx", GetParam());
  get_small_file(server);
}

TEST_P(GetFromNginx, MissingFileIsStatus404) {
  WebServer server("nginx", GetParam());
  get_missing_file(server);
}

TEST_P(GetFromNginx, FiftyMebibytesArriveUnchanged) {
  WebServer server("nginx", GetParam());
  get_large_file(server);
}

TEST_P(GetFromNginx, HundredFilesAtOnceUseOneConnection) {
  WebServer server("nginx", GetParam());
  get_hundred_at_once(server);
}

TEST_P(GetFromNginx, PostedMebibyteIsEchoed) {
  WebServer server("nginx", GetParam());
  post_and_compare_echo(server);
}

TEST_P(GetFromNginx, UploadOfUnknownLengthIsEchoed) {
  WebServer server("nginx", GetParam());
  const std::string bytes = make_bytes(kMiB + 1, 5);
  RunOptions options;
  options.input = bytes;
  const Finished f = get(server, {"-X", "POST", "-T", "-", server.origin() + "/echo"}, options);
  EXPECT_EQ(f.exit_code, 0) << f.err << server.log();
  EXPECT_TRUE(f.out == bytes) << f.out.size();
}

TEST_P(GetFromNginx, ResponseThatComesBeforeTheUploadEndsIsTaken) {
  WebServer server("nginx", GetParam());
  RunOptions options;
  options.input = make_bytes(4 * kMiB, 6);
  const Finished f =
      get(server,
          {"--data-binary", "@-", "-w", "%{stderr}%{http_code}", server.origin() + "/early/403"},
          options);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "status 403\n");
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
  H2_REQUIRE_SERVER(*find_server("nginx"));
  WebServer server("nginx", Security::kTls);
  const Finished f = run({h2_program(), "get", server.origin() + "/"});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("localhost:" + std::to_string(server.port())));
  EXPECT_THAT(f.err, HasSubstr("certificate"));
}

}  // namespace
}  // namespace h2::testing
