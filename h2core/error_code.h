// The error codes that RST_STREAM and GOAWAY carry (RFC 9113 §7).
// Tested by tests/h2core/error_test.cc.
#ifndef H2_H2CORE_ERROR_CODE_H_
#define H2_H2CORE_ERROR_CODE_H_

#include <cstdint>
#include <string_view>

namespace h2::inline v0 {

// A code as it stands on the wire. A peer may send any 32-bit value: unknown ones are kept as they
// are and treated like kInternalError (RFC 9113 §7).
enum class ErrorCode : std::uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kFlowControlError = 0x3,
  kSettingsTimeout = 0x4,
  kStreamClosed = 0x5,
  kFrameSizeError = 0x6,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kCompressionError = 0x9,
  kConnectError = 0xa,
  kEnhanceYourCalm = 0xb,
  kInadequateSecurity = 0xc,
  kHttp11Required = 0xd,
};

// The code's name as the RFC spells it, such as "PROTOCOL_ERROR"; "UNKNOWN_ERROR" for other values.
std::string_view to_string(ErrorCode code);

}  // namespace h2::inline v0

#endif  // H2_H2CORE_ERROR_CODE_H_
