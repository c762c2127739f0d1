// Builds and reads back frames; see frame_script.h.
#include "tests/support/frame_script.h"

#include <algorithm>

namespace h2::tests {

namespace {

void put_u32(std::string& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((v >> shift) & 0xffU);
}

void put_integer(std::string& out, std::uint8_t first, unsigned prefix_bits, std::uint64_t value) {
  const std::uint64_t limit = (1U << prefix_bits) - 1;
  if (value < limit) {
    out += static_cast<char>(first | value);
    return;
  }
  out += static_cast<char>(first | limit);
  value -= limit;
  while (value >= 128) {
    out += static_cast<char>(0x80U | (value & 0x7fU));
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::string padded(std::string_view payload, std::optional<std::uint8_t> padding) {
  std::string out;
  if (padding) out += static_cast<char>(*padding);
  out += payload;
  if (padding) out.append(*padding, '\0');
  return out;
}

std::uint8_t flags_of(End end, bool end_headers, bool is_padded) {
  unsigned flags = 0;
  if (end == End::kYes) flags |= kFlagEndStream;
  if (end_headers) flags |= kFlagEndHeaders;
  if (is_padded) flags |= kFlagPadded;
  return static_cast<std::uint8_t>(flags);
}

std::string code_name(std::uint32_t code) {
  return std::string(h2::to_string(static_cast<ErrorCode>(code)));
}

}  // namespace

Fields request_fields(std::string_view method, std::string_view path, const Fields& more) {
  Fields fields{{":method", std::string(method)},
                {":scheme", "https"},
                {":path", std::string(path)},
                {":authority", "example.org"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Fields response_fields(int status, const Fields& more) {
  Fields fields{{":status", std::to_string(status)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::string plain_block(const Fields& fields) {
  std::string out;
  for (const auto& field : fields) {
    put_integer(out, 0x00, 4, 0);
    put_integer(out, 0x00, 7, field.first.size());
    out += field.first;
    put_integer(out, 0x00, 7, field.second.size());
    out += field.second;
  }
  return out;
}

FrameScript& FrameScript::client_preface() { return raw(kClientPreface); }

FrameScript& FrameScript::client_start(std::initializer_list<Setting> settings) {
  return client_preface().settings(settings);
}

FrameScript& FrameScript::server_start(std::initializer_list<Setting> settings) {
  return this->settings(settings);
}

FrameScript& FrameScript::settings(std::initializer_list<Setting> settings) {
  std::string payload;
  for (const Setting& setting : settings) {
    const auto code = static_cast<std::uint16_t>(setting.code);
    payload += static_cast<char>(code >> 8);
    payload += static_cast<char>(code & 0xff);
    put_u32(payload, setting.value);
  }
  return frame(FrameType::kSettings, 0, 0, payload);
}

FrameScript& FrameScript::settings_ack() { return frame(FrameType::kSettings, kFlagAck, 0, {}); }

FrameScript& FrameScript::headers(std::uint32_t stream, const Fields& fields, End end,
                                  std::optional<std::uint8_t> padding) {
  return frame(FrameType::kHeaders, flags_of(end, true, padding.has_value()), stream,
               padded(plain_block(fields), padding));
}

FrameScript& FrameScript::headers_in_pieces(std::uint32_t stream, const Fields& fields, End end,
                                            std::size_t piece) {
  const std::string block = plain_block(fields);
  std::size_t at = std::min(piece, block.size());
  headers_block(stream, std::string_view(block).substr(0, at), end, at == block.size());
  while (at < block.size()) {
    const std::size_t n = std::min(piece, block.size() - at);
    continuation(stream, std::string_view(block).substr(at, n), at + n == block.size());
    at += n;
  }
  return *this;
}

FrameScript& FrameScript::headers_block(std::uint32_t stream, std::string_view block, End end,
                                        bool end_headers) {
  return frame(FrameType::kHeaders, flags_of(end, end_headers, false), stream, block);
}

FrameScript& FrameScript::continuation(std::uint32_t stream, std::string_view block,
                                       bool end_headers) {
  return frame(FrameType::kContinuation, flags_of(End::kNo, end_headers, false), stream, block);
}

FrameScript& FrameScript::data(std::uint32_t stream, std::string_view data, End end,
                               std::optional<std::uint8_t> padding) {
  return frame(FrameType::kData, flags_of(end, false, padding.has_value()), stream,
               padded(data, padding));
}

FrameScript& FrameScript::priority(std::uint32_t stream, std::uint32_t dependency,
                                   std::uint8_t weight) {
  std::string payload;
  put_u32(payload, dependency);
  payload += static_cast<char>(weight);
  return frame(FrameType::kPriority, 0, stream, payload);
}

FrameScript& FrameScript::rst(std::uint32_t stream, ErrorCode code) {
  std::string payload;
  put_u32(payload, static_cast<std::uint32_t>(code));
  return frame(FrameType::kRstStream, 0, stream, payload);
}

FrameScript& FrameScript::push_promise(std::uint32_t stream, std::uint32_t promised,
                                       const Fields& fields) {
  std::string payload;
  put_u32(payload, promised);
  payload += plain_block(fields);
  return frame(FrameType::kPushPromise, kFlagEndHeaders, stream, payload);
}

FrameScript& FrameScript::ping(std::string_view eight) {
  return frame(FrameType::kPing, 0, 0, eight);
}

FrameScript& FrameScript::ping_ack(std::string_view eight) {
  return frame(FrameType::kPing, kFlagAck, 0, eight);
}

FrameScript& FrameScript::goaway(std::uint32_t last_stream, ErrorCode code,
                                 std::string_view debug) {
  std::string payload;
  put_u32(payload, last_stream);
  put_u32(payload, static_cast<std::uint32_t>(code));
  payload += debug;
  return frame(FrameType::kGoAway, 0, 0, payload);
}

FrameScript& FrameScript::window_update(std::uint32_t stream, std::uint32_t increment) {
  std::string payload;
  put_u32(payload, increment);
  return frame(FrameType::kWindowUpdate, 0, stream, payload);
}

FrameScript& FrameScript::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                                std::string_view payload) {
  frame_header(static_cast<std::uint32_t>(payload.size()), type, flags, stream);
  return raw(payload);
}

FrameScript& FrameScript::frame_header(std::uint32_t length, std::uint8_t type, std::uint8_t flags,
                                       std::uint32_t stream) {
  out_ += static_cast<char>((length >> 16) & 0xffU);
  out_ += static_cast<char>((length >> 8) & 0xffU);
  out_ += static_cast<char>(length & 0xffU);
  out_ += static_cast<char>(type);
  out_ += static_cast<char>(flags);
  put_u32(out_, stream);
  return *this;
}

FrameScript& FrameScript::raw(std::string_view bytes) {
  out_ += bytes;
  return *this;
}

FrameScript& FrameScript::repeat(std::size_t times, const FrameScript& other) {
  for (std::size_t i = 0; i < times; ++i) out_ += other.out_;
  return *this;
}

std::uint32_t WireFrame::u32(std::size_t offset) const {
  if (payload.size() < offset + 4) return 0;
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < 4; ++i) v = (v << 8) | static_cast<std::uint8_t>(payload[offset + i]);
  return v;
}

std::size_t WireOutput::count(FrameType type, std::optional<std::uint32_t> stream) const {
  return static_cast<std::size_t>(std::count_if(
      frames.begin(), frames.end(),
      [&](const WireFrame& f) { return f.is(type) && (!stream || *stream == f.stream); }));
}

const WireFrame* WireOutput::find(FrameType type, std::optional<std::uint32_t> stream) const {
  for (const WireFrame& f : frames) {
    if (f.is(type) && (!stream || *stream == f.stream)) return &f;
  }
  return nullptr;
}

std::string WireOutput::body(std::uint32_t stream) const {
  std::string out;
  for (const WireFrame& f : frames) {
    if (f.is(FrameType::kData) && f.stream == stream) out += f.payload;
  }
  return out;
}

WireOutput read_frames(std::string_view bytes) {
  WireOutput output;
  if (bytes.substr(0, kClientPreface.size()) == kClientPreface) {
    output.preface = true;
    bytes.remove_prefix(kClientPreface.size());
  }
  const auto at = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i]));
  };
  while (bytes.size() >= kFrameHeaderSize) {
    const std::uint32_t length = (at(0) << 16) | (at(1) << 8) | at(2);
    if (bytes.size() < kFrameHeaderSize + length) break;
    WireFrame frame;
    frame.type = static_cast<std::uint8_t>(at(3));
    frame.flags = static_cast<std::uint8_t>(at(4));
    frame.stream = (at(5) << 24) | (at(6) << 16) | (at(7) << 8) | at(8);
    frame.payload = std::string(bytes.substr(kFrameHeaderSize, length));
    output.frames.push_back(std::move(frame));
    bytes.remove_prefix(kFrameHeaderSize + length);
  }
  output.rest = std::string(bytes);
  return output;
}

std::string to_string(const WireFrame& frame) {
  std::string out(h2::to_string(static_cast<FrameType>(frame.type)));
  out += " stream=" + std::to_string(frame.stream);
  if (frame.flags != 0) out += " flags=" + std::to_string(frame.flags);
  if (frame.is(FrameType::kRstStream)) {
    out += " code=" + code_name(frame.u32(0));
  } else if (frame.is(FrameType::kGoAway)) {
    out += " last=" + std::to_string(frame.u32(0)) + " code=" + code_name(frame.u32(4));
  } else if (frame.is(FrameType::kWindowUpdate)) {
    out += " increment=" + std::to_string(frame.u32(0));
  } else {
    out += " length=" + std::to_string(frame.payload.size());
  }
  return out;
}

std::string to_string(const WireOutput& output) {
  std::string out;
  for (const WireFrame& frame : output.frames) out += to_string(frame) + "\n";
  if (!output.rest.empty())
    out += "and " + std::to_string(output.rest.size()) + " bytes of a frame\n";
  return out;
}

}  // namespace h2::tests
