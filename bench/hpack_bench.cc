// HPACK against libnghttp2 on the stories of hpack-test-case: decoding what nghttp2 encoded,
// encoding the raw stories.
//
//   H2_SHARED=../shared bazel run --config=opt //bench:hpack_bench
//
// Compare the pairs by their CPU time per field within one run; absolute times mean little.
#include <benchmark/benchmark.h>
#include <nghttp2/nghttp2.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hpack/decoder.h"
#include "hpack/encoder.h"

namespace h2 {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<std::uint8_t> wire;
};
using Stories = std::vector<std::vector<Block>>;

Stories load(const char* folder) {
  const char* shared = std::getenv("H2_SHARED");
  const fs::path root =
      fs::path(shared != nullptr ? shared : "../shared") / "hpack-test-case" / folder;
  Stories stories;
  if (!fs::is_directory(root)) return stories;
  for (const auto& file : fs::directory_iterator(root)) {
    if (file.path().extension() != ".json") continue;
    std::ifstream in(file.path());
    std::vector<Block> story;
    const auto json = nlohmann::json::parse(in);
    for (const auto& item : json.at("cases")) {
      Block block;
      for (const auto& header : item.at("headers")) {
        for (const auto& [name, value] : header.items())
          block.fields.emplace_back(name, value.get<std::string>());
      }
      const std::string hex = item.value("wire", "");
      for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        block.wire.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
      }
      story.push_back(std::move(block));
    }
    stories.push_back(std::move(story));
  }
  return stories;
}

std::int64_t count_fields(const Stories& stories) {
  std::int64_t count = 0;
  for (const auto& story : stories) {
    for (const Block& block : story) count += static_cast<std::int64_t>(block.fields.size());
  }
  return count;
}

bool absent(benchmark::State& state, const Stories& stories) {
  if (!stories.empty()) return false;
  state.SkipWithError("hpack-test-case is absent; set H2_SHARED");
  return true;
}

void BM_DecodeOurs(benchmark::State& state, const char* folder) {
  const Stories stories = load(folder);
  if (absent(state, stories)) return;
  hpack::FieldList list(default_memory());
  for (auto _ : state) {
    for (const auto& story : stories) {
      hpack::Decoder decoder({.max_list_size = 1 << 20});
      for (const Block& block : story) {
        list.clear();
        if (!decoder.decode(block.wire, hpack::EndOfBlock::kYes, list))
          state.SkipWithError("decoding failed");
        benchmark::DoNotOptimize(list.size());
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * count_fields(stories));
}

void BM_DecodeNghttp2(benchmark::State& state, const char* folder) {
  const Stories stories = load(folder);
  if (absent(state, stories)) return;
  for (auto _ : state) {
    for (const auto& story : stories) {
      nghttp2_hd_inflater* inflater = nullptr;
      nghttp2_hd_inflate_new(&inflater);
      for (const Block& block : story) {
        const std::uint8_t* in = block.wire.data();
        std::size_t left = block.wire.size();
        for (;;) {
          nghttp2_nv nv;
          int flags = 0;
          const auto used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, in, left, 1);
          if (used < 0) {
            state.SkipWithError("decoding failed");
            break;
          }
          in += used;
          left -= static_cast<std::size_t>(used);
          if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater);
      }
      nghttp2_hd_inflate_del(inflater);
    }
  }
  state.SetItemsProcessed(state.iterations() * count_fields(stories));
}

void BM_EncodeOurs(benchmark::State& state) {
  const Stories stories = load("raw-data");
  if (absent(state, stories)) return;
  Vector<std::uint8_t> out(default_memory());
  std::size_t wire = 0;
  std::size_t plain = 0;
  for (auto _ : state) {
    for (const auto& story : stories) {
      hpack::Encoder encoder({});
      for (const Block& block : story) {
        out.clear();
        if (!encoder.begin_block(out)) state.SkipWithError("no memory");
        for (const auto& [name, value] : block.fields) {
          if (!encoder.add({name, value}, out)) state.SkipWithError("no memory");
          plain += name.size() + value.size();
        }
        wire += out.size();
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * count_fields(stories));
  state.counters["wire/plain"] = static_cast<double>(wire) / static_cast<double>(plain);
}

void BM_EncodeNghttp2(benchmark::State& state) {
  const Stories stories = load("raw-data");
  if (absent(state, stories)) return;
  std::vector<std::uint8_t> out(1 << 20);
  std::vector<nghttp2_nv> list;
  std::size_t wire = 0;
  std::size_t plain = 0;
  for (auto _ : state) {
    for (const auto& story : stories) {
      nghttp2_hd_deflater* deflater = nullptr;
      nghttp2_hd_deflate_new(&deflater, 4'096);
      for (const Block& block : story) {
        list.clear();
        for (const auto& [name, value] : block.fields) {
          list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
          plain += name.size() + value.size();
        }
        const auto length =
            nghttp2_hd_deflate_hd(deflater, out.data(), out.size(), list.data(), list.size());
        if (length < 0) state.SkipWithError("encoding failed");
        wire += static_cast<std::size_t>(length);
      }
      nghttp2_hd_deflate_del(deflater);
    }
  }
  state.SetItemsProcessed(state.iterations() * count_fields(stories));
  state.counters["wire/plain"] = static_cast<double>(wire) / static_cast<double>(plain);
}

BENCHMARK_CAPTURE(BM_DecodeOurs, nghttp2, "nghttp2");
BENCHMARK_CAPTURE(BM_DecodeNghttp2, nghttp2, "nghttp2");
BENCHMARK_CAPTURE(BM_DecodeOurs, all_literals, "haskell-http2-naive-huffman");
BENCHMARK_CAPTURE(BM_DecodeNghttp2, all_literals, "haskell-http2-naive-huffman");
BENCHMARK(BM_EncodeOurs);
BENCHMARK(BM_EncodeNghttp2);

}  // namespace
}  // namespace h2

BENCHMARK_MAIN();
