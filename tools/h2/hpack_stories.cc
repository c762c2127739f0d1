#include "tools/h2/hpack_stories.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "hpack/decode_error.h"
#include "hpack/field_list.h"
#include "hpack/integer.h"
#include "hpack/memory.h"
#include "hpack/static_table.h"
#include "hpack/vector.h"

namespace h2::inline v0::tools {

namespace {

using hpack::HeaderField;
using Json = nlohmann::ordered_json;

std::string at_case(std::size_t number, std::string_view problem) {
  return "case " + std::to_string(number) + ": " + std::string(problem);
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Blanks are skipped. The error is a phrase that follows the name of what was read.
Result<std::vector<std::uint8_t>, std::string> parse_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  std::optional<int> high;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r') continue;
    const auto digit = hex_digit(c);
    if (!digit) return unexpected("has '" + std::string(1, c) + "', which is no hexadecimal digit");
    if (high) bytes.push_back(static_cast<std::uint8_t>(*high * 16 + *digit));
    high = high ? std::nullopt : digit;
  }
  if (high) return unexpected(std::string("has an odd number of digits"));
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto b = static_cast<std::uint8_t>(c);
    text += "0123456789abcdef"[b >> 4U];
    text += "0123456789abcdef"[b & 15U];
  }
  return text;
}

std::string_view text_of(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// JSON strings are UTF-8; what is not, is hexadecimal.
Json text_to_json(const std::string& text) {
  Json json = text;
  try {
    (void)json.dump();
    return json;
  } catch (const Json::type_error&) {
    return Json{{"hex", to_hex(text)}};
  }
}

std::optional<std::string> text_from_json(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || !json.contains("hex") || !json["hex"].is_string()) return std::nullopt;
  const auto bytes = parse_hex(json["hex"].get<std::string>());
  if (!bytes) return std::nullopt;
  return std::string(text_of(*bytes));
}

Json field_to_json(const StoryField& field) {
  Json value = text_to_json(field.value);
  const Json name = text_to_json(field.name);
  if (name.is_string() && !field.sensitive) return Json{{field.name, std::move(value)}};
  Json json{{"name", name}, {"value", std::move(value)}};
  if (field.sensitive) json["sensitive"] = true;
  return json;
}

// {"NAME": VALUE}, or {"name": NAME, "value": VALUE, "sensitive": BOOL}.
std::optional<StoryField> field_from_json(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  StoryField field;
  if (json.contains("name") && json.contains("value")) {
    const auto name = text_from_json(json["name"]);
    const auto value = text_from_json(json["value"]);
    if (!name || !value) return std::nullopt;
    field = {*name, *value, false};
    if (json.contains("sensitive")) {
      if (!json["sensitive"].is_boolean()) return std::nullopt;
      field.sensitive = json["sensitive"].get<bool>();
    }
    return field;
  }
  if (json.size() != 1) return std::nullopt;
  const auto value = text_from_json(json.front());
  if (!value) return std::nullopt;
  return StoryField{json.begin().key(), *value, false};
}

Result<StoryCase, std::string> case_from_json(const Json& json) {
  StoryCase one;
  if (!json.is_object()) return unexpected(std::string("is no object"));
  if (json.contains("header_table_size")) {
    const Json& size = json["header_table_size"];
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > UINT32_MAX)
      return unexpected(std::string("\"header_table_size\" is no number from 0 to 4294967295"));
    one.header_table_size = size.get<std::uint32_t>();
  }
  if (json.contains("wire")) {
    if (!json["wire"].is_string()) return unexpected(std::string("\"wire\" is no string"));
    auto bytes = parse_hex(json["wire"].get<std::string>());
    if (!bytes) return unexpected("\"wire\" " + bytes.error());
    one.wire = std::move(*bytes);
  }
  if (json.contains("headers")) {
    if (!json["headers"].is_array()) return unexpected(std::string("\"headers\" is no list"));
    one.fields.emplace();
    for (const Json& field : json["headers"]) {
      auto parsed = field_from_json(field);
      if (!parsed) {
        return unexpected("field " + std::to_string(one.fields->size()) +
                          " is neither {\"NAME\": \"VALUE\"} nor {\"name\": ..., \"value\": ...}");
      }
      one.fields->push_back(std::move(*parsed));
    }
  }
  return one;
}

