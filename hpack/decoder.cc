// Decoding header blocks. See decoder.h.
#include "hpack/decoder.h"

#include <algorithm>

#include "hpack/huffman.h"
#include "hpack/integer.h"
#include "hpack/static_table.h"

namespace h2::inline v0::hpack {

namespace {

MemoryResource& memory_of(const Decoder::Config& config) {
  return config.memory != nullptr ? *config.memory : default_memory();
}

}  // namespace

Decoder::Decoder(const Config& config)
    : config_(config),
      // The encoder starts with 4,096 and has to say so when it uses more (RFC 7541 §4.2).
      table_(memory_of(config), std::min<std::uint32_t>(config.max_table_size, 4'096)),
      carry_(memory_of(config)),
      scratch_(memory_of(config)),
      limit_(config.max_table_size) {}

void Decoder::set_max_table_size(std::uint32_t size) {
  limit_ = size;
  if (size < table_.max_size()) required_update_ = std::min(required_update_.value_or(size), size);
}

void Decoder::begin_block() {
  in_block_ = true;
  fields_begun_ = false;
  updates_ = 0;
  truncated_ = false;
  counted_size_ = 0;
  field_count_ = 0;
}

Result<void, DecodeError> Decoder::decode(Bytes fragment, EndOfBlock end, FieldList& out) {
  if (failed_) return unexpected(*failed_);
  const auto fail = [this](DecodeError error) {
    failed_ = error;
    return unexpected(error);
  };
  if (!in_block_) begin_block();
  const bool carried = !carry_.empty();
  if (carried && !carry_.append(fragment.data(), fragment.size()))
    return fail(DecodeError::kOutOfMemory);
  const Bytes all = carried ? Bytes(carry_.data(), carry_.size()) : fragment;
  Bytes rest = all;
  while (!rest.empty()) {
    Bytes after = rest;
    const StepResult done = step(after, out);
    if (!done) return fail(done.error());
    if (*done == Step::kIncomplete) break;
    rest = after;
  }
  if (carried) {
    carry_.erase_front(all.size() - rest.size());
  } else if (!carry_.append(rest.data(), rest.size())) {
    return fail(DecodeError::kOutOfMemory);
  }
  if (end == EndOfBlock::kNo) return {};
  if (!carry_.empty()) return fail(DecodeError::kTruncatedBlock);
  if (required_update_) return fail(DecodeError::kMissingSizeUpdate);
  in_block_ = false;
  // A rare large string must not make an idle connection large.
  constexpr std::size_t kKept = 16'384;
  if (scratch_.capacity() > kKept) scratch_.release();
  if (carry_.capacity() > kKept) carry_.release();
  return {};
}

// One instruction (RFC 7541 §6), told apart by its first bits.
Decoder::StepResult Decoder::step(Bytes& rest, FieldList& out) {
  const std::uint8_t first = rest[0];
  if ((first & 0xe0U) == 0x20) return size_update(rest);
  if (required_update_) return unexpected(DecodeError::kMissingSizeUpdate);
  if ((first & 0x80U) != 0) return indexed(rest, out);
  if ((first & 0x40U) != 0) return literal(rest, 6, true, false, out);
  return literal(rest, 4, false, (first & 0x10U) != 0, out);
}

Decoder::StepResult Decoder::read_integer(Bytes& rest, unsigned prefix_bits, std::uint32_t& value) {
  if (rest.empty()) return Step::kIncomplete;
  const DecodedInteger read = decode_integer(rest, prefix_bits);
  switch (read.status) {
    case IntegerStatus::kDone:
      break;
    case IntegerStatus::kIncomplete:
      return Step::kIncomplete;
    case IntegerStatus::kTooLong:
      return unexpected(DecodeError::kIntegerTooLong);
    case IntegerStatus::kOverflow:
      return unexpected(DecodeError::kIntegerOverflow);
  }
  value = read.value;
  rest = rest.subspan(read.length);
  return Step::kDone;
}

// RFC 7541 §6.3.
Decoder::StepResult Decoder::size_update(Bytes& rest) {
  std::uint32_t size = 0;
  const StepResult read = read_integer(rest, 5, size);
  if (!read || *read == Step::kIncomplete) return read;
  if (fields_begun_) return unexpected(DecodeError::kSizeUpdateNotAtStart);
  if (++updates_ > 2) return unexpected(DecodeError::kTooManySizeUpdates);
  if (size > limit_) return unexpected(DecodeError::kSizeUpdateAboveLimit);
  // The smallest limit there was in between has to be met once (RFC 7541 §4.2).
  if (required_update_ && size <= *required_update_) required_update_.reset();
  table_.set_max_size(size);
  return Step::kDone;
}

std::optional<HeaderField> Decoder::lookup(std::uint32_t index) const {
  if (index <= kStaticEntries) {
    const StaticEntry& e = kStaticTable[index];
    return HeaderField{e.name, e.value, false, e.token, 0};
  }
  const std::uint32_t number = index - kStaticEntries - 1;
  if (number >= table_.count()) return std::nullopt;
  return table_.entry(number);
}

// RFC 7541 §6.1.
Decoder::StepResult Decoder::indexed(Bytes& rest, FieldList& out) {
  std::uint32_t index = 0;
  const StepResult read = read_integer(rest, 7, index);
  if (!read || *read == Step::kIncomplete) return read;
  if (index == 0) return unexpected(DecodeError::kIndexZero);
  const auto field = lookup(index);
  if (!field) return unexpected(DecodeError::kIndexOutOfRange);
  if (const auto emitted = emit(*field, out); !emitted) return unexpected(emitted.error());
  return Step::kDone;
}

// RFC 7541 §5.2. The length is judged before the bytes are there.
Decoder::StepResult Decoder::read_text(Bytes& rest, Text& text) {
  if (rest.empty()) return Step::kIncomplete;
  text.huffman = (rest[0] & 0x80U) != 0;
  std::uint32_t length = 0;
  const StepResult read = read_integer(rest, 7, length);
  if (!read || *read == Step::kIncomplete) return read;
  if (config_.max_string != 0 && length > config_.max_string) {
    return unexpected(DecodeError::kStringTooLong);
  }
  if (rest.size() < length) return Step::kIncomplete;
  text.bytes = rest.first(length);
  rest = rest.subspan(length);
  return Step::kDone;
}

// The text itself: where it is, or expanded into scratch_ from `offset` on, where room was made.
Result<std::string_view, DecodeError> Decoder::expand(const Text& text, std::size_t offset) {
  if (!text.huffman) return as_string_view(text.bytes);
  char* to = scratch_.data() + offset;
  const auto length = huffman_decode(text.bytes, to);
  if (!length) return unexpected(length.error());
  return std::string_view(to, *length);
}

// RFC 7541 §6.2.1, §6.2.2, §6.2.3.
Decoder::StepResult Decoder::literal(Bytes& rest, unsigned prefix_bits, bool index, bool sensitive,
                                     FieldList& out) {
  std::uint32_t name_index = 0;
  StepResult read = read_integer(rest, prefix_bits, name_index);
  if (!read || *read == Step::kIncomplete) return read;
  Text name_text;
  Text value_text;
  if (name_index == 0) {
    read = read_text(rest, name_text);
    if (!read || *read == Step::kIncomplete) return read;
  }
  read = read_text(rest, value_text);
  if (!read || *read == Step::kIncomplete) return read;

  const std::size_t name_room = name_text.huffman ? huffman_decode_room(name_text.bytes.size()) : 0;
  const std::size_t value_room =
      value_text.huffman ? huffman_decode_room(value_text.bytes.size()) : 0;
  if (scratch_.size() < name_room + value_room && !scratch_.resize(name_room + value_room)) {
    return unexpected(DecodeError::kOutOfMemory);
  }
  HeaderField field;
  if (name_index == 0) {
    const auto name = expand(name_text, 0);
    if (!name) return unexpected(name.error());
    field.name = *name;
    field.token = lookup_token(*name);
  } else {
    const auto named = lookup(name_index);
    if (!named) return unexpected(DecodeError::kIndexOutOfRange);
    field.name = named->name;
    field.token = named->token;
  }
  const auto value = expand(value_text, name_room);
  if (!value) return unexpected(value.error());
  field.value = *value;
  field.sensitive = sensitive;
  if (config_.classify != nullptr) field.annotation = config_.classify(field);
  if (const auto emitted = emit(field, out); !emitted) return unexpected(emitted.error());
  if (index && table_.insert(field) == DynamicTable::Inserted::kOutOfMemory) {
    return unexpected(DecodeError::kOutOfMemory);
  }
  return Step::kDone;
}

Result<void, DecodeError> Decoder::emit(const HeaderField& field, FieldList& out) {
  fields_begun_ = true;
  ++field_count_;
  counted_size_ += field.size();
  truncated_ =
      truncated_ || counted_size_ > config_.max_list_size || field_count_ > config_.max_fields;
  if (truncated_) return {};
  if (!out.append(field)) return unexpected(DecodeError::kOutOfMemory);
  return {};
}

}  // namespace h2::inline v0::hpack
