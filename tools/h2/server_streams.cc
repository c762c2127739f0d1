// Requests and their replies on one connection. See server_streams.h.
#include "tools/h2/server_streams.h"

#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <utility>
#include <vector>

#include "tools/h2/serve_numbers.h"

namespace h2::inline v0::tools {

namespace {

Config connection_config(const ServerShared& shared, const ServerObservers& observers) {
  Config config = shared.options.config;
  config.trace = observers.trace != nullptr ? observers.trace.get() : shared.options.trace;
  config.record = observers.record.get();
  if (::getrandom(&config.hash_seed, sizeof config.hash_seed, 0) != sizeof config.hash_seed) {
    config.hash_seed = static_cast<std::uint64_t>(monotonic_now().ns);
  }
  return config;
}

// The date field's value, made once per second (RFC 9110 §6.6.1).
const std::string& date_now() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    second = now;
    text = http_date(now);
  }
  return text;
}

}  // namespace

ServerStreams::ServerStreams(ServerShared& shared, Time now)
    : shared_(shared),
      observers_(shared.options.observe ? shared.options.observe() : ServerObservers{}),
      connection_(Role::kServer, connection_config(shared, observers_), now) {}

void ServerStreams::handle(std::span<const Event> events, Time now) {
  for (const Event& any : events) {
    std::visit(overloaded{
                   [&](const RequestReceived& event) { on_request(event, now); },
                   [&](const DataReceived& event) { on_data(event, now); },
                   [&](const TrailersReceived& event) {
                     const auto found = streams_.find(event.stream_id.value);
                     if (found != streams_.end() && !found->second.dead)
                       request_ended(found->first, found->second, now);
                   },
                   [&](const StreamReset& event) { on_reset(event); },
                   [&](const BodyReleased& event) { on_released(event); },
                   [](const PingAckReceived&) {},
                   [](const ResponseReceived&) {},
                   [](const InformationalResponseReceived&) {},
                   [](const PushedStreamReceived&) {},
                   [](const WindowUpdated&) {},
                   [](const RemoteSettingsChanged&) {},
                   [](const SettingsAcknowledged&) {},
                   [](const PingReceived&) {},
                   [](const ConnectionTerminated&) {},
                   [](const PriorityUpdated&) {},
                   [](const AlternativeServiceAvailable&) {},
                   [](const OriginsReceived&) {},
                   [](const ExtensionFrameReceived&) {},
                   [](const ConnectionFailed&) {},
               },
               any);
  }
}

void ServerStreams::on_request(const RequestReceived& event, Time now) {
  const std::uint32_t id = event.stream_id.value;
  ++requests_;
  shared_.requests.fetch_add(1, std::memory_order_relaxed);
  Stream& stream = streams_[id];
  stream.request.fields.reserve(event.fields.size());
  for (const HeaderField field : event.fields) {
    stream.request.fields.emplace_back(field.name, field.value);
  }
  stream.request.method = stream.request.field(":method");
  stream.request.path = stream.request.field(":path");
  stream.reply = choose_reply(stream.request, shared_.files ? &*shared_.files : nullptr);
  if (event.end_stream == EndStream::kYes) return request_ended(id, stream, now);
  if (stream.reply.hold) return;
  if (stream.reply.at_once) return send_reply(id, stream, now);

  const auto length = parse_number(stream.request.field("content-length"));
  if (length && *length > shared_.options.max_body) return refuse_body(id, stream);
  std::string expectation(stream.request.field("expect"));
  for (char& c : expectation) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (expectation == "100-continue") {
    // RFC 9110 §10.1.1: in any case of letters; the final status at once if the body would make no
    // difference, else 100.
    if (stream.reply.status >= 400) return send_reply(id, stream, now);
    const HeaderField go_on[] = {{":status", "100"}};
    (void)connection_.send_headers(event.stream_id, go_on, EndStream::kNo);
  }
}

