// The codec targets; see fuzz_targets.h.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <variant>
#include <vector>

#include "h2core/event.h"
#include "h2core/frame.h"
#include "h2core/frame_decoder.h"
#include "h2core/frame_encoder.h"
#include "h2core/priority.h"
#include "hpack/decoder.h"
#include "hpack/encoder.h"
#include "hpack/field_list.h"
#include "hpack/memory.h"
#include "hpack/vector.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/event_log.h"

namespace h2::tests {

namespace {

[[noreturn]] void broken(const char* promise) {
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

std::string text_of(const hpack::FieldList& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text += std::string(fields[i].name) + "\x01" + std::string(fields[i].value) +
            (fields[i].sensitive ? "\x02" : "\x03");
  }
  return text;
}

hpack::Decoder::Config decoder_config(std::uint32_t table_size) {
  hpack::Decoder::Config config;
  config.memory = &default_memory();
  config.max_table_size = table_size;
  config.max_list_size = 4'096;
  config.max_string = 4'096;
  config.max_fields = 100;
  return config;
}

}  // namespace

void fuzz_hpack_decode(Bytes input) {
  if (input.empty()) return;
  const std::uint32_t table_size = input[0] * 64U;
  input = input.subspan(1);
  hpack::Decoder whole(decoder_config(table_size));
  hpack::Decoder pieces(decoder_config(table_size));
  hpack::Encoder::Config encoder_config;
  encoder_config.memory = &default_memory();
  hpack::Encoder encoder(encoder_config);
  hpack::Decoder again(decoder_config(4'096));
  while (!input.empty()) {
    const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
    const Bytes block = input.subspan(1, length);
    input = input.subspan(1 + length);
    hpack::FieldList one(default_memory());
    hpack::FieldList two(default_memory());
    const auto first = whole.decode(block, hpack::EndOfBlock::kYes, one);
    Result<void, hpack::DecodeError> second = {};
    for (std::size_t i = 0; second && i < block.size(); ++i) {
      second = pieces.decode(block.subspan(i, 1), hpack::EndOfBlock::kNo, two);
    }
    if (second) second = pieces.decode({}, hpack::EndOfBlock::kYes, two);
    if (first.has_value() != second.has_value())
      broken("a block decodes alike whole and in pieces");
    if (!first) return;
    if (text_of(one) != text_of(two)) broken("a block gives the same fields whole and in pieces");
    if (whole.counted_size() != pieces.counted_size()) broken("sizes are counted alike");
    if (!whole.list_truncated() && one.counted_size() != whole.counted_size())
      broken("the counted size is that of the fields");
    if (one.counted_size() > 4'096 || one.size() > 100) broken("limits hold");
    if (whole.table().size() > table_size) broken("the table stays within its limit");
    // What was decoded survives encoding and decoding.
    Vector<std::uint8_t> encoded(default_memory());
    if (!encoder.begin_block(encoded)) broken("memory");
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (!encoder.add(one[i], encoded)) broken("memory");
    }
    hpack::FieldList three(default_memory());
    const auto third =
        again.decode(Bytes(encoded.data(), encoded.size()), hpack::EndOfBlock::kYes, three);
    if (!third) broken("what was encoded decodes");
    if (three.size() != one.size()) broken("encoding keeps the number of fields");
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (one[i].name != three[i].name || one[i].value != three[i].value)
        broken("encoding keeps names and values");
      if (one[i].sensitive && !three[i].sensitive) broken("encoding keeps the never-indexed mark");
    }
  }
}

void fuzz_frame(Bytes input) {
  while (input.size() >= kFrameHeaderSize) {
    const FrameHeader header = read_frame_header(input.first<kFrameHeaderSize>());
    std::array<std::uint8_t, kFrameHeaderSize> written{};
    write_frame_header(written.data(), header);
    for (std::size_t i = 0; i < kFrameHeaderSize; ++i) {
      const std::uint8_t expected = i == 5 ? static_cast<std::uint8_t>(input[i] & 0x7f) : input[i];
      if (written[i] != expected) broken("a frame header is reproduced, but for the reserved bit");
    }
    input = input.subspan(kFrameHeaderSize);
    const auto wrong = check_frame_header(header, kMinMaxFrameSize);
    if (header.length > kMinMaxFrameSize && !wrong)
      broken("a frame that is too large is found by its header");
    if (header.length > input.size()) return;
    // A copy of exactly this size: AddressSanitizer sees a read beyond it.
    const std::vector<std::uint8_t> copy(input.begin(), input.begin() + header.length);
    input = input.subspan(header.length);
    if (wrong && wrong->scope == FrameError::Scope::kConnection) return;
    const Bytes payload(copy.data(), copy.size());
    const auto inside = [&](Bytes part) {
      if (part.empty()) return;
      if (part.data() < payload.data() ||
          part.data() + part.size() > payload.data() + payload.size()) {
        broken("views lie in the payload");
      }
    };
    const auto frame = decode_frame(header, payload);
    if (!frame) {
      if (frame.error().cause == Errc::kNone) broken("an error has a cause");
      continue;
    }
    std::visit(
        overloaded{[&](const DataFrame& f) {
                     inside(f.data);
                     if (f.flow_controlled_length != header.length)
                       broken("flow control counts the payload");
                   },
                   [&](const HeadersFrame& f) { inside(f.fragment); }, [&](const PriorityFrame&) {},
                   [&](const RstStreamFrame&) {},
                   [&](const SettingsFrame& f) {
                     inside(f.entries);
                     for (std::size_t i = 0; i < f.count(); ++i) (void)setting_at(f, i);
                   },
                   [&](const PushPromiseFrame& f) { inside(f.fragment); }, [&](const PingFrame&) {},
                   [&](const GoAwayFrame& f) { inside(f.additional_data); },
                   [&](const WindowUpdateFrame&) {},
                   [&](const ContinuationFrame& f) { inside(f.fragment); },
                   [&](const AltSvcFrame& f) {
                     inside(f.origin);
                     inside(f.field_value);
                   },
                   [&](const OriginFrame& f) {
                     for (const std::string_view origin : OriginsView(f.entries)) {
                       inside(as_bytes(origin));
                     }
                   },
                   [&](const PriorityUpdateFrame& f) {
                     PriorityParameters said;
                     if (parse_priority(as_string_view(f.field_value), said) &&
                         said.over({}).urgency > Priority::kBackground) {
                       broken("an urgency is 0 to 7");
                     }
                   },
                   [&](const UnknownFrame& f) { inside(f.payload); }},
        *frame);
  }
}

}  // namespace h2::tests
