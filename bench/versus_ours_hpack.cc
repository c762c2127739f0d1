// The HPACK half of ours.
#include <memory>
#include <stdexcept>

#include "bench/versus_ours.h"
#include "h2core/field_section.h"
#include "hpack/decoder.h"
#include "hpack/encoder.h"
#include "hpack/vector.h"

namespace h2::bench::our_side {
namespace {

// As a Connection sets its decoder up.
constexpr hpack::Decoder::Config kChecked = {.classify = &classify_field,
                                             .static_annotations = &kStaticFieldFaults};

hpack::Indexing never_indexed(const hpack::HeaderField&) noexcept {
  return hpack::Indexing::kNeverIndexed;
}

using View = std::vector<hpack::HeaderField>;

View view(const Fields& fields) {
  View list;
  for (const Field& field : fields) list.push_back({field.name, field.value});
  return list;
}

std::vector<std::vector<View>> view(const Stories& from) {
  std::vector<std::vector<View>> list;
  for (const Story& story : from) {
    list.emplace_back();
    for (const Block& block : story) list.back().push_back(view(block.fields));
  }
  return list;
}

// Decodes one block and looks at its fields.
std::uint64_t decode_block(hpack::Decoder& decoder, Bytes wire, hpack::FieldList& list) {
  list.clear();
  if (!decoder.decode(wire, hpack::EndOfBlock::kYes, list))
    throw std::runtime_error("ours does not decode a block");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const hpack::HeaderField field = list[i];
    sum += field.name.size() + field.value.size();
  }
  return sum;
}

std::uint64_t encode_all(const std::vector<std::vector<View>>& lists, Vector<std::uint8_t>& out) {
  std::uint64_t wire = 0;
  for (const auto& story : lists) {
    hpack::Encoder encoder({.hash_seed = 0x5eed});
    for (const View& block : story) {
      out.clear();
      if (!encoder.encode(block, out)) throw std::runtime_error("no memory");
      wire += out.size();
    }
  }
  return wire;
}

}  // namespace

Work decode(const Stories& from) {
  auto list = std::make_shared<hpack::FieldList>(default_memory());
  const auto batch = [&from, list] {
    std::uint64_t sum = 0;
    for (const Story& story : from) {
      hpack::Decoder decoder(kChecked);
      for (const Block& block : story) sum += decode_block(decoder, block.wire, *list);
    }
    return sum;
  };
  return {batch, count_blocks(from)};
}

Work encode(const Stories& from) {
  auto lists = std::make_shared<std::vector<std::vector<View>>>(view(from));
  auto out = std::make_shared<Vector<std::uint8_t>>(default_memory());
  const std::uint64_t plain = count_bytes(from);
  const auto batch = [lists, out, plain] { return encode_all(*lists, *out) > 0 ? plain : 0; };
  return {batch, count_blocks(from)};
}

double wire_per_plain(const Stories& from) {
  Vector<std::uint8_t> out(default_memory());
  return static_cast<double>(encode_all(view(from), out)) / static_cast<double>(count_bytes(from));
}

Work encode_literals(const Story& from) {
  struct State {
    hpack::Encoder encoder{{.hash_seed = 0x5eed, .indexing = &never_indexed}};
    Vector<std::uint8_t> out{default_memory()};
    std::vector<View> blocks;
  };
  auto state = std::make_shared<State>();
  for (const Block& block : from) state->blocks.push_back(view(block.fields));
  const auto batch = [state] {
    std::uint64_t fields = 0;
    for (const View& block : state->blocks) {
      state->out.clear();
      if (!state->encoder.encode(block, state->out)) throw std::runtime_error("no memory");
      fields += block.size();
    }
    return fields;
  };
  return {batch, count_fields(from)};
}

Work decode_literals(const Story& from) {
  struct State {
    hpack::Decoder decoder{hpack::Decoder::Config{}};
    hpack::FieldList list{default_memory()};
  };
  auto state = std::make_shared<State>();
  const auto batch = [&from, state] {
    std::uint64_t sum = 0;
    for (const Block& block : from) sum += decode_block(state->decoder, block.wire, state->list);
    return sum;
  };
  return {batch, count_fields(from)};
}

}  // namespace h2::bench::our_side
