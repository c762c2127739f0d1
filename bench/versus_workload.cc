#include "bench/versus_workload.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace h2::bench {
namespace {

namespace fs = std::filesystem;

std::vector<std::uint8_t> from_hex(const std::string& hex) {
  const auto digit = [](char c) {
    return static_cast<std::uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  };
  std::vector<std::uint8_t> bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

Story read_story(const fs::path& file) {
  std::ifstream in(file);
  Story story;
  const auto json = nlohmann::json::parse(in);
  for (const auto& item : json.at("cases")) {
    Block block;
    for (const auto& header : item.at("headers")) {
      for (const auto& [name, value] : header.items())
        block.fields.push_back({name, value.get<std::string>()});
    }
    block.wire = from_hex(item.value("wire", ""));
    story.push_back(std::move(block));
  }
  return story;
}

Fields make_request(const std::string& path) {
  return {{":method", "GET"},
          {":scheme", "https"},
          {":authority", "example.com"},
          {":path", path},
          {"user-agent", "bench"},
          {"accept", "text/html,*/*"},
          {"accept-encoding", "gzip"},
          {"cookie", "session=0123456789abcdef"}};
}

}  // namespace

std::string stories_root() {
  const char* shared = std::getenv("H2_SHARED");
  if (shared != nullptr) return (fs::path(shared) / "hpack-test-case").string();
  // `bazel run` starts programs elsewhere and says where the workspace is.
  const char* workspace = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  return (fs::path(workspace != nullptr ? workspace : ".") / "../shared/hpack-test-case").string();
}

const Stories& stories(const std::string& folder) {
  static std::map<std::string, Stories> loaded;
  const auto found = loaded.find(folder);
  if (found != loaded.end()) return found->second;
  Stories& list = loaded[folder];
  const fs::path root = fs::path(stories_root()) / folder;
  if (!fs::is_directory(root)) return list;
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(root)) {
    if (file.path().extension() == ".json") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) list.push_back(read_story(file));
  return list;
}

Story literals(const Stories& from, std::size_t min_size) {
  Story list;
  std::size_t bytes = 32'768;
  const auto add = [&](const std::string& text) {
    if (text.size() < min_size) return;
    if (bytes + text.size() > 32'768 || list.back().fields.size() >= 64) {
      list.emplace_back();
      bytes = 0;
    }
    list.back().fields.push_back({":path", text});
    bytes += text.size();
  };
  for (const Story& story : from) {
    for (const Block& block : story) {
      for (const Field& field : block.fields) {
        add(field.name);
        add(field.value);
      }
    }
  }
  return list;
}

std::uint64_t count_blocks(const Stories& list) {
  std::uint64_t count = 0;
  for (const Story& story : list) count += story.size();
  return count;
}

std::uint64_t count_fields(const Story& list) {
  std::uint64_t count = 0;
  for (const Block& block : list) count += block.fields.size();
  return count;
}

std::uint64_t count_bytes(const Stories& list) {
  std::uint64_t count = 0;
  for (const Story& story : list) {
    for (const Block& block : story) {
      for (const Field& field : block.fields) count += field.name.size() + field.value.size();
    }
  }
  return count;
}

const Fields& request_fields(const Exchange& exchange, std::size_t i) {
  static const Fields same = make_request("/index.html");
  static const std::vector<Fields> varying = [] {
    std::vector<Fields> lists;
    for (int n = 10'000; n < 11'000; ++n)
      lists.push_back(make_request("/items/" + std::to_string(n) + ".html"));
    return lists;
  }();
  return exchange.varying_path ? varying[i % varying.size()] : same;
}

Fields response_fields(std::size_t body) {
  return {{":status", "200"},
          {"server", "bench"},
          {"content-type", "text/html"},
          {"content-length", std::to_string(body)},
          {"cache-control", "max-age=60"},
          {"vary", "accept-encoding"}};
}

std::vector<std::uint8_t> frame_image(const Flow& flow, std::uint32_t stream_id) {
  const auto octet = [](std::size_t value, int shift) {
    return static_cast<std::uint8_t>(value >> shift & 0xff);
  };
  std::vector<std::uint8_t> image;
  for (int i = 0; i < flow.frames; ++i) {
    // Length, type 0, no flags, stream (RFC 9113 §4.1).
    const std::uint8_t head[9] = {octet(flow.frame, 16),
                                  octet(flow.frame, 8),
                                  octet(flow.frame, 0),
                                  0,
                                  0,
                                  octet(stream_id, 24),
                                  octet(stream_id, 16),
                                  octet(stream_id, 8),
                                  octet(stream_id, 0)};
    image.insert(image.end(), std::begin(head), std::end(head));
    image.insert(image.end(), flow.frame, static_cast<std::uint8_t>('b'));
  }
  return image;
}

const std::string& body_bytes() {
  static const std::string bytes(65'536, 'b');
  return bytes;
}

}  // namespace h2::bench
