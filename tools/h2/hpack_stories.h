// Stories: header lists and the blocks they were sent as, one connection each, as JSON in the form
// of the hpack-test-case collection. Reading and writing them, and going through them with our
// encoder and decoder (RFC 7541). Tested by tests/tools/hpack_test.cc.
//
//   {"cases": [{"seqno": 0, "header_table_size": 4096, "wire": "82...", "headers": [{":method":
//   "GET"}, ...]}]}
//
// A name or value that is not UTF-8 is written {"hex": "..."}, as {"name": ..., "value": ...}.
#ifndef H2_TOOLS_H2_HPACK_STORIES_H_
#define H2_TOOLS_H2_HPACK_STORIES_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hpack/decoder.h"
#include "hpack/encoder.h"
#include "hpack/result.h"

namespace h2::inline v0::tools {

struct StoryField {
  std::string name;
  std::string value;
  bool sensitive = false;  // never to be indexed (RFC 7541 §7.1.3)
  friend bool operator==(const StoryField& a, const StoryField& b) {
    return a.name == b.name && a.value == b.value;
  }
};

// One header list, and the block it is on the wire.
struct StoryCase {
  std::optional<std::uint32_t> header_table_size;  // SETTINGS_HEADER_TABLE_SIZE from here on
  std::optional<std::vector<std::uint8_t>> wire;
  std::optional<std::vector<StoryField>> fields;
};

using Story = std::vector<StoryCase>;

// Errors are phrases that name the place: "case 3: \"wire\" has an odd number of digits".
Result<Story, std::string> parse_story(std::string_view json);
// Blocks in hexadecimal, one a line; blanks within a line are skipped, as are empty lines.
Result<Story, std::string> parse_hex_lines(std::string_view text);
nlohmann::ordered_json to_json(const Story& story);

// Decodes each block in turn into `fields`. The error names the case and the rule.
Result<void, std::string> decode_story(Story& story, hpack::Decoder& decoder);
// Encodes each list in turn into `wire`.
Result<void, std::string> encode_story(Story& story, hpack::Encoder& encoder);

// The first difference between what the blocks decode to and the lists of the story, if any: a
// phrase that names case, field, expected and actual.
std::optional<std::string> check_story(const Story& story);

// What a dynamic table holds, newest first (RFC 7541 §2.3.3).
nlohmann::ordered_json to_json(const hpack::DynamicTable& table);

// How blocks are made up.
struct StoryStats {
  std::uint64_t blocks = 0;
  std::uint64_t fields = 0;
  std::uint64_t plain_bytes = 0;  // names and values
  std::uint64_t wire_bytes = 0;
  std::uint64_t indexed_static = 0;  // RFC 7541 §6.1
  std::uint64_t indexed_dynamic = 0;
  std::uint64_t literal_indexed = 0;  // RFC 7541 §6.2.1
  std::uint64_t literal_not_indexed = 0;
  std::uint64_t literal_never_indexed = 0;
  std::uint64_t size_updates = 0;  // RFC 7541 §6.3
  std::uint64_t huffman_strings = 0;
  std::uint64_t plain_strings = 0;
};

// Counts a story whose blocks have been decoded; blocks that cannot be read are not counted
// further.
void count_story(const Story& story, StoryStats& stats);
nlohmann::ordered_json to_json(const StoryStats& stats);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_HPACK_STORIES_H_
