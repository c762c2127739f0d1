// Stream identifiers (RFC 9113 §5.1.1). Tested by tests/h2core/stream_id_test.cc.
#ifndef H2_H2CORE_STREAM_ID_H_
#define H2_H2CORE_STREAM_ID_H_

#include <compare>
#include <cstdint>

namespace h2::inline v0 {

// Which end of the connection a Connection object plays (RFC 9113 §3.4).
enum class Role : std::uint8_t { kClient, kServer };

constexpr Role peer_of(Role role) { return role == Role::kClient ? Role::kServer : Role::kClient; }

// A stream identifier: 31 bits, odd for streams that the client starts, even for the server's
// (RFC 9113 §5.1.1). 0 stands for the connection as a whole.
struct StreamId {
  std::uint32_t value = 0;

  static constexpr std::uint32_t kMax = 0x7fffffffU;

  constexpr bool is_connection() const { return value == 0; }
  constexpr bool is_client_initiated() const { return (value & 1U) != 0; }
  constexpr bool is_server_initiated() const { return value != 0 && (value & 1U) == 0; }
  constexpr bool is_initiated_by(Role role) const {
    return role == Role::kClient ? is_client_initiated() : is_server_initiated();
  }

  friend constexpr auto operator<=>(StreamId, StreamId) = default;
};

// The identifier that frames about the whole connection carry (RFC 9113 §5.1.1).
inline constexpr StreamId kConnectionStream{0};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_STREAM_ID_H_
