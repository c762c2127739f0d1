// Numbers and durations as people write them in command lines and paths.
// Tested by tests/tools/serve_numbers_test.cc.
#ifndef H2_TOOLS_H2_SERVE_NUMBERS_H_
#define H2_TOOLS_H2_SERVE_NUMBERS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "h2core/time.h"

namespace h2::inline v0::tools {

// A decimal number of digits only, at most `max`.
std::optional<std::uint64_t> parse_number(
    std::string_view text, std::uint64_t max = std::numeric_limits<std::uint64_t>::max());
// A number and a unit: "500ms", "2s", "1.5s", "1m"; without a unit, seconds. At most a day.
std::optional<Duration> parse_span(std::string_view text);
// A number of bytes, with an optional unit that multiplies by a power of 1024: "1000", "64K",
// "64M", "2G".
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVE_NUMBERS_H_