void ServerStreams::on_data(const DataReceived& event, Time now) {
  const auto size = static_cast<std::uint32_t>(event.data.size());
  const auto found = streams_.find(event.stream_id.value);
  if (found == streams_.end() || found->second.dead || found->second.replied) {
    (void)connection_.acknowledge_received_data(size, event.stream_id);
    if (found != streams_.end() && event.end_stream == EndStream::kYes)
      found->second.request_ended = true;
    return;
  }
  Stream& stream = found->second;
  if (stream.reply.hold) return;  // never read
  stream.received += size;
  if (stream.received > shared_.options.max_body) return refuse_body(found->first, stream);
  stream.withheld += size;
  if (stream.reply.echo) {
    stream.body += as_string_view(event.data);
    note_buffered(size);
  }
  give_credit(found->first, stream);
  if (event.end_stream == EndStream::kYes) request_ended(found->first, stream, now);
}

void ServerStreams::on_reset(const StreamReset& event) {
  const std::uint32_t id = event.stream_id.value;
  connection_.release_stream(event.stream_id);
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second.dead = true;
  set_timer(id, found->second, Time::never());
  if (!found->second.body_held) erase(id);
}

void ServerStreams::on_released(const BodyReleased& event) {
  const auto found = streams_.find(event.stream_id.value);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  stream.body_held = false;
  if (stream.dead) {
    erase(found->first);
  } else {
    reply_done(found->first, stream);
  }
}

void ServerStreams::request_ended(std::uint32_t id, Stream& stream, Time now) {
  stream.request_ended = true;
  if (stream.replied || stream.reply.hold) return;
  if (stream.reply.echo) {
    buffered_ -= stream.body.size();
    set_echo_body(stream.reply, std::exchange(stream.body, {}));
    buffered_ += stream.reply.text.size();
    if (any_withheld_) give_withheld();
  }
  if (stream.reply.delay > Duration{}) return set_timer(id, stream, now + stream.reply.delay);
  send_reply(id, stream, now);
}

// 413 now; the rest of the upload is stopped once the reply is out (RFC 9113 §8.1).
void ServerStreams::refuse_body(std::uint32_t id, Stream& stream) {
  buffered_ -= stream.body.size();
  stream.body = std::string();
  (void)connection_.acknowledge_received_data(stream.withheld, StreamId{id});
  stream.withheld = 0;
  stream.reply = text_reply(
      stream.request, 413,
      "a request's body may have " + std::to_string(shared_.options.max_body) + " bytes here");
  send_reply(id, stream, {});
}

void ServerStreams::send_reply(std::uint32_t id, Stream& stream, Time now) {
  const StreamId stream_id{id};
  ServeReply& reply = stream.reply;
  stream.replied = true;
  stream.request = {};
  std::vector<HeaderField> fields;
  if (reply.early_status != 0) {
    const std::string early_status = std::to_string(reply.early_status);
    fields.push_back({":status", early_status});
    for (const auto& [name, value] : reply.early_fields) fields.push_back({name, value});
    // If this fails, so does what follows.
    (void)connection_.send_headers(stream_id, fields, EndStream::kNo);
    fields.clear();
  }
  const std::string status = std::to_string(reply.status);
  fields.reserve(reply.fields.size() + 3);
  fields.push_back({":status", status});
  for (const auto& [name, value] : reply.fields) fields.push_back({name, value});
  fields.push_back({"date", date_now()});
  fields.push_back({"server", "h2cpp"});

  const bool body = reply.send_body && (reply.source != nullptr || !reply.text.empty());
  const bool trailers = reply.send_body && !reply.trailers.empty();
  const EndStream head_ends = body || trailers ? EndStream::kNo : EndStream::kYes;
  if (const auto sent = connection_.send_headers(stream_id, fields, head_ends); !sent) {
    (void)connection_.reset_stream(stream_id, ErrorCode::kInternalError);
    connection_.release_stream(stream_id);
    return erase(id);
  }
  if (!body) return reply_done(id, stream);
  const EndStream body_ends = trailers ? EndStream::kNo : EndStream::kYes;
  const auto queued = reply.source != nullptr
                          ? connection_.send_body(stream_id, *reply.source, body_ends)
                          : connection_.send_data(stream_id, as_bytes(reply.text), body_ends);
  if (!queued) {
    (void)connection_.reset_stream(stream_id, ErrorCode::kInternalError);
    connection_.release_stream(stream_id);
    return erase(id);
  }
  stream.body_held = true;
  if (trailers) {
    fields.clear();
    for (const auto& [name, value] : reply.trailers) fields.push_back({name, value});
    (void)connection_.send_headers(stream_id, fields, EndStream::kYes);
  }
  if (reply.drip != nullptr) drip(id, stream, now);
}

