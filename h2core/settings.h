// SETTINGS parameters (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1): codes, initial values, checks.
// Tested by tests/h2core/settings_test.cc.
#ifndef H2_H2CORE_SETTINGS_H_
#define H2_H2CORE_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "h2core/error.h"
#include "h2core/stream_id.h"

namespace h2::inline v0 {

// A parameter's identifier on the wire. Peers may send others; those are reported and otherwise
// ignored.
enum class SettingCode : std::uint16_t {
  kHeaderTableSize = 0x1,
  kEnablePush = 0x2,
  kMaxConcurrentStreams = 0x3,
  kInitialWindowSize = 0x4,
  kMaxFrameSize = 0x5,
  kMaxHeaderListSize = 0x6,
  kEnableConnectProtocol = 0x8,
  kNoRfc7540Priorities = 0x9,
};

// The name as the RFC spells it without the prefix, such as "MAX_FRAME_SIZE"; "UNKNOWN" for other
// codes.
std::string_view to_string(SettingCode code);

// One parameter as a SETTINGS frame carries it.
struct Setting {
  SettingCode code{};
  std::uint32_t value = 0;
  friend bool operator==(const Setting&, const Setting&) = default;
};

inline constexpr std::uint32_t kDefaultWindowSize = 65'535;
inline constexpr std::uint32_t kMaxWindowSize = 0x7fffffffU;
inline constexpr std::uint32_t kMinMaxFrameSize = 16'384;
inline constexpr std::uint32_t kMaxMaxFrameSize = 16'777'215;
inline constexpr std::uint32_t kUnlimited = 0xffffffffU;

// The values in force for one direction, beginning with the RFC's initial ones (RFC 9113 §6.5.2).
struct Settings {
  std::uint32_t header_table_size = 4'096;
  bool enable_push = true;
  std::uint32_t max_concurrent_streams = kUnlimited;
  std::uint32_t initial_window_size = kDefaultWindowSize;
  std::uint32_t max_frame_size = kMinMaxFrameSize;
  std::uint32_t max_header_list_size = kUnlimited;
  bool enable_connect_protocol = false;
  bool no_rfc7540_priorities = false;

  // Takes one parameter over; the value must have passed check_setting. Unknown codes change
  // nothing.
  void apply(Setting setting);
  // The value of a known code; none for others.
  std::optional<std::uint32_t> get(SettingCode code) const;

  friend bool operator==(const Settings&, const Settings&) = default;
};

// What is wrong with a parameter that `sender` sends: code kNoError if nothing is. ENABLE_PUSH
// other than 0 or 1 (and 1 from a server), INITIAL_WINDOW_SIZE above 2^31-1 (FLOW_CONTROL_ERROR)
// and MAX_FRAME_SIZE outside [16384, 16777215] are connection errors (RFC 9113 §6.5.2).
ConnectionError check_setting(Role sender, Setting setting);

}  // namespace h2::inline v0

#endif  // H2_H2CORE_SETTINGS_H_
