// Numbers and durations in text. See serve_numbers.h.
#include "tools/h2/serve_numbers.h"

#include <charconv>
#include <system_error>

namespace h2::inline v0::tools {

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > max) {
    return std::nullopt;
  }
  return value;
}

std::optional<Duration> parse_span(std::string_view text) {
  constexpr std::int64_t kDay = 86'400'000'000'000;
  std::size_t digits = 0;
  while (digits < text.size() &&
         ((text[digits] >= '0' && text[digits] <= '9') || text[digits] == '.'))
    ++digits;
  const std::string_view unit = text.substr(digits);
  std::int64_t scale = 1'000'000'000;
  if (unit == "ms") {
    scale = 1'000'000;
  } else if (unit == "us") {
    scale = 1'000;
  } else if (unit == "m" || unit == "min") {
    scale = 60'000'000'000;
  } else if (!unit.empty() && unit != "s") {
    return std::nullopt;
  }
  const std::string_view number = text.substr(0, digits);
  const std::size_t point = number.find('.');
  const auto whole = parse_number(number.substr(0, point), 86'400'000'000);
  if (!whole) return std::nullopt;
  std::int64_t fraction = 0;
  if (point != std::string_view::npos) {
    std::int64_t place = scale;
    for (const char digit : number.substr(point + 1)) {
      if (digit == '.') return std::nullopt;
      place /= 10;
      fraction += place * (digit - '0');
    }
  }
  if (static_cast<std::int64_t>(*whole) > kDay / scale) return std::nullopt;
  return Duration{static_cast<std::int64_t>(*whole) * scale + fraction};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  unsigned shift = 0;
  if (!text.empty()) {
    switch (text.back()) {
      case 'K':
      case 'k':
        shift = 10;
        break;
      case 'M':
      case 'm':
        shift = 20;
        break;
      case 'G':
      case 'g':
        shift = 30;
        break;
      default:
        break;
    }
  }
  if (shift > 0) text.remove_suffix(1);
  const auto value = parse_number(text, std::numeric_limits<std::uint64_t>::max() >> shift);
  if (!value) return std::nullopt;
  return *value << shift;
}

}  // namespace h2::inline v0::tools
