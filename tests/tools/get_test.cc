// `h2 get` as a program: what it sends, writes and prints, and how it fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "tests/interop/peer.h"
#include "tests/tools/certificates.h"
#include "tests/tools/loopback_server.h"

namespace h2::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Runs `h2 get ARGUMENTS`.
Finished get(const Argv& arguments, const RunOptions& options = {}) {
  Argv argv{h2_program(), "get"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const Finished result = run(argv, options);
  EXPECT_FALSE(result.timed_out) << result.err;
  return result;
}

// A cleartext server that answers: /size/N with N bytes, /status/N, anything else with a
// description of the request.
LoopbackResponse answer(const LoopbackRequest& request) {
  const std::string path = request.field(":path");
  if (path.starts_with("/size/")) return {200, {}, make_bytes(std::stoul(path.substr(6)), 1)};
  if (path.starts_with("/status/")) return {std::stoi(path.substr(8)), {}, "status body"};
  std::string text;
  for (const auto& [name, value] : request.fields) text += name + "=" + value + "\n";
  return {200,
          {{"content-type", "text/plain"}, {"set-cookie", "secret=1"}},
          text + "body=" + request.body + "\n"};
}

class Get : public ::testing::Test {
 protected:
  Finished plain(Argv arguments, const RunOptions& options = {}) {
    arguments.insert(arguments.begin(), "--http2-prior-knowledge");
    return get(arguments, options);
  }
  std::string url(const std::string& path) const { return server_.origin() + path; }

  LoopbackServer server_{answer_requests(answer)};
  ScratchDir dir_;
};

TEST_F(Get, BodyGoesToStandardOutputUnchanged) {
  const Finished f = plain({url("/size/300000")});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_TRUE(f.out == make_bytes(300'000, 1));
  EXPECT_EQ(f.err, "");
}

TEST_F(Get, EmptyBodyIsNoError) {
  const Finished f = plain({"-o", dir_.file("empty"), url("/size/0")});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(read_file(dir_.file("empty")), "");
}

TEST_F(Get, UrlsInARowShareOneConnection) {
  const Finished f =
      plain({"-w", "%{num_connects}\\n", url("/size/0"), url("/size/0"), url("/size/0")});
  EXPECT_EQ(f.out, "1\n0\n0\n") << f.err;
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(Get, OutputsBelongToUrlsInOrder) {
  const Finished f = plain({"-o", dir_.file("a"), "-o", dir_.file("b"), url("/size/10"),
                            url("/size/20"), url("/size/3")});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(read_file(dir_.file("a")), make_bytes(10, 1));
  EXPECT_EQ(read_file(dir_.file("b")), make_bytes(20, 1));
  EXPECT_EQ(f.out, make_bytes(3, 1));
}

TEST_F(Get, RemoteNameWritesAFileNamedLikeTheUrl) {
  const Finished f = plain({"-O", url("/dir/name.txt?query")}, {.directory = dir_.path()});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(read_file(dir_.file("name.txt")), HasSubstr(":path=/dir/name.txt?query\n"));
}

TEST_F(Get, PlainGetSendsWhatCurlSends) {
  EXPECT_THAT(
      plain({url("/x?y#fragment")}).out,
      AllOf(HasSubstr(":method=GET\n"), HasSubstr(":path=/x?y\n"), HasSubstr(":scheme=http\n"),
            HasSubstr(":authority=127.0.0.1:" + std::to_string(server_.port()) + "\n"),
            HasSubstr("accept=*/*\n"), HasSubstr("user-agent=h2")));
}

TEST_F(Get, DataIsPostedAsAForm) {
  EXPECT_THAT(plain({"-d", "a=1", "-d", "b=2", url("/")}).out,
              AllOf(HasSubstr(":method=POST\n"),
                    HasSubstr("content-type=application/x-www-form-urlencoded\n"),
                    HasSubstr("content-length=7\n"), EndsWith("body=a=1&b=2\n")));
}

TEST_F(Get, BinaryDataComesFromStandardInputUnchanged) {
  const std::string bytes = "line\r\n\ttab";
  EXPECT_THAT(
      plain({"--data-binary", "@-", "-H", "Content-Type: application/octet-stream", url("/")},
            {.input = bytes})
          .out,
      AllOf(HasSubstr("content-type=application/octet-stream\n"), Not(HasSubstr("urlencoded")),
            EndsWith("body=" + bytes + "\n")));
}

TEST_F(Get, UploadPutsAFile) {
  const std::string bytes = make_bytes(200'000, 7);
  const std::string path = dir_.write("upload.bin", bytes);
  const Finished f = plain({"-T", path, url("/up/")});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, AllOf(HasSubstr(":method=PUT\n"), HasSubstr(":path=/up/upload.bin\n"),
                           HasSubstr("content-length=200000\n")));
  EXPECT_TRUE(f.out.ends_with("body=" + bytes + "\n"));
}

TEST_F(Get, UploadFromStandardInputHasNoLength) {
  const std::string bytes = make_bytes(200'000, 8);
  const Finished f = plain({"-T", "-", url("/up")}, {.input = bytes});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, Not(HasSubstr("content-length")));
  EXPECT_TRUE(f.out.ends_with("body=" + bytes + "\n"));
}

TEST_F(Get, UploadOfAMissingFileIsNamed) {
  const Finished f = plain({"-T", "/nonexistent/file", url("/")});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("/nonexistent/file: No such file"));
}

TEST_F(Get, HeadersAreAddedReplacedAndRemoved) {
  const Finished f = plain(
      {"-H", "X-New: 1", "-H", "User-Agent: me", "-H", "Accept:", "-H", "X-Empty;", url("/")});
  EXPECT_THAT(f.out,
              AllOf(HasSubstr("x-new=1\n"), HasSubstr("user-agent=me\n"), HasSubstr("x-empty=\n"),
                    Not(HasSubstr("accept=")), Not(HasSubstr("user-agent=h2"))));
}

TEST_F(Get, HostHeaderIsTheAuthority) {
  const Finished f = plain({"-H", "Host: other.test", url("/")});
  EXPECT_THAT(f.out, AllOf(HasSubstr(":authority=other.test\n"), Not(HasSubstr("\nhost="))));
}

TEST_F(Get, MethodCanBeChosen) {
  EXPECT_THAT(plain({"-X", "DELETE", url("/")}).out, HasSubstr(":method=DELETE\n"));
  EXPECT_THAT(plain({"-X", "PATCH", "-d", "x", url("/")}).out,
              AllOf(HasSubstr(":method=PATCH\n"), EndsWith("body=x\n")));
}

TEST_F(Get, HeadPrintsStatusAndFieldsOnly) {
  const Finished f = plain({"-I", url("/x")});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "HTTP/2 200 \r\ncontent-type: text/plain\r\nset-cookie: secret=1\r\n\r\n");
}

TEST_F(Get, IncludePrintsStatusAndFieldsBeforeTheBody) {
  EXPECT_THAT(plain({"-i", url("/x")}).out,
              StartsWith("HTTP/2 200 \r\ncontent-type: text/plain\r\n"));
  EXPECT_THAT(plain({"-i", url("/status/404")}).out, EndsWith("HTTP/2 404 \r\n\r\nstatus body"));
}

TEST_F(Get, HttpStatusDoesNotDecideTheExitCode) {
  const Finished f = plain({url("/status/500")});
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.out, "status body");
}

TEST_F(Get, FailTurnsAnErrorStatusIntoAFailure) {
  const Finished f = plain({"-f", url("/status/404")});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_EQ(f.out, "");
  EXPECT_THAT(f.err, HasSubstr("404"));
}

TEST_F(Get, WriteOutDescribesTheTransfer) {
  const Finished f =
      plain({"-o", "/dev/null", "-w",
             "%{http_code} %{size_download} %{http_version} %{remote_ip} %{remote_port} %{method} "
             "%{url_effective} %{content_type} %{size_upload} %{exitcode}\\n",
             "-d", "abc", url("/")});
  EXPECT_THAT(f.out, StartsWith("200 "));
  EXPECT_THAT(f.out, EndsWith(" 2 127.0.0.1 " + std::to_string(server_.port()) + " POST " +
                              url("/") + " text/plain 3 0\n"));
}

TEST_F(Get, TimesAreInOrder) {
  const Finished f = plain({"-o", "/dev/null", "-w",
                            "%{time_connect} %{time_starttransfer} %{time_total}", url("/size/9")});
  std::stringstream text(f.out);
  double connect = -1;
  double start = -1;
  double total = -1;
  text >> connect >> start >> total;
  EXPECT_GT(connect, 0) << f.out;
  EXPECT_GE(start, connect) << f.out;
  EXPECT_GE(total, start) << f.out;
  EXPECT_LT(total, 60) << f.out;
}

TEST_F(Get, VerboseShowsBothSidesOnStandardError) {
  const Finished f = plain({"-v", "-H", "Authorization: Bearer hunter2", url("/x")});
  EXPECT_THAT(f.err, AllOf(HasSubstr("* connected to 127.0.0.1"), HasSubstr("> GET /x HTTP/2\n"),
                           HasSubstr("> accept: */*\n"), HasSubstr("< HTTP/2 200\n"),
                           HasSubstr("< content-type: text/plain\n")));
  EXPECT_THAT(f.err, Not(HasSubstr("hunter2")));
  EXPECT_THAT(f.err, Not(HasSubstr("secret=1")));
  EXPECT_THAT(plain({"-v", "--show-secrets", "-H", "Authorization: Bearer hunter2", url("/x")}).err,
              AllOf(HasSubstr("hunter2"), HasSubstr("secret=1")));
}

TEST_F(Get, FramesShowsTheConversation) {
  const Finished f =
      plain({"--frames", "-o", "/dev/null", "-H", "Cookie: hunter2", url("/size/5")});
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_THAT(f.err,
              AllOf(HasSubstr("send SETTINGS stream=0"), HasSubstr("INITIAL_WINDOW_SIZE(0x4) = "),
                    HasSubstr("recv SETTINGS stream=0"),
                    HasSubstr("send SETTINGS stream=0 length=0 flags=ACK"),
                    HasSubstr("send HEADERS stream=1"), HasSubstr("flags=END_STREAM|END_HEADERS\n"),
                    HasSubstr("    :path: /size/5\n"), HasSubstr("recv HEADERS stream=1"),
                    HasSubstr("    :status: 200\n"), HasSubstr("recv DATA stream=1 length=5"),
                    Not(HasSubstr("hunter2"))));
}

TEST_F(Get, ParallelUrlsShareOneConnection) {
  Argv arguments{"-Z", "--parallel-max", "100"};
  for (int i = 0; i < 100; ++i) {
    arguments.insert(arguments.end(), {"-o", dir_.file("f" + std::to_string(i)),
                                       url("/size/" + std::to_string(1000 + i))});
  }
  const Finished f = plain(arguments);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(read_file(dir_.file("f" + std::to_string(i))),
              make_bytes(1000 + static_cast<std::size_t>(i), 1));
  }
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(Get, OneFailureOfManyIsExitCodeOneAndTheOthersArrive) {
  const Finished f =
      plain({"-o", "/nonexistent/dir/file", "-o", dir_.file("b"), url("/size/1"), url("/size/2")});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("cannot open /nonexistent/dir/file: No such file or directory"));
  EXPECT_EQ(read_file(dir_.file("b")), make_bytes(2, 1));
}

