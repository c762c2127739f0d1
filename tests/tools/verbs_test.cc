// The `h2` program from outside: verbs, help, mistakes on the command line, `serve` with its
// signals, `demo`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "tests/interop/peer.h"
#include "tests/tools/certificates.h"
#include "tests/tools/raw_client.h"

namespace h2::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

Finished h2(Argv arguments) {
  arguments.insert(arguments.begin(), h2_program());
  const Finished result = run(arguments);
  EXPECT_FALSE(result.timed_out);
  return result;
}

TEST(Verbs, HelpAndVersionGoToStandardOutput) {
  const Argv cases[] = {{"--help"},         {"-h"},
                        {"help"},           {"--version"},
                        {"help", "hpack"},  {"hpack", "--help"},
                        {"help", "serve"},  {"help", "demo"},
                        {"help", "get"},    {"help", "dump"},
                        {"dump", "--help"}, {"serve", "--help"},
                        {"demo", "--help"}};
  for (const Argv& argv : cases) {
    const Finished f = h2(argv);
    EXPECT_EQ(f.exit_code, 0) << argv[0];
    EXPECT_NE(f.out, "") << argv[0];
    EXPECT_EQ(f.err, "") << argv[0];
  }
  for (const char* verb : {"get", "serve", "demo", "hpack", "dump"})
    EXPECT_THAT(h2({"--help"}).out, HasSubstr(verb));
  EXPECT_THAT(h2({"help", "serve"}).out, HasSubstr("--max-body"));
}

TEST(Verbs, MistakesAreNamedWithUsageAndExitCode2) {
  const std::pair<Argv, const char*> cases[] = {
      {{"sreve"}, "'sreve'"},
      {{"--sreve"}, "'--sreve'"},
      {{"help", "sreve"}, "'sreve'"},
      {{"serve", "--prot", "1"}, "--prot"},
      {{"serve", "--port", "70000"}, "70000"},
      {{"serve", "--port", "http"}, "http"},
      {{"serve", "--threads", "0"}, "0"},
      {{"serve", "--max-concurrent-streams", "0"}, "--max-concurrent-streams"},
      {{"serve", "--linger", "soon"}, "'soon'"},
      {{"serve", "--max-body", "huge"}, "'huge'"},
      {{"serve", "--cert", "a.pem"}, "a.pem"},
      {{"serve", "extra"}, "extra"},
      {{"dump", "--hxe"}, "--hxe"},
      {{"dump", "--filter", "haeders"}, "'haeders'"},
      {{"demo", "--requests", "0"}, "0"},
      {{"demo", "--requests", "many"}, "many"},
      {{}, "no verb"},
  };
  for (const auto& [argv, named] : cases) {
    const Finished f = h2(argv);
    EXPECT_EQ(f.exit_code, 2) << named;
    EXPECT_EQ(f.out, "") << named;
    EXPECT_THAT(f.err, HasSubstr(named));
    EXPECT_THAT(f.err, HasSubstr("Usage")) << named;
  }
}

TEST(Verbs, FailuresAreOneSentenceAndExitCode1) {
  const Argv cases[] = {{"serve", "--cert", "/nowhere/cert.pem", "--key", "/nowhere/key.pem"},
                        {"serve", "--no-tls", "-d", "/nowhere"},
                        {"serve", "--no-tls", "--address", "192.0.2.1"}};
  const char* named[] = {"/nowhere/", "'/nowhere'", "192.0.2.1"};
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const Finished f = h2(cases[i]);
    EXPECT_EQ(f.exit_code, 1) << f.err;
    EXPECT_EQ(f.out, "");
    EXPECT_THAT(f.err, StartsWith("h2 serve: "));
    EXPECT_THAT(f.err, HasSubstr(named[i]));
    EXPECT_EQ(std::count(f.err.begin(), f.err.end(), '\n'), 1) << f.err;
  }
}

// `h2 serve ARGUMENTS`, ready.
class Serve : public ::testing::Test {
 protected:
  void start(const Argv& arguments) {
    Argv argv{h2_program(), "serve"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    ASSERT_TRUE(peer_.start(argv, dir_.file("log")));
    ASSERT_TRUE(peer_.wait_log("\n")) << peer_.log();
    const std::string log = peer_.log();
    port_ = static_cast<std::uint16_t>(std::stoi(log.substr(log.rfind(':') + 1)));
  }
  void signal(int number) { EXPECT_EQ(::kill(peer_.pid(), number), 0); }
  // Waits until the program ends by itself; its exit status, -1 if a signal ended it.
  int exit_status() {
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(peer_.pid()), &info, WEXITED | WNOWAIT), 0);
    return info.si_code == CLD_EXITED ? info.si_status : -1;
  }

  ScratchDir dir_;
  Peer peer_;
  std::uint16_t port_ = 0;
};

TEST_F(Serve, SaysWhereItListensInOneLine) {
  start({"--no-tls"});
  EXPECT_THAT(peer_.log(), MatchesRegex("listening on http://127\\.0\\.0\\.1:[0-9]+\n"));
  RawClient client(port_);
  EXPECT_EQ(client.get("/bytes/64").body.size(), 64U);
}

TEST_F(Serve, SaysHttpsWithTls) {
  start({});
  EXPECT_THAT(peer_.log(), MatchesRegex("listening on https://127\\.0\\.0\\.1:[0-9]+\n"));
}

TEST_F(Serve, SigtermLetsAStreamFinish) {
  start({"--no-tls", "--threads", "2"});
  RawClient client(port_);
  const std::uint32_t id = client.start("POST", "/echo", {}, EndStream::kNo);
  client.send(id, "in ", EndStream::kNo);
  client.get("/bytes/1");
  signal(SIGTERM);
  ASSERT_TRUE(client.until([&] { return client.goaways().size() == 2; }));
  client.send(id, "flight");
  EXPECT_EQ(client.wait(id).body, "in flight");
  client.until([] { return false; });
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(exit_status(), 0);
}

TEST_F(Serve, SecondSignalEndsAtOnce) {
  start({"--no-tls", "--linger", "10m"});
  RawClient client(port_);
  client.start("GET", "/hold");
  client.get("/bytes/1");
  signal(SIGTERM);
  ASSERT_TRUE(client.until([&] { return client.goaways().size() == 2; }));
  EXPECT_TRUE(peer_.running());
  signal(SIGTERM);
  client.until([] { return false; });
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(exit_status(), 128 + SIGTERM);
}

TEST_F(Serve, SigintWithoutConnectionsEndsWithZero) {
  start({"--no-tls"});
  signal(SIGINT);
  EXPECT_EQ(exit_status(), 0);
}

TEST(Demo, AllResponsesAreRight) {
  const Finished f = h2({"demo", "--requests", "30"});
  EXPECT_EQ(f.exit_code, 0) << f.out << f.err;
  EXPECT_EQ(f.err, "");
  EXPECT_THAT(f.out, HasSubstr("30 of 30 responses"));
  EXPECT_THAT(f.out, HasSubstr("1 connection to https://127.0.0.1:"));
  EXPECT_THAT(f.out, HasSubstr("TLSv1.3"));
  EXPECT_THAT(f.out, HasSubstr("ALPN h2"));
  EXPECT_THAT(f.out, HasSubstr("saved)"));
  EXPECT_THAT(f.out, ::testing::Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace h2::testing
