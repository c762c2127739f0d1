// What became of one thing tried with one peer: said to the test, and written into its report, from
// which tools/interop makes docs/interop.md.
#ifndef H2_TESTS_INTEROP_OUTCOME_H_
#define H2_TESTS_INTEROP_OUTCOME_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

namespace h2::inline v0::testing {

// Something that is known not to work with a peer.
struct KnownOutcome {
  enum class Kind : std::uint8_t {
    kNotOffered,  // the peer has no way to do it
    kPeersFault,  // the peer breaks a rule
    kOldFault,    // the peer breaks a rule in some versions, and in later ones does not
    kRemark,      // it works, and there is something to say
  };
  std::string_view peer;
  std::string_view tried;  // the column: "trailers"
  Kind kind;
  std::string_view symptom;    // the problem the test must then see: a regular expression
  std::string_view why;        // a sentence; with the RFC's section for a fault
  std::string_view only = {};  // "tls" or "cleartext", if only there
};

// The row and column of a test's result.
struct Tried {
  std::string_view direction;  // "client" or "server": which of our sides was tried
  std::string_view peer;       // as in KnownOutcome
  std::string_view title;      // as people know it
  std::string version;
  std::string_view security;  // "tls" or "cleartext"
  std::string_view what;
};

// Ends a test: `problem` is empty if all went well. If the peer is in `known` for this, exactly the
// known problem is expected: that it has gone is a failure, too, so that the list stays true.
inline void conclude(const Tried& tried, const std::string& problem,
                     std::span<const KnownOutcome> known) {
  const auto record = [](const char* name, std::string_view value) {
    ::testing::Test::RecordProperty(name, std::string(value));
  };
  record("direction", tried.direction);
  record("peer", tried.title);
  record("version", tried.version);
  record("security", tried.security);
  record("tried", tried.what);
  for (const KnownOutcome& k : known) {
    if (k.peer != tried.peer || k.tried != tried.what) continue;
    if (!k.only.empty() && k.only != tried.security) continue;
    record("why", k.why);
    if (k.kind == KnownOutcome::Kind::kRemark) break;
    if (k.kind == KnownOutcome::Kind::kOldFault && problem.empty()) break;
    record("outcome", k.kind == KnownOutcome::Kind::kNotOffered ? "not offered" : "peer's fault");
    EXPECT_THAT(problem, ::testing::ContainsRegex(std::string(k.symptom)))
        << "it is listed as: " << k.why;
    return;
  }
  record("outcome", problem.empty() ? "ok" : "failed");
  EXPECT_EQ(problem, "");
}

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_INTEROP_OUTCOME_H_
