// `h2 hpack` from outside, and what it is made of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/interop/peer.h"
#include "tests/tools/certificates.h"
#include "tools/h2/hpack_stories.h"

namespace h2::testing {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

// RFC 7541 §C.4: three requests with Huffman coding.
constexpr const char* kBlocks =
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff\n"
    "8286 84be 5886 a8eb 1064 9cbf\n"
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf\n";

Finished hpack(Argv arguments, std::string input = {}) {
  Argv argv{h2_program(), "hpack"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  RunOptions options;
  options.input = std::move(input);
  return run(argv, options);
}

Json json_of(const Finished& f) {
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  return Json::parse(f.out);
}

TEST(Hpack, DecodesBlocksInHexadecimal) {
  const Json cases = json_of(hpack({"decode"}, kBlocks)).at("cases");
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[0].at("headers"), Json::parse(R"([{":method": "GET"}, {":scheme": "http"},
      {":path": "/"}, {":authority": "www.example.com"}])"));
  EXPECT_EQ(cases[2].at("headers")[4], Json::parse(R"({"custom-key": "custom-value"})"));
  EXPECT_EQ(cases[1].at("wire"), "828684be5886a8eb10649cbf");
}

TEST(Hpack, WhatItEncodesItDecodes) {
  const Finished decoded = hpack({"decode"}, kBlocks);
  Json story = json_of(decoded);
  for (Json& one : story.at("cases")) one.erase("wire");
  for (const char* huffman : {"shorter", "always", "never"}) {
    for (const char* size : {"0", "64", "4096"}) {
      const Finished encoded =
          hpack({"encode", "--huffman", huffman, "--table-size", size}, story.dump());
      const Json again = json_of(hpack({"decode", "-", "--table-size", size}, encoded.out));
      for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(again.at("cases")[i].at("headers"), story.at("cases")[i].at("headers"))
            << huffman;
    }
  }
}

TEST(Hpack, TableIsThatOfTheAppendix) {
  const Json table = json_of(hpack({"table"}, kBlocks));
  EXPECT_EQ(table.at("size"), 164);
  EXPECT_EQ(table.at("max_size"), 4096);
  ASSERT_EQ(table.at("entries").size(), 3U);
  EXPECT_EQ(
      table.at("entries")[0],
      Json::parse(R"({"index": 62, "name": "custom-key", "value": "custom-value", "size": 54})"));
  EXPECT_EQ(table.at("entries")[2].at("name"), ":authority");
}

TEST(Hpack, StatsCountEachRepresentation) {
  EXPECT_EQ(json_of(hpack({"stats"}, kBlocks)), Json::parse(R"({"blocks": 3, "fields": 14,
      "plain_bytes": 210, "wire_bytes": 53, "wire_per_plain": 0.2523809523809524,
      "indexed_static": 9, "indexed_dynamic": 2, "literal_indexed": 3, "literal_not_indexed": 0,
      "literal_never_indexed": 0, "size_updates": 0, "huffman_strings": 4, "plain_strings": 0})"));
  EXPECT_EQ(json_of(hpack({"stats"})).at("wire_per_plain"), nullptr);
}

TEST(Hpack, SecretsAndBytesThatAreNoTextSurvive) {
  const Json story = Json::parse(R"([{"headers": [
      {"name": "x-token", "value": "secret", "sensitive": true},
      {"name": {"hex": "ff00"}, "value": {"hex": "80"}}, {"x": {"hex": "fe"}}]}])");
  const Finished encoded = hpack({"encode"}, story.dump());
  EXPECT_EQ(json_of(encoded).at("cases")[0].at("headers"), story[0].at("headers"));
  Json wire = json_of(encoded);
  wire.at("cases")[0].erase("headers");
  EXPECT_EQ(json_of(hpack({"decode"}, wire.dump())).at("cases")[0].at("headers"),
            story[0].at("headers"));
  EXPECT_EQ(json_of(hpack({"stats"}, wire.dump())).at("literal_never_indexed"), 1);
}

TEST(Hpack, TableSizeOfACaseHoldsFromThereOn) {
  Json story = json_of(hpack({"decode"}, kBlocks));
  for (Json& one : story.at("cases")) one.erase("wire");
  story.at("cases")[1]["header_table_size"] = 0;
  const Json encoded = json_of(hpack({"encode"}, story.dump()));
  EXPECT_THAT(encoded.at("cases")[1].at("wire").get<std::string>(), ::testing::StartsWith("20"));
  EXPECT_EQ(json_of(hpack({"table"}, encoded.dump())).at("entries").size(), 0U);
}

