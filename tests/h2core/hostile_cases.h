// Everything wrong, odd or excessive that a peer can send, with the exact answer: scope, code and
// cause. Used by connection_hostile_test.cc (under all splits) and as seeds of the fuzz tests.
#ifndef H2_TESTS_H2CORE_HOSTILE_CASES_H_
#define H2_TESTS_H2CORE_HOSTILE_CASES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "h2core/connection.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {

enum class Scope : std::uint8_t {
  kNone,        // accepted or ignored: no reset, no GOAWAY
  kStream,      // RST_STREAM, the connection lives
  kConnection,  // GOAWAY, the connection is over
};

struct Expected {
  Scope scope = Scope::kNone;
  std::uint32_t stream = 0;
  ErrorCode code = ErrorCode::kNoError;
  Errc cause = Errc::kNone;  // kNone in an error: any
};

inline Expected fine() { return {}; }
inline Expected connection_error(ErrorCode code, Errc cause) {
  return {Scope::kConnection, 0, code, cause};
}
inline Expected stream_error(std::uint32_t stream, ErrorCode code, Errc cause) {
  return {Scope::kStream, stream, code, cause};
}

struct HostileCase {
  std::string name;
  Role role = Role::kServer;  // ours
  FrameScript script;         // what the peer sends
  Expected expected;
  // The script begins with the peer's very first byte; else after both sides' SETTINGS were
  // acknowledged.
  bool from_first_byte = false;
  std::function<void(Config&)> config;
  // What our side does before the script arrives: requests, say.
  std::function<void(Driven&)> before;
  std::vector<Setting> peer_settings;
};

std::vector<HostileCase> hostile_cases();

// A Driven in the state that the case begins in; output so far is drained and forgotten.
std::unique_ptr<Driven> prepare(const HostileCase& hostile);

}  // namespace h2::tests

#endif  // H2_TESTS_H2CORE_HOSTILE_CASES_H_
