#include "bench/versus_runner.h"

#include <algorithm>
#include <ctime>
#include <stdexcept>

namespace h2::bench {
namespace {

// A round is made of so many turns of each side, so that a clock that changes its pace in the
// middle of it meets both.
constexpr int kTurns = 4;

// One side of a row, and how many batches make a turn.
class Side {
 public:
  Side(Work work, double turn_seconds) : work_(std::move(work)) {
    // The first batch warms up; then more each time until a turn is long enough.
    sum_ = work_.batch();
    if (turn_seconds <= 0) return;
    for (;;) {
      const double seconds = run();
      if (seconds >= turn_seconds) break;
      const double factor = seconds > 0 ? 1.1 * turn_seconds / seconds : 2;
      batches_ = static_cast<std::uint64_t>(static_cast<double>(batches_) *
                                            std::clamp(factor, 1.2, 100.0)) +
                 1;
    }
  }

  // A turn; its processor time.
  double run() {
    const double begin = cpu_seconds();
    for (std::uint64_t i = 0; i < batches_; ++i) {
      if (work_.batch() != sum_) throw std::runtime_error("a batch did other work than the first");
    }
    return cpu_seconds() - begin;
  }

  // Nanoseconds of one operation, if `turns` turns took `seconds`.
  double per_operation(double seconds, int turns) const {
    return seconds * 1e9 / (static_cast<double>(batches_ * work_.operations) * turns);
  }

  std::uint64_t sum() const { return sum_; }

 private:
  Work work_;
  std::uint64_t batches_ = 1;
  std::uint64_t sum_ = 0;
};

double quotient(double ours, double theirs) { return theirs > 0 ? ours / theirs : 0; }

}  // namespace

double cpu_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Result measure(const Row& row, const Effort& effort) {
  Result result;
  result.name = row.name;
  result.unit = row.unit;
  if (row.count_ours) {
    result.ours = row.count_ours();
    result.theirs = row.count_theirs();
    result.ratio = result.min = result.max = quotient(result.ours, result.theirs);
    return result;
  }
  const int turns = effort.round_seconds > 0 ? kTurns : 1;
  Side ours(row.time_ours(), effort.round_seconds / turns);
  Side theirs(row.time_theirs(), effort.round_seconds / turns);
  if (ours.sum() != theirs.sum()) {
    throw std::runtime_error(row.name + ": the sides saw different bytes: " +
                             std::to_string(ours.sum()) + " and " + std::to_string(theirs.sum()));
  }
  std::vector<double> our_times;
  std::vector<double> their_times;
  std::vector<double> ratios;
  for (int round = -1; round < effort.rounds; ++round) {
    double a = 0;
    double b = 0;
    for (int turn = 0; turn < turns; ++turn) {
      a += ours.run();
      b += theirs.run();
    }
    a = ours.per_operation(a, turns);
    b = theirs.per_operation(b, turns);
    if (round < 0) continue;  // warming up
    our_times.push_back(a);
    their_times.push_back(b);
    ratios.push_back(quotient(a, b));
  }
  result.ours = median(our_times);
  result.theirs = median(their_times);
  result.ratio = median(ratios);
  result.min = *std::min_element(ratios.begin(), ratios.end());
  result.max = *std::max_element(ratios.begin(), ratios.end());
  return result;
}

}  // namespace h2::bench
