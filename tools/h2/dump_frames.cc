// Bytes to frames. See dump_frames.h.
#include "tools/h2/dump_frames.h"

#include <algorithm>
#include <array>
#include <span>
#include <variant>

#include "h2core/error.h"
#include "h2core/event.h"
#include "h2core/frame_decoder.h"
#include "h2core/settings.h"
#include "hpack/decode_error.h"
#include "tools/h2/get_frames.h"

namespace h2::inline v0::tools {

namespace {

constexpr std::uint32_t kAnything = 0xffffffffU;

std::string sentence(Errc cause) {
  return std::string(to_string(cause)) + " (" + std::string(describe(cause)) + ")";
}

// What bytes are that are not HTTP/2, or nothing.
std::string_view other_protocol(std::string_view bytes) {
  static constexpr std::array<std::string_view, 8> kHttp1{
      "HTTP/1.", "GET /", "POST /", "PUT /", "HEAD /", "OPTIONS ", "DELETE /", "CONNECT "};
  for (const std::string_view start : kHttp1) {
    if (bytes.substr(0, start.size()) == start) return "HTTP/1";
  }
  if (bytes.size() >= 3 && bytes.substr(0, 2) == "\x16\x03") return "TLS";
  return {};
}

}  // namespace

std::string_view to_string(Side side) { return side == Side::kClient ? "client" : "server"; }

DumpDecoder::HalfState::HalfState(std::uint32_t max_table_size)
    : decoder({.max_table_size = 4'096,
               .max_list_size = kAnything,
               .max_fields = kAnything,
               .max_string = kAnything}),
      fields(default_memory()) {
  decoder.set_max_table_size(max_table_size);
}

// Where the other side's SETTINGS cannot be seen, any size update is taken. What an encoder has
// evicted it never refers to, so a table that is too large does no harm.
DumpDecoder::DumpDecoder(const Options& options, DumpSink& sink)
    : options_(options),
      sink_(sink),
      client_(options.both_sides && options.from_start ? 4'096 : kAnything),
      server_(options.both_sides && options.from_start ? 4'096 : kAnything) {}

DumpPlace DumpDecoder::place(Side side) {
  return {options_.connection, side, half(side).time, half(side).offset};
}

void DumpDecoder::lose(Side from, const std::string& why) {
  if (half(from).dead) return;
  half(from).dead = true;
  problem(from, why);
}

// Takes the preface off, if there is one. False: more bytes are needed, or none make sense.
bool DumpDecoder::begin(Side side, Bytes& bytes) {
  HalfState& state = half(side);
  const std::string_view text = as_string_view(bytes);
  const std::size_t part = std::min(text.size(), kClientPreface.size());
  if (side == Side::kClient && text.substr(0, part) == kClientPreface.substr(0, part)) {
    if (part < kClientPreface.size()) return false;
    sink_.on_preface(place(side));
    bytes = bytes.subspan(part);
    state.offset += part;
    state.begun = true;
    return true;
  }
  if (text.size() < kFrameHeaderSize) return false;
  if (const std::string_view protocol = other_protocol(text); !protocol.empty()) {
    lose(side, "these are no HTTP/2 frames but " + std::string(protocol));
    return false;
  }
  if (side == Side::kClient && options_.from_start)
    problem(side, "the client's preface is missing");
  state.begun = true;
  return true;
}

void DumpDecoder::feed(Side from, Bytes bytes, std::optional<double> time) {
  HalfState& state = half(from);
  state.time = time;
  if (state.dead) return;
  state.rest.append(as_string_view(bytes));
  Bytes rest = as_bytes(state.rest);
  if (state.begun || begin(from, rest)) {
    while (!state.dead && rest.size() >= kFrameHeaderSize) {
      const FrameHeader header = read_frame_header(
          std::span<const std::uint8_t, kFrameHeaderSize>(rest.data(), kFrameHeaderSize));
      if (rest.size() - kFrameHeaderSize < header.length) break;
      frame(from, header, rest.subspan(kFrameHeaderSize, header.length));
      rest = rest.subspan(kFrameHeaderSize + header.length);
      state.offset += kFrameHeaderSize + header.length;
    }
  }
  state.rest.erase(0, state.rest.size() - rest.size());
}

void DumpDecoder::finish() {
  for (const Side side : {Side::kClient, Side::kServer}) {
    HalfState& state = half(side);
    if (state.dead) continue;
    const std::string_view rest = state.rest;
    if (!state.begun && !rest.empty() && rest == kClientPreface.substr(0, rest.size())) {
      problem(side, "the preface is cut: " + std::to_string(rest.size()) + " of " +
                        std::to_string(kClientPreface.size()) + " bytes are there");
    } else if (rest.size() >= kFrameHeaderSize) {
      const FrameHeader header = read_frame_header(
          std::span<const std::uint8_t, kFrameHeaderSize>(as_bytes(rest).data(), kFrameHeaderSize));
      problem(side, "the last frame, " + type_name(header.type) + " on stream " +
                        std::to_string(header.stream_id.value) +
                        ", is cut: " + std::to_string(rest.size() - kFrameHeaderSize) + " of " +
                        std::to_string(header.length) + " bytes of its payload are there");
    } else if (!rest.empty()) {
      problem(side, "the last frame's header is cut: " + std::to_string(rest.size()) + " of " +
                        std::to_string(kFrameHeaderSize) + " bytes are there");
    } else if (state.in_block) {
      problem(side, "the field block on stream " + std::to_string(state.block_stream.value) +
                        " has no end");
    }
    state.dead = true;
  }
}

void DumpDecoder::frame(Side side, const FrameHeader& header, Bytes payload) {
  HalfState& state = half(side);
  DumpedFrame out;
  out.place = place(side);
  out.header = header;
  out.payload = payload;
  std::string wrong;
  const bool after_preface = side == Side::kClient && state.offset == kClientPreface.size();
  if (!state.settled && (options_.from_start || after_preface) &&
      header.type != FrameType::kSettings) {
    wrong = sentence(Errc::kFirstFrameNotSettings);
  }
  state.settled = true;
  if (state.in_block &&
      (header.type != FrameType::kContinuation || header.stream_id != state.block_stream)) {
    wrong = sentence(Errc::kInterleavedHeaderBlock);
  } else if (!state.in_block && header.type == FrameType::kContinuation) {
    wrong = sentence(Errc::kUnexpectedContinuation);
  }
  auto faulty = check_frame_header(header, kMaxMaxFrameSize);
  if (!faulty) {
    auto frame = decode_frame(header, payload);
    if (!frame) {
      faulty = frame.error();
    } else if (const auto* data = std::get_if<DataFrame>(&*frame)) {
      out.data = data->data;
    } else if (const auto* list = std::get_if<SettingsFrame>(&*frame)) {
      settings(side, *list);
    } else if (const auto* headers = std::get_if<HeadersFrame>(&*frame)) {
      decode(side, headers->fragment, headers->end_headers, out);
    } else if (const auto* push = std::get_if<PushPromiseFrame>(&*frame)) {
      decode(side, push->fragment, push->end_headers, out);
    } else if (const auto* more = std::get_if<ContinuationFrame>(&*frame)) {
      if (wrong.empty()) decode(side, more->fragment, more->end_headers, out);
    }
  }
  if (faulty) wrong = sentence(faulty->cause);
  sink_.on_frame(out);
  if (!wrong.empty()) problem(side, type_name(header.type) + ": " + wrong);
  if (!state.in_block) state.fields.clear();
}

void DumpDecoder::decode(Side side, Bytes fragment, bool end, DumpedFrame& out) {
  HalfState& state = half(side);
  state.in_block = !end;
  state.block_stream = out.header.stream_id;
  if (state.decoder_failed) return;
  const auto decoded = state.decoder.decode(
      fragment, end ? hpack::EndOfBlock::kYes : hpack::EndOfBlock::kNo, state.fields);
  if (!decoded) {
    state.decoder_failed = true;
    problem(side, type_name(out.header.type) + ": the field block does not decode (" +
                      std::string(hpack::to_string(decoded.error())) +
                      "); fields from here on are not shown");
  }
  if (end || !decoded) out.fields = &state.fields;
}

// SETTINGS of one side hold for the other's encoder once it has acknowledged them (RFC 9113
// §4.3.1).
void DumpDecoder::settings(Side side, const SettingsFrame& frame) {
  if (!options_.both_sides || !options_.from_start) return;
  if (!frame.ack) {
    std::optional<std::uint32_t> size;
    for (std::size_t i = 0; i < frame.count(); ++i) {
      const Setting setting = setting_at(frame, i);
      if (setting.code == SettingCode::kHeaderTableSize) size = setting.value;
    }
    half(side).announced.push_back(size);
    return;
  }
  auto& announced = half(other(side)).announced;
  if (announced.empty()) {
    // Not seen, or later in the capture: nothing can be held against the encoder any more.
    half(side).decoder.set_max_table_size(kAnything);
    return;
  }
  if (announced.front()) half(side).decoder.set_max_table_size(*announced.front());
  announced.pop_front();
}

}  // namespace h2::inline v0::tools
