// Thousands of random exchanges with libnghttp2 in memory, in both roles: everything must arrive
// intact.
//
// One seed determines a session: windows, padding, chunks, requests, bodies, trailers,
// informational responses, resets, changes of settings. A failure prints the seed.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "h2core/body_source.h"
#include "h2core/testing/link.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::Chunks;
using h2::testing::Endpoint;
using h2::testing::Link;
using h2::testing::LinkOptions;
using h2::testing::Random;

// All bodies are cut from this text.
const std::string& pattern() {
  static const std::string text = [] {
    Random random(7);
    std::string s(600'000, '\0');
    for (char& c : s) c = static_cast<char>(random.next());
    return s;
  }();
  return text;
}

// One direction of one exchange: what is to be sent.
struct Message {
  std::vector<Fields> informational;  // of a response
  Fields fields;
  std::size_t body_at = 0;
  std::size_t body_size = 0;
  Fields trailers;
  std::string_view body() const { return std::string_view(pattern()).substr(body_at, body_size); }
  bool headers_only() const { return body_size == 0 && trailers.empty(); }
};

enum class Reset { kNone, kByClient, kByServerEarly, kByServerMidway };

struct Plan {
  Message request;
  Message response;
  Reset reset = Reset::kNone;
  std::uint32_t code = 0;
};

// One direction of one exchange: what arrived.
struct Arrived {
  std::vector<Fields> informational;
  Fields fields;
  bool has_fields = false;
  std::string body;
  Fields trailers;
  bool ended = false;
  bool reset = false;
  std::uint32_t code = 0;
};

std::size_t random_size(Random& random) {
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return 0;
    case 3:
    case 4:
    case 5:
      return random.below(100);
    case 6:
    case 7:
      return random.below(5'000);
    case 8:
      return random.below(40'000);
    default:
      return random.below(200'000);
  }
}

void add_random_fields(Random& random, Fields& fields) {
  static const char* const names[] = {
      "accept",        "content-type", "x-a",          "x-longer-name-of-a-field",
      "set-cookie",    "etag",         "user-agent",   "cookie",
      "authorization", "x-b",          "cache-control"};
  const std::uint64_t n = random.below(12);
  for (std::uint64_t i = 0; i < n; ++i) {
    std::string value;
    std::size_t length = random.below(30);
    if (random.chance(3)) length = random.below(9'000);
    for (std::size_t k = 0; k < length; ++k) value += static_cast<char>('!' + random.below(94));
    if (random.chance(30)) value = "the same value";
    fields.emplace_back(names[random.below(std::size(names))], value);
  }
}

Message random_message(Random& random, bool may_have_body) {
  Message message;
  message.body_size = may_have_body ? random_size(random) : 0;
  message.body_at = random.below(300'000);
  if (random.chance(20)) {
    message.trailers.emplace_back("x-sum", std::to_string(random.below(1'000)));
    if (random.chance(30))
      message.trailers.emplace_back("x-other", std::string(random.below(300), 't'));
  }
  return message;
}

Plan random_plan(Random& random) {
  Plan plan;
  const bool has_body = random.chance(60);
  plan.request = random_message(random, has_body);
  if (!has_body) plan.request.trailers.clear();
  plan.request.fields =
      request_fields(has_body ? "POST" : "GET", "/" + std::to_string(random.below(1'000)));
  if (has_body && random.chance(40)) {
    plan.request.fields.emplace_back("content-length", std::to_string(plan.request.body_size));
  }
  add_random_fields(random, plan.request.fields);
  plan.response = random_message(random, true);
  if (random.chance(15)) {
    const std::uint64_t n = 1 + random.below(3);
    for (std::uint64_t i = 0; i < n; ++i) {
      Fields fields = response_fields(i == 0 ? 100 : 103);
      add_random_fields(random, fields);
      plan.response.informational.push_back(fields);
    }
  }
  plan.response.fields = response_fields(random.chance(80) ? 200 : 404);
  if (random.chance(40))
    plan.response.fields.emplace_back("content-length", std::to_string(plan.response.body_size));
  add_random_fields(random, plan.response.fields);
  const std::uint64_t reset = random.below(20);
  if (reset == 0) plan.reset = Reset::kByClient;
  if (reset == 1) plan.reset = Reset::kByServerEarly;
  if (reset == 2) plan.reset = Reset::kByServerMidway;
  plan.code = static_cast<std::uint32_t>(1 + random.below(13));
  return plan;
}

// What either end does and sees.
struct Session {
  explicit Session(std::uint64_t seed) : random(seed) {
    const std::uint64_t n = 1 + random.below(19);
    for (std::uint64_t i = 0; i < n; ++i) plans.push_back(random_plan(random));
  }
  Plan& plan(std::uint32_t stream) { return plans.at((stream - 1) / 2); }

  Random random;
  std::vector<Plan> plans;
  std::map<std::uint32_t, Arrived> at_server;
  std::map<std::uint32_t, Arrived> at_client;
  std::string trouble;
};

// ---- our end ------------------------------------------------------------------------------------

class PieceSource final : public BodySource {
 public:
  PieceSource(std::string_view text, std::uint64_t seed) : text_(text), random_(seed) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    const std::size_t n =
        std::min({buffer.size(), text_.size(), 1 + static_cast<std::size_t>(random_.below(9'000))});
    std::memcpy(buffer.data(), text_.data(), n);
    text_.remove_prefix(n);
    return {n, text_.empty() ? State::kEnd : State::kMore};
  }

 private:
  std::string_view text_;
  Random random_;
};

class OurEnd final : public Endpoint {
 public:
  OurEnd(Role role, const Config& config, Session& session)
      : conn(role, config, Time{}), session_(session) {}

  std::span<const Bytes> data_to_send() override { return conn.data_to_send(); }
  void mark_sent(std::size_t n) override {
    conn.mark_sent(n);
    take(conn.poll_events());
  }
  std::size_t receive(Bytes bytes, Time now) override {
    now_ = now;
    const Received received = conn.receive_data(bytes, now);
    take(received.events);
    return received.consumed;
  }
  void receive_end(Time now) override { take(conn.receive_end(now)); }
  bool want_read() const override { return conn.want_read(); }
  Time next_deadline() const override { return conn.next_deadline(); }
  void on_time(Time now) override { take(conn.on_time(now)); }
  bool done() const override { return conn.done(); }

  void send_message(StreamId id, const Message& message) {
    for (const Fields& fields : message.informational)
      must(conn.send_headers(id, views_of(fields), EndStream::kNo));
    must(conn.send_headers(id, views_of(message.fields),
                           message.headers_only() ? EndStream::kYes : EndStream::kNo));
    if (message.headers_only()) return;
    std::string_view rest = message.body();
    const EndStream last = message.trailers.empty() ? EndStream::kYes : EndStream::kNo;
    while (!rest.empty()) {
      const std::size_t n =
          session_.random.chance(50) ? rest.size() : 1 + session_.random.below(rest.size());
      const EndStream end = n == rest.size() ? last : EndStream::kNo;
      switch (session_.random.below(3)) {
        case 0:
          must(conn.send_data(id, bytes_of(rest.substr(0, n)), end, ++bodies_handed_over));
          break;
        case 1:
          must(conn.send_data_copy(id, bytes_of(rest.substr(0, n)), end));
          break;
        default:
          sources_.push_back(
              std::make_unique<PieceSource>(rest.substr(0, n), session_.random.next()));
          must(conn.send_body(id, *sources_.back(), end, ++bodies_handed_over));
      }
      rest.remove_prefix(n);
    }
    if (!message.trailers.empty()) {
      must(conn.send_headers(id, views_of(message.trailers), EndStream::kYes));
    } else if (message.body_size == 0) {
      must(conn.end_stream(id));
    }
  }

  Connection conn;
  std::uint64_t bodies_handed_over = 0;
  std::uint64_t bodies_released = 0;

 private:
  void must(const Result<void, UsageError>& result) {
    if (!result)
      session_.trouble += "usage error " + std::string(h2::to_string(result.error().cause)) + "\n";
  }

  Arrived& arrived(StreamId id) {
    return conn.role() == Role::kServer ? session_.at_server[id.value]
                                        : session_.at_client[id.value];
  }

  void take(std::span<const Event> events) {
    for (const Event& event : events) std::visit([this](const auto& e) { on(e); }, event);
  }

  void on(const RequestReceived& e) {
    Arrived& a = arrived(e.stream_id);
    a.has_fields = true;
    a.fields = copy_fields(e.fields);
    a.ended = e.end_stream == EndStream::kYes;
    const Plan& plan = session_.plan(e.stream_id.value);
    if (plan.reset == Reset::kByServerEarly) {
      must(conn.reset_stream(e.stream_id, static_cast<ErrorCode>(plan.code)));
      return;
    }
    send_message(e.stream_id, plan.response);
    if (plan.reset == Reset::kByServerMidway)
      must(conn.reset_stream(e.stream_id, static_cast<ErrorCode>(plan.code)));
  }
  void on(const ResponseReceived& e) {
    Arrived& a = arrived(e.stream_id);
    a.has_fields = true;
    a.fields = copy_fields(e.fields);
    a.ended = e.end_stream == EndStream::kYes;
    const Plan& plan = session_.plan(e.stream_id.value);
    if (plan.reset == Reset::kByClient)
      must(conn.reset_stream(e.stream_id, static_cast<ErrorCode>(plan.code)));
  }
  void on(const InformationalResponseReceived& e) {
    arrived(e.stream_id).informational.push_back(copy_fields(e.fields));
  }
  void on(const TrailersReceived& e) {
    arrived(e.stream_id).trailers = copy_fields(e.fields);
    arrived(e.stream_id).ended = true;
  }
  void on(const DataReceived& e) {
    Arrived& a = arrived(e.stream_id);
    a.body += view(e.data);
    if (e.end_stream == EndStream::kYes) a.ended = true;
    must(conn.acknowledge_received_data(static_cast<std::uint32_t>(e.data.size()), e.stream_id));
    if (session_.random.chance(2)) {
      const Setting settings[] = {
          {SettingCode::kInitialWindowSize,
           static_cast<std::uint32_t>(1'000 + session_.random.below(100'000))},
          {SettingCode::kHeaderTableSize,
           static_cast<std::uint32_t>(session_.random.below(8'000))}};
      must(conn.update_settings(settings, now_));
    }
    if (session_.random.chance(2)) must(conn.ping({}, now_));
  }
  void on(const StreamReset& e) {
    Arrived& a = arrived(e.stream_id);
    a.reset = true;
    a.code = static_cast<std::uint32_t>(e.error_code);
    if (e.by != ResetBy::kPeer) session_.trouble += to_string(Event(e)) + "\n";
    conn.release_stream(e.stream_id);
  }
  void on(const PushedStreamReceived&) { session_.trouble += "a push\n"; }
  void on(const BodyReleased&) { ++bodies_released; }
  void on(const WindowUpdated&) {}
  void on(const RemoteSettingsChanged&) {}
  void on(const SettingsAcknowledged&) {}
  void on(const PingReceived&) {}
  void on(const PingAckReceived&) {}
  void on(const PriorityUpdated&) {}
  void on(const AlternativeServiceAvailable&) {}
  void on(const OriginsReceived&) {}
  void on(const ExtensionFrameReceived&) {}
  void on(const ConnectionTerminated& e) { session_.trouble += to_string(Event(e)) + "\n"; }
  void on(const ConnectionFailed& e) { session_.trouble += to_string(Event(e)) + "\n"; }

  Session& session_;
  std::vector<std::unique_ptr<PieceSource>> sources_;
  Time now_;
};

// ---- their end ----------------------------------------------------------------------------------

class TheirEnd final : public Endpoint {
 public:
  TheirEnd(Role role, Session& session) : role_(role), session_(session) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid);
    nghttp2_session_callbacks_set_select_padding_callback(callbacks, select_padding);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
    if (role == Role::kClient) {
      nghttp2_session_client_new(&ng_, callbacks, this);
    } else {
      nghttp2_session_server_new(&ng_, callbacks, this);
    }
    nghttp2_session_callbacks_del(callbacks);
    pads_ = session.random.chance(30);
    std::vector<nghttp2_settings_entry> entries;
    if (session.random.chance(70)) {
      entries.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, random_window()});
    }
    if (session.random.chance(50)) {
      entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                         static_cast<std::uint32_t>(1 + session.random.below(20))});
    }
    if (session.random.chance(50)) {
      entries.push_back({NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
                         static_cast<std::uint32_t>(16'384 + session.random.below(60'000))});
    }
    if (session.random.chance(50)) {
      entries.push_back({NGHTTP2_SETTINGS_HEADER_TABLE_SIZE,
                         static_cast<std::uint32_t>(session.random.below(10'000))});
    }
    nghttp2_submit_settings(ng_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  }
  ~TheirEnd() override { nghttp2_session_del(ng_); }
  TheirEnd(const TheirEnd&) = delete;
  TheirEnd& operator=(const TheirEnd&) = delete;

  std::span<const Bytes> data_to_send() override {
    if (sent_ == out_.size()) {
      out_.clear();
      sent_ = 0;
    }
    while (out_.size() - sent_ < 65'536) {
      const std::uint8_t* data = nullptr;
      const ssize_t n = nghttp2_session_mem_send(ng_, &data);
      if (n < 0)
        session_.trouble +=
            "nghttp2 send: " + std::string(nghttp2_strerror(static_cast<int>(n))) + "\n";
      if (n <= 0) break;
      out_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(n));
    }
    piece_ = bytes_of(std::string_view(out_).substr(sent_));
    if (piece_.empty()) return {};
    return {&piece_, 1};
  }
  void mark_sent(std::size_t n) override { sent_ += n; }
  std::size_t receive(Bytes bytes, Time) override {
    const ssize_t n = nghttp2_session_mem_recv(ng_, bytes.data(), bytes.size());
    if (n < 0) {
      session_.trouble +=
          "nghttp2 receive: " + std::string(nghttp2_strerror(static_cast<int>(n))) + "\n";
      dead_ = true;
      return bytes.size();
    }
    return static_cast<std::size_t>(n);
  }
  void receive_end(Time) override { session_.trouble += "nghttp2 saw the end\n"; }
  bool want_read() const override { return !dead_; }

  void submit_request(const Plan& plan) {
    Outgoing& out =
        outgoing_.emplace_back(std::make_unique<Outgoing>(Outgoing{this, &plan.request, 0}))
            .
            operator*();
    nghttp2_data_provider provider = provider_of(out);
    const auto nv = nvs(plan.request.fields);
    const std::int32_t id =
        nghttp2_submit_request(ng_, nullptr, nv.data(), nv.size(),
                               plan.request.headers_only() ? nullptr : &provider, nullptr);
    if (id < 0) session_.trouble += "nghttp2 refused a request\n";
  }

 private:
  struct Outgoing {
    TheirEnd* end;
    const Message* message;
    std::size_t at;
  };

  std::uint32_t random_window() {
    return static_cast<std::uint32_t>(session_.random.chance(50)
                                          ? 100 + session_.random.below(2'000)
                                          : 2'000 + session_.random.below(300'000));
  }

  static std::vector<nghttp2_nv> nvs(const Fields& fields) {
    std::vector<nghttp2_nv> out;
    for (const auto& field : fields) {
      // nghttp2 copies both; it asks for pointers to non-const.
      out.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.first.data())),
                     reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.second.data())),
                     field.first.size(), field.second.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return out;
  }

  static nghttp2_data_provider provider_of(Outgoing& out) {
    nghttp2_data_provider provider{};
    provider.source.ptr = &out;
    provider.read_callback = [](nghttp2_session* ng, std::int32_t stream, std::uint8_t* buffer,
                                std::size_t length, std::uint32_t* flags,
                                nghttp2_data_source* source, void*) -> ssize_t {
      auto& from = *static_cast<Outgoing*>(source->ptr);
      const std::string_view rest = from.message->body().substr(from.at);
      std::size_t n = std::min(length, rest.size());
      if (n > 1 && from.end->session_.random.chance(30)) n = 1 + from.end->session_.random.below(n);
      std::memcpy(buffer, rest.data(), n);
      from.at += n;
      if (n == rest.size()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!from.message->trailers.empty()) {
          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
          const auto nv = nvs(from.message->trailers);
          nghttp2_submit_trailer(ng, stream, nv.data(), nv.size());
        }
      }
      return static_cast<ssize_t>(n);
    };
    return provider;
  }

  Arrived& arrived(std::int32_t stream) {
    const auto id = static_cast<std::uint32_t>(stream);
    return role_ == Role::kServer ? session_.at_server[id] : session_.at_client[id];
  }

  void answer(std::int32_t stream) {
    const Plan& plan = session_.plan(static_cast<std::uint32_t>(stream));
    if (plan.reset == Reset::kByServerEarly) {
      nghttp2_submit_rst_stream(ng_, NGHTTP2_FLAG_NONE, stream, plan.code);
      return;
    }
    for (const Fields& fields : plan.response.informational) {
      const auto nv = nvs(fields);
      nghttp2_submit_headers(ng_, NGHTTP2_FLAG_NONE, stream, nullptr, nv.data(), nv.size(),
                             nullptr);
    }
    Outgoing& out =
        outgoing_.emplace_back(std::make_unique<Outgoing>(Outgoing{this, &plan.response, 0}))
            .
            operator*();
    nghttp2_data_provider provider = provider_of(out);
    const auto nv = nvs(plan.response.fields);
    nghttp2_submit_response(ng_, stream, nv.data(), nv.size(),
                            plan.response.headers_only() ? nullptr : &provider);
    if (plan.reset == Reset::kByServerMidway)
      nghttp2_submit_rst_stream(ng_, NGHTTP2_FLAG_NONE, stream, plan.code);
  }

  static TheirEnd& self(void* user) { return *static_cast<TheirEnd*>(user); }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame*, void* user) {
    self(user).section_.clear();
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    self(user).section_.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                                     std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_frame(nghttp2_session* ng, const nghttp2_frame* frame, void* user) {
    TheirEnd& me = self(user);
    if (frame->hd.type == NGHTTP2_HEADERS) {
      Arrived& a = me.arrived(frame->hd.stream_id);
      const bool informational = !me.section_.empty() && me.section_[0].first == ":status" &&
                                 me.section_[0].second[0] == '1';
      if (informational) {
        a.informational.push_back(me.section_);
      } else if (!a.has_fields) {
        a.has_fields = true;
        a.fields = me.section_;
        if (me.role_ == Role::kServer) {
          me.answer(frame->hd.stream_id);
        } else if (me.session_.plan(static_cast<std::uint32_t>(frame->hd.stream_id)).reset ==
                   Reset::kByClient) {
          nghttp2_submit_rst_stream(
              ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
              me.session_.plan(static_cast<std::uint32_t>(frame->hd.stream_id)).code);
        }
      } else {
        a.trailers = me.section_;
      }
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      me.arrived(frame->hd.stream_id).ended = true;
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      me.arrived(frame->hd.stream_id).reset = true;
      me.arrived(frame->hd.stream_id).code = frame->rst_stream.error_code;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) me.session_.trouble += "we sent GOAWAY\n";
    if (me.session_.random.chance(1)) {
      const nghttp2_settings_entry entries[] = {
          {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, me.random_window()},
          {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE,
           static_cast<std::uint32_t>(me.session_.random.below(6'000))},
          // Lowered, it would refuse requests that are on their way.
          {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
           static_cast<std::uint32_t>(20 + me.session_.random.below(20))}};
      nghttp2_submit_settings(ng, NGHTTP2_FLAG_NONE, entries, std::size(entries));
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                     std::size_t length, void* user) {
    self(user).arrived(stream).body.append(reinterpret_cast<const char*>(data), length);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t, std::uint32_t, void*) { return 0; }
  static int on_invalid(nghttp2_session*, const nghttp2_frame* frame, int code, void* user) {
    self(user).session_.trouble += "nghttp2 found a frame of type " +
                                   std::to_string(frame->hd.type) +
                                   " invalid: " + nghttp2_strerror(code) + "\n";
    return 0;
  }
  static ssize_t select_padding(nghttp2_session*, const nghttp2_frame* frame, std::size_t most,
                                void* user) {
    TheirEnd& me = self(user);
    if (!me.pads_) return static_cast<ssize_t>(frame->hd.length);
    const std::size_t room = std::min<std::size_t>(most - frame->hd.length, 256);
    return static_cast<ssize_t>(frame->hd.length + me.session_.random.below(room + 1));
  }
  static int on_error(nghttp2_session*, int, const char* message, std::size_t length, void* user) {
    self(user).session_.trouble += "nghttp2: " + std::string(message, length) + "\n";
    return 0;
  }

  Role role_;
  Session& session_;
  nghttp2_session* ng_ = nullptr;
  std::vector<std::unique_ptr<Outgoing>> outgoing_;
  Fields section_;
  std::string out_;
  std::size_t sent_ = 0;
  Bytes piece_;
  bool dead_ = false;
  bool pads_ = false;
};

// ---- what must hold
// ------------------------------------------------------------------------------

void expect_intact(const Message& sent, const Arrived& arrived) {
  EXPECT_EQ(arrived.informational, sent.informational);
  EXPECT_TRUE(arrived.fields == sent.fields) << "fields differ";
  EXPECT_EQ(arrived.body.size(), sent.body_size);
  EXPECT_TRUE(arrived.body == sent.body());
  EXPECT_EQ(arrived.trailers, sent.trailers);
  EXPECT_TRUE(arrived.ended);
}

void expect_prefix(const Message& sent, const Arrived& arrived) {
  if (arrived.has_fields) {
    EXPECT_EQ(arrived.fields, sent.fields);
  }
  EXPECT_TRUE(arrived.body == sent.body().substr(0, arrived.body.size()));
  if (!arrived.trailers.empty()) {
    EXPECT_EQ(arrived.trailers, sent.trailers);
  }
}

// One session; returns how many exchanges it had.
std::size_t run(std::uint64_t seed, Role our_role) {
  Session session(seed);
  Config config = our_role == Role::kClient ? Config::client() : Config::server();
  config.max_header_list_size = 200'000;
  config.normalize_inbound_headers = false;  // fields are to arrive as they were sent
  config.initial_window_size =
      static_cast<std::uint32_t>(session.random.chance(50) ? 1'000 + session.random.below(3'000)
                                                           : 5'000 + session.random.below(300'000));
  if (session.random.chance(30))
    config.connection_window_size =
        static_cast<std::uint32_t>(65'535 + session.random.below(500'000));
  if (session.random.chance(30))
    config.max_frame_size = static_cast<std::uint32_t>(16'384 + session.random.below(50'000));
  if (session.random.chance(30))
    config.header_table_size = static_cast<std::uint32_t>(session.random.below(9'000));
  if (session.random.chance(30)) config.connection_credit = ConnectionCredit::kOnConsumption;
  if (session.random.chance(30))
    config.copy_below = static_cast<std::uint32_t>(session.random.below(4'000));
  // Fewer than 20 would have our server refuse what they send before they know.
  if (session.random.chance(30))
    config.max_concurrent_streams = static_cast<std::uint32_t>(20 + session.random.below(30));
  config.hash_seed = seed;
  config.assumed_max_concurrent_streams = 1;  // they may announce as little, and refuse the rest
  OurEnd ours(our_role, config, session);
  TheirEnd theirs(peer_of(our_role), session);
  LinkOptions options;
  options.chunks = session.random.chance(30) ? Chunks::whole() : Chunks::random(seed, 20'000);
  options.round_trip = milliseconds(static_cast<std::int64_t>(session.random.below(3) * 10));
  Endpoint& client = our_role == Role::kClient ? static_cast<Endpoint&>(ours) : theirs;
  Endpoint& server = our_role == Role::kClient ? static_cast<Endpoint&>(theirs) : ours;
  Link link(client, server, options);
  for (const Plan& plan : session.plans) {
    if (our_role == Role::kClient) {
      const auto id = ours.conn.get_next_available_stream_id();
      EXPECT_TRUE(id);
      ours.send_message(*id, plan.request);
    } else {
      theirs.submit_request(plan);
    }
  }
  EXPECT_TRUE(link.run_until_idle()) << "livelock";
  EXPECT_EQ(session.trouble, "");
  for (std::size_t i = 0; i < session.plans.size(); ++i) {
    const Plan& plan = session.plans[i];
    const auto id = static_cast<std::uint32_t>(2 * i + 1);
    SCOPED_TRACE("stream " + std::to_string(id));
    const Arrived& at_server = session.at_server[id];
    const Arrived& at_client = session.at_client[id];
    if (plan.reset == Reset::kNone) {
      expect_intact(plan.request, at_server);
      expect_intact(plan.response, at_client);
      EXPECT_FALSE(at_server.reset) << "code " << at_server.code;
      EXPECT_FALSE(at_client.reset) << "code " << at_client.code;
      continue;
    }
    expect_prefix(plan.request, at_server);
    expect_prefix(plan.response, at_client);
    const bool by_client = plan.reset == Reset::kByClient;
    const Arrived& victim = by_client ? at_server : at_client;
    if (victim.reset) {
      EXPECT_EQ(victim.code, plan.code);
    } else {
      // It may have had all and sent all before; then nothing was left to be reset.
      EXPECT_TRUE(victim.ended) << "the reset did not arrive";
    }
  }
  EXPECT_EQ(ours.bodies_released, ours.bodies_handed_over);
  EXPECT_FALSE(ours.conn.error().has_value());
  const StreamCounts counts = ours.conn.stream_counts();
  EXPECT_EQ(counts.active_local + counts.active_remote + counts.queued + counts.reserved, 0U);
  // All credit is back, but for what is saved up for the next WINDOW_UPDATE.
  const std::int64_t window = std::max<std::uint32_t>(config.connection_window_size, 65'535);
  EXPECT_LE(ours.conn.remote_flow_control_window(kConnectionStream), window);
  EXPECT_GT(ours.conn.remote_flow_control_window(kConnectionStream), window / 2);
  return session.plans.size();
}

void run_many(Role our_role, std::uint64_t first_seed) {
  std::size_t exchanges = 0;
  for (std::uint64_t seed = first_seed; exchanges < 5'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    exchanges += run(seed, our_role);
    if (::testing::Test::HasFailure()) {
      std::string which = "first failure with seed " + std::to_string(seed);
      FAIL() << which;
    }
  }
}

TEST(Nghttp2Differential, OurClientAgainstTheirServer) { run_many(Role::kClient, 1); }
TEST(Nghttp2Differential, TheirClientAgainstOurServer) { run_many(Role::kServer, 100'000); }

}  // namespace
}  // namespace h2::tests
