// Runs a program against a Connection and the model in lock-step, and checks after every step:
//
//   result     calls return what the model says
//   output     the bytes written are legal frames, and those that the model allows or demands
//   event      the events are those that the model foretold, and in an order that HTTP allows
//   window     what was granted less what was used is what the Connection reports
//   counts     active, queued and reserved streams, and that they are within the limits
//   state      stream states, settings, failure
//   hpack      the tables of both ends are alike
//   body       content is intact; each body that was handed over is released once
//   end        each message ends once
//
// Tested by tests/model/model_test.cc.
#ifndef H2_TESTS_MODEL_RUNNER_H_
#define H2_TESTS_MODEL_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/model/program.h"
#include "tests/model/reference_model.h"

namespace h2::tests::model {

// What a test of the machinery does wrong on purpose.
struct RunOptions {
  ModelFault model = ModelFault::kNone;
  // The first WINDOW_UPDATE of the peer does not reach the connection.
  bool lose_window_update = false;
};

struct Failure {
  std::size_t step = 0;  // of the program; its size for what is checked at the end
  std::string rule;      // as above
  std::string text;
};

// How much was covered, added up over runs.
struct Coverage {
  std::uint64_t steps = 0;
  std::uint64_t skipped = 0;  // there was nothing for them to act on
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t events = 0;
  std::uint64_t connection_errors = 0;
  std::uint64_t usage_errors = 0;
};

// None: all was well.
std::optional<Failure> run(const Program& program, const RunOptions& options = {},
                           Coverage* coverage = nullptr);

}  // namespace h2::tests::model

#endif  // H2_TESTS_MODEL_RUNNER_H_
