// The harness for real peers, tried on small programs of the system.
#include "tests/interop/peer.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace h2::testing {
namespace {

TEST(Peer, RunCollectsBothOutputsAndTheExitCode) {
  const Finished f = run({"sh", "-c", "cat; echo err >&2; exit 3"}, {.input = "in"});
  EXPECT_EQ(f.exit_code, 3);
  EXPECT_EQ(f.out, "in");
  EXPECT_EQ(f.err, "err\n");
  EXPECT_FALSE(f.timed_out);
}

TEST(Peer, RunMovesMoreThanAPipeHoldsBothWays) {
  const std::string bytes = make_bytes(1'000'000, 1);
  EXPECT_EQ(run({"cat"}, {.input = bytes}).out, bytes);
}

TEST(Peer, RunEndsAProgramThatTakesTooLong) {
  const Finished f = run({"sleep", "600"}, {.timeout = std::chrono::milliseconds(50)});
  EXPECT_TRUE(f.timed_out);
  EXPECT_EQ(f.exit_code, 128 + 9);
}

TEST(Peer, RunReportsAProgramThatIsNotThere) {
  EXPECT_EQ(run({"/nonexistent/program"}).exit_code, 127);
}

TEST(Peer, StopEndsARunningProgramBySignal) {
  ScratchDir dir;
  Peer peer;
  ASSERT_TRUE(peer.start({"sleep", "600"}, dir.file("log")));
  EXPECT_TRUE(peer.running());
  EXPECT_EQ(peer.stop(), 128 + 15);
  EXPECT_FALSE(peer.running());
}

TEST(Peer, WaitReadyGivesUpWhenTheProgramEnded) {
  ScratchDir dir;
  Peer peer;
  ASSERT_TRUE(peer.start({"sh", "-c", "echo bye; exit 4"}, dir.file("log")));
  EXPECT_FALSE(peer.wait_ready(find_free_port()));
  EXPECT_EQ(peer.stop(), 4);
  EXPECT_EQ(peer.log(), "bye\n");
}

TEST(Peer, StopEndsWhatItStartedToo) {
  ScratchDir dir;
  Peer peer;
  // The child ignores the polite signal, and its parent does not wait for it.
  ASSERT_TRUE(
      peer.start({"sh", "-c", "sh -c 'trap \"\" TERM; echo $$; exec sleep 600' & sleep 600"},
                 dir.file("log")));
  ASSERT_TRUE(peer.wait_log("\n"));
  const pid_t child = std::stoi(peer.log());
  EXPECT_EQ(kill(child, 0), 0);
  peer.stop();
  EXPECT_NE(kill(child, 0), 0);
}

TEST(Peer, SignalsReachIt) {
  ScratchDir dir;
  Peer peer;
  ASSERT_TRUE(peer.start(
      {"sh", "-c", "trap 'echo got; exit 3' USR1; echo on; while :; do sleep 0.01; done"},
      dir.file("log")));
  ASSERT_TRUE(peer.wait_log("on\n"));
  peer.signal(SIGUSR1);
  EXPECT_TRUE(peer.wait_log("got"));
}

TEST(Peer, OutputIsShownAsItComes) {
  std::string seen;
  RunOptions options;
  options.on_output = [&](const std::string& out, const std::string& err) { seen = out + err; };
  EXPECT_EQ(run({"sh", "-c", "echo out; echo err >&2"}, options).exit_code, 0);
  EXPECT_EQ(seen, "out\nerr\n");
}

TEST(Peer, ProgramsThatAreNotThereAreNotFound) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program("surely-not-installed"));
}

TEST(Peer, Sha256OfTheEmptyStringIsTheKnownOne) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace h2::testing
