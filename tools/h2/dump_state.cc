// The state of a connection as JSON. See dump_state.h.
#include "tools/h2/dump_state.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "h2core/error.h"
#include "h2core/frame.h"
#include "h2core/inspection.h"
#include "h2core/stream_state.h"
#include "tools/h2/frame_json.h"

namespace h2::inline v0::tools {

namespace {

using Json = nlohmann::ordered_json;

Json hpack_json(const HpackCounts& counts) {
  Json json;
  json["plain_bytes"] = counts.plain;
  json["wire_bytes"] = counts.wire;
  json["table_size"] = counts.table_size;
  json["table_entries"] = counts.table_entries;
  return json;
}

Json frames_json(const FrameCounts& counts) {
  Json json = Json::object();
  for (unsigned code = 0; code <= static_cast<unsigned>(FrameType::kContinuation); ++code) {
    const auto type = static_cast<FrameType>(code);
    if (counts[type] > 0) json[std::string(to_string(type))] = counts[type];
  }
  if (counts.unknown() > 0) json["UNKNOWN"] = counts.unknown();
  return json;
}

Json abuse_json(const AbuseReport& report) {
  Json json;
  json["budget"] = report.budget;
  json["left"] = report.left;
  Json spent = Json::object();
  for (std::size_t i = 0; i < kAbuseCauses; ++i) {
    if (report.spent[i] > 0)
      spent[std::string(to_string(static_cast<AbuseCause>(i)))] = report.spent[i];
  }
  json["spent"] = std::move(spent);
  return json;
}

Json stream_json(const Connection& connection, StreamId id) {
  Json json;
  json["id"] = id.value;
  json["state"] = to_string(connection.stream_state(id));
  json["queued_bytes"] = connection.queued_data(id);
  json["send_window"] = connection.local_flow_control_window(id);
  json["receive_window"] = connection.remote_flow_control_window(id);
  json["receive_window_size"] = connection.receive_window_size(id);
  const Why why = connection.why(id);
  json["sending"] = describe(why.sending);
  json["receiving"] = describe(why.receiving);
  return json;
}

}  // namespace

Json connection_state_json(const Connection& connection) {
  Json json;
  json["role"] = connection.role() == Role::kClient ? "client" : "server";
  json["done"] = connection.done();
  if (const auto error = connection.error()) {
    json["error"]["code"] = to_string(error->code);
    json["error"]["cause"] = to_string(error->cause);
    json["error"]["text"] = describe(error->cause);
  }
  json["want_read"] = connection.want_read();
  json["want_write"] = connection.want_write();
  json["accepts_new_streams"] = connection.accepts_new_streams();
  json["highest_remote_stream"] = connection.highest_remote_stream_id().value;
  const StreamCounts counts = connection.stream_counts();
  json["stream_counts"]["active_local"] = counts.active_local;
  json["stream_counts"]["active_remote"] = counts.active_remote;
  json["stream_counts"]["queued"] = counts.queued;
  json["stream_counts"]["reserved"] = counts.reserved;
  json["settings"]["local"] = settings_json(connection.local_settings());
  json["settings"]["announced"] = settings_json(connection.announced_settings());
  json["settings"]["unacknowledged"] = connection.unacknowledged_settings();
  json["settings"]["remote"] = settings_json(connection.remote_settings());
  json["settings"]["remote_received"] = connection.remote_settings_received();
  json["windows"]["send"] = connection.local_flow_control_window(kConnectionStream);
  json["windows"]["receive"] = connection.remote_flow_control_window(kConnectionStream);
  json["windows"]["receive_size"] = connection.receive_window_size(kConnectionStream);
  json["hpack"]["received"] = hpack_json(connection.fields_received());
  json["hpack"]["sent"] = hpack_json(connection.fields_sent());
  json["frames"]["received"] = frames_json(connection.frames_received());
  json["frames"]["sent"] = frames_json(connection.frames_sent());
  json["abuse"] = abuse_json(connection.abuse());
  json["memory_in_use"] = connection.memory_in_use();
  if (const auto trip = connection.round_trip_time())
    json["round_trip_ms"] = static_cast<double>(trip->ns) / 1e6;
  std::vector<StreamId> ids(connection.streams({}));
  ids.resize(std::min(ids.size(), connection.streams(ids)));
  std::sort(ids.begin(), ids.end());
  json["streams"] = Json::array();
  for (const StreamId id : ids) json["streams"].push_back(stream_json(connection, id));
  return json;
}

}  // namespace h2::inline v0::tools
