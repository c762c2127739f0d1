// Decoding header blocks. See decoder.h.
#include "hpack/decoder.h"

#include <algorithm>

#include "hpack/huffman.h"
#include "hpack/integer.h"
#include "hpack/static_table.h"
#include "hpack/text.h"

namespace h2::inline v0::hpack {

namespace {

MemoryResource& memory_of(const Decoder::Config& config) {
  return config.memory != nullptr ? *config.memory : default_memory();
}

constexpr StaticAnnotations kNoAnnotations{};

}  // namespace

Decoder::Decoder(const Config& config)
    : config_(config),
      // The encoder starts with 4,096 and has to say so when it uses more (RFC 7541 §4.2).
      table_(memory_of(config), std::min<std::uint32_t>(config.max_table_size, 4'096)),
      carry_(memory_of(config)),
      scratch_(memory_of(config)),
      limit_(config.max_table_size) {
  if (config_.static_annotations == nullptr) config_.static_annotations = &kNoAnnotations;
}

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

// False: there is no such index. `index` is not 0.
inline bool Decoder::lookup(std::uint32_t index, HeaderField& field) const {
  if (index <= kStaticEntries) {
    const StaticEntry& e = kStaticTable[index];
    field = HeaderField{e.name, e.value, false, e.token, (*config_.static_annotations)[index]};
    return true;
  }
  const std::uint32_t number = index - kStaticEntries - 1;
  if (number >= table_.count()) return false;
  field = table_.entry(number);
  return true;
}

// Counts a field; false: it is to be dropped.
inline bool Decoder::count(const HeaderField& field) {
  fields_begun_ = true;
  ++field_count_;
  counted_size_ += field.size();
  truncated_ =
      truncated_ || counted_size_ > config_.max_list_size || field_count_ > config_.max_fields;
  return !truncated_;
}

Result<void, DecodeError> Decoder::decode(Bytes fragment, EndOfBlock end, FieldList& out) {
  if (failed_) return unexpected(*failed_);
  const auto failure = [this](DecodeError error) {
    failed_ = error;
    return unexpected(error);
  };
  if (!in_block_) begin_block();
  const bool carried = !carry_.empty();
  if (carried && !carry_.append(fragment.data(), fragment.size()))
    return failure(DecodeError::kOutOfMemory);
  const Bytes all = carried ? Bytes(carry_.data(), carry_.size()) : fragment;
  Cursor rest{all.data(), all.data() + all.size()};
  while (rest.at != rest.end) {
    // Most fields are one byte: an index that is in a table.
    while (rest.at != rest.end && *rest.at > 0x80 && *rest.at < 0xff && !required_update_) {
      HeaderField field;
      if (!lookup(*rest.at & 0x7fU, field)) return failure(DecodeError::kIndexOutOfRange);
      if (count(field) && !out.append(field)) return failure(DecodeError::kOutOfMemory);
      ++rest.at;
    }
    if (rest.at == rest.end) break;
    Cursor after = rest;
    const Step done = step(after, out);
    if (done == Step::kFailed) return unexpected(*failed_);
    if (done == Step::kIncomplete) break;
    rest = after;
  }
  if (carried) {
    carry_.erase_front(static_cast<std::size_t>(rest.at - all.data()));
  } else if (!carry_.append(rest.at, static_cast<std::size_t>(rest.end - rest.at))) {
    return failure(DecodeError::kOutOfMemory);
  }
  if (end == EndOfBlock::kNo) return {};
  if (!carry_.empty()) return failure(DecodeError::kTruncatedBlock);
  if (required_update_) return failure(DecodeError::kMissingSizeUpdate);
  in_block_ = false;
  // A rare large string must not make an idle connection large.
  constexpr std::size_t kKept = 16'384;
  if (scratch_.capacity() > kKept) scratch_.release();
  if (carry_.capacity() > kKept) carry_.release();
  return {};
}

Decoder::Step Decoder::fail(DecodeError error) {
  failed_ = error;
  return Step::kFailed;
}

// One instruction (RFC 7541 §6), told apart by its first bits.
Decoder::Step Decoder::step(Cursor& rest, FieldList& out) {
  const std::uint8_t first = *rest.at;
  if ((first & 0xe0U) == 0x20) return size_update(rest);
  if (required_update_) return fail(DecodeError::kMissingSizeUpdate);
  if ((first & 0x80U) != 0) return indexed(rest, out);
  if ((first & 0x40U) != 0) return literal(rest, 6, true, false, out);
  return literal(rest, 4, false, (first & 0x10U) != 0, out);
}

inline Decoder::Step Decoder::read_integer(Cursor& rest, unsigned prefix_bits,
                                           std::uint32_t& value) {
  if (rest.at == rest.end) return Step::kIncomplete;
  const std::uint32_t max = (1U << prefix_bits) - 1;
  value = *rest.at & max;
  if (value == max) return read_long_integer(rest, prefix_bits, value);
  ++rest.at;
  return Step::kDone;
}

Decoder::Step Decoder::read_long_integer(Cursor& rest, unsigned prefix_bits, std::uint32_t& value) {
  const DecodedInteger read = decode_integer({rest.at, rest.end}, prefix_bits);
  switch (read.status) {
    case IntegerStatus::kDone:
      break;
    case IntegerStatus::kIncomplete:
      return Step::kIncomplete;
    case IntegerStatus::kTooLong:
      return fail(DecodeError::kIntegerTooLong);
    case IntegerStatus::kOverflow:
      return fail(DecodeError::kIntegerOverflow);
  }
  value = read.value;
  rest.at += read.length;
  return Step::kDone;
}

// RFC 7541 §6.3.
Decoder::Step Decoder::size_update(Cursor& rest) {
  std::uint32_t size = 0;
  const Step read = read_integer(rest, 5, size);
  if (read != Step::kDone) return read;
  if (fields_begun_) return fail(DecodeError::kSizeUpdateNotAtStart);
  if (++updates_ > 2) return fail(DecodeError::kTooManySizeUpdates);
  if (size > limit_) return fail(DecodeError::kSizeUpdateAboveLimit);
  // The smallest limit there was in between has to be met once (RFC 7541 §4.2).
  if (required_update_ && size <= *required_update_) required_update_.reset();
  table_.set_max_size(size);
  return Step::kDone;
}

// RFC 7541 §6.1.
Decoder::Step Decoder::indexed(Cursor& rest, FieldList& out) {
  std::uint32_t index = 0;
  const Step read = read_integer(rest, 7, index);
  if (read != Step::kDone) return read;
  if (index == 0) return fail(DecodeError::kIndexZero);
  HeaderField field;
  if (!lookup(index, field)) return fail(DecodeError::kIndexOutOfRange);
  if (count(field) && !out.append(field)) return fail(DecodeError::kOutOfMemory);
  return Step::kDone;
}

// RFC 7541 §5.2. The length is judged before the bytes are there.
inline Decoder::Step Decoder::read_text(Cursor& rest, Text& text) {
  if (rest.at == rest.end) return Step::kIncomplete;
  text.huffman = (*rest.at & 0x80U) != 0;
  std::uint32_t length = 0;
  const Step read = read_integer(rest, 7, length);
  if (read != Step::kDone) return read;
  if (config_.max_string != 0 && length > config_.max_string)
    return fail(DecodeError::kStringTooLong);
  if (static_cast<std::size_t>(rest.end - rest.at) < length) return Step::kIncomplete;
  text.bytes = {rest.at, length};
  rest.at += length;
  return Step::kDone;
}

inline std::size_t Decoder::Text::room() const {
  return huffman ? huffman_decode_room(bytes.size()) : bytes.size();
}

// Writes the text out to where there is room for it; false: failed.
inline bool Decoder::write(const Text& text, char* to, std::size_t& size) {
  if (!text.huffman) {
    size = text.bytes.size();
    copy_text(to, as_string_view(text.bytes));
    return true;
  }
  const auto length = huffman_decode(text.bytes, to);
  if (!length) {
    failed_ = length.error();
    return false;
  }
  size = *length;
  return true;
}

// RFC 7541 §6.2.1, §6.2.2, §6.2.3.
Decoder::Step Decoder::literal(Cursor& rest, unsigned prefix_bits, bool index, bool sensitive,
                               FieldList& out) {
  std::uint32_t name_index = 0;
  Step read = read_integer(rest, prefix_bits, name_index);
  if (read != Step::kDone) return read;
  Text name_text;
  Text value_text;
  if (name_index == 0) {
    read = read_text(rest, name_text);
    if (read != Step::kDone) return read;
  }
  read = read_text(rest, value_text);
  if (read != Step::kDone) return read;

  HeaderField field;
  if (name_index != 0 && !lookup(name_index, field)) return fail(DecodeError::kIndexOutOfRange);
  // Short literals are written where the list will have them, the others and those that are dropped
  // in between.
  constexpr std::size_t kShort = 2'048;
  const std::size_t room =
      (name_index == 0 ? name_text.room() : field.name.size()) + value_text.room();
  const bool in_place = !truncated_ && room <= kShort;
  if (!in_place && scratch_.size() < room && !scratch_.resize_uninitialized(room)) {
    return fail(DecodeError::kOutOfMemory);
  }
  char* const to = in_place ? out.room(room) : scratch_.data();
  if (in_place && to == nullptr) return fail(DecodeError::kOutOfMemory);

  std::size_t name_size = field.name.size();
  if (name_index == 0) {
    if (!write(name_text, to, name_size)) return Step::kFailed;
    field.token = lookup_token({to, name_size});
  } else {
    copy_text(to, field.name);
  }
  std::size_t value_size = 0;
  if (!write(value_text, to + name_size, value_size)) return Step::kFailed;
  field.name = {to, name_size};
  field.value = {to + name_size, value_size};
  field.sensitive = sensitive;
  field.annotation = config_.classify != nullptr ? config_.classify(field) : 0;
  if (count(field)) {
    if (in_place) {
      out.commit(field);
    } else if (!out.append(field)) {
      return fail(DecodeError::kOutOfMemory);
    }
  }
  if (index && table_.insert(field) == DynamicTable::Inserted::kOutOfMemory) {
    return fail(DecodeError::kOutOfMemory);
  }
  return Step::kDone;
}

}  // namespace h2::inline v0::hpack
