// The command line of `h2 get`.
#include "tools/h2/get_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace h2::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

GetParse parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "get");
  return parse_get_options(static_cast<int>(arguments.size()), arguments.data());
}

GetOptions run_options(const std::vector<const char*>& arguments) {
  GetParse result = parse(arguments);
  EXPECT_EQ(result.kind, GetParse::Kind::kRun) << result.text;
  return result.options;
}

std::string usage_error(const std::vector<const char*>& arguments) {
  const GetParse result = parse(arguments);
  EXPECT_EQ(result.kind, GetParse::Kind::kUsageError);
  return result.text;
}

std::string write_temporary(const std::string& name, const std::string& contents) {
  const char* dir = std::getenv("TEST_TMPDIR");
  std::string path =
      std::string(dir == nullptr ? "/tmp" : dir) + "/" + name + std::to_string(getpid());
  std::ofstream(path, std::ios::binary) << contents;
  return path;
}

TEST(GetOptions, OutputsBelongToUrlsInOrder) {
  const GetOptions o =
      run_options({"-o", "a", "https://x/1", "-O", "https://x/dir/b.txt?q=1", "https://x/3"});
  ASSERT_EQ(o.targets.size(), 3U);
  EXPECT_EQ(o.targets[0].output.path, "a");
  EXPECT_EQ(o.targets[1].output.path, "b.txt");
  EXPECT_EQ(o.targets[2].output.kind, OutputChoice::Kind::kStdout);
}

TEST(GetOptions, DashAsOutputIsStandardOutput) {
  EXPECT_EQ(run_options({"-o-", "https://x/"}).targets[0].output.kind, OutputChoice::Kind::kStdout);
}

TEST(GetOptions, MoreOutputsThanUrlsIsAWarning) {
  EXPECT_THAT(run_options({"-o", "a", "-o", "b", "https://x/"}).warnings,
              ElementsAre(HasSubstr("more -o")));
}

TEST(GetOptions, RemoteNameOfUrlWithoutFileIsRefused) {
  EXPECT_THAT(usage_error({"-O", "https://x/dir/"}), HasSubstr("names no file"));
  EXPECT_THAT(usage_error({"-O", "https://x"}), HasSubstr("names no file"));
  EXPECT_THAT(usage_error({"-O", "https://x/.."}), HasSubstr("names no file"));
}

TEST(GetOptions, UrlWithoutSchemeIsHttp) {
  EXPECT_EQ(run_options({"localhost:80/x"}).targets[0].url, "http://localhost:80/x");
}

TEST(GetOptions, OtherSchemesAreRefused) {
  EXPECT_THAT(usage_error({"ftp://x/"}), HasSubstr("neither http nor https"));
}

TEST(GetOptions, UnknownOptionsAreRefusedByName) {
  EXPECT_THAT(usage_error({"--frobnicate", "https://x"}), HasSubstr("--frobnicate"));
  EXPECT_THAT(usage_error({"-L", "https://x"}), HasSubstr("-L"));
  EXPECT_THAT(usage_error({"-sQ", "https://x"}), HasSubstr("Q"));
}

TEST(GetOptions, AfterTwoDashesAllAreUrls) {
  const GetOptions o = run_options({"https://x", "--", "-s"});
  ASSERT_EQ(o.targets.size(), 2U);
  EXPECT_EQ(o.targets[1].given, "-s");
}

TEST(GetOptions, MissingUrlIsRefused) { EXPECT_EQ(usage_error({"-v"}), "no URL"); }

TEST(GetOptions, MissingArgumentIsRefused) {
  EXPECT_THAT(usage_error({"https://x", "-o"}), HasSubstr("--output"));
}

TEST(GetOptions, ShortFlagsCombine) {
  const GetOptions o = run_options({"-sSivk", "https://x"});
  EXPECT_TRUE(o.silent && o.show_error && o.include && o.verbose && o.insecure);
  EXPECT_FALSE(o.head || o.fail || o.parallel);
}

TEST(GetOptions, DataPiecesAreJoinedInTheOrderOfTheCommandLine) {
  EXPECT_EQ(run_options({"-d", "a=1", "--data-binary", "b=2", "-d", "-c", "u"}).data, "a=1&b=2&-c");
  EXPECT_EQ(run_options({"-d", "", "u"}).data, "");
  EXPECT_EQ(run_options({"-d", "[1,2]", "u"}).data, "[1,2]");
}

TEST(GetOptions, DataFromFileLosesLineEndsUnlessBinary) {
  const std::string at = "@" + write_temporary("data", std::string("a\r\nb\0c\n", 7));
  EXPECT_EQ(run_options({"-d", at.c_str(), "u"}).data, "abc");
  EXPECT_EQ(run_options({"--data-binary", at.c_str(), "u"}).data, std::string("a\r\nb\0c\n", 7));
}

TEST(GetOptions, DataFileThatCannotBeReadIsNamed) {
  EXPECT_THAT(usage_error({"-d", "@/nonexistent/file", "u"}),
              HasSubstr("cannot read /nonexistent/file"));
}

TEST(GetOptions, HeadersAddRemoveAndEmpty) {
  const GetOptions o = run_options({"-H", "X-One:  1 ", "-H", "Accept:", "-H", "X-Empty;", "u"});
  EXPECT_THAT(o.headers, ElementsAre(Pair("x-one", "1"), Pair("x-empty", "")));
  EXPECT_THAT(o.removed_headers, ElementsAre("accept"));
}

