// bench/versus from outside: its rows, its JSON, mistakes on its command line, absent stories; and
// its harness. How long anything takes is not looked at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "bench/versus_rows.h"
#include "bench/versus_runner.h"
#include "tests/interop/peer.h"

namespace h2::testing {
namespace {

using ::testing::Contains;
using ::testing::DoubleEq;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Finished versus(const Argv& arguments, const Argv& environment = {}) {
  Argv argv = {"env"};
  argv.insert(argv.end(), environment.begin(), environment.end());
  // Where Bazel puts what a test's `data` names.
  const char* root = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  argv.push_back(std::string(root != nullptr ? root : ".") + "/" +
                 (workspace != nullptr ? workspace : "") + "/bench/versus");
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const Finished result = run(argv);
  EXPECT_FALSE(result.timed_out);
  return result;
}

TEST(Versus, ListNamesEveryRowOnce) {
  const Finished f = versus({"--list"});
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  std::istringstream lines(f.out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  for (const bench::Row& row : bench::all_rows()) EXPECT_THAT(names, Contains(row.name).Times(1));
  for (const char* name :
       {"hpack-decode nghttp2", "hpack-decode haskell-http2-naive-huffman", "hpack-encode raw-data",
        "hpack-encode raw-data wire/plain", "huffman-encode all strings",
        "huffman-decode strings >= 64 B", "request 100 B, 100 streams",
        "request 100 B, one at a time", "data-frame 16 KiB", "allocations per request",
        "memory idle connection", "memory idle stream"}) {
    EXPECT_THAT(names, Contains(name));
  }
}

TEST(Versus, JsonIsAListOfObjectsWithEightKeysAndNothingElse) {
  const Finished f =
      versus({"--json", "--quick", "--rounds", "9", "--filter", "request 100 B, one at a time"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  const auto json = nlohmann::json::parse(f.out);
  ASSERT_EQ(json.size(), 1U);
  std::set<std::string> keys;
  for (const auto& [key, value] : json[0].items()) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"name", "peer", "unit", "ours", "theirs", "ratio", "min",
                                         "max"}));
  EXPECT_EQ(json[0]["name"], "request 100 B, one at a time");
  EXPECT_EQ(json[0]["unit"], "ns/request");
  EXPECT_THAT(json[0]["peer"].get<std::string>(), StartsWith("libnghttp2 "));
  for (const char* key : {"ours", "theirs", "ratio", "min", "max"})
    EXPECT_TRUE(json[0][key].is_number()) << key;
}

TEST(Versus, EveryRowOfConnectionsRuns) {
  for (const char* filter : {"request ", "data-frame 100 B", "memory"}) {
    const Finished f = versus({"--json", "--quick", "--filter", filter});
    EXPECT_EQ(f.exit_code, 0) << f.err;
    EXPECT_GE(nlohmann::json::parse(f.out).size(), 2U) << filter;
  }
}

TEST(Versus, OursAsksForNoMemoryOnceWarm) {
  const Finished f = versus({"--json", "--filter", "allocations per request"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  for (const auto& row : nlohmann::json::parse(f.out)) EXPECT_EQ(row["ours"], 0.0) << row["name"];
}

TEST(Versus, MistakesAreNamedWithUsageOnStandardError) {
  const std::pair<Argv, const char*> cases[] = {
      {{"--sreve"}, "--sreve"},
      {{"extra"}, "extra"},
      {{"--rounds", "8"}, "8"},
      {{"--rounds", "many"}, "many"},
      {{"--round-seconds", "0.001"}, "0.001"},
      {{"--filter", "no such row"}, "no such row"},
      {{"--side", "ours"}, "--only"},
      {{"--only", "data-frame 100 B", "--side", "both"}, "both"},
  };
  for (const auto& [argv, named] : cases) {
    const Finished f = versus(argv);
    EXPECT_EQ(f.exit_code, 2) << argv[0];
    EXPECT_EQ(f.out, "") << argv[0];
    EXPECT_THAT(f.err, HasSubstr(named));
    EXPECT_THAT(f.err, HasSubstr("Usage: versus")) << argv[0];
  }
}

TEST(Versus, RowsWithoutTheirStoriesAreNamedAsSkippedAndFailInCi) {
  const Argv row = {"--json", "--quick", "--filter", "hpack-decode nghttp2"};
  for (const char* ci : {"CI=false", "CI=true"}) {
    const Finished f = versus(row, {"H2_SHARED=/nowhere", ci});
    EXPECT_EQ(f.exit_code, ci == std::string("CI=true") ? 1 : 0);
    EXPECT_EQ(nlohmann::json::parse(f.out).size(), 0U);
    EXPECT_THAT(f.err, HasSubstr("skipped: hpack-decode nghttp2"));
  }
}

TEST(Versus, OneSideOfOneRowSaysHowManyOperationsItDid) {
  const Finished f = versus({"--only", "data-frame 100 B", "--side", "theirs", "--batches", "3"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "192\n");
}

// ---- the harness
// -----------------------------------------------------------------------------------

bench::Row made_row(std::uint64_t our_sum, std::uint64_t their_sum, int* calls) {
  bench::Row row;
  row.name = "made";
  const auto work = [calls](std::uint64_t sum) {
    return bench::Work{[sum, calls] {
                         ++*calls;
                         return sum;
                       },
                       1};
  };
  row.time_ours = [work, our_sum] { return work(our_sum); };
  row.time_theirs = [work, their_sum] { return work(their_sum); };
  return row;
}

TEST(VersusRunner, SidesThatSawDifferentBytesAreAnError) {
  int calls = 0;
  EXPECT_THROW(bench::measure(made_row(1, 2, &calls), {.rounds = 9, .round_seconds = 0}),
               std::runtime_error);
}

TEST(VersusRunner, EverySideRunsItsRoundsAfterAWarmUp) {
  int calls = 0;
  (void)bench::measure(made_row(7, 7, &calls), {.rounds = 9, .round_seconds = 0});
  EXPECT_EQ(calls, 2 * (1 + 1 + 9));  // the first batch, the warm-up round, the rounds
}

TEST(VersusRunner, ACountHasItsQuotientAsRatioMinimumAndMaximum) {
  bench::Row row;
  row.count_ours = [] { return 3.0; };
  row.count_theirs = [] { return 4.0; };
  const bench::Result r = bench::measure(row, {});
  EXPECT_THAT((std::vector{r.ours, r.theirs, r.ratio, r.min, r.max}),
              (std::vector{3.0, 4.0, 0.75, 0.75, 0.75}));
}

TEST(VersusRunner, MedianIsTheMiddleOrTheMeanOfTheMiddleTwo) {
  EXPECT_THAT(bench::median({9, 1, 5}), DoubleEq(5));
  EXPECT_THAT(bench::median({9, 1, 5, 6}), DoubleEq(5.5));
  EXPECT_THAT(bench::median({}), DoubleEq(0));
}

}  // namespace
}  // namespace h2::testing
