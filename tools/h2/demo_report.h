// What `h2 demo` prints: tables and a waterfall in text, at most 100 columns wide.
// Tested by tests/tools/demo_report_test.cc.
#ifndef H2_TOOLS_H2_DEMO_REPORT_H_
#define H2_TOOLS_H2_DEMO_REPORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/frame_trace.h"
#include "h2core/settings.h"
#include "h2core/time.h"

namespace h2::inline v0::tools {

// Frames and bytes by type and direction, and the SETTINGS that went either way. Thread-safe until
// it is read.
class FrameTotals {
 public:
  struct Count {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;  // frame headers included
  };
  static constexpr std::size_t kTypes = 11;  // the ten of RFC 9113, then all others

  void add(Direction direction, const FrameHeader& header, Bytes payload);
  // By direction and type.
  const Count& count(Direction direction, std::size_t type) const {
    return counts_[direction == Direction::kSent ? 1 : 0][type];
  }
  const std::vector<Setting>& settings(Direction direction) const {
    return settings_[direction == Direction::kSent ? 1 : 0];
  }

 private:
  std::mutex mutex_;
  std::array<std::array<Count, kTypes>, 2> counts_{};
  std::array<std::vector<Setting>, 2> settings_;
};

// One request of the demo.
struct DemoRow {
  std::uint32_t stream_id = 0;
  std::string method;
  std::string path;
  int status = 0;
  std::uint64_t body = 0;  // bytes received
  Time begin;              // handed to the client
  Time head;               // the response's head had come
  Time end;
};

// Whether escape sequences for colours may be used.
enum class Colour : bool { kNo, kYes };

// "1,234,567".
std::string group_digits(std::uint64_t number);
// "17 B", "1.5 kB", "23 MB": powers of 1000, at most seven characters.
std::string short_bytes(std::uint64_t bytes);
// "850 us", "12.3 ms", "1.50 s".
std::string short_span(Duration span);

// The table of frames, seen from the client.
std::string draw_frames(const FrameTotals& totals, Colour colour);
// "HEADER_TABLE_SIZE 4096, ...", broken into lines that are indented by `indent`.
std::string draw_settings(const std::vector<Setting>& settings, std::size_t indent);
// One line per row, or for the `most` most telling ones: those that took longest and some of the
// others.
std::string draw_waterfall(std::vector<DemoRow> rows, std::size_t most, Colour colour);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_DEMO_REPORT_H_
