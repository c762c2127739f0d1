// SETTINGS parameters. See settings.h.
#include "h2core/settings.h"

namespace h2::inline v0 {

std::string_view to_string(SettingCode code) {
  switch (code) {
    case SettingCode::kHeaderTableSize:
      return "HEADER_TABLE_SIZE";
    case SettingCode::kEnablePush:
      return "ENABLE_PUSH";
    case SettingCode::kMaxConcurrentStreams:
      return "MAX_CONCURRENT_STREAMS";
    case SettingCode::kInitialWindowSize:
      return "INITIAL_WINDOW_SIZE";
    case SettingCode::kMaxFrameSize:
      return "MAX_FRAME_SIZE";
    case SettingCode::kMaxHeaderListSize:
      return "MAX_HEADER_LIST_SIZE";
    case SettingCode::kEnableConnectProtocol:
      return "ENABLE_CONNECT_PROTOCOL";
    case SettingCode::kNoRfc7540Priorities:
      return "NO_RFC7540_PRIORITIES";
  }
  return "UNKNOWN";
}

void Settings::apply(Setting setting) {
  switch (setting.code) {
    case SettingCode::kHeaderTableSize:
      header_table_size = setting.value;
      break;
    case SettingCode::kEnablePush:
      enable_push = setting.value != 0;
      break;
    case SettingCode::kMaxConcurrentStreams:
      max_concurrent_streams = setting.value;
      break;
    case SettingCode::kInitialWindowSize:
      initial_window_size = setting.value;
      break;
    case SettingCode::kMaxFrameSize:
      max_frame_size = setting.value;
      break;
    case SettingCode::kMaxHeaderListSize:
      max_header_list_size = setting.value;
      break;
    case SettingCode::kEnableConnectProtocol:
      enable_connect_protocol = setting.value != 0;
      break;
    case SettingCode::kNoRfc7540Priorities:
      no_rfc7540_priorities = setting.value != 0;
      break;
  }
}

std::optional<std::uint32_t> Settings::get(SettingCode code) const {
  switch (code) {
    case SettingCode::kHeaderTableSize:
      return header_table_size;
    case SettingCode::kEnablePush:
      return enable_push ? 1 : 0;
    case SettingCode::kMaxConcurrentStreams:
      return max_concurrent_streams;
    case SettingCode::kInitialWindowSize:
      return initial_window_size;
    case SettingCode::kMaxFrameSize:
      return max_frame_size;
    case SettingCode::kMaxHeaderListSize:
      return max_header_list_size;
    case SettingCode::kEnableConnectProtocol:
      return enable_connect_protocol ? 1 : 0;
    case SettingCode::kNoRfc7540Priorities:
      return no_rfc7540_priorities ? 1 : 0;
  }
  return std::nullopt;
}

ConnectionError check_setting(Role sender, Setting setting) {
  const ConnectionError invalid{ErrorCode::kProtocolError, Errc::kSettingsValueInvalid};
  switch (setting.code) {
    case SettingCode::kEnablePush:
      // RFC 9113 §6.5.2: 0 or 1; a server sends 0 if anything.
      if (setting.value > (sender == Role::kServer ? 0U : 1U)) return invalid;
      break;
    case SettingCode::kInitialWindowSize:
      if (setting.value > kMaxWindowSize) {
        return {ErrorCode::kFlowControlError, Errc::kSettingsValueInvalid};
      }
      break;
    case SettingCode::kMaxFrameSize:
      if (setting.value < kMinMaxFrameSize || setting.value > kMaxMaxFrameSize) return invalid;
      break;
    case SettingCode::kEnableConnectProtocol:  // RFC 8441 §3
    case SettingCode::kNoRfc7540Priorities:    // RFC 9218 §2.1
      if (setting.value > 1) return invalid;
      break;
    case SettingCode::kHeaderTableSize:
    case SettingCode::kMaxConcurrentStreams:
    case SettingCode::kMaxHeaderListSize:
      break;
  }
  return {};
}

}  // namespace h2::inline v0
