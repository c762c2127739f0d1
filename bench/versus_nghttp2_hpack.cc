// The HPACK half of libnghttp2.
#include <nghttp2/nghttp2.h>

#include <memory>
#include <stdexcept>

#include "bench/versus_nghttp2.h"

namespace h2::bench {
namespace {

using View = std::vector<nghttp2_nv>;

std::uint8_t* bytes(const std::string& text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

View view(const Fields& fields, std::uint8_t flags) {
  View list;
  for (const Field& field : fields) {
    list.push_back(
        {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags});
  }
  return list;
}

std::vector<std::vector<View>> view(const Stories& from) {
  std::vector<std::vector<View>> list;
  for (const Story& story : from) {
    list.emplace_back();
    for (const Block& block : story)
      list.back().push_back(view(block.fields, NGHTTP2_NV_FLAG_NONE));
  }
  return list;
}

struct Deflater {
  Deflater() {
    if (nghttp2_hd_deflate_new(&it, 4'096) != 0) throw std::runtime_error("no memory");
  }
  ~Deflater() { nghttp2_hd_deflate_del(it); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Encodes one block to the front of `out`; its size.
  std::size_t encode(const View& list, std::vector<std::uint8_t>& out) {
    const auto size = nghttp2_hd_deflate_hd(it, out.data(), out.size(), list.data(), list.size());
    if (size < 0) throw std::runtime_error("libnghttp2 does not encode a block");
    return static_cast<std::size_t>(size);
  }

  nghttp2_hd_deflater* it = nullptr;
};

struct Inflater {
  Inflater() {
    if (nghttp2_hd_inflate_new(&it) != 0) throw std::runtime_error("no memory");
  }
  ~Inflater() { nghttp2_hd_inflate_del(it); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Decodes one block and looks at its fields.
  std::uint64_t decode(const std::vector<std::uint8_t>& wire) {
    const std::uint8_t* in = wire.data();
    std::size_t left = wire.size();
    std::uint64_t sum = 0;
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(it, &field, &flags, in, left, 1);
      if (used < 0) throw std::runtime_error("libnghttp2 does not decode a block");
      in += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) sum += field.namelen + field.valuelen;
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(it);
    return sum;
  }

  nghttp2_hd_inflater* it = nullptr;
};

constexpr std::size_t kRoom = 1 << 20;  // more than any block of the stories

std::uint64_t encode_all(const std::vector<std::vector<View>>& lists,
                         std::vector<std::uint8_t>& out) {
  std::uint64_t wire = 0;
  for (const auto& story : lists) {
    Deflater deflater;
    for (const View& block : story) wire += deflater.encode(block, out);
  }
  return wire;
}

}  // namespace

void fill_wire(Story& list) {
  Deflater deflater;
  std::vector<std::uint8_t> out(kRoom);
  for (Block& block : list) {
    const std::size_t size = deflater.encode(view(block.fields, NGHTTP2_NV_FLAG_NO_INDEX), out);
    block.wire.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

namespace their_side {

Work decode(const Stories& from) {
  const auto batch = [&from] {
    std::uint64_t sum = 0;
    for (const Story& story : from) {
      Inflater inflater;
      for (const Block& block : story) sum += inflater.decode(block.wire);
    }
    return sum;
  };
  return {batch, count_blocks(from)};
}

Work encode(const Stories& from) {
  auto lists = std::make_shared<std::vector<std::vector<View>>>(view(from));
  auto out = std::make_shared<std::vector<std::uint8_t>>(kRoom);
  const std::uint64_t plain = count_bytes(from);
  const auto batch = [lists, out, plain] { return encode_all(*lists, *out) > 0 ? plain : 0; };
  return {batch, count_blocks(from)};
}

double wire_per_plain(const Stories& from) {
  std::vector<std::uint8_t> out(kRoom);
  return static_cast<double>(encode_all(view(from), out)) / static_cast<double>(count_bytes(from));
}

Work encode_literals(const Story& from) {
  struct State {
    Deflater deflater;
    std::vector<std::uint8_t> out = std::vector<std::uint8_t>(kRoom);
    std::vector<View> blocks;
  };
  auto state = std::make_shared<State>();
  // This mark makes them literals that are never indexed.
  for (const Block& block : from)
    state->blocks.push_back(view(block.fields, NGHTTP2_NV_FLAG_NO_INDEX));
  const auto batch = [state] {
    std::uint64_t fields = 0;
    for (const View& block : state->blocks) {
      (void)state->deflater.encode(block, state->out);
      fields += block.size();
    }
    return fields;
  };
  return {batch, count_fields(from)};
}

Work decode_literals(const Story& from) {
  auto inflater = std::make_shared<Inflater>();
  const auto batch = [&from, inflater] {
    std::uint64_t sum = 0;
    for (const Block& block : from) sum += inflater->decode(block.wire);
    return sum;
  };
  return {batch, count_fields(from)};
}

}  // namespace their_side
}  // namespace h2::bench