TEST(GetOptions, HeadersAreReadFromAFile) {
  const std::string at = "@" + write_temporary("headers", "A: 1\r\n\nB: 2\n");
  EXPECT_THAT(run_options({"-H", at.c_str(), "u"}).headers,
              ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST(GetOptions, MalformedHeadersAreRefused) {
  EXPECT_THAT(usage_error({"-H", "nocolon", "u"}), HasSubstr("nocolon"));
  EXPECT_THAT(usage_error({"-H", "a b: c", "u"}), HasSubstr("not a field name"));
  EXPECT_THAT(usage_error({"-H", "a: b\r\nc: d", "u"}), HasSubstr("line end"));
  EXPECT_THAT(usage_error({"-H", ":path: /", "u"}), HasSubstr("not a field name"));
}

TEST(GetOptions, OptionsThatWantDifferentMethodsAreRefused) {
  EXPECT_THAT(usage_error({"-I", "-d", "x", "u"}), HasSubstr("only one of"));
  EXPECT_THAT(usage_error({"-T", "f", "-d", "x", "u"}), HasSubstr("only one of"));
}

TEST(GetOptions, UploadsBelongToUrlsAndNameThem) {
  const GetOptions o =
      run_options({"-T", "/tmp/f.bin", "https://x/up/", "-T", "-", "https://x/up/", "https://x"});
  EXPECT_EQ(o.targets[0].url, "https://x/up/f.bin");
  EXPECT_EQ(o.targets[1].url, "https://x/up/");
  EXPECT_EQ(o.targets[1].upload_path, "-");
  EXPECT_FALSE(o.targets[2].upload_path);
}

TEST(GetOptions, ResolveTakesNamesNumbersAndBrackets) {
  const GetOptions o = run_options(
      {"--resolve", "A.test:443:127.0.0.1,[::1]", "--resolve", "[::2]:80:10.0.0.1", "u"});
  ASSERT_EQ(o.resolve.size(), 2U);
  EXPECT_EQ(o.resolve[0].host, "a.test");
  EXPECT_EQ(o.resolve[0].port, 443);
  EXPECT_THAT(o.resolve[0].addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(o.resolve[1].host, "::2");
}

TEST(GetOptions, MalformedResolveIsRefused) {
  for (const char* wrong : {"x", "x:1", "x:1:", "x:0:127.0.0.1", "x:99999:127.0.0.1", "x:1:host",
                            ":1:127.0.0.1", "[::1:1:127.0.0.1"}) {
    EXPECT_THAT(usage_error({"--resolve", wrong, "u"}), HasSubstr("--resolve")) << wrong;
  }
}

TEST(GetOptions, TimesAreSecondsWithFractions) {
  const GetOptions o =
      run_options({"-m", "1.5", "--connect-timeout", "0.25", "--expect100-timeout", "0.5", "u"});
  EXPECT_EQ(o.max_time, std::chrono::milliseconds(1500));
  EXPECT_EQ(o.connect_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(o.expect100_timeout, std::chrono::milliseconds(500));
  EXPECT_FALSE(run_options({"-m", "0", "u"}).max_time);
}

TEST(GetOptions, WrongNumbersAreRefused) {
  for (const char* wrong : {"", "x", "1x", "-1", "nan", "inf"}) {
    EXPECT_THAT(usage_error({"-m", wrong, "u"}), HasSubstr("-m")) << wrong;
  }
  EXPECT_THAT(usage_error({"--parallel-max", "0", "u"}), HasSubstr("--parallel-max"));
}

TEST(GetOptions, KeyWithoutCertificateIsRefused) {
  EXPECT_EQ(usage_error({"--key", "k", "u"}), "--key without --cert");
}

TEST(GetOptions, UnknownWriteOutVariableIsRefused) {
  EXPECT_THAT(usage_error({"-w", "%{http_code} %{nonsense}", "u"}), HasSubstr("%{nonsense}"));
}

TEST(GetOptions, HelpNamesEveryOptionAndVariable) {
  const GetParse result = parse({"--help"});
  EXPECT_EQ(result.kind, GetParse::Kind::kHelp);
  EXPECT_EQ(result.text, get_help());
  for (const char* name : {"--output",
                           "--remote-name",
                           "--include",
                           "--head",
                           "--verbose",
                           "--silent",
                           "--show-error",
                           "--fail",
                           "--insecure",
                           "--cacert",
                           "--cert",
                           "--key",
                           "--header",
                           "--data",
                           "--data-binary",
                           "--upload-file",
                           "--request",
                           "--parallel",
                           "--parallel-max",
                           "--write-out",
                           "--max-time",
                           "--connect-timeout",
                           "--expect100-timeout",
                           "--resolve",
                           "--http2-prior-knowledge",
                           "--frames",
                           "--show-secrets"}) {
    EXPECT_THAT(result.text, HasSubstr(name));
  }
  for (const std::string_view variable : WriteOut::variables())
    EXPECT_THAT(result.text, HasSubstr(variable));
  EXPECT_THAT(run_options({"u"}).warnings, IsEmpty());
}

}  // namespace
}  // namespace h2::tools
