// Makes a program that fails smaller, while it fails by the same rule: steps are left out, then
// numbers are made simple (delta debugging). Tested by tests/model/model_test.cc.
#ifndef H2_TESTS_MODEL_SHRINK_H_
#define H2_TESTS_MODEL_SHRINK_H_

#include <string>

#include "tests/model/program.h"
#include "tests/model/runner.h"

namespace h2::tests::model {

// Precondition: run(program, options) fails by `rule`.
Program shrink(const Program& program, const RunOptions& options, const std::string& rule);

// For people: the failure, the seed, and the program as it is left after shrinking.
std::string report(const Program& program, const Failure& failure, const RunOptions& options = {});

}  // namespace h2::tests::model

#endif  // H2_TESTS_MODEL_SHRINK_H_
