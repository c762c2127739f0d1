// `h2 serve` against curl, nghttp and h2load, over TLS and in cleartext.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/interop/servers.h"

namespace h2::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class ServeTo : public ::testing::TestWithParam<Security> {
 protected:
  // curl with HTTP/2 and the server's certificate trusted.
  Finished curl(const H2Serve& server, const Argv& arguments, const RunOptions& options = {}) {
    Argv argv{"curl", "-sS"};
    if (GetParam() == Security::kTls) {
      argv.insert(argv.end(), {"--http2", "--cacert", server.certificate().certificate});
    } else {
      argv.emplace_back("--http2-prior-knowledge");
    }
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(argv, options);
  }
};

TEST_P(ServeTo, CurlGetsAFileOverHttp2) {
  H2_REQUIRE_PEERS("curl");
  H2Serve server(GetParam());
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(10'000, 1);
  server.write_www("small.bin", bytes);
  const Finished f =
      curl(server, {"-w", "%{stderr}%{http_code} %{http_version}", server.origin() + "/small.bin"});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_TRUE(f.out == bytes);
  EXPECT_EQ(f.err, "200 2");
}

TEST_P(ServeTo, CurlGetsStatus404ForAMissingFile) {
  H2_REQUIRE_PEERS("curl");
  H2Serve server(GetParam());
  ASSERT_NE(server.port(), 0);
  const Finished f =
      curl(server, {"-o", "/dev/null", "-w", "%{http_code}", server.origin() + "/missing"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "404");
}

TEST_P(ServeTo, CurlUploadIsTakenWhole) {
  H2_REQUIRE_PEERS("curl");
  H2Serve server(GetParam());
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(kMiB, 2);
  const Finished f = curl(server,
                          {"--data-binary", "@-", "-w", "%{stderr}%{http_code} %{size_upload}",
                           server.origin() + "/echo"},
                          {.input = bytes});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_EQ(f.err, "200 1048576");
  EXPECT_TRUE(f.out == bytes) << f.out.size();
}

TEST_P(ServeTo, CurlDownloadsFiftyMebibytesUnchanged) {
  H2_REQUIRE_PEERS("curl");
  H2Serve server(GetParam());
  ASSERT_NE(server.port(), 0);
  const std::string bytes = make_bytes(50 * kMiB, 3);
  server.write_www("large.bin", bytes);
  const std::string path = server.dir().file("downloaded");
  const Finished f = curl(server, {"-o", path, server.origin() + "/large.bin"});
  EXPECT_EQ(f.exit_code, 0) << f.err << server.peer().log();
  EXPECT_EQ(sha256_hex(read_file(path)), sha256_hex(bytes));
}

TEST_P(ServeTo, NghttpGetsSeveralUrlsAndSeesNoErrors) {
  H2_REQUIRE_PEERS("nghttp");
  H2Serve server(GetParam());
  ASSERT_NE(server.port(), 0);
  Argv argv{"nghttp", "-nv"};
  for (int i = 0; i < 5; ++i) {
    const std::string name = "f" + std::to_string(i) + ".txt";
    server.write_www(name, make_bytes(1000, 1));
    argv.push_back(server.origin() + "/" + name);
  }
  const Finished f = run(argv);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  std::size_t answers = 0;
  for (std::size_t at = f.out.find(":status: 200"); at != std::string::npos;
       at = f.out.find(":status: 200", at + 1)) {
    ++answers;
  }
  EXPECT_EQ(answers, 5U) << f.out;
  EXPECT_THAT(f.out, ::testing::Not(HasSubstr("recv RST_STREAM"))) << f.out;
  EXPECT_THAT(f.out, ::testing::Not(HasSubstr("[ERROR]"))) << f.out;
}

TEST_P(ServeTo, H2loadGetsTwentyThousandAnswersWithoutFailure) {
  H2_REQUIRE_PEERS("h2load");
  H2Serve server(GetParam());
  ASSERT_NE(server.port(), 0);
  server.write_www("small.txt", make_bytes(512, 1));
  const Finished f =
      run({"h2load", "-n", "20000", "-c", "4", "-m", "100", server.origin() + "/small.txt"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, HasSubstr("20000 succeeded, 0 failed, 0 errored, 0 timeout")) << f.out;
  EXPECT_THAT(f.out, HasSubstr("status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx")) << f.out;
}

INSTANTIATE_TEST_SUITE_P(Serve, ServeTo, ::testing::Values(Security::kTls, Security::kCleartext),
                         [](const ::testing::TestParamInfo<Security>& param) {
                           return std::string(param.param == Security::kTls ? "Tls" : "Cleartext");
                         });

}  // namespace
}  // namespace h2::testing
