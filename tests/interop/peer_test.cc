// The harness for real peers, tried on small programs of the system.
#include "tests/interop/peer.h"

#include <gtest/gtest.h>

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

TEST(Peer, MissingProgramsAreNamed) {
  std::string missing;
  EXPECT_FALSE(have_programs({"sh", "surely-not-installed"}, &missing));
  EXPECT_EQ(missing, "surely-not-installed");
  EXPECT_TRUE(have_programs({"sh"}, &missing));
}

TEST(Peer, Sha256OfTheEmptyStringIsTheKnownOne) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace h2::testing
