// Frames as bytes, lawful or not; see raw_writer.h.
#include "h2core/testing/raw_writer.h"

#include <algorithm>

#include "hpack/memory.h"
#include "hpack/vector.h"

namespace h2::inline v0::testing {

namespace {

void put_u16(std::string& out, std::uint32_t v) {
  out += static_cast<char>((v >> 8) & 0xffU);
  out += static_cast<char>(v & 0xffU);
}

void put_u32(std::string& out, std::uint32_t v) {
  put_u16(out, v >> 16);
  put_u16(out, v);
}

std::string padded(std::string_view payload, const std::optional<RawPadding>& padding) {
  if (!padding) return std::string(payload);
  std::string out(1, static_cast<char>(padding->says));
  out += payload;
  return out.append(padding->bytes.value_or(padding->says), padding->fill);
}

std::uint8_t flag_if(bool condition, std::uint8_t flag) {
  return condition ? flag : std::uint8_t{0};
}

std::uint8_t type_of(FrameType type) { return static_cast<std::uint8_t>(type); }

}  // namespace

RawWriter& RawWriter::raw(std::string_view bytes) {
  out_ += bytes;
  return *this;
}

RawWriter& RawWriter::frame_header(std::uint32_t length, std::uint8_t type, std::uint8_t flags,
                                   std::uint32_t stream) {
  out_ += static_cast<char>((length >> 16) & 0xffU);
  put_u16(out_, length);
  out_ += static_cast<char>(type);
  out_ += static_cast<char>(flags);
  put_u32(out_, stream);
  return *this;
}

RawWriter& RawWriter::frame(const RawFrame& frame) {
  const auto size = static_cast<std::uint32_t>(frame.payload.size());
  frame_header(frame.length.value_or(size), frame.type, frame.flags, frame.stream);
  return raw(frame.payload);
}

RawWriter& RawWriter::repeat(std::size_t times, const RawWriter& other) {
  const std::string bytes = other.out_;  // which may be this one's
  out_.reserve(out_.size() + times * bytes.size());
  for (std::size_t i = 0; i < times; ++i) out_ += bytes;
  return *this;
}

RawWriter& RawWriter::preface(std::size_t size) { return raw(kClientPreface.substr(0, size)); }

RawWriter& RawWriter::data(std::uint32_t stream, std::string_view data, bool end_stream,
                           std::optional<RawPadding> padding) {
  const auto all = static_cast<std::uint8_t>(flag_if(end_stream, kFlagEndStream) |
                                             flag_if(padding.has_value(), kFlagPadded));
  return frame({type_of(FrameType::kData), all, stream, padded(data, padding)});
}

RawWriter& RawWriter::headers(std::uint32_t stream, std::string_view fields, const RawBlock& how) {
  std::string prefix;
  if (how.priority) {
    put_u32(prefix, how.priority->dependency);
    prefix += static_cast<char>(how.priority->weight);
  }
  return block(FrameType::kHeaders, stream, prefix, fields, how);
}

RawWriter& RawWriter::push_promise(std::uint32_t stream, std::uint32_t promised,
                                   std::string_view fields, const RawBlock& how) {
  std::string prefix;
  put_u32(prefix, promised);
  return block(FrameType::kPushPromise, stream, prefix, fields, how);
}

RawWriter& RawWriter::block(FrameType first, std::uint32_t stream, std::string_view prefix,
                            std::string_view block, const RawBlock& how) {
  const bool headers = first == FrameType::kHeaders;
  std::vector<std::string_view> fragments;
  for (const std::size_t piece : how.pieces) {
    fragments.push_back(block.substr(0, piece));
    block.remove_prefix(std::min(piece, block.size()));
  }
  if (fragments.empty() || !block.empty()) fragments.push_back(block);
  const std::uint8_t ends = flag_if(how.end_headers, kFlagEndHeaders);
  const auto first_flags = static_cast<std::uint8_t>(
      flag_if(fragments.size() == 1, ends) | flag_if(how.end_stream, kFlagEndStream) |
      flag_if(how.padding.has_value(), kFlagPadded) |
      flag_if(headers && how.priority.has_value(), kFlagPriority) | how.more_flags);
  std::string payload(prefix);
  payload += fragments[0];
  frame({type_of(first), first_flags, stream, padded(payload, how.padding)});
  for (std::size_t i = 1; i < fragments.size(); ++i) {
    continuation(stream, fragments[i], i + 1 == fragments.size() && how.end_headers);
  }
  return *this;
}

RawWriter& RawWriter::continuation(std::uint32_t stream, std::string_view fragment,
                                   bool end_headers) {
  return frame(
      {type_of(FrameType::kContinuation), flag_if(end_headers, kFlagEndHeaders), stream, fragment});
}

RawWriter& RawWriter::priority(std::uint32_t stream, RawPriority priority) {
  std::string payload;
  put_u32(payload, priority.dependency);
  payload += static_cast<char>(priority.weight);
  return frame({type_of(FrameType::kPriority), 0, stream, payload});
}

RawWriter& RawWriter::rst_stream(std::uint32_t stream, std::uint32_t code) {
  std::string payload;
  put_u32(payload, code);
  return frame({type_of(FrameType::kRstStream), 0, stream, payload});
}

RawWriter& RawWriter::settings(std::span<const RawSetting> entries) {
  std::string payload;
  for (const RawSetting& entry : entries) {
    put_u16(payload, entry.code);
    put_u32(payload, entry.value);
  }
  return frame({type_of(FrameType::kSettings), 0, 0, payload});
}

RawWriter& RawWriter::settings_ack(std::string_view payload) {
  return frame({type_of(FrameType::kSettings), kFlagAck, 0, payload});
}

RawWriter& RawWriter::ping(std::string_view payload) {
  return frame({type_of(FrameType::kPing), 0, 0, payload});
}

RawWriter& RawWriter::ping_ack(std::string_view payload) {
  return frame({type_of(FrameType::kPing), kFlagAck, 0, payload});
}

RawWriter& RawWriter::goaway(std::uint32_t last_stream, std::uint32_t code,
                             std::string_view debug) {
  std::string payload;
  put_u32(payload, last_stream);
  put_u32(payload, code);
  payload += debug;
  return frame({type_of(FrameType::kGoAway), 0, 0, payload});
}

RawWriter& RawWriter::window_update(std::uint32_t stream, std::uint32_t increment) {
  std::string payload;
  put_u32(payload, increment);
  return frame({type_of(FrameType::kWindowUpdate), 0, stream, payload});
}

std::string RawEncoder::block(std::span<const hpack::HeaderField> fields) {
  Vector<std::uint8_t> out(default_memory());
  (void)encoder_.encode(fields, out);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::string literal_block(std::span<const hpack::HeaderField> fields) {
  std::string out;
  for (const hpack::HeaderField& field : fields) {
    out += raw_integer(field.sensitive ? 0x10 : 0x00, 4, 0);
    for (const std::string_view text : {field.name, field.value}) {
      out += raw_integer(0x00, 7, text.size());
      out += text;
    }
  }
  return out;
}

std::string raw_integer(std::uint8_t first, unsigned prefix_bits, std::uint64_t value,
                        std::size_t extra) {
  const std::uint64_t limit = (std::uint64_t{1} << prefix_bits) - 1;
  if (value < limit) return std::string(1, static_cast<char>(first | value));
  std::string out(1, static_cast<char>(first | limit));
  value -= limit;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80U | (value & 0x7fU));
  out += static_cast<char>(value | (extra > 0 ? 0x80U : 0U));
  for (; extra > 0; --extra) out += static_cast<char>(extra > 1 ? 0x80U : 0U);
  return out;
}

}  // namespace h2::inline v0::testing
