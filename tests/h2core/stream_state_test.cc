// Every cell of the stream table against RFC 9113 §5.1, written down a second time and in another
// form.
#include "h2core/stream_state.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace h2 {
namespace {

// One line per state; one word per input, in the order of the heading. A word is the next state's
// short name, or: "-" ignored, "u" usage error, "S" stream error STREAM_CLOSED, "P" connection
// error PROTOCOL_ERROR, "C" connection error STREAM_CLOSED.
constexpr const char* kExpected = R"(
state sH sHE sD sDE sPP sRST sWU rH  rHE rD  rDE rPP rRST rWU rPRI
idle  op hcl u  u   u   u    u   op  hcr P   P   P   P    P   -
rl    hcr ce u  u   u   clr  u   P   P   P   P   P   cpr  rl  -
rr    u  u   u  u   u   clr  rr  hcl ce  P   P   P   cpr  P   -
op    op hcl op hcl op  clr  op  op  hcr op  hcr op  cpr  op  -
hcl   u  u   u  u   u   clr  hcl hcl ce  hcl ce  hcl cpr  hcl -
hcr   hcr ce hcr ce hcr clr  u   S   S   S   S   P   cpr  hcr -
ce    u  u   u  u   u   u    u   C   C   C   C   C   -    -   -
clr   u  u   u  u   u   u    u   -   -   -   -   -   -    -   -
cpr   u  u   u  u   u   u    u   C   C   C   C   C   -    -   -
cga   u  u   u  u   u   u    u   -   -   -   -   -   -    -   -
cl    u  u   u  u   u   u    u   -   -   -   -   -   -    -   -
)";

const std::map<std::string, StreamState>& short_names() {
  static const std::map<std::string, StreamState> names = {
      {"idle", StreamState::kIdle},
      {"rl", StreamState::kReservedLocal},
      {"rr", StreamState::kReservedRemote},
      {"op", StreamState::kOpen},
      {"hcl", StreamState::kHalfClosedLocal},
      {"hcr", StreamState::kHalfClosedRemote},
      {"ce", StreamState::kClosedByEndStream},
      {"clr", StreamState::kClosedByLocalReset},
      {"cpr", StreamState::kClosedByPeerReset},
      {"cga", StreamState::kClosedByGoAway},
      {"cl", StreamState::kClosed},
  };
  return names;
}

std::string describe_cell(const Cell& cell) {
  switch (cell.verdict) {
    case Verdict::kIgnore:
      return "-";
    case Verdict::kUsageError:
      return "u";
    case Verdict::kStreamError:
      return cell.code == ErrorCode::kStreamClosed ? "S" : "another stream error";
    case Verdict::kConnectionError:
      if (cell.code == ErrorCode::kProtocolError) return "P";
      return cell.code == ErrorCode::kStreamClosed ? "C" : "another connection error";
    case Verdict::kAccept:
      break;
  }
  for (const auto& [name, state] : short_names()) {
    if (state == cell.next) return name;
  }
  return "?";
}

TEST(StreamState, EveryCellIsAsTheRfcSays) {
  std::istringstream lines(kExpected);
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);  // the heading
  std::size_t cells = 0;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    const StreamState state = short_names().at(name);
    for (std::size_t input = 0; input < kStreamInputs; ++input) {
      std::string expected;
      ASSERT_TRUE(words >> expected) << line;
      EXPECT_EQ(describe_cell(transition(state, static_cast<StreamInput>(input))), expected)
          << "state " << to_string(state) << ", input " << input;
      ++cells;
    }
  }
  EXPECT_EQ(cells, kStreamStates * kStreamInputs);
}

TEST(StreamState, ErrorsNameTheirCause) {
  for (std::size_t s = 0; s < kStreamStates; ++s) {
    for (std::size_t i = 0; i < kStreamInputs; ++i) {
      const Cell& cell = transition(static_cast<StreamState>(s), static_cast<StreamInput>(i));
      const bool fine = cell.verdict == Verdict::kAccept || cell.verdict == Verdict::kIgnore;
      EXPECT_EQ(cell.cause == Errc::kNone, fine) << s << " " << i;
      // Only what we send can be the caller's mistake, and only what we receive the peer's.
      const bool sends = i <= static_cast<std::size_t>(StreamInput::kSendWindowUpdate);
      if (cell.verdict == Verdict::kUsageError) {
        EXPECT_TRUE(sends);
      }
      if (cell.verdict == Verdict::kStreamError || cell.verdict == Verdict::kConnectionError) {
        EXPECT_FALSE(sends);
      }
    }
  }
}

TEST(StreamState, NamesAreDistinct) {
  std::map<std::string_view, int> seen;
  for (std::size_t s = 0; s < kStreamStates; ++s) ++seen[to_string(static_cast<StreamState>(s))];
  EXPECT_EQ(seen.size(), kStreamStates);
}

}  // namespace
}  // namespace h2
