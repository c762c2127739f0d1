// The stories of hpack-test-case, and libnghttp2 as a second opinion in both directions.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/hpack/hpack_testing.h"

namespace h2::tests {
namespace {

namespace fs = std::filesystem;

struct Block {
  OwnedFields fields;
  ByteString wire;                          // empty in raw-data
  std::optional<std::uint32_t> table_size;  // a change before it
};
using Story = std::vector<Block>;

// The stories of one folder by file name; empty where the folder is absent, which fails in CI.
std::map<std::string, Story> load_stories(const std::string& folder) {
  const char* shared = std::getenv("H2_SHARED");
  const fs::path root =
      fs::path(shared != nullptr ? shared : "../shared") / "hpack-test-case" / folder;
  std::map<std::string, Story> stories;
  if (!fs::is_directory(root)) return stories;
  for (const auto& file : fs::directory_iterator(root)) {
    if (file.path().extension() != ".json") continue;
    std::ifstream in(file.path());
    const auto json = nlohmann::json::parse(in);
    Story story;
    for (const auto& item : json.at("cases")) {
      Block block;
      for (const auto& header : item.at("headers")) {
        for (const auto& [name, value] : header.items())
          block.fields.push_back({name, value.get<std::string>()});
      }
      if (item.contains("wire")) block.wire = from_hex(item["wire"].get<std::string>());
      if (item.contains("header_table_size"))
        block.table_size = item["header_table_size"].get<std::uint32_t>();
      story.push_back(std::move(block));
    }
    stories[file.path().filename()] = std::move(story);
  }
  return stories;
}

bool in_ci() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

// nghttp2's decoder.
class TheirDecoder {
 public:
  explicit TheirDecoder(std::uint32_t table_size = 4'096) {
    EXPECT_EQ(nghttp2_hd_inflate_new(&inflater_), 0);
    set_table_size(table_size);
  }
  ~TheirDecoder() { nghttp2_hd_inflate_del(inflater_); }
  TheirDecoder(const TheirDecoder&) = delete;
  TheirDecoder& operator=(const TheirDecoder&) = delete;

  void set_table_size(std::uint32_t size) { nghttp2_hd_inflate_change_table_size(inflater_, size); }

  std::optional<OwnedFields> decode(const ByteString& block) {
    OwnedFields fields;
    const std::uint8_t* in = block.data();
    std::size_t left = block.size();
    for (;;) {
      nghttp2_nv nv;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &nv, &flags, in, left, 1);
      if (used < 0) return std::nullopt;
      in += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.push_back({std::string(reinterpret_cast<char*>(nv.name), nv.namelen),
                          std::string(reinterpret_cast<char*>(nv.value), nv.valuelen),
                          (nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

// Without the marks, which raw stories do not have.
OwnedFields unmarked(OwnedFields fields) {
  for (OwnedField& field : fields) field.sensitive = false;
  return fields;
}

class Stories : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    stories_ = load_stories(GetParam());
    if (!stories_.empty()) return;
    if (in_ci()) FAIL() << "hpack-test-case/" << GetParam() << " is absent";
    GTEST_SKIP() << "skipped: hpack-test-case/" << GetParam() << " is absent";
  }
  std::map<std::string, Story> stories_;
};

TEST_P(Stories, EveryBlockDecodesToItsFields) {
  for (const auto& [name, story] : stories_) {
    SplitDecoder decoder({.max_list_size = 1 << 20});
    for (const Block& block : story) {
      if (block.wire.empty()) continue;
      if (block.table_size) decoder.set_max_table_size(*block.table_size);
      const auto outcome = decoder.decode(block.wire);
      ASSERT_EQ(outcome.error, std::nullopt) << name;
      ASSERT_EQ(unmarked(outcome.fields), block.fields) << name;
    }
  }
}

TEST_P(Stories, OursEncodedIsDecodedByBoth) {
  for (const auto& [name, story] : stories_) {
    hpack::Encoder encoder({.hash_seed = 1});
    SplitDecoder ours({.max_list_size = 1 << 20});
    TheirDecoder theirs;
    for (const Block& block : story) {
      Vector<std::uint8_t> wire(default_memory());
      ASSERT_TRUE(encoder.encode(views(block.fields), wire));
      const ByteString bytes(wire.begin(), wire.end());
      const auto other = theirs.decode(bytes);
      ASSERT_TRUE(other.has_value()) << name;
      ASSERT_EQ(unmarked(*other), block.fields) << name;
      const auto outcome = ours.decode(bytes);
      ASSERT_EQ(outcome.error, std::nullopt) << name;
      ASSERT_EQ(outcome.fields, *other) << name;
    }
  }
}

TEST_P(Stories, TheirsEncodedIsDecodedByOurs) {
  for (const auto& [name, story] : stories_) {
    nghttp2_hd_deflater* deflater = nullptr;
    ASSERT_EQ(nghttp2_hd_deflate_new(&deflater, 4'096), 0);
    SplitDecoder ours({.max_list_size = 1 << 20});
    for (const Block& block : story) {
      std::vector<nghttp2_nv> list;
      for (const OwnedField& field : block.fields) {
        list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.name.data())),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.value.data())),
                        field.name.size(), field.value.size(), NGHTTP2_NV_FLAG_NONE});
      }
      ByteString wire(nghttp2_hd_deflate_bound(deflater, list.data(), list.size()));
      const auto length =
          nghttp2_hd_deflate_hd(deflater, wire.data(), wire.size(), list.data(), list.size());
      ASSERT_GE(length, 0);
      wire.resize(static_cast<std::size_t>(length));
      const auto outcome = ours.decode(wire);
      ASSERT_EQ(outcome.error, std::nullopt) << name;
      ASSERT_EQ(unmarked(outcome.fields), block.fields) << name;
    }
    nghttp2_hd_deflate_del(deflater);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Stories,
                         ::testing::Values("nghttp2", "go-hpack", "haskell-http2-naive-huffman",
                                           "raw-data"),
                         [](const auto& suite) {
                           std::string name = suite.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(TableSizes, TheirDecoderFollowsOurUpdates) {
  std::mt19937 random(3);
  hpack::Encoder encoder({.max_table_size = 8'192});
  TheirDecoder theirs(8'192);
  encoder.set_peer_max_table_size(8'192);
  for (int block = 0; block < 500; ++block) {
    if (random() % 5 == 0) {
      const auto size = static_cast<std::uint32_t>(random() % 8'192);
      theirs.set_table_size(size);
      encoder.set_peer_max_table_size(size);
    }
    OwnedFields fields;
    for (std::size_t i = 0; i < random() % 10; ++i) {
      fields.push_back({"x-" + std::to_string(random() % 20), std::string(random() % 100, 'v')});
    }
    Vector<std::uint8_t> wire(default_memory());
    ASSERT_TRUE(encoder.encode(views(fields), wire));
    const auto decoded = theirs.decode({wire.begin(), wire.end()});
    ASSERT_TRUE(decoded.has_value()) << "block " << block;
    ASSERT_EQ(*decoded, fields);
  }
}

}  // namespace
}  // namespace h2::tests