TEST(Hpack, ProblemsAreOneSentenceThatNamesThePlace) {
  struct Wrong {
    const char* verb;
    const char* input;
    const char* named;
  };
  for (const Wrong& w : {
           Wrong{"decode", "82\n8x", "standard input: line 2 has 'x'"},
           Wrong{"decode", "82\n828", "line 2 has an odd number of digits"},
           Wrong{"decode", "82\nbe", "case 1: index_out_of_range"},
           Wrong{"decode", "{", "no JSON at byte 2"},
           Wrong{"decode", "{}", "there is no list \"cases\""},
           Wrong{"decode", "[1]", "case 0: is no object"},
           Wrong{"decode", "[{}]", "case 0: there is no \"wire\""},
           Wrong{"decode", R"([{"wire": 1}])", "\"wire\" is no string"},
           Wrong{"decode", R"([{"wire": "8g"}])", "'g', which is no hexadecimal digit"},
           Wrong{"encode", "[{}]", "case 0: there are no \"headers\""},
           Wrong{"encode", R"([{"headers": {}}])", "\"headers\" is no list"},
           Wrong{"encode", R"([{"headers": [{"a": "b"}, {"a": 1}]}])",
                 "case 0: field 1 is neither"},
           Wrong{"encode", R"([{"headers": [], "header_table_size": -1}])", "header_table_size"},
       }) {
    const Finished f = hpack({w.verb}, w.input);
    EXPECT_EQ(f.exit_code, 1) << w.input;
    EXPECT_EQ(f.out, "") << w.input;
    EXPECT_THAT(f.err, HasSubstr(w.named)) << w.input;
    EXPECT_EQ(std::count(f.err.begin(), f.err.end(), '\n'), 1) << f.err;
  }
}

TEST(Hpack, WrongCommandLinesExitWith2) {
  const std::pair<Argv, const char*> cases[] = {
      {{}, "subcommand"},
      {{"decod"}, "decod"},
      {{"check"}, "STORY"},
      {{"encode", "--huffman", "often"}, "often"},
      {{"decode", "--table-size", "big"}, "big"},
  };
  for (const auto& [argv, named] : cases) {
    const Finished f = hpack(argv);
    EXPECT_EQ(f.exit_code, 2) << named;
    EXPECT_EQ(f.out, "") << named;
    EXPECT_THAT(f.err, HasSubstr(named));
  }
}

class HpackCheck : public ::testing::Test {
 protected:
  Finished check(const Argv& stories) {
    Argv argv{"check"};
    argv.insert(argv.end(), stories.begin(), stories.end());
    return hpack(argv);
  }
  Json story() { return json_of(hpack({"decode"}, kBlocks)); }
  std::string file(const std::string& name, const Json& json) {
    return dir_.write(name, json.dump());
  }

  ScratchDir dir_;
};

TEST_F(HpackCheck, StoriesThatAreRightAreOk) {
  const Finished f = check({file("a.json", story()), file("b.json", story())});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, HasSubstr("a.json: 3 cases\n"));
  EXPECT_THAT(f.out, HasSubstr("b.json: 3 cases\n"));
}

TEST_F(HpackCheck, FirstDifferenceIsNamed) {
  Json value = story();
  value.at("cases")[1].at("headers")[4]["cache-control"] = "cache";
  Json more = story();
  more.at("cases")[0].at("headers").push_back({{"x", "y"}});
  Json fewer = story();
  fewer.at("cases")[2].at("headers").erase(4);
  Json broken = story();
  broken.at("cases")[2]["wire"] = "c2";
  const std::pair<Json, const char*> cases[] = {
      {value,
       "case 1: field 4: expected \"cache-control: cache\", decoded \"cache-control: no-cache\""},
      {more, "case 0: field 4: expected \"x: y\", decoded no more fields"},
      {fewer, "case 2: field 4: expected no more fields, decoded \"custom-key: custom-value\""},
      {broken, "case 2: index_out_of_range"},
      {Json::array(), "the story has no cases"},
  };
  for (const auto& [json, named] : cases) {
    const Finished f = check({file("right.json", story()), file("wrong.json", json)});
    EXPECT_EQ(f.exit_code, 1) << named;
    EXPECT_THAT(f.out, HasSubstr("right.json")) << "the others are checked, too";
    EXPECT_THAT(f.err, HasSubstr("wrong.json: "));
    EXPECT_THAT(f.err, HasSubstr(named));
  }
}

TEST_F(HpackCheck, FilesThatCannotBeReadAreNamed) {
  for (const std::string& path : {dir_.file("none.json"), dir_.path()}) {
    const Finished f = check({path});
    EXPECT_EQ(f.exit_code, 1);
    EXPECT_THAT(f.err, HasSubstr(path + ": "));
  }
}

TEST_F(HpackCheck, CollectionOfStoriesIsRight) {
  const char* shared = std::getenv("H2_SHARED");
  if (shared == nullptr) {
    if (in_ci()) FAIL() << "H2_SHARED is not set";
    GTEST_SKIP() << "H2_SHARED is not set";
  }
  for (const char* folder : {"nghttp2", "go-hpack", "haskell-http2-naive-huffman"}) {
    Argv stories;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(shared) + "/hpack-test-case/" + folder)) {
      stories.push_back(entry.path());
    }
    ASSERT_GT(stories.size(), 10U) << folder;
    const Finished f = check(stories);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    EXPECT_EQ(std::count(f.out.begin(), f.out.end(), '\n'),
              static_cast<std::ptrdiff_t>(stories.size()));
  }
}

}  // namespace
}  // namespace h2::testing
