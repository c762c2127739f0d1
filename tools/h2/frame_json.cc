// Frames as JSON. See frame_json.h.
#include "tools/h2/frame_json.h"

#include <cstdint>
#include <variant>

#include "h2core/error_code.h"
#include "h2core/event.h"
#include "h2core/frame_decoder.h"
#include "tools/h2/get_frames.h"

namespace h2::inline v0::tools {

namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += kDigits[byte >> 4];
    result += kDigits[byte & 15];
  }
  return result;
}

Json error_json(ErrorCode code) {
  const std::string_view name = to_string(code);
  if (name == "UNKNOWN_ERROR") return static_cast<std::uint32_t>(code);
  return name;
}

void add_priority(Json& json, const PriorityFields& priority) {
  json["depends_on"] = priority.dependency.value;
  json["weight"] = priority.weight + 1;
  json["exclusive"] = priority.exclusive;
}

struct AddContent {
  Json& json;
  const FrameHeader& header;

  void padding(std::size_t content) const {
    if (header.has(kFlagPadded)) json["padding"] = header.length - 1 - content;
  }
  void operator()(const DataFrame& frame) const {
    json["data_length"] = frame.data.size();
    padding(frame.data.size());
  }
  void operator()(const HeadersFrame& frame) const {
    if (frame.priority) add_priority(json, *frame.priority);
    padding(frame.fragment.size() + (frame.priority ? 5 : 0));
  }
  void operator()(const PriorityFrame& frame) const { add_priority(json, frame.priority); }
  void operator()(const RstStreamFrame& frame) const {
    json["error"] = error_json(frame.error_code);
  }
  void operator()(const SettingsFrame& frame) const {
    if (frame.ack) return;
    Json list = Json::array();
    for (std::size_t i = 0; i < frame.count(); ++i) {
      const Setting setting = setting_at(frame, i);
      const std::string_view name = to_string(setting.code);
      Json one;
      if (name == "UNKNOWN") {
        one["code"] = static_cast<std::uint16_t>(setting.code);
      } else {
        one["name"] = name;
      }
      one["value"] = setting.value;
      list.push_back(std::move(one));
    }
    json["settings"] = std::move(list);
  }
  void operator()(const PushPromiseFrame& frame) const {
    json["promised_stream"] = frame.promised_stream_id.value;
    padding(frame.fragment.size() + 4);
  }
  void operator()(const PingFrame& frame) const {
    json["data"] = hex(as_string_view(Bytes(frame.data)));
  }
  void operator()(const GoAwayFrame& frame) const {
    json["last_stream"] = frame.last_stream_id.value;
    json["error"] = error_json(frame.error_code);
    if (!frame.additional_data.empty())
      json["debug_data"] = text_json(as_string_view(frame.additional_data));
  }
  void operator()(const WindowUpdateFrame& frame) const { json["increment"] = frame.increment; }
  void operator()(const ContinuationFrame&) const {}
  void operator()(const AltSvcFrame& frame) const {
    json["origin"] = text_json(as_string_view(frame.origin));
    json["value"] = text_json(as_string_view(frame.field_value));
  }
  void operator()(const OriginFrame& frame) const {
    Json list = Json::array();
    for (const std::string_view origin : OriginsView(frame.entries)) list.push_back(origin);
    json["origins"] = std::move(list);
  }
  void operator()(const PriorityUpdateFrame& frame) const {
    json["prioritized_stream"] = frame.prioritized_stream_id.value;
    json["priority"] = text_json(as_string_view(frame.field_value));
  }
  void operator()(const UnknownFrame& frame) const {
    if (frame.payload.size() <= 1'024) json["payload"] = hex(as_string_view(frame.payload));
  }
};

}  // namespace

Json text_json(std::string_view text) {
  Json json = text;
  try {
    (void)json.dump();
  } catch (const Json::type_error&) {
    Json other;
    other["hex"] = hex(text);
    return other;
  }
  return json;
}

Json field_json(const hpack::HeaderField& field, bool show_secrets) {
  Json json;
  json["name"] = text_json(field.name);
  const bool hidden = !show_secrets && (field.sensitive || is_secret_field(field.name));
  json["value"] =
      hidden ? Json(shown_value(field.name, field.value, true, false)) : text_json(field.value);
  if (field.sensitive) json["sensitive"] = true;
  return json;
}

Json settings_json(const Settings& settings) {
  Json json;
  json["header_table_size"] = settings.header_table_size;
  json["enable_push"] = settings.enable_push;
  json["max_concurrent_streams"] = settings.max_concurrent_streams;
  json["initial_window_size"] = settings.initial_window_size;
  json["max_frame_size"] = settings.max_frame_size;
  json["max_header_list_size"] = settings.max_header_list_size;
  json["enable_connect_protocol"] = settings.enable_connect_protocol;
  json["no_rfc7540_priorities"] = settings.no_rfc7540_priorities;
  return json;
}

Json frame_json(const FrameHeader& header, Bytes payload) {
  Json json;
  json["type"] = type_name(header.type);
  json["stream"] = header.stream_id.value;
  json["length"] = header.length;
  json["flags"] = flag_names(header);
  if (payload.size() != header.length || check_frame_header(header, kMaxMaxFrameSize)) return json;
  if (const auto frame = decode_frame(header, payload)) {
    std::visit(AddContent{json, header}, *frame);
  }
  return json;
}

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace h2::inline v0::tools
