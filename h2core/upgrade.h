// HTTP2-Settings: a SETTINGS payload as text in an HTTP/1.1 request (RFC 7540 §3.2.1).
// Tested by tests/h2core/upgrade_test.cc.
#ifndef H2_H2CORE_UPGRADE_H_
#define H2_H2CORE_UPGRADE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "hpack/bytes.h"

namespace h2::inline v0 {

// The value of the field, in a buffer of its own.
struct Http2Settings {
  // Parameters; more are not read or written.
  static constexpr std::size_t kMost = 32;

  char text[kMost * 8] = {};
  std::size_t size = 0;
  std::string_view view() const { return {text, size}; }
};

// base64url without padding. `payload` has at most 6 * Http2Settings::kMost bytes; more are left
// out.
Http2Settings encode_http2_settings(Bytes payload) noexcept;

// The reverse, into `payload`, which has room for 6 * Http2Settings::kMost bytes: the number of
// bytes. None: not base64url, too long, or no multiple of six bytes.
std::optional<std::size_t> decode_http2_settings(std::string_view text,
                                                 std::span<std::uint8_t> payload) noexcept;

}  // namespace h2::inline v0

#endif  // H2_H2CORE_UPGRADE_H_
