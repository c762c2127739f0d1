// What the HPACK tests share: hex, owned fields, and decoding in several ways at once.
#ifndef H2_TESTS_HPACK_HPACK_TESTING_H_
#define H2_TESTS_HPACK_HPACK_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "hpack/decoder.h"
#include "hpack/encoder.h"

namespace h2::tests {

using ByteString = std::vector<std::uint8_t>;

inline ByteString from_hex(std::string_view hex) {
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  ByteString bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

inline std::string to_hex(Bytes bytes) {
  std::string hex;
  for (const std::uint8_t b : bytes) {
    hex += "0123456789abcdef"[b >> 4];
    hex += "0123456789abcdef"[b & 15];
  }
  return hex;
}

// A field that owns its text.
struct OwnedField {
  std::string name;
  std::string value;
  bool sensitive = false;
  friend bool operator==(const OwnedField&, const OwnedField&) = default;
  hpack::HeaderField view() const { return {name, value, sensitive}; }
};
inline void PrintTo(const OwnedField& field, std::ostream* out) {
  *out << field.name << ": " << field.value << (field.sensitive ? " (sensitive)" : "");
}
using OwnedFields = std::vector<OwnedField>;

inline OwnedFields owned(const hpack::FieldList& list) {
  OwnedFields fields;
  for (std::size_t i = 0; i < list.size(); ++i) {
    fields.push_back({std::string(list[i].name), std::string(list[i].value), list[i].sensitive});
  }
  return fields;
}

inline std::vector<hpack::HeaderField> views(const OwnedFields& fields) {
  std::vector<hpack::HeaderField> result;
  for (const OwnedField& field : fields) result.push_back(field.view());
  return result;
}

// Decodes every block with several decoders, one of which gets it whole, one byte by byte and the
// others in random pieces, and checks that they agree in everything.
class SplitDecoder {
 public:
  struct Outcome {
    OwnedFields fields;
    std::optional<hpack::DecodeError> error;
    std::uint64_t counted_size = 0;
    bool truncated = false;
    std::uint32_t table_size = 0;
    friend bool operator==(const Outcome&, const Outcome&) = default;
  };

  explicit SplitDecoder(const hpack::Decoder::Config& config = {}) {
    for (std::size_t i = 0; i < kWays; ++i) decoders_.emplace_back(config);
  }

  Outcome decode(const ByteString& block) {
    const Outcome whole = decode_as(0, block);
    for (std::size_t way = 1; way < kWays; ++way) {
      const Outcome other = decode_as(way, block);
      EXPECT_EQ(other.fields, whole.fields) << "split " << way;
      EXPECT_EQ(other.error, whole.error) << "split " << way;
      EXPECT_EQ(other.counted_size, whole.counted_size) << "split " << way;
      EXPECT_EQ(other.truncated, whole.truncated) << "split " << way;
      EXPECT_EQ(other.table_size, whole.table_size) << "split " << way;
    }
    return whole;
  }
  Outcome decode(std::string_view hex) { return decode(from_hex(hex)); }

  void set_max_table_size(std::uint32_t size) {
    for (hpack::Decoder& decoder : decoders_) decoder.set_max_table_size(size);
  }
  const hpack::DynamicTable& table() const { return decoders_[0].table(); }

 private:
  static constexpr std::size_t kWays = 5;

  Outcome decode_as(std::size_t way, const ByteString& block) {
    hpack::Decoder& decoder = decoders_[way];
    hpack::FieldList list(default_memory());
    Outcome outcome;
    std::size_t at = 0;
    do {
      const std::size_t left = block.size() - at;
      std::size_t part = left;
      if (way == 1) part = std::min<std::size_t>(left, 1);
      if (way > 1) part = std::min<std::size_t>(left, random_() % 17);
      const bool last = part == left;
      const auto decoded = decoder.decode(
          {block.data() + at, part}, last ? hpack::EndOfBlock::kYes : hpack::EndOfBlock::kNo, list);
      if (!decoded) {
        outcome.error = decoded.error();
        break;
      }
      at += part;
      if (last) break;
    } while (true);
    outcome.fields = owned(list);
    outcome.counted_size = decoder.counted_size();
    outcome.truncated = decoder.list_truncated();
    outcome.table_size = decoder.table().size();
    return outcome;
  }

  std::vector<hpack::Decoder> decoders_;
  std::mt19937 random_{7541};
};

}  // namespace h2::tests

#endif  // H2_TESTS_HPACK_HPACK_TESTING_H_