std::string quoted(const StoryField& field) {
  return "\"" + field.name + ": " + field.value + "\"";
}

// Reads instructions; the blocks are known to be right.
class Instructions {
 public:
  Instructions(Bytes block, StoryStats& stats) : rest_(block), stats_(stats) {}

  void count() {
    while (!rest_.empty()) {
      const std::uint8_t first = rest_[0];
      if ((first & 0x80U) != 0) {
        const std::uint32_t index = integer(7);
        ++(index <= hpack::kStaticEntries ? stats_.indexed_static : stats_.indexed_dynamic);
      } else if ((first & 0x40U) != 0) {
        ++stats_.literal_indexed;
        literal(6);
      } else if ((first & 0x20U) != 0) {
        ++stats_.size_updates;
        integer(5);
      } else {
        ++((first & 0x10U) != 0 ? stats_.literal_never_indexed : stats_.literal_not_indexed);
        literal(4);
      }
    }
  }

 private:
  std::uint32_t integer(unsigned prefix) {
    if (rest_.empty()) return 0;
    const hpack::DecodedInteger read = hpack::decode_integer(rest_, prefix);
    rest_ = read.status == hpack::IntegerStatus::kDone ? rest_.subspan(read.length) : Bytes();
    return read.value;
  }
  void literal(unsigned prefix) {
    if (integer(prefix) == 0) string();
    string();
  }
  void string() {
    if (rest_.empty()) return;
    ++((rest_[0] & 0x80U) != 0 ? stats_.huffman_strings : stats_.plain_strings);
    const std::size_t length = integer(7);
    rest_ = rest_.subspan(std::min(length, rest_.size()));
  }

  Bytes rest_;
  StoryStats& stats_;
};

}  // namespace

Result<Story, std::string> parse_story(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& error) {
    return unexpected("no JSON at byte " + std::to_string(error.byte));
  }
  const Json* cases = &json;
  if (json.is_object()) {
    if (!json.contains("cases")) return unexpected(std::string("there is no list \"cases\""));
    cases = &json["cases"];
  }
  if (!cases->is_array()) return unexpected(std::string("\"cases\" is no list"));
  Story story;
  for (const Json& one : *cases) {
    auto parsed = case_from_json(one);
    if (!parsed) return unexpected(at_case(story.size(), parsed.error()));
    story.push_back(std::move(*parsed));
  }
  return story;
}

Result<Story, std::string> parse_hex_lines(std::string_view text) {
  Story story;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    auto bytes = parse_hex(line);
    if (!bytes) return unexpected("line " + std::to_string(number) + " " + bytes.error());
    if (bytes->empty()) continue;
    story.emplace_back().wire = std::move(*bytes);
  }
  return story;
}

Json to_json(const Story& story) {
  Json cases = Json::array();
  for (const StoryCase& one : story) {
    Json json{{"seqno", cases.size()}};
    if (one.header_table_size) json["header_table_size"] = *one.header_table_size;
    if (one.wire) json["wire"] = to_hex(text_of(*one.wire));
    if (one.fields) {
      json["headers"] = Json::array();
      for (const StoryField& field : *one.fields) json["headers"].push_back(field_to_json(field));
    }
    cases.push_back(std::move(json));
  }
  return Json{{"cases", std::move(cases)}};
}

Result<void, std::string> decode_story(Story& story, hpack::Decoder& decoder) {
  for (std::size_t i = 0; i < story.size(); ++i) {
    StoryCase& one = story[i];
    if (one.header_table_size) decoder.set_max_table_size(*one.header_table_size);
    if (!one.wire) return unexpected(at_case(i, "there is no \"wire\" to decode"));
    hpack::FieldList fields(default_memory());
    const auto decoded = decoder.decode(*one.wire, hpack::EndOfBlock::kYes, fields);
    if (!decoded) return unexpected(at_case(i, hpack::to_string(decoded.error())));
    if (decoder.list_truncated()) return unexpected(at_case(i, "the list is too long"));
    one.fields.emplace();
    for (std::size_t k = 0; k < fields.size(); ++k) {
      const HeaderField field = fields[k];
      one.fields->push_back({std::string(field.name), std::string(field.value), field.sensitive});
    }
  }
  return {};
}

