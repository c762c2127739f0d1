// Builds and reads back frames; see frame_script.h.
#include "tests/support/frame_script.h"

#include <algorithm>

namespace h2::tests {

namespace {

using h2::testing::RawBlock;
using h2::testing::RawPadding;

std::optional<RawPadding> padding_of(std::optional<std::uint8_t> size) {
  if (!size) return {};
  return RawPadding{*size};
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
  std::vector<hpack::HeaderField> views;
  for (const auto& field : fields) views.push_back({field.first, field.second});
  return h2::testing::literal_block(views);
}

FrameScript& FrameScript::client_preface() { return raw(kClientPreface); }

FrameScript& FrameScript::client_start(std::initializer_list<Setting> settings) {
  return client_preface().settings(settings);
}

FrameScript& FrameScript::server_start(std::initializer_list<Setting> settings) {
  return this->settings(settings);
}

FrameScript& FrameScript::settings(std::initializer_list<Setting> settings) {
  std::vector<h2::testing::RawSetting> entries;
  for (const Setting& setting : settings) {
    entries.push_back({static_cast<std::uint16_t>(setting.code), setting.value});
  }
  out_.settings(entries);
  return *this;
}

FrameScript& FrameScript::settings_ack() {
  out_.settings_ack();
  return *this;
}

FrameScript& FrameScript::headers(std::uint32_t stream, const Fields& fields, End end,
                                  std::optional<std::uint8_t> padding) {
  RawBlock how;
  how.end_stream = end == End::kYes;
  how.padding = padding_of(padding);
  out_.headers(stream, plain_block(fields), how);
  return *this;
}

FrameScript& FrameScript::headers_in_pieces(std::uint32_t stream, const Fields& fields, End end,
                                            std::size_t piece) {
  const std::string block = plain_block(fields);
  RawBlock how;
  how.end_stream = end == End::kYes;
  how.pieces.assign(block.size() / piece, piece);
  out_.headers(stream, block, how);
  return *this;
}

FrameScript& FrameScript::headers_block(std::uint32_t stream, std::string_view block, End end,
                                        bool end_headers) {
  RawBlock how;
  how.end_stream = end == End::kYes;
  how.end_headers = end_headers;
  out_.headers(stream, block, how);
  return *this;
}

FrameScript& FrameScript::continuation(std::uint32_t stream, std::string_view block,
                                       bool end_headers) {
  out_.continuation(stream, block, end_headers);
  return *this;
}

FrameScript& FrameScript::data(std::uint32_t stream, std::string_view data, End end,
                               std::optional<std::uint8_t> padding) {
  out_.data(stream, data, end == End::kYes, padding_of(padding));
  return *this;
}

FrameScript& FrameScript::priority(std::uint32_t stream, std::uint32_t dependency,
                                   std::uint8_t weight) {
  out_.priority(stream, {dependency, weight});
  return *this;
}

FrameScript& FrameScript::rst(std::uint32_t stream, ErrorCode code) {
  out_.rst_stream(stream, code);
  return *this;
}

FrameScript& FrameScript::push_promise(std::uint32_t stream, std::uint32_t promised,
                                       const Fields& fields) {
  out_.push_promise(stream, promised, plain_block(fields));
  return *this;
}

FrameScript& FrameScript::ping(std::string_view eight) {
  out_.ping(eight);
  return *this;
}

FrameScript& FrameScript::ping_ack(std::string_view eight) {
  out_.ping_ack(eight);
  return *this;
}

FrameScript& FrameScript::goaway(std::uint32_t last_stream, ErrorCode code,
                                 std::string_view debug) {
  out_.goaway(last_stream, code, debug);
  return *this;
}

FrameScript& FrameScript::window_update(std::uint32_t stream, std::uint32_t increment) {
  out_.window_update(stream, increment);
  return *this;
}

FrameScript& FrameScript::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                                std::string_view payload) {
  out_.frame({type, flags, stream, payload});
  return *this;
}

FrameScript& FrameScript::frame_header(std::uint32_t length, std::uint8_t type, std::uint8_t flags,
                                       std::uint32_t stream) {
  out_.frame_header(length, type, flags, stream);
  return *this;
}

FrameScript& FrameScript::raw(std::string_view bytes) {
  out_.raw(bytes);
  return *this;
}

FrameScript& FrameScript::repeat(std::size_t times, const FrameScript& other) {
  out_.repeat(times, other.out_);
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
