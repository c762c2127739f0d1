// base64url. See upgrade.h.
#include "h2core/upgrade.h"

#include <algorithm>

namespace h2::inline v0 {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

Http2Settings encode_http2_settings(Bytes payload) noexcept {
  Http2Settings out;
  std::uint32_t bits = 0;
  unsigned have = 0;
  const auto put = [&](std::uint32_t six) { out.text[out.size++] = kAlphabet[six & 63U]; };
  for (const std::uint8_t byte :
       payload.first(std::min(payload.size(), 6 * Http2Settings::kMost))) {
    bits = bits << 8 | byte;
    for (have += 8; have >= 6; have -= 6) put(bits >> (have - 6));
  }
  if (have > 0) put(bits << (6 - have));
  return out;
}

std::optional<std::size_t> decode_http2_settings(std::string_view text,
                                                 std::span<std::uint8_t> payload) noexcept {
  // Some senders pad although they may not.
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned have = 0;
  for (const char c : text) {
    const std::size_t six = kAlphabet.find(c);
    if (six == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(six);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    if (size == payload.size()) return std::nullopt;
    payload[size++] = static_cast<std::uint8_t>(bits >> have);
  }
  const bool leftover = (bits & ((1U << have) - 1)) != 0 || have >= 6;
  if (leftover || size % 6 != 0) return std::nullopt;
  return size;
}

}  // namespace h2::inline v0