TEST_F(Get, FullDiskIsAnError) {
  const Finished f = plain({"-o", "/dev/full", url("/size/100000")});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("cannot write to /dev/full: No space left on device"));
}

TEST_F(Get, ClosedStandardOutputEndsTheTransferWithASentence) {
  const Finished f = plain({url("/size/8000000")}, {.close_output_after = 1});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("cannot write to standard output: Broken pipe"));
}

TEST_F(Get, UsageErrorsAreExitCodeTwo) {
  EXPECT_EQ(get({}).exit_code, 2);
  const Finished f = get({"--frobnicate", url("/")});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_THAT(f.err, AllOf(StartsWith("h2 get: "), HasSubstr("--frobnicate")));
  EXPECT_EQ(f.out, "");
}

TEST_F(Get, HelpIsPrinted) {
  EXPECT_THAT(run({h2_program(), "help", "get"}).out, HasSubstr("--http2-prior-knowledge"));
  EXPECT_THAT(get({"--help"}).out, HasSubstr("--http2-prior-knowledge"));
}

TEST_F(Get, CleartextWithoutPriorKnowledgeIsRefused) {
  const Finished f = get({url("/")});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_THAT(f.err, HasSubstr("--http2-prior-knowledge"));
}

TEST_F(Get, ResolveLeadsANameToAnAddress) {
  const std::string port = std::to_string(server_.port());
  const Finished f =
      plain({"--resolve", "name.test:" + port + ":127.0.0.1", "http://name.test:" + port + "/"});
  EXPECT_THAT(f.out, HasSubstr(":authority=name.test:" + port + "\n")) << f.err;
}

}  // namespace
}  // namespace h2::testing
