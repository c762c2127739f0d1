// Header blocks to header fields (RFC 7541 §3, §6). Tested by tests/hpack/decoder_test.cc.
//
//   h2::hpack::Decoder decoder({});
//   h2::hpack::FieldList fields(h2::default_memory());
//   auto decoded = decoder.decode(block, h2::hpack::EndOfBlock::kYes, fields);
//   if (!decoded) return fail(decoded.error());       // the connection is lost (RFC 9113 §4.3)
//   for (std::size_t i = 0; i < fields.size(); ++i) use(fields[i].name, fields[i].value);
#ifndef H2_HPACK_DECODER_H_
#define H2_HPACK_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "hpack/bytes.h"
#include "hpack/decode_error.h"
#include "hpack/dynamic_table.h"
#include "hpack/field_list.h"
#include "hpack/result.h"
#include "hpack/static_table.h"

namespace h2::inline v0::hpack {

enum class EndOfBlock : bool { kNo, kYes };

// Not thread-safe. After an error the decoder stays failed: the tables of both ends have parted.
class Decoder {
 public:
  struct Config {
    MemoryResource* memory = nullptr;      // null: default_memory(); must outlive the decoder
    std::uint32_t max_table_size = 4'096;  // what we allow the peer's encoder (RFC 7541 §4.2)
    std::uint32_t max_list_size = 65'536;  // sum of name + value + 32; beyond it fields are dropped
    std::uint32_t max_fields = 512;        // beyond it fields are dropped
    std::uint32_t max_string =
        65'536;  // bytes of one string on the wire; beyond it: kStringTooLong
    // Called once for each literal field (name, value, token); what it returns is the field's
    // annotation, kept in the dynamic table with the entry, so that indexed fields need not be
    // looked at again.
    std::uint32_t (*classify)(const HeaderField& field) noexcept = nullptr;
    // The annotations of fields taken whole from the static table, by index; null: all 0. They
    // should say what classify does.
    const StaticAnnotations* static_annotations = nullptr;
  };

  explicit Decoder(const Config& config);

  // Decodes the next fragment of a block and appends its fields to `out`. An instruction that is
  // cut by the end of the fragment is kept and finished with the next one. `fragment` is not kept.
  // With kYes the block ends here. Fields beyond max_list_size or max_fields are decoded, as the
  // table demands it, and not appended.
  Result<void, DecodeError> decode(Bytes fragment, EndOfBlock end, FieldList& out);

  // Of the current block, or the last one if none has begun since: whether fields were dropped, and
  // what all fields came to (RFC 7541 §4.1), dropped ones included.
  bool list_truncated() const { return truncated_; }
  std::uint64_t counted_size() const { return counted_size_; }
  std::uint64_t field_count() const { return field_count_; }

  // Our SETTINGS_HEADER_TABLE_SIZE of `size` was acknowledged. If that is less than the peer may be
  // using, its next block has to begin with a size update (RFC 7541 §4.2).
  void set_max_table_size(std::uint32_t size);

  // Other values of Config::max_list_size and Config::max_string, from the next field on. Between
  // blocks, or to raise them; a block whose fields were dropped already stays truncated.
  void set_max_list_size(std::uint32_t size, std::uint32_t max_string) {
    config_.max_list_size = size;
    config_.max_string = max_string;
  }

  const DynamicTable& table() const { return table_; }

 private:
  enum class Step : std::uint8_t { kDone, kIncomplete, kFailed };  // failed_ says why
  struct Text {
    Bytes bytes;  // as on the wire
    bool huffman = false;
    // Bytes to have room for when it is written out.
    std::size_t room() const;
  };
  // What is not read yet.
  struct Cursor {
    const std::uint8_t* at;
    const std::uint8_t* end;
  };

  Step step(Cursor& rest, FieldList& out);
  Step indexed(Cursor& rest, FieldList& out);
  Step literal(Cursor& rest, unsigned prefix_bits, bool index, bool sensitive, FieldList& out);
  Step size_update(Cursor& rest);
  Step read_integer(Cursor& rest, unsigned prefix_bits, std::uint32_t& value);
  Step read_long_integer(Cursor& rest, unsigned prefix_bits, std::uint32_t& value);
  Step read_text(Cursor& rest, Text& text);
  Step fail(DecodeError error);
  bool write(const Text& text, char* to, std::size_t& size);
  bool lookup(std::uint32_t index, HeaderField& field) const;
  bool count(const HeaderField& field);
  void begin_block();

  Config config_;  // static_annotations is never null here
  DynamicTable table_;
  Vector<std::uint8_t> carry_;  // an instruction that is not complete
  Vector<char> scratch_;        // the current literal, if it is not written into the list at once
  std::uint32_t limit_;         // for size updates
  std::optional<std::uint32_t> required_update_;
  std::optional<DecodeError> failed_;
  bool in_block_ = false;
  bool fields_begun_ = false;
  unsigned updates_ = 0;
  bool truncated_ = false;
  std::uint64_t counted_size_ = 0;
  std::uint64_t field_count_ = 0;
};

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_DECODER_H_
