// Ours and Debian's libnghttp2 side by side, in turn, in one process; docs/performance.md explains
// the rows and holds a run's ratios. Tested by tests/bench/versus_test.cc.
//
//   bazel run --config=opt //bench:versus            # a table
//   bazel run --config=opt //bench:versus -- --json  # the same for programs
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/versus_nghttp2.h"
#include "bench/versus_rows.h"
#include "bench/versus_runner.h"
#include "bench/versus_workload.h"

namespace h2::bench {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Options {
  Effort effort;
  std::string filter;
  bool json = false;
  bool list = false;
  bool quick = false;
  // For bench/instructions.
  std::string only;
  std::string side = "ours";
  std::uint64_t batches = 0;
};

bool in_ci() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string(ci) == "true";
}

nlohmann::ordered_json to_json(const Result& r) {
  return {{"name", r.name},     {"peer", their_name()}, {"unit", r.unit}, {"ours", r.ours},
          {"theirs", r.theirs}, {"ratio", r.ratio},     {"min", r.min},   {"max", r.max}};
}

void print_table_head() {
  std::printf("%-42s %-12s %12s %12s %7s %7s %7s\n", "name", "unit", "ours", "theirs", "ratio",
              "min", "max");
}

void print_table_row(const Result& r) {
  std::printf("%-42s %-12s %12.4g %12.4g %7.3f %7.3f %7.3f\n", r.name.c_str(), r.unit.c_str(),
              r.ours, r.theirs, r.ratio, r.min, r.max);
  std::fflush(stdout);
}

// Whether a row cannot be measured for want of stories; says so.
bool absent(const Row& row) {
  if (row.needs != Needs::kStories || !stories("raw-data").empty()) return false;
  std::fprintf(stderr, "versus: skipped: %s: no stories in %s (set H2_SHARED)\n", row.name.c_str(),
               stories_root().c_str());
  return true;
}

// One side of one row, a fixed number of batches, for counting instructions: prints how many
// operations that were.
int run_one(const std::vector<Row>& rows, const Options& options) {
  for (const Row& row : rows) {
    if (row.name != options.only || !row.time_ours) continue;
    if (absent(row)) return kExitFailed;
    const Work work = options.side == "ours" ? row.time_ours() : row.time_theirs();
    for (std::uint64_t i = 0; i < options.batches; ++i) (void)work.batch();
    std::printf("%llu\n", static_cast<unsigned long long>(options.batches * work.operations));
    return kExitOk;
  }
  std::fprintf(stderr, "versus: --only: no timed row is called '%s'\n", options.only.c_str());
  return kExitUsage;
}

int run(const Options& options) {
  std::vector<Row> rows;
  for (Row& row : all_rows()) {
    if (row.name.find(options.filter) != std::string::npos) rows.push_back(std::move(row));
  }
  if (options.list) {
    for (const Row& row : rows) std::printf("%s\n", row.name.c_str());
    return kExitOk;
  }
  if (!options.only.empty()) return run_one(rows, options);
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  bool skipped = false;
  if (!options.json) {
    std::printf("ours against %s; processor time, %d rounds of each in turn\n",
                their_name().c_str(), options.effort.rounds);
    print_table_head();
  }
  for (const Row& row : rows) {
    if (absent(row)) {
      skipped = true;
      continue;
    }
    const Result result = measure(row, options.effort);
    if (options.json) {
      results.push_back(to_json(result));
    } else {
      print_table_row(result);
    }
  }
  if (options.json) std::printf("%s\n", results.dump(2).c_str());
  return skipped && in_ci() ? kExitFailed : kExitOk;
}

// Whether the filter leaves something.
std::string check_filter(const std::string& filter) {
  for (const Row& row : all_rows()) {
    if (row.name.find(filter) != std::string::npos) return {};
  }
  return "no row's name contains '" + filter + "'; --list names them";
}

int main_of(int argc, char** argv) {
  Options options;
  CLI::App app("ours and libnghttp2, measured in turn", "versus");
  app.add_option("--rounds", options.effort.rounds, "rounds of each side, after a warm-up")
      ->check(CLI::Range(9, 10'000))
      ->capture_default_str();
  app.add_option("--round-seconds", options.effort.round_seconds,
                 "processor time of one side in one round, at least")
      ->check(CLI::Range(0.02, 60.0))
      ->capture_default_str();
  app.add_option("--filter", options.filter, "only rows whose name contains this")
      ->check(check_filter);
  app.add_flag("--json", options.json, "a JSON list on standard output, and nothing else");
  app.add_flag("--list", options.list, "name the rows and measure nothing");
  app.add_flag("--quick", options.quick,
               "a round is one batch: shows that all works; the numbers mean nothing");
  auto* only = app.add_option("--only", options.only,
                              "run --batches of one row's one side (for bench/instructions)");
  app.add_option("--side", options.side, "for --only: ours or theirs")
      ->check(CLI::IsMember({"ours", "theirs"}))
      ->needs(only);
  app.add_option("--batches", options.batches, "for --only")->needs(only);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "versus: %s\n\n%s", error.what(), app.help().c_str());
    return kExitUsage;
  }
  if (options.quick) options.effort.round_seconds = 0;
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "versus: %s\n", error.what());
    return kExitFailed;
  }
}

}  // namespace
}  // namespace h2::bench

int main(int argc, char** argv) { return h2::bench::main_of(argc, argv); }
