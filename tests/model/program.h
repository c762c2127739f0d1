// A random program for a connection: calls of its application and frames of its peer, as plain
// data.
//
// Steps name streams by numbers that are taken modulo what exists when they run, so that any part
// of a program is a program, too; a step for which there is nothing does nothing. Tested by
// tests/model/model_test.cc.
#ifndef H2_TESTS_MODEL_PROGRAM_H_
#define H2_TESTS_MODEL_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/model/reference_model.h"

namespace h2::tests::model {

// The numbers a to d of each; `stream` picks by pick_stream in runner.cc.
enum class StepKind : std::uint8_t {
  // Calls.
  kSendRequest,     // a: what kind, b: end, c: identifiers skipped, d: fields
  kSendResponse,    // a: stream, b: what kind, c: end, d: fields
  kSendTrailers,    // a: stream, b: what kind, c: no end
  kSendData,        // a: stream, b: bytes, c: end
  kSendCopy,        // the same
  kSendSource,      // a: stream, b: bytes ready, c: end, d: 1 last, 2 fails
  kPriority,        // a: stream, b: urgency, c: incremental
  kResume,          // a: stream, b: bytes more, c: 1 last, 2 fails
  kEndStream,       // a: stream
  kReset,           // a: stream, b: code
  kRelease,         // a: stream
  kPush,            // a: stream, b: what kind
  kAcknowledge,     // a: stream, b: per mille of what is unread; above: too much
  kIncrement,       // a: stream, b: bytes, c: of the connection
  kUpdateSettings,  // a, c: which, b, d: values
  kPing,            // a: data
  kNotifyShutdown,
  kClose,      // a: code
  kTerminate,  // a: code
  kMarkSent,   // a: per mille of the output
  // Frames of the peer.
  kPeerRequest,       // a: what kind, b: end, c: identifiers skipped, d: fields; a server's
  kPeerResponse,      // a: stream, b: what kind, c: end, d: fields
  kPeerTrailers,      // a: stream, b: what kind, c: no end
  kPeerContinue,      // the rest of a field block that was left open
  kPeerData,          // a: stream, b: bytes, c: end, d: padding + 1; b above 2^20: too much
  kPeerReset,         // a: stream, b: code
  kPeerWindowUpdate,  // a: stream, b: increment, c: of the connection
  kPeerSettings,      // a, c: which, b, d: values
  kPeerSettingsAck,   // a: even if there is none to acknowledge
  kPeerPing,          // a: data
  kPeerPingAck,       // a: which
  kPeerGoAway,        // a: last stream, b: code
  kPeerPush,          // a: stream, b: promised, c: what kind
  kPeerPriority,      // a: stream
  kPeerUnknown,       // a: type, b: stream
  kPeerIllegal,       // a: which rule is broken
};
inline constexpr std::size_t kStepKinds = 36;

struct Step {
  StepKind kind{};
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  // How the bytes of the peer are cut: 0 whole; and where a field block is cut into fragments, and
  // whether the last fragment is left for later (bit 0).
  std::uint32_t cut = 0;
  std::uint32_t fragments = 0;
  friend bool operator==(const Step&, const Step&) = default;
};

struct Program {
  std::uint64_t seed = 0;
  Setup setup;
  std::vector<Step> steps;
};

// The same program for the same arguments, on every machine.
Program generate(std::uint64_t seed, std::size_t steps);

// The setup and one step a line, in the form of C++ initialisers.
std::string to_string(const Step& step);
std::string to_string(const Program& program);

}  // namespace h2::tests::model

#endif  // H2_TESTS_MODEL_PROGRAM_H_
