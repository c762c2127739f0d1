// Runs the fuzz targets as an ordinary test: over every hostile case, over mutations of them, and
// over noise.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2core/testing/link.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/h2core/hostile_cases.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::Random;
using Target = void (*)(Bytes);

std::string mutated(Random& random, std::string input, const std::string& other) {
  const std::uint64_t changes = 1 + random.below(4);
  for (std::uint64_t i = 0; i < changes && !input.empty(); ++i) {
    const std::size_t at = random.below(input.size());
    switch (random.below(6)) {
      case 0:
        input[at] = static_cast<char>(random.next());
        break;
      case 1:
        input[at] =
            static_cast<char>(static_cast<unsigned char>(input[at]) ^ (1U << random.below(8)));
        break;
      case 2:
        input.erase(at, 1 + random.below(20));
        break;
      case 3:
        input.insert(at, std::string(1 + random.below(20), static_cast<char>(random.next())));
        break;
      case 4:
        if (!other.empty())
          input.insert(at, other.substr(random.below(other.size()), random.below(200)));
        break;
      default:
        input += other.substr(0, 2'000);
    }
  }
  if (input.size() > 20'000) input.resize(20'000);
  return input;
}

std::string noise(Random& random, std::size_t most) {
  std::string s(random.below(most), '\0');
  for (char& c : s) c = static_cast<char>(random.next());
  return s;
}

void replay(Target target, const std::vector<std::string>& seeds, std::size_t mutations,
            std::size_t noises) {
  Random random(1);
  target(Bytes{});
  for (const std::string& seed : seeds) target(bytes_of(seed));
  for (std::size_t i = 0; i < mutations; ++i) {
    const std::string& one = seeds[random.below(seeds.size())];
    const std::string& other = seeds[random.below(seeds.size())];
    const std::string input = mutated(random, one, other);
    SCOPED_TRACE("mutation " + std::to_string(i));
    target(bytes_of(input));
  }
  for (std::size_t i = 0; i < noises; ++i) {
    const std::string input = noise(random, 300);
    target(bytes_of(input));
  }
}

std::vector<std::string> seeds_of(Role role, bool with_choices) {
  std::vector<std::string> seeds;
  Random random(2);
  for (const HostileCase& hostile : hostile_cases()) {
    if (hostile.role != role) continue;
    if (hostile.script.str().size() > 8'000) continue;
    std::string seed;
    if (with_choices) {
      const unsigned config =
          static_cast<unsigned>(random.below(128)) | (hostile.from_first_byte ? 128U : 0U);
      seed += static_cast<char>(config);
      seed += static_cast<char>(random.next());
    }
    seeds.push_back(seed + hostile.script.str());
  }
  return seeds;
}

TEST(FuzzReplay, ConnectionServer) {
  replay(fuzz_connection_server, seeds_of(Role::kServer, true), 3'000, 200);
}
TEST(FuzzReplay, ConnectionClient) {
  replay(fuzz_connection_client, seeds_of(Role::kClient, true), 3'000, 200);
}
TEST(FuzzReplay, Frame) { replay(fuzz_frame, seeds_of(Role::kServer, false), 10'000, 1'000); }
TEST(FuzzReplay, HpackDecode) {
  std::vector<std::string> seeds;
  for (const Fields& fields : {get(), post("/x", {{"a", "b"}, {"cookie", "c"}}),
                               response_fields(200, {{"server", "x"}})}) {
    const std::string block = plain_block(fields);
    seeds.push_back(std::string("\x10") + static_cast<char>(block.size()) + block);
  }
  for (const char* block : {"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
                            "\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
                            "\x40\x0a"
                            "custom-key\x0d"
                            "custom-header",
                            "\x20\x3f\xe1\x1f\x82"}) {
    const std::string text(block);
    seeds.push_back(std::string("\x10") + static_cast<char>(text.size()) + text);
  }
  replay(fuzz_hpack_decode, seeds, 20'000, 5'000);
}

}  // namespace
}  // namespace h2::tests
