// Response bodies made as they are sent. See serve_bodies.h.
#include "tools/h2/serve_bodies.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace h2::inline v0::tools {

namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kDigits = 15;

void write_line(std::uint64_t number, std::uint8_t* line) {
  static constexpr char kText[] = " the quick brown fox jumps over the lazy dog 0123\n";
  static_assert(sizeof(kText) - 1 >= kLine - kDigits);
  std::uint64_t offset = number * kLine;
  for (std::size_t i = kDigits; i-- > 0; offset /= 10)
    line[i] = static_cast<std::uint8_t>('0' + offset % 10);
  std::memcpy(line + kDigits, kText, kLine - kDigits - 1);
  line[kLine - 1] = '\n';
}

}  // namespace

void fill_pattern(std::uint64_t offset, std::span<std::uint8_t> out) {
  std::uint64_t line = offset / kLine;
  std::size_t skip = static_cast<std::size_t>(offset % kLine);
  while (!out.empty()) {
    if (skip == 0 && out.size() >= kLine) {
      write_line(line, out.data());
      out = out.subspan(kLine);
    } else {
      std::uint8_t text[kLine];
      write_line(line, text);
      const std::size_t n = std::min(out.size(), kLine - skip);
      std::memcpy(out.data(), text + skip, n);
      out = out.subspan(n);
      skip = 0;
    }
    ++line;
  }
}

BodySource::Read PatternBody::read(std::span<std::uint8_t> buffer) noexcept {
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - at_));
  fill_pattern(at_, buffer.first(n));
  at_ += n;
  return {n, at_ == size_ ? State::kEnd : State::kMore};
}

FileBody::~FileBody() { ::close(fd_); }

BodySource::Read FileBody::read(std::span<std::uint8_t> buffer) noexcept {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), rest_));
  if (wanted == 0) return {0, State::kEnd};
  ssize_t n = 0;
  do {
    n = ::pread(fd_, buffer.data(), wanted, static_cast<off_t>(at_));
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return {0, State::kError};
  at_ += static_cast<std::uint64_t>(n);
  rest_ -= static_cast<std::uint64_t>(n);
  return {static_cast<std::size_t>(n), rest_ == 0 ? State::kEnd : State::kMore};
}

BodySource::Read DripBody::read(std::span<std::uint8_t> buffer) noexcept {
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), allowed_ - at_));
  fill_pattern(at_, buffer.first(n));
  at_ += n;
  return {n, at_ == size_ ? State::kEnd : State::kMore};
}

bool DripBody::allow_one() {
  if (allowed_ < size_) ++allowed_;
  return allowed_ < size_;
}

}  // namespace h2::inline v0::tools
