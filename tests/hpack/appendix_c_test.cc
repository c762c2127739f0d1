// The examples of RFC 7541 §C, decoded and encoded, by the names they have there.
#include <gtest/gtest.h>

#include "tests/hpack/hpack_testing.h"

namespace h2::tests {
namespace {

using hpack::Decoder;
using hpack::Encoder;
using hpack::HuffmanPolicy;
using hpack::Indexing;

struct Example {
  const char* hex;
  OwnedFields fields;
  std::uint32_t table_size;  // after it
};

void expect_decodes(const std::vector<Example>& examples, std::uint32_t max_table_size = 4096) {
  SplitDecoder decoder({.max_table_size = max_table_size});
  for (const Example& example : examples) {
    const auto outcome = decoder.decode(example.hex);
    EXPECT_EQ(outcome.error, std::nullopt);
    EXPECT_EQ(outcome.fields, example.fields);
    EXPECT_EQ(outcome.table_size, example.table_size);
  }
}

// The RFC's examples index whatever is a literal there.
Indexing index_all(const hpack::HeaderField&) noexcept { return Indexing::kIndexed; }

void expect_encodes(const std::vector<Example>& examples, Encoder& encoder) {
  for (const Example& example : examples) {
    Vector<std::uint8_t> block(default_memory());
    ASSERT_TRUE(encoder.encode(views(example.fields), block));
    EXPECT_EQ(to_hex({block.data(), block.size()}), example.hex);
    EXPECT_EQ(encoder.table().size(), example.table_size);
  }
}

TEST(AppendixC, DecodesC21_LiteralWithIndexing) {
  expect_decodes({{"400a637573746f6d2d6b65790d637573746f6d2d686561646572",
                   {{"custom-key", "custom-header"}},
                   55}});
}

TEST(AppendixC, DecodesC22_LiteralWithoutIndexing) {
  expect_decodes({{"040c2f73616d706c652f70617468", {{":path", "/sample/path"}}, 0}});
}

TEST(AppendixC, DecodesC23_LiteralNeverIndexed) {
  expect_decodes({{"100870617373776f726406736563726574", {{"password", "secret", true}}, 0}});
}

TEST(AppendixC, DecodesC24_IndexedField) { expect_decodes({{"82", {{":method", "GET"}}, 0}}); }

const std::vector<Example>& requests_without_huffman() {
  static const std::vector<Example> examples = {
      {"828684410f7777772e6578616d706c652e636f6d",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}},
       57},
      {"828684be58086e6f2d6361636865",
       {{":method", "GET"},
        {":scheme", "http"},
        {":path", "/"},
        {":authority", "www.example.com"},
        {"cache-control", "no-cache"}},
       110},
      {"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
       {{":method", "GET"},
        {":scheme", "https"},
        {":path", "/index.html"},
        {":authority", "www.example.com"},
        {"custom-key", "custom-value"}},
       164},
  };
  return examples;
}

const std::vector<Example>& requests_with_huffman() {
  static const std::vector<Example> examples = {
      {"828684418cf1e3c2e5f23a6ba0ab90f4ff",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}},
       57},
      {"828684be5886a8eb10649cbf",
       {{":method", "GET"},
        {":scheme", "http"},
        {":path", "/"},
        {":authority", "www.example.com"},
        {"cache-control", "no-cache"}},
       110},
      {"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
       {{":method", "GET"},
        {":scheme", "https"},
        {":path", "/index.html"},
        {":authority", "www.example.com"},
        {"custom-key", "custom-value"}},
       164},
  };
  return examples;
}

const std::vector<Example>& responses_without_huffman() {
  static const std::vector<Example> examples = {
      {"4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
       "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
       {{":status", "302"},
        {"cache-control", "private"},
        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
        {"location", "https://www.example.com"}},
       222},
      {"4803333037c1c0bf",
       {{":status", "307"},
        {"cache-control", "private"},
        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
        {"location", "https://www.example.com"}},
       222},
      {"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
       "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
       "657273696f6e3d31",
       {{":status", "200"},
        {"cache-control", "private"},
        {"date", "Mon, 21 Oct 2013 20:13:22 GMT"},
        {"location", "https://www.example.com"},
        {"content-encoding", "gzip"},
        {"set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"}},
       215},
  };
  return examples;
}

const std::vector<Example>& responses_with_huffman() {
  static const std::vector<Example> examples = {
      {"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
       "0b97c8e9ae82ae43d3",
       {{":status", "302"},
        {"cache-control", "private"},
        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
        {"location", "https://www.example.com"}},
       222},
      {"4883640effc1c0bf",
       {{":status", "307"},
        {"cache-control", "private"},
        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
        {"location", "https://www.example.com"}},
       222},
      {"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
       "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
       {{":status", "200"},
        {"cache-control", "private"},
        {"date", "Mon, 21 Oct 2013 20:13:22 GMT"},
        {"location", "https://www.example.com"},
        {"content-encoding", "gzip"},
        {"set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"}},
       215},
  };
  return examples;
}

TEST(AppendixC, DecodesC3_RequestsWithoutHuffman) { expect_decodes(requests_without_huffman()); }

TEST(AppendixC, DecodesC4_RequestsWithHuffman) { expect_decodes(requests_with_huffman()); }

TEST(AppendixC, DecodesC5_ResponsesWithoutHuffman) {
  expect_decodes(responses_without_huffman(), 256);
}

TEST(AppendixC, DecodesC6_ResponsesWithHuffman) { expect_decodes(responses_with_huffman(), 256); }

TEST(AppendixC, EncodesC3_RequestsWithoutHuffman) {
  Encoder encoder({.huffman = HuffmanPolicy::kNever, .indexing = &index_all});
  expect_encodes(requests_without_huffman(), encoder);
}

TEST(AppendixC, EncodesC4_RequestsWithHuffman) {
  Encoder encoder({.huffman = HuffmanPolicy::kAlways, .indexing = &index_all});
  expect_encodes(requests_with_huffman(), encoder);
}

TEST(AppendixC, EncodesC5_ResponsesWithoutHuffman) {
  Encoder encoder({.huffman = HuffmanPolicy::kNever, .indexing = &index_all});
  // The peer's table of 256 is part of the setting there, so the update is taken off the first
  // block.
  encoder.set_peer_max_table_size(256);
  Vector<std::uint8_t> update(default_memory());
  ASSERT_TRUE(encoder.begin_block(update));
  EXPECT_EQ(to_hex({update.data(), update.size()}), "3fe101");
  expect_encodes(responses_without_huffman(), encoder);
}

TEST(AppendixC, EncodesC6_ResponsesWithHuffman) {
  Encoder encoder({.huffman = HuffmanPolicy::kAlways, .indexing = &index_all});
  // The peer's table of 256 is part of the setting there, so the update is taken off the first
  // block.
  encoder.set_peer_max_table_size(256);
  Vector<std::uint8_t> update(default_memory());
  ASSERT_TRUE(encoder.begin_block(update));
  EXPECT_EQ(to_hex({update.data(), update.size()}), "3fe101");
  expect_encodes(responses_with_huffman(), encoder);
}

}  // namespace
}  // namespace h2::tests
