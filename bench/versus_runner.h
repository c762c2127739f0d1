// The harness of bench/versus: what a row is, and how it is measured: ours and theirs in turn,
// processor time only, several turns of each in a round, ratios taken round by round, so that the
// clock's moods cancel out.
// Tested by tests/bench/versus_test.cc.
#ifndef H2_BENCH_VERSUS_RUNNER_H_
#define H2_BENCH_VERSUS_RUNNER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace h2::bench {

// Something that is done again and again. One call of `batch` does `operations` operations and
// returns a sum over what it saw (bytes of fields, of bodies), which has to be the same for both
// sides: else they did not do the same work.
struct Work {
  std::function<std::uint64_t()> batch;
  std::uint64_t operations = 1;
};

enum class Needs : bool { kNothing, kStories };

// One line of the table. Either the two `time_` functions make something to be timed, or the two
// `count_` functions give a number that is the same each time.
struct Row {
  std::string name;
  std::string unit;  // of what ours and theirs say
  Needs needs = Needs::kNothing;
  std::function<Work()> time_ours;
  std::function<Work()> time_theirs;
  std::function<double()> count_ours;
  std::function<double()> count_theirs;
};

struct Result {
  std::string name;
  std::string unit;
  double ours = 0;    // median of the rounds
  double theirs = 0;  // likewise
  double ratio = 0;   // median of ours / theirs, taken round by round
  double min = 0;     // of these ratios
  double max = 0;
};

struct Effort {
  int rounds = 9;               // after one that does not count
  double round_seconds = 0.05;  // processor time of one side in one round, at least; 0: one batch
};

// Processor time of this process, in seconds.
double cpu_seconds();

// Measures one row. Throws std::runtime_error if the two sides did different work.
Result measure(const Row& row, const Effort& effort);

// Of a copy; 0 for none.
double median(std::vector<double> values);

}  // namespace h2::bench

#endif  // H2_BENCH_VERSUS_RUNNER_H_
