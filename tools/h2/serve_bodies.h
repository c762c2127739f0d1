// Response bodies that are made as they are sent, so that a slow reader costs no memory.
// Tested by tests/tools/serve_bodies_test.cc.
#ifndef H2_TOOLS_H2_SERVE_BODIES_H_
#define H2_TOOLS_H2_SERVE_BODIES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "h2core/body_source.h"

namespace h2::inline v0::tools {

// Writes the bytes of the test pattern from `offset` on. The pattern is lines of 64 bytes, each
// beginning with its own offset in 15 decimal digits, so that a piece that is lost or doubled
// shows.
void fill_pattern(std::uint64_t offset, std::span<std::uint8_t> out);

// The first `size` bytes of the pattern.
class PatternBody final : public BodySource {
 public:
  explicit PatternBody(std::uint64_t size) : size_(size) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override;

 private:
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

// A part of a file. Ends with an error if the file has become shorter.
class FileBody final : public BodySource {
 public:
  // Takes over `fd`.
  FileBody(int fd, std::uint64_t offset, std::uint64_t size) : fd_(fd), at_(offset), rest_(size) {}
  ~FileBody() override;
  FileBody(const FileBody&) = delete;
  FileBody& operator=(const FileBody&) = delete;
  Read read(std::span<std::uint8_t> buffer) noexcept override;

 private:
  int fd_;
  std::uint64_t at_;
  std::uint64_t rest_;
};

// `size` bytes of the pattern, each given out after one call of allow_one().
class DripBody final : public BodySource {
 public:
  explicit DripBody(std::uint64_t size) : size_(size) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override;
  // Lets one byte more go; whether still others remain to be allowed.
  bool allow_one();

 private:
  std::uint64_t size_;
  std::uint64_t allowed_ = 0;
  std::uint64_t at_ = 0;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVE_BODIES_H_