void ServerStreams::drip(std::uint32_t id, Stream& stream, Time now) {
  const bool more = stream.reply.drip->allow_one();
  (void)connection_.resume_body(StreamId{id});
  // Interval 0 too leaves other streams their turn.
  set_timer(id, stream,
            more ? now + std::max(stream.reply.drip_interval, nanoseconds(1)) : Time::never());
}

void ServerStreams::reply_done(std::uint32_t id, Stream& stream) {
  // RFC 9113 §8.1: a complete response, then RST_STREAM(NO_ERROR) for a request that is not to go
  // on.
  if (!stream.request_ended) (void)connection_.reset_stream(StreamId{id}, ErrorCode::kNoError);
  connection_.release_stream(StreamId{id});
  erase(id);
}

void ServerStreams::erase(std::uint32_t id) {
  const auto found = streams_.find(id);
  Stream& stream = found->second;
  set_timer(id, stream, Time::never());
  buffered_ -= stream.body.size();
  if (stream.reply.echo) buffered_ -= stream.reply.text.size();
  streams_.erase(found);
  if (any_withheld_) give_withheld();
}

void ServerStreams::set_timer(std::uint32_t id, Stream& stream, Time at) {
  if (!stream.timer.is_never()) timers_.erase({stream.timer.ns, id});
  stream.timer = at;
  if (!at.is_never()) timers_.insert({at.ns, id});
}

void ServerStreams::give_credit(std::uint32_t id, Stream& stream) {
  if (stream.withheld == 0) return;
  if (stream.reply.echo && buffered_ > shared_.options.max_buffered) {
    // The oldest upload always goes on, so that one of them finishes.
    for (const auto& [other_id, other] : streams_) {
      if (!other.reply.echo || other.request_ended || other.dead) continue;
      if (other_id == id) break;
      any_withheld_ = true;
      return;
    }
  }
  (void)connection_.acknowledge_received_data(std::exchange(stream.withheld, 0U), StreamId{id});
}

void ServerStreams::give_withheld() {
  any_withheld_ = false;
  for (auto& [id, stream] : streams_) give_credit(id, stream);
}

void ServerStreams::note_buffered(std::size_t added) {
  buffered_ += added;
  most_buffered_ = std::max(most_buffered_, buffered_);
}

void ServerStreams::on_time(Time now) {
  if (connection_.next_deadline() <= now) handle(connection_.on_time(now), now);
  while (!timers_.empty() && timers_.begin()->first <= now.ns) {
    const std::uint32_t id = timers_.begin()->second;
    Stream& stream = streams_.find(id)->second;
    set_timer(id, stream, Time::never());
    if (stream.replied) {
      drip(id, stream, now);
    } else {
      send_reply(id, stream, now);
    }
  }
}

Time ServerStreams::next_deadline() const {
  Time at = connection_.next_deadline();
  if (!timers_.empty()) at = std::min(at, Time{timers_.begin()->first});
  return at;
}

void ServerStreams::begin_drain(Time now, Duration at_most) { connection_.shutdown(at_most, now); }

}  // namespace h2::inline v0::tools
