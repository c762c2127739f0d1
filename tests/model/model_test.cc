// Random programs against the reference model (docs/testing.md, "The model").
//
// H2_MODEL_PROGRAMS and H2_MODEL_SEED choose how many programs run and the first seed,
// H2_MODEL_STEPS how long they are. With H2_MODEL_KEEP_GOING=1 a failure does not end the run, and
// one of each kind is shown.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "tests/model/program.h"
#include "tests/model/runner.h"
#include "tests/model/shrink.h"

namespace h2::tests::model {
namespace {

constexpr std::size_t kSteps = 200;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Model, ProgramsAreTheSameForTheSameSeed) {
  EXPECT_EQ(to_string(generate(7, 50)), to_string(generate(7, 50)));
  EXPECT_NE(to_string(generate(7, 50)), to_string(generate(8, 50)));
}

TEST(Model, EveryPartOfAProgramIsAProgram) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Program program = generate(seed, kSteps);
    for (std::size_t i = program.steps.size(); i > 0; i -= 2)
      program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(i - 1));
    const auto failure = run(program);
    EXPECT_FALSE(failure) << report(program, *failure);
  }
}

TEST(Model, ConnectionsDoWhatItSays) {
  const std::uint64_t programs = from_environment("H2_MODEL_PROGRAMS", H2_MODEL_DEFAULT_PROGRAMS);
  const std::uint64_t first = from_environment("H2_MODEL_SEED", 1);
  const bool keep_going = from_environment("H2_MODEL_KEEP_GOING", 0) != 0;
  const auto steps = static_cast<std::size_t>(from_environment("H2_MODEL_STEPS", kSteps));
  RunOptions options;
  Coverage coverage;
  std::set<std::string> known;
  for (std::uint64_t seed = first; seed < first + programs; ++seed) {
    const Program program = generate(seed, steps);
    const auto failure = run(program, options, &coverage);
    if (!failure) continue;
    const std::string text = report(program, *failure, options);
    if (!keep_going) FAIL() << text;
    // One of each kind, as numbers are left out of the comparison.
    std::string kind;
    for (const char c : text.substr(text.find(':'), text.find('\n') - text.find(':'))) {
      if (c < '0' || c > '9') kind += c;
    }
    if (known.insert(kind).second) ADD_FAILURE() << text;
  }
  std::printf(
      "%llu steps (%llu skipped), %llu frames in, %llu out, %llu events, %llu usage errors, "
      "%llu connection errors\n",
      static_cast<unsigned long long>(coverage.steps),
      static_cast<unsigned long long>(coverage.skipped),
      static_cast<unsigned long long>(coverage.frames_in),
      static_cast<unsigned long long>(coverage.frames_out),
      static_cast<unsigned long long>(coverage.events),
      static_cast<unsigned long long>(coverage.usage_errors),
      static_cast<unsigned long long>(coverage.connection_errors));
  // It must not be idle: at most half of the steps found nothing to act on.
  EXPECT_LT(coverage.skipped * 2, coverage.steps);
}

// A fault that is put in on purpose is found within a few programs, and a short one is left of it.
void expect_found(const RunOptions& options, const std::set<std::string>& rules) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Program program = generate(seed, kSteps);
    const auto failure = run(program, options);
    if (!failure) continue;
    EXPECT_TRUE(rules.contains(failure->rule)) << failure->rule << ": " << failure->text;
    const Program small = shrink(program, options, failure->rule);
    EXPECT_LE(small.steps.size(), 10U) << to_string(small);
    EXPECT_GE(small.steps.size(), 1U);
    EXPECT_TRUE(run(small, options));
    EXPECT_FALSE(run(small));
    return;
  }
  ADD_FAILURE() << "not found in 50 programs";
}

TEST(ModelMachinery, FindsALostWindowUpdate) {
  RunOptions options;
  options.lose_window_update = true;
  expect_found(options, {"output", "event", "window"});
}

TEST(ModelMachinery, FindsAStreamCountedTwice) {
  RunOptions options;
  options.model = ModelFault::kCountsStreamTwice;
  expect_found(options, {"counts"});
}

TEST(ModelMachinery, FindsPaddingWithoutCredit) {
  RunOptions options;
  options.model = ModelFault::kForgetsPadding;
  expect_found(options, {"output"});
}

TEST(ModelMachinery, FindsSettingsThatLeaveWindowsAlone) {
  RunOptions options;
  options.model = ModelFault::kKeepsWindowOnSettings;
  expect_found(options, {"window"});
}

}  // namespace
}  // namespace h2::tests::model
