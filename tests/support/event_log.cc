// Events as text, and the driver of one Connection; see event_log.h.
#include "tests/support/event_log.h"

#include <algorithm>
#include <cstdio>

namespace h2::tests {

namespace {

std::string hex(std::uint64_t v) {
  char buffer[20];
  std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(v));
  return buffer;
}

std::string id(StreamId stream) { return " stream=" + std::to_string(stream.value); }
std::string end_text(EndStream end) { return end == EndStream::kYes ? " end" : ""; }
std::string code_text(ErrorCode code) {
  return " code=" + std::string(h2::to_string(code)) + "(" +
         std::to_string(static_cast<std::uint32_t>(code)) + ")";
}
std::string cause_text(Errc cause) { return " cause=" + std::string(h2::to_string(cause)); }
std::string ping_text(const PingData& data) {
  std::string out = " data=";
  for (const std::uint8_t b : data) out += std::to_string(b) + ".";
  return out;
}
std::string by_text(ResetBy by) {
  switch (by) {
    case ResetBy::kPeer:
      return " by=peer";
    case ResetBy::kLocalError:
      return " by=local-error";
    case ResetBy::kGoAway:
      return " by=goaway";
    case ResetBy::kConnection:
      return " by=connection";
  }
  return " by=?";
}
std::string processed_text(Processed processed) {
  switch (processed) {
    case Processed::kNo:
      return " processed=no";
    case Processed::kYes:
      return " processed=yes";
    case Processed::kUnknown:
      return " processed=unknown";
  }
  return " processed=?";
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t hash) {
  for (const char c : bytes) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

Fields copy_fields(const FieldsView& fields) {
  Fields out;
  for (const auto& field : fields)
    out.emplace_back(std::string(field.name), std::string(field.value));
  return out;
}

std::vector<HeaderField> views_of(const Fields& fields) {
  std::vector<HeaderField> out;
  out.reserve(fields.size());
  for (const auto& field : fields) {
    HeaderField view;
    view.name = field.first;
    view.value = field.second;
    out.push_back(view);
  }
  return out;
}

std::string to_string(const FieldsView& fields) {
  std::string out = " {";
  for (const auto& field : fields) {
    out += std::string(field.name) + ": " + std::string(field.value) + "; ";
  }
  return out + "}";
}

std::string to_string(const Event& event) {
  return std::visit(
      overloaded{
          [](const RequestReceived& e) {
            return "RequestReceived" + id(e.stream_id) + end_text(e.end_stream) +
                   to_string(e.fields);
          },
          [](const ResponseReceived& e) {
            return "ResponseReceived" + id(e.stream_id) + " status=" + std::to_string(e.status) +
                   end_text(e.end_stream) + to_string(e.fields);
          },
          [](const InformationalResponseReceived& e) {
            return "InformationalResponseReceived" + id(e.stream_id) +
                   " status=" + std::to_string(e.status) + to_string(e.fields);
          },
          [](const TrailersReceived& e) {
            return "TrailersReceived" + id(e.stream_id) + to_string(e.fields);
          },
          [](const DataReceived& e) {
            return "DataReceived" + id(e.stream_id) + " length=" + std::to_string(e.data.size()) +
                   " credit=" + std::to_string(e.flow_controlled_length) +
                   " hash=" + hex(hash_bytes(view(e.data))) + end_text(e.end_stream);
          },
          [](const StreamReset& e) {
            return "StreamReset" + id(e.stream_id) + by_text(e.by) + code_text(e.error_code) +
                   cause_text(e.cause) + processed_text(e.processed);
          },
          [](const PushedStreamReceived& e) {
            return "PushedStreamReceived" + id(e.parent_stream_id) +
                   " promised=" + std::to_string(e.promised_stream_id.value) + to_string(e.fields);
          },
          [](const BodyReleased& e) {
            return "BodyReleased" + id(e.stream_id) + " tag=" + std::to_string(e.tag) +
                   (e.complete ? " complete" : " incomplete");
          },
          [](const WindowUpdated& e) {
            return "WindowUpdated" + id(e.stream_id) + " delta=" + std::to_string(e.delta);
          },
          [](const RemoteSettingsChanged& e) {
            std::string out = "RemoteSettingsChanged";
            for (const Setting& s : e.changed) {
              out += " " + std::to_string(static_cast<unsigned>(s.code)) + "=" +
                     std::to_string(s.value);
            }
            return out;
          },
          [](const SettingsAcknowledged& e) {
            std::string out = "SettingsAcknowledged";
            for (unsigned code = 1; code <= 9; ++code) {
              if (const auto value = e.in_force.get(static_cast<SettingCode>(code))) {
                out += " " + std::to_string(code) + "=" + std::to_string(*value);
              }
            }
            return out;
          },
          [](const PingReceived& e) { return "PingReceived" + ping_text(e.data); },
          [](const PingAckReceived& e) {
            return "PingAckReceived" + ping_text(e.data) + " ns=" + std::to_string(e.round_trip.ns);
          },
          [](const ConnectionTerminated& e) {
            return "ConnectionTerminated last=" + std::to_string(e.last_stream_id.value) +
                   code_text(e.error_code) + " debug=" + std::string(view(e.additional_data));
          },
          [](const PriorityUpdated& e) {
            return "PriorityUpdated" + id(e.stream_id) +
                   " urgency=" + std::to_string(e.priority.urgency) +
                   (e.priority.incremental ? " incremental" : "");
          },
          [](const AlternativeServiceAvailable& e) {
            return "AlternativeServiceAvailable" + id(e.stream_id) +
                   " origin=" + std::string(e.origin) + " value=" + std::string(e.field_value);
          },
          [](const OriginsReceived& e) {
            std::string out = "OriginsReceived";
            for (const std::string_view origin : e.origins) out += " " + std::string(origin);
            return out;
          },
          [](const ExtensionFrameReceived& e) {
            return "ExtensionFrameReceived type=" + std::to_string(e.type) +
                   " flags=" + std::to_string(e.flags) + id(e.stream_id) +
                   " payload=" + std::string(view(e.payload));
          },
          [](const ConnectionFailed& e) {
            // Not the excerpt: how much of it is there depends on how the input was split.
            return "ConnectionFailed" + code_text(e.error.code) + cause_text(e.error.cause);
          },
      },
      event);
}

void Driven::keep(std::span<const Event> events) {
  for (const Event& event : events) {
    log.push_back(to_string(event));
    if (on_event) on_event(conn, event);
  }
}

Driven& Driven::feed(Bytes bytes) {
  unread += view(bytes);
  while (!unread.empty()) {
    const Received received = conn.receive_data(bytes_of(unread), now);
    keep(received.events);
    unread.erase(0, received.consumed);
    if (unread.empty()) break;
    if (conn.want_read()) {
      if (received.consumed == 0 && received.events.empty())
        break;  // would go on for ever: the test sees `unread`
      continue;
    }
    if (!conn.want_write()) break;
    drain();
    if (!conn.want_read()) break;
  }
  return *this;
}

Driven& Driven::feed(Bytes bytes, const Split& split) {
  std::size_t at = 0;
  for (const std::size_t size : split.sizes) {
    feed(bytes.subspan(at, size));
    at += size;
  }
  return *this;
}

Driven& Driven::drain() {
  for (int round = 0; round < 100'000; ++round) {
    std::size_t n = 0;
    for (const Bytes piece : conn.data_to_send()) {
      out += view(piece);
      n += piece.size();
    }
    if (n == 0) break;
    conn.mark_sent(n);
    keep(conn.poll_events());
  }
  keep(conn.poll_events());
  return *this;
}

Driven& Driven::end() {
  keep(conn.receive_end(now));
  return *this;
}

Driven& Driven::wait(Duration duration) {
  now = now + duration;
  if (conn.next_deadline() <= now) keep(conn.on_time(now));
  return *this;
}

Errc Driven::send(std::uint32_t stream, const Fields& fields, EndStream end) {
  const auto result = conn.send_headers(StreamId{stream}, views_of(fields), end);
  return result ? Errc::kNone : result.error().cause;
}

Driven& Driven::forget() {
  log.clear();
  out.clear();
  return *this;
}

std::size_t Driven::count(std::string_view prefix) const {
  return static_cast<std::size_t>(std::count_if(
      log.begin(), log.end(),
      [&](const std::string& line) { return line.substr(0, prefix.size()) == prefix; }));
}

std::string Driven::text() const {
  std::string out_text;
  for (const std::string& line : log) out_text += line + "\n";
  return out_text;
}

Driven& start(Driven& driven, std::initializer_list<Setting> peer_settings) {
  FrameScript script;
  if (driven.conn.role() == Role::kServer) script.client_preface();
  script.settings(peer_settings).settings_ack();
  driven.drain();
  driven.feed(script);
  driven.drain();
  return driven.forget();
}

}  // namespace h2::tests