Result<void, std::string> encode_story(Story& story, hpack::Encoder& encoder) {
  for (std::size_t i = 0; i < story.size(); ++i) {
    StoryCase& one = story[i];
    if (one.header_table_size) encoder.set_peer_max_table_size(*one.header_table_size);
    if (!one.fields) return unexpected(at_case(i, "there are no \"headers\" to encode"));
    std::vector<HeaderField> fields;
    fields.reserve(one.fields->size());
    for (const StoryField& from : *one.fields) {
      HeaderField field;
      field.name = from.name;
      field.value = from.value;
      field.sensitive = from.sensitive;
      fields.push_back(field);
    }
    Vector<std::uint8_t> block(default_memory());
    if (!encoder.encode(fields, block)) return unexpected(at_case(i, "there is no memory"));
    one.wire.emplace(block.begin(), block.end());
  }
  return {};
}

std::optional<std::string> check_story(const Story& story) {
  Story decoded = story;
  hpack::Decoder decoder({.max_list_size = UINT32_MAX, .max_fields = UINT32_MAX});
  const auto result = decode_story(decoded, decoder);
  for (std::size_t i = 0; i < story.size(); ++i) {
    if (!story[i].fields) return at_case(i, "there are no \"headers\" to compare with");
    // Cases from the one that cannot be decoded on have what the story says, or nothing.
    if (!result && result.error().starts_with("case " + std::to_string(i) + ":"))
      return result.error();
    const std::vector<StoryField>& expected = *story[i].fields;
    const std::vector<StoryField>& actual = *decoded[i].fields;
    for (std::size_t k = 0; k < std::max(expected.size(), actual.size()); ++k) {
      if (k < expected.size() && k < actual.size() && expected[k] == actual[k]) continue;
      return at_case(i, "field " + std::to_string(k) + ": expected " +
                            (k < expected.size() ? quoted(expected[k]) : "no more fields") +
                            ", decoded " +
                            (k < actual.size() ? quoted(actual[k]) : "no more fields"));
    }
  }
  return std::nullopt;
}

Json to_json(const hpack::DynamicTable& table) {
  Json entries = Json::array();
  for (std::uint32_t i = 0; i < table.count(); ++i) {
    const HeaderField field = table.entry(i);
    const std::uint64_t size = field.name.size() + field.value.size() + 32;  // RFC 7541 §4.1
    entries.push_back(Json{{"index", std::uint64_t{hpack::kStaticEntries} + 1 + i},
                           {"name", text_to_json(std::string(field.name))},
                           {"value", text_to_json(std::string(field.value))},
                           {"size", size}});
  }
  return Json{
      {"size", table.size()}, {"max_size", table.max_size()}, {"entries", std::move(entries)}};
}

void count_story(const Story& story, StoryStats& stats) {
  for (const StoryCase& one : story) {
    if (!one.wire || !one.fields) continue;
    ++stats.blocks;
    stats.wire_bytes += one.wire->size();
    stats.fields += one.fields->size();
    for (const StoryField& field : *one.fields)
      stats.plain_bytes += field.name.size() + field.value.size();
    Instructions(*one.wire, stats).count();
  }
}

Json to_json(const StoryStats& s) {
  Json json{{"blocks", s.blocks},
            {"fields", s.fields},
            {"plain_bytes", s.plain_bytes},
            {"wire_bytes", s.wire_bytes},
            {"wire_per_plain", nullptr},
            {"indexed_static", s.indexed_static},
            {"indexed_dynamic", s.indexed_dynamic},
            {"literal_indexed", s.literal_indexed},
            {"literal_not_indexed", s.literal_not_indexed},
            {"literal_never_indexed", s.literal_never_indexed},
            {"size_updates", s.size_updates},
            {"huffman_strings", s.huffman_strings},
            {"plain_strings", s.plain_strings}};
  if (s.plain_bytes != 0) {
    json["wire_per_plain"] = static_cast<double>(s.wire_bytes) / static_cast<double>(s.plain_bytes);
  }
  return json;
}

}  // namespace h2::inline v0::tools
