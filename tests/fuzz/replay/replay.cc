// Runs a fuzz target once over the empty input and over each file named on the command
// line, so that a corpus is an ordinary regression test. Under --config=fuzz libFuzzer's own
// main() takes this one's place.
//
// A target fails as under libFuzzer, by ending the process (or by a sanitizer's report). A
// missing file, or none at all, is a failure too: the corpus would not have been run.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  const std::uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(&nothing, 0);
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    // A copy of exactly this size, so that AddressSanitizer sees a read past the end.
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    std::fprintf(stderr, "%s (%zu bytes)\n", argv[i], input.size());
    LLVMFuzzerTestOneInput(input.empty() ? &nothing : input.data(), input.size());
  }
  if (argc < 2) {
    std::fprintf(stderr, "no input files\n");
    return 1;
  }
  return 0;
}
