// Connection and model in lock-step. See runner.h.
#include "tests/model/runner.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <variant>

#include "h2core/body_source.h"
#include "h2core/connection.h"
#include "h2core/testing/link.h"
#include "hpack/decoder.h"
#include "hpack/encoder.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests::model {

namespace {

using h2::testing::Random;
using Stream = ReferenceModel::Stream;
using Phase = ReferenceModel::Phase;

constexpr std::size_t kPeriod = 65'536;

// Of 1,024 frames of the peer that name a stream: where those begin that name one on which they are
// to be ignored, any one, and one that is not there.
constexpr std::uint32_t kIgnoredMode = 900;
constexpr std::uint32_t kAnyMode = 1'008;
constexpr std::uint32_t kWildMode = 1'020;

// All bodies are cut from this text, which repeats itself after kPeriod bytes.
const std::string& pattern() {
  static const std::string text = [] {
    Random random(11);
    std::string s(2 * kPeriod, '\0');
    for (std::size_t i = 0; i < kPeriod; ++i)
      s[i] = s[i + kPeriod] = static_cast<char>(random.next());
    return s;
  }();
  return text;
}

// `size` bytes (at most kPeriod) of body `tag` from `offset` on.
std::string_view content(std::uint64_t tag, std::uint64_t offset, std::size_t size) {
  return std::string_view(pattern()).substr((tag * 977 + offset) % kPeriod, size);
}

std::uint64_t hash_of(std::string_view name, std::string_view value, std::uint64_t hash) {
  return hash_bytes(value, hash_bytes(name, hash) * 31) * 31;
}

std::uint64_t hash_of(const Fields& fields) {
  std::uint64_t hash = 1;
  for (const auto& field : fields) hash = hash_of(field.first, field.second, hash);
  return hash;
}

std::uint64_t hash_of(const FieldsView& fields) {
  std::uint64_t hash = 1;
  for (const HeaderField field : fields) hash = hash_of(field.name, field.value, hash);
  return hash;
}

std::uint64_t number_of(const PingData& data) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : data) number = number << 8 | byte;
  return number;
}

PingData ping_data(std::uint64_t number) {
  PingData data{};
  for (std::size_t i = 0; i < 8; ++i) data[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return data;
}

std::string bytes32(std::uint32_t v) {
  std::string out;
  for (unsigned shift = 32; shift > 0; shift -= 8)
    out += static_cast<char>(v >> (shift - 8) & 0xff);
  return out;
}

// A field section with what the model is told of it.
struct Section {
  Message message;
  Fields fields;
};

Section finish(Section section, std::uint32_t variety) {
  // Something for the dynamic tables, and at times something that does not fit them.
  section.fields.emplace_back("x-a" + std::to_string(variety % 7), std::string(variety % 50, 'v'));
  if (variety % 40 == 0) section.fields.emplace_back("x-long", std::string(5'000, 'l'));
  section.message.hash = hash_of(section.fields);
  return section;
}

Section request_section(std::uint32_t kind, std::uint32_t variety) {
  Section s;
  s.message.kind = Message::Kind::kRequest;
  switch (kind % 16) {
    case 10:
    case 11:
      s.fields = post("/upload");
      s.message.content_length = variety;
      s.fields.emplace_back("content-length", std::to_string(variety));
      break;
    case 12:
      s.fields = request_fields("HEAD", "/head");
      s.message.head = s.message.safe = true;
      break;
    case 13:
      s.fields = {{":method", "CONNECT"}, {":authority", "example.org:443"}};
      s.message.connect = true;
      break;
    case 14:
      s.fields = {{":method", "GET"}, {":scheme", "https"}, {":authority", "example.org"}};
      s.message.malformed = true;
      break;
    case 15:
      s.fields = response_fields(200);
      s.message.kind = Message::Kind::kResponse;
      s.message.status = 200;
      break;
    default:
      s.message.safe = kind % 16 < 6;
      s.fields = kind % 16 < 6 ? get() : post("/post" + std::to_string(variety % 9));
      break;
  }
  return finish(std::move(s), variety);
}

Section response_section(std::uint32_t kind, std::uint32_t variety) {
  Section s;
  s.message.kind = Message::Kind::kResponse;
  static constexpr int kStatus[] = {200, 200, 200, 200, 200, 200, 200, 200,
                                    200, 204, 304, 100, 103, 404, 101, 0};
  s.message.status = kStatus[kind % 16];
  switch (kind % 16) {
    case 7:
    case 8:
    case 10:
      s.fields = response_fields(s.message.status);
      s.message.content_length = variety;
      s.fields.emplace_back("content-length", std::to_string(variety));
      break;
    case 15:
      s.fields = {{":status", "none"}};
      s.message.malformed = true;
      break;
    default:
      s.fields = response_fields(s.message.status);
      break;
  }
  return finish(std::move(s), variety);
}

Section trailers_section(std::uint32_t kind, std::uint32_t variety) {
  Section s;
  s.message.kind = Message::Kind::kTrailers;
  if (kind % 16 == 15) {
    s.fields = response_fields(200);
    s.message.kind = Message::Kind::kResponse;
    s.message.status = 200;
  } else if (kind % 16 == 14) {
    s.fields = {{"content-length", "0"}};
    s.message.malformed = true;
  } else {
    s.fields = {{"x-sum", std::to_string(variety % 10)}};
  }
  return finish(std::move(s), variety);
}

Config config_of(const Setup& setup) {
  Config config = setup.server ? Config::server() : Config::client();
  config.hash_seed = 5;
  config.initial_window_size = setup.window;
  config.connection_window_size = setup.connection_window;
  config.max_concurrent_streams = setup.streams;
  config.enable_push = setup.push;
  config.connection_credit =
      setup.on_consumption ? ConnectionCredit::kOnConsumption : ConnectionCredit::kOnReceipt;
  config.hold_reset_streams = setup.hold;
  config.max_output_batch = setup.batch;
  config.copy_below = setup.copy_below;
  config.pause_input_at_answers = setup.pause_at;
  config.max_queued_requests = setup.queue;
  config.max_reserved_streams = setup.reserved;
  config.max_informational = setup.informational;
  config.assumed_max_concurrent_streams = setup.assumed_streams;
  config.max_header_list_size = setup.most_fields();
  // What a peer costs is not the model's business.
  config.abuse_budget = 1U << 30;
  if (setup.together) config.max_frames_per_call = 3;
  config.memory_limit = 64U << 20;
  return config;
}

// One body that was handed over and not released yet.
struct Body final : public BodySource {
  std::uint64_t tag = 0;
  std::uint32_t stream = 0;
  std::uint64_t total = 0;
  std::uint64_t sent = 0;  // seen in the output
  std::unique_ptr<char[]>
      bytes;  // of a span: in a block of its own, so that sanitizers see its end
  bool is_source = false;
  std::shared_ptr<Source> source = std::make_shared<Source>();  // the model looks at it, too
  std::uint64_t read_so_far = 0;

  Read read(std::span<std::uint8_t> buffer) noexcept override {
    const auto n =
        static_cast<std::size_t>(std::min<std::uint64_t>({buffer.size(), source->ready, 5'000}));
    if (n == 0 && source->fails) {
      source->failed = true;
      return {0, State::kError};
    }
    if (n > 0) std::memcpy(buffer.data(), content(tag, read_so_far, n).data(), n);
    source->ready -= n;
    read_so_far += n;
    source->finished = source->ready == 0 && source->last;
    return {n, source->finished ? State::kEnd : State::kMore};
  }
};

// What a stream has told the application, checked by itself (RFC 9113 §8.1).
struct Told {
  bool head = false;
  bool ended = false;  // by END_STREAM
  bool over = false;   // by a reset, of whichever side
  bool sent_end = false;
};

class Run {
 public:
  Run(const Program& program, const RunOptions& options, Coverage& coverage)
      : program_(program),
        options_(options),
        coverage_(coverage),
        setup_(program.setup),
        model_(program.setup, hash_of(response_fields(431)), options.model),
        conn_(program.setup.server ? Role::kServer : Role::kClient, config_of(program.setup),
              Time{}),
        encoder_({.max_table_size = 1U << 16, .hash_seed = 3}),
        decoder_({.max_list_size = 1U << 20, .max_string = 1U << 20}),
        decoded_(default_memory()),
        block_bytes_(default_memory()) {}

  std::optional<Failure> all() {
    settle();
    unsigned after_failure = 0;
    for (at_ = 0; at_ < program_.steps.size() && !failure_; ++at_) {
      ++coverage_.steps;
      step(program_.steps[at_]);
      settle();
      // What follows the end of a connection is looked at for a while only.
      if (model_.failed() && ++after_failure > 5) break;
    }
    at_ = program_.steps.size();
    if (!failure_) deliver_held();
    if (!failure_) finish_run();
    if (model_.failed() && conn_.error() && conn_.error()->code != ErrorCode::kNoError)
      ++coverage_.connection_errors;
    return failure_;
  }

 private:
  void wrong(const char* rule, const std::optional<std::string>& text) {
    if (text && !failure_) failure_ = Failure{at_, rule, *text};
  }

  // ---- which stream -----------------------------------------------------------------------------

  static std::optional<std::uint32_t> nth(const std::vector<std::uint32_t>& ids, std::uint32_t n) {
    if (ids.empty()) return std::nullopt;
    return ids[n % ids.size()];
  }

  // Of a call: mostly one for which the call makes sense; else one that the application has ever
  // known, or one that is not there.
  template <class Fits>
  std::optional<std::uint32_t> pick_stream(std::uint32_t a, Fits fits) {
    std::vector<std::uint32_t> ids;
    const std::uint32_t mode = a % 16;
    const std::uint32_t n = a / 16;
    if (mode == 15) {
      ids = {0, model_.next_local() + 2 * (n / 4 % 3), next_remote() + 2 * (n / 4 % 3)};
      return nth(ids, n);
    }
    for (const auto& [id, stream] : model_.live()) {
      if (stream.seen && (mode == 14 || (!stream.held && fits(stream)))) ids.push_back(id);
    }
    if (mode == 14) {
      for (const auto& [id, gone] : model_.gone()) {
        if (gone.seen) ids.push_back(id);
      }
    }
    return nth(ids, n);
  }

  // Of a frame of the peer: nearly always one on which it is allowed; else one on which it is to be
  // ignored; rarely any other.
  template <class Fits>
  std::optional<std::uint32_t> pick_peer_stream(std::uint32_t a, Fits fits) {
    std::vector<std::uint32_t> ids;
    const std::uint32_t mode = a % 1'024;
    const std::uint32_t n = a / 1'024;
    if (mode >= kWildMode) {
      ids = {model_.next_local() + 2 * (n / 4 % 3), next_remote() + 2 * (n / 4 % 3),
             model_.highest_remote(), model_.next_local() > 2 ? model_.next_local() - 2 : 1};
      const auto id = nth(ids, n);
      return id && *id != 0 ? id : std::nullopt;
    }
    if (mode < kIgnoredMode || mode >= kAnyMode) {
      for (const auto& [id, stream] : model_.live()) {
        if (mode >= kAnyMode ||
            (!stream.held && !stream.queued && stream.state != State::kIdle && fits(stream)))
          ids.push_back(id);
      }
    }
    if (mode >= kIgnoredMode) {
      for (const auto& [id, gone] : model_.gone()) {
        if (mode >= kAnyMode || model_.place(id) == ReferenceModel::Place::kIgnored)
          ids.push_back(id);
      }
    }
    return nth(ids, n);
  }

  std::uint32_t next_remote() const {
    if (model_.highest_remote() == 0) return setup_.server ? 1 : 2;
    return model_.highest_remote() + 2;
  }

  // ---- steps ------------------------------------------------------------------------------------

  void step(const Step& s) {
    if (s.kind < StepKind::kPeerRequest) {
      deliver_held();
      if (failure_) return;
    }
    // Whatever else the peer sends, it first completes an open field block; a mistake does not.
    if (s.kind >= StepKind::kPeerRequest) {
      if (!greeted_) greet();
      if (open_block_ && s.kind != StepKind::kPeerIllegal) {
        complete_block(s.cut);
        if (s.kind == StepKind::kPeerContinue) return;
        settle();
        if (failure_) return;
      }
    }
    switch (s.kind) {
      case StepKind::kSendRequest: {
        const Section section = request_section(s.a, s.d);
        const std::uint32_t id = setup_.server ? next_remote() : model_.next_local() + 2 * s.c;
        return send_section(id, section, s.b == 1);
      }
      case StepKind::kSendResponse:
        return on_stream(
            s.a, [](const Stream& t) { return t.send == Phase::kHeaders && !t.end_given; },
            [&](std::uint32_t id) { send_section(id, response_section(s.b, s.d), s.c == 1); });
      case StepKind::kSendTrailers:
        return on_stream(s.a, sends_body, [&](std::uint32_t id) {
          send_section(id, trailers_section(s.b, s.d), s.c == 0);
        });
      case StepKind::kSendData:
      case StepKind::kSendCopy:
      case StepKind::kSendSource:
        return on_stream(s.a, sends_body, [&](std::uint32_t id) { send_body(s, id); });
      case StepKind::kPriority:
        // In which order bodies go out is not the model's; that all of them go out is.
        return on_stream(s.a, any, [&](std::uint32_t id) {
          const Priority priority{static_cast<std::uint8_t>(s.b % 8), s.c % 2 == 1};
          if (model_.find(id) != nullptr) (void)conn_.change_priority(StreamId{id}, priority);
        });
      case StepKind::kResume:
        return on_stream(s.a, sends_body_or_source, [&](std::uint32_t id) { resume(s, id); });
      case StepKind::kEndStream:
        return on_stream(s.a, sends_body, [&](std::uint32_t id) {
          const Expected expected = model_.send_data(id, 0, true, true, ++tags_);
          check(expected, conn_.end_stream(StreamId{id}));
        });
      case StepKind::kReset:
        return on_stream(s.a, any, [&](std::uint32_t id) {
          const Expected expected = model_.reset(id, s.b);
          check(expected, conn_.reset_stream(StreamId{id}, static_cast<ErrorCode>(s.b)));
          if (expected.ok && told_.count(id) > 0) told_[id].over = true;
        });
      case StepKind::kRelease:
        return release(s.a);
      case StepKind::kPush:
        return on_stream(
            s.a, [](const Stream& t) { return !t.end_given && t.id % 2 == 1; },
            [&](std::uint32_t id) {
              Section section = request_section(s.b % 10 == 9 ? 14 : 0, s.d);
              make_huge(section);
              const std::uint32_t promised = model_.next_local();
              const Expected expected = model_.push(id, section.message);
              const auto result = conn_.push_stream(StreamId{id}, views_of(section.fields));
              if (result && result->value != promised)
                wrong("result", "promised " + std::to_string(result->value));
              if (expected.ok) told_[promised].ended = told_[promised].head = true;
              check(expected, result);
            });
      case StepKind::kAcknowledge:
        return on_stream(
            s.a, [](const Stream& t) { return t.window.unread > 0; },
            [&](std::uint32_t id) {
              const Stream* stream = model_.find(id);
              const std::int64_t unread = stream == nullptr ? 1'000 : stream->window.unread;
              const auto size = static_cast<std::uint32_t>((unread * s.b + 999) / 1'000);
              const Expected expected = model_.acknowledge(id, size);
              check(expected, conn_.acknowledge_received_data(size, StreamId{id}));
            });
      case StepKind::kIncrement:
        if (s.c == 1) return increment(0, s.b);
        return on_stream(
            s.a,
            [](const Stream& t) {
              return t.state == State::kOpen || t.state == State::kHalfClosedLocal;
            },
            [&](std::uint32_t id) { increment(id, s.b); });
      case StepKind::kUpdateSettings: {
        const std::vector<Setting> settings = settings_of(s);
        const Expected expected = model_.update_settings(settings);
        return check(expected, conn_.update_settings(settings, Time{}));
      }
      case StepKind::kPing: {
        const Expected expected = model_.ping(s.a % 8);
        return check(expected, conn_.ping(ping_data(s.a % 8), Time{}));
      }
      case StepKind::kNotifyShutdown:
        model_.notify_shutdown();
        return conn_.notify_shutdown();
      case StepKind::kClose:
        model_.close(s.a);
        return conn_.close_connection(static_cast<ErrorCode>(s.a));
      case StepKind::kTerminate:
        if (s.b % 4 != 0) return;
        model_.terminate(s.a);
        return conn_.terminate(static_cast<ErrorCode>(s.a), {});
      case StepKind::kMarkSent:
        return mark_sent(out_.size() * s.a / 1'000);
      default:
        return peer_step(s);
    }
  }

  static bool any(const Stream&) { return true; }
  static bool sends_body(const Stream& t) {
    return !t.end_given && (t.queued || t.send != Phase::kHeaders);
  }
  static bool sends_body_or_source(const Stream& t) {
    return std::any_of(t.items.begin(), t.items.end(),
                       [](const auto& item) { return item.source != nullptr; });
  }

  template <class Fits, class Act>
  void on_stream(std::uint32_t a, Fits fits, Act act) {
    if (const auto id = pick_stream(a, fits)) {
      act(*id);
    } else {
      ++coverage_.skipped;
    }
  }

  template <class T>
  void check(const Expected& expected, const Result<T, UsageError>& result) {
    if (!result) ++coverage_.usage_errors;
    if (result.has_value() != expected.ok) {
      std::string text = "the call ";
      text += expected.ok ? "should succeed" : "should fail";
      if (!expected.ok && expected.cause)
        text += " with " + std::string(h2::to_string(*expected.cause));
      if (!result) text += ", got " + std::string(h2::to_string(result.error().cause));
      return wrong("result", text);
    }
    if (!result && expected.cause && result.error().cause != *expected.cause) {
      wrong("result", "the call should fail with " + std::string(h2::to_string(*expected.cause)) +
                          ", got " + std::string(h2::to_string(result.error().cause)));
    }
  }

  // At times one that takes several frames.
  static void make_huge(Section& section) {
    if (section.message.hash % 64 != 0) return;
    section.fields.emplace_back("x-huge", std::string(40'000, 'h'));
    section.message.hash = hash_of(section.fields);
  }

  void send_section(std::uint32_t id, Section section, bool end) {
    make_huge(section);
    const bool fresh = model_.find(id) == nullptr;
    const Expected expected = model_.send_headers(id, section.message, end);
    if (expected.ok && fresh) told_[id];
    check(expected, conn_.send_headers(StreamId{id}, views_of(section.fields),
                                       end ? EndStream::kYes : EndStream::kNo));
  }

  void send_body(const Step& s, std::uint32_t id) {
    const std::uint64_t tag = ++tags_;
    const EndStream end = s.c == 1 ? EndStream::kYes : EndStream::kNo;
    if (s.kind == StepKind::kSendCopy) {
      const std::string bytes(content(tag, 0, s.b));
      const Expected expected = model_.send_data(id, s.b, s.c == 1, true, tag);
      return check(expected, conn_.send_data_copy(StreamId{id}, bytes_of(bytes), end));
    }
    auto body = std::make_unique<Body>();
    body->tag = tag;
    body->stream = id;
    body->total = s.b;
    Body& b = *body;
    const bool source = s.kind == StepKind::kSendSource;
    bodies_[tag] = std::move(body);
    Expected expected;
    if (source) {
      b.is_source = true;
      b.source->ready = s.b;
      b.source->last = s.d == 1;
      b.source->fails = s.d == 2;
      expected = model_.send_source(id, b.source, s.c == 1, tag);
      check(expected, conn_.send_body(StreamId{id}, b, end, tag));
    } else {
      b.bytes = std::make_unique<char[]>(std::max<std::size_t>(s.b, 1));
      std::memcpy(b.bytes.get(), content(tag, 0, s.b).data(), s.b);
      expected = model_.send_data(id, s.b, s.c == 1, false, tag);
      check(expected, conn_.send_data(StreamId{id}, bytes_of({b.bytes.get(), s.b}), end, tag));
    }
    if (!expected.ok) bodies_.erase(tag);
  }

  void resume(const Step& s, std::uint32_t id) {
    for (auto& [tag, body] : bodies_) {
      if (body->stream != id || !body->is_source || body->source->last || body->source->fails)
        continue;
      body->source->ready += s.b;
      body->total += s.b;
      body->source->last = s.c == 1;
      body->source->fails = s.c == 2;
      model_.feed(id, *body->source, s.b);
      break;
    }
    const Expected expected = model_.resume(id);
    check(expected, conn_.resume_body(StreamId{id}));
  }

  void release(std::uint32_t a) {
    std::vector<std::uint32_t> ids;
    for (const auto& [id, stream] : model_.live()) {
      if (stream.seen && (stream.held || a % 16 == 15)) ids.push_back(id);
    }
    if (const auto id = nth(ids, a / 16)) {
      model_.release(*id);
      conn_.release_stream(StreamId{*id});
    }
  }

  void increment(std::uint32_t id, std::uint32_t size) {
    const Expected expected = model_.increment(id, size);
    check(expected, conn_.increment_flow_control_window(size, StreamId{id}));
  }

  static std::vector<Setting> settings_of(const Step& s) {
    std::vector<Setting> settings;
    if (s.a != 0) settings.push_back({static_cast<SettingCode>(s.a), s.b});
    if (s.c != 0 && s.c != s.a) settings.push_back({static_cast<SettingCode>(s.c), s.d});
    return settings;
  }

  // ---- the peer ---------------------------------------------------------------------------------

  // The peer's preface and SETTINGS.
  void greet() {
    greeted_ = true;
    FrameScript script;
    if (setup_.server) script.client_preface();
    PeerFrame frame;
    frame.type = FrameType::kSettings;
    frame.settings = {{SettingCode::kMaxConcurrentStreams, setup_.peer_streams},
                      {SettingCode::kInitialWindowSize, setup_.peer_window},
                      {SettingCode::kHeaderTableSize, setup_.peer_table}};
    send_peer_settings(frame, script, 0);
    settle();
  }

  void send_peer_settings(const PeerFrame& frame, FrameScript& script, std::uint32_t cut) {
    std::string payload;
    for (const Setting& setting : frame.settings) {
      const auto code = static_cast<std::uint32_t>(setting.code);
      payload += static_cast<char>(code >> 8);
      payload += static_cast<char>(code & 0xff);
      payload += bytes32(setting.value);
    }
    script.frame(FrameType::kSettings, 0, 0, payload);
    peer_settings_.push_back(frame.settings);
    model_.receive(frame);
    feed(script, cut);
  }

  void peer_step(const Step& s) {
    const auto receiving = [](const Stream& t) {
      return t.state == State::kOpen || t.state == State::kHalfClosedLocal;
    };
    const auto with = [&](auto fits, auto act) {
      if (const auto id = pick_peer_stream(s.a, fits)) {
        act(*id);
      } else {
        ++coverage_.skipped;
      }
    };
    PeerFrame frame;
    FrameScript script;
    switch (s.kind) {
      case StepKind::kPeerRequest: {
        std::uint32_t id = next_remote() + 2 * s.c;
        if (s.d == 999) id -= 1;  // at times of the wrong parity
        return peer_block(s, FrameType::kHeaders, id, 0, request_section(s.a, s.d), s.b == 1);
      }
      case StepKind::kPeerResponse:
        return with(
            [&](const Stream& t) {
              return t.receive == Phase::kHeaders &&
                     (receiving(t) || t.state == State::kReservedRemote);
            },
            [&](std::uint32_t id) {
              peer_block(s, FrameType::kHeaders, id, 0, response_section(s.b, s.d), s.c == 1);
            });
      case StepKind::kPeerTrailers:
        return with(
            [&](const Stream& t) {
              const bool complete = !t.body_expected || *t.body_expected == t.body;
              return receiving(t) && (t.receive == Phase::kBody || t.receive == Phase::kTunnel) &&
                     (complete || s.d % 16 == 0);
            },
            [&](std::uint32_t id) {
              peer_block(s, FrameType::kHeaders, id, 0, trailers_section(s.b, s.d), s.c == 0);
            });
      case StepKind::kPeerPush:
        if (!model_.push_allowed() && !model_.local().enable_push && s.a % 1'024 < kAnyMode) return;
        return with([&](const Stream& t) { return receiving(t) && t.id % 2 == 1; },
                    [&](std::uint32_t id) { peer_push(s, id); });
      case StepKind::kPeerData:
        return with(
            [&](const Stream& t) {
              return receiving(t) && (t.receive != Phase::kHeaders || s.d % 64 == 1);
            },
            [&](std::uint32_t id) { peer_data(s, id); });
      case StepKind::kPeerReset:
        return with(any, [&](std::uint32_t id) {
          frame.type = FrameType::kRstStream;
          frame.stream = id;
          frame.value = s.b;
          script.rst(id, static_cast<ErrorCode>(s.b));
          deliver(frame, script, s.cut);
        });
      case StepKind::kPeerWindowUpdate: {
        frame.type = FrameType::kWindowUpdate;
        frame.value = s.b;
        // Errors of the connection are to be rare.
        if (s.c == 1) {
          const bool fatal =
              s.b == 0 || model_.connection_send_window() + std::int64_t{s.b} > 0x7fffffff;
          if (fatal && s.d % 16 != 0) return;
          script.window_update(0, s.b);
          return deliver(frame, script, s.cut, options_.lose_window_update);
        }
        return with([](const Stream& t) { return t.state != State::kReservedRemote; },
                    [&](std::uint32_t id) {
                      frame.stream = id;
                      script.window_update(id, s.b);
                      deliver(frame, script, s.cut, options_.lose_window_update);
                    });
      }
      case StepKind::kPeerSettings:
        frame.type = FrameType::kSettings;
        frame.settings = settings_of(s);
        // A server may not send ENABLE_PUSH=1; it does rarely.
        for (Setting& setting : frame.settings) {
          if (setting.code == SettingCode::kEnablePush && !setup_.server && s.cut % 32 != 1)
            setting.value = 0;
        }
        return send_peer_settings(frame, script, s.cut);
      case StepKind::kPeerSettingsAck:
        if (model_.unacknowledged() == 0 && s.a == 0) return;
        // The peer's encoder keeps to what it acknowledges.
        if (!our_settings_.empty()) {
          for (const Setting& setting : our_settings_.front()) {
            if (setting.code == SettingCode::kHeaderTableSize)
              encoder_.set_peer_max_table_size(setting.value);
          }
          our_settings_.erase(our_settings_.begin());
        }
        frame.type = FrameType::kSettings;
        frame.ack = true;
        script.settings_ack();
        return deliver(frame, script, s.cut);
      case StepKind::kPeerPing:
      case StepKind::kPeerPingAck: {
        frame.type = FrameType::kPing;
        frame.ack = s.kind == StepKind::kPeerPingAck;
        frame.opaque = s.a % 8;
        const PingData data = ping_data(frame.opaque);
        const std::string_view text = view({data.data(), data.size()});
        frame.ack ? script.ping_ack(text) : script.ping(text);
        return deliver(frame, script, s.cut);
      }
      case StepKind::kPeerGoAway:
        frame.type = FrameType::kGoAway;
        frame.value = (std::vector<std::uint32_t>{0, 0x7fffffff, model_.highest_submitted(),
                                                  s.a / 4 % 8})[s.a % 4];
        if (s.cut % 8 != 1) frame.value = std::min(frame.value, last_goaway_);
        last_goaway_ = frame.value;
        frame.code = s.b;
        script.goaway(frame.value, static_cast<ErrorCode>(s.b), "bye");
        return deliver(frame, script, s.cut);
      case StepKind::kPeerPriority:
        frame.type = FrameType::kPriority;
        frame.stream = 1 + s.a % 20;
        script.priority(frame.stream, s.b % 20);
        return deliver(frame, script, s.cut);
      case StepKind::kPeerUnknown:
        frame.type = static_cast<FrameType>(32 + s.a % 200);
        frame.stream = s.b % 20;
        script.frame(frame.type, static_cast<std::uint8_t>(s.d), frame.stream,
                     std::string(s.d, 'u'));
        return deliver(frame, script, s.cut);
      case StepKind::kPeerIllegal:
        return peer_illegal(s);
      default:
        return;
    }
  }

  void peer_data(const Step& s, std::uint32_t id) {
    const Stream* stream = model_.find(id);
    const std::int64_t most = model_.local().max_frame_size;
    std::int64_t overhead = s.d;  // the pad length's own byte included
    std::int64_t size = s.b % (1U << 20);
    bool end = s.c == 1;
    std::int64_t room =
        std::min(most, std::max<std::int64_t>(model_.connection_window().available, 0));
    if (stream != nullptr && !stream->held)
      room = std::min(room, std::max<std::int64_t>(stream->window.available, 0));
    if (s.b >= (1U << 20) && !setup_.together) room = most;
    if (overhead > room) overhead = 0;
    size = std::min(size, room - overhead);
    if (stream != nullptr && stream->body_expected && s.fragments % 16 != 15) {
      const auto left = static_cast<std::int64_t>(*stream->body_expected - stream->body);
      size = std::max<std::int64_t>(std::min(size, left), 0);
      end = end && size == left;
    }
    PeerFrame frame;
    frame.type = FrameType::kData;
    frame.stream = id;
    frame.end_stream = end;
    frame.data_length = static_cast<std::uint32_t>(size);
    frame.length = static_cast<std::uint32_t>(size + overhead);
    const std::string_view data = content(++tags_, 0, static_cast<std::size_t>(size));
    data_in_.push_back(data);
    std::optional<std::uint8_t> padding;
    if (overhead > 0) padding = static_cast<std::uint8_t>(overhead - 1);
    FrameScript script;
    script.data(id, data, end ? End::kYes : End::kNo, padding);
    deliver(frame, script, s.cut);
  }

  void peer_push(const Step& s, std::uint32_t id) {
    std::uint32_t promised = next_remote() + 2 * (s.b % 8 == 7 ? 1 : 0);
    if (s.b % 256 == 255) promised -= 1;
    if (s.b % 256 == 254 && promised > 2) promised -= 2;
    const std::uint32_t kind = s.b / 256 % 16;
    Section section = request_section(kind == 14 || kind == 12 ? kind : 0, s.d);
    if (kind == 13) {  // RFC 9113 §8.4: not a safe method
      section = request_section(7, s.d);
      section.message.malformed = true;
    }
    peer_block(s, FrameType::kPushPromise, id, promised, section, false);
  }

  // HEADERS or PUSH_PROMISE, in fragments or not.
  void peer_block(const Step& s, FrameType type, std::uint32_t id, std::uint32_t promised,
                  const Section& section, bool end) {
    block_bytes_.clear();
    if (!encoder_.encode(views_of(section.fields), block_bytes_)) return wrong("hpack", "memory");
    std::string block(reinterpret_cast<const char*>(block_bytes_.data()), block_bytes_.size());
    const std::size_t most = model_.local().max_frame_size;
    std::size_t pieces = s.fragments == 0 ? 1 : 2 + s.fragments / 2 % 3;
    if (block.size() / pieces + 10 > most) pieces = 4;
    const std::size_t each = block.size() / pieces + 1;
    const bool leave_open = s.fragments % 2 == 1;

    std::size_t list = 0;  // as RFC 9113 §10.5.1 counts
    for (const auto& field : section.fields) list += field.first.size() + field.second.size() + 32;
    Message message = section.message;
    message.too_large = list > setup_.most_fields();

    PeerFrame frame;
    frame.type = type;
    frame.stream = id;
    frame.promised = promised;
    frame.end_stream = end;
    FrameScript script;
    for (std::size_t i = 0; i < pieces; ++i) {
      const bool last = i + 1 == pieces;
      std::string payload =
          block.substr(std::min(block.size(), i * each), last ? std::string::npos : each);
      frame.end_headers = last;
      if (last) frame.message = message;
      if (last && i > 0 && leave_open) {
        open_block_ = OpenBlock{frame, payload};
        open_block_->frame.type = FrameType::kContinuation;
        break;
      }
      std::uint8_t flags = last ? kFlagEndHeaders : std::uint8_t{0};
      if (i == 0) {
        if (end) flags |= kFlagEndStream;
        if (type == FrameType::kPushPromise) payload = bytes32(promised) + payload;
        if (type == FrameType::kHeaders && s.cut % 5 == 1) {
          flags |= kFlagPriority;
          payload = bytes32(s.cut) + "w" + payload;
        }
        if (s.cut % 7 == 1) {
          flags |= kFlagPadded;
          payload = "\x05" + payload + std::string(5, '\0');
        }
      } else {
        frame.type = FrameType::kContinuation;
      }
      script.frame(frame.type, flags, id, payload);
      model_.receive(frame);
    }
    feed(script, s.cut);
  }

  void complete_block(std::uint32_t cut) {
    const OpenBlock block = *open_block_;
    open_block_.reset();
    FrameScript script;
    script.continuation(block.frame.stream, block.rest, true);
    deliver(block.frame, script, cut);
  }

  void peer_illegal(const Step& s) {
    PeerFrame frame;
    FrameScript script;
    const auto broken = [&](ErrorCode code) { frame.broken = code; };
    switch (s.a % 10) {
      case 0:  // inside a field block, or without one
        frame.type = open_block_ ? FrameType::kPing : FrameType::kContinuation;
        frame.stream = open_block_ ? 0 : 1;
        if (open_block_) {
          script.ping();
        } else {
          script.continuation(1, "", true);
        }
        break;
      case 1:
        broken(ErrorCode::kProtocolError);
        script.data(0, "no stream");
        break;
      case 2:
        broken(ErrorCode::kProtocolError);
        script.frame(FrameType::kSettings, 0, 1, "");
        break;
      case 3:
        broken(ErrorCode::kFrameSizeError);
        script.frame(FrameType::kRstStream, 0, 1, "123");
        break;
      case 4:
        broken(ErrorCode::kFrameSizeError);
        script.ping("1234567");
        break;
      case 5:
        if (model_.local().max_frame_size > 100'000) return;
        broken(ErrorCode::kFrameSizeError);
        script.frame(FrameType::kData, 0, 1, std::string(model_.local().max_frame_size + 1, 'x'));
        break;
      case 6:
        if (open_block_) return;
        broken(ErrorCode::kProtocolError);
        script.frame(FrameType::kData, kFlagPadded, 1, "\x05pads");
        break;
      case 7:
        broken(ErrorCode::kFrameSizeError);
        script.frame(FrameType::kWindowUpdate, 0, 0, "123");
        break;
      case 8:
        broken(ErrorCode::kFrameSizeError);
        script.frame(FrameType::kSettings, 0, 0, "12345");
        break;
      default:
        broken(ErrorCode::kFrameSizeError);
        script.frame(FrameType::kGoAway, 0, 0, "1234567");
        break;
    }
    deliver(frame, script, s.cut);
  }

  void deliver(const PeerFrame& frame, const FrameScript& script, std::uint32_t cut,
               bool lose = false) {
    model_.receive(frame);
    if (lose && !lost_) {
      lost_ = true;
      return;
    }
    feed(script, cut);
  }

  // Frames that are to arrive together wait for the next call of the application, or until they are
  // many. Not while requests are queued: the model would not see in time which of them went out.
  void feed(const FrameScript& script, std::uint32_t cut) {
    ++coverage_.frames_in;
    held_ += script.str();
    ++held_frames_;
    if (setup_.together && held_frames_ < 8 && model_.counts().queued == 0) return;
    feed_held(cut);
  }

  void deliver_held() {
    if (held_.empty()) return;
    feed_held(0);
    settle();
  }

  void feed_held(std::uint32_t cut) {
    const std::string bytes = std::exchange(held_, {});
    held_frames_ = 0;
    const Bytes all = bytes_of(bytes);
    const std::size_t first = cut == 0 ? all.size() : cut % (all.size() + 1);
    feed(all.first(first));
    feed(all.subspan(first));
  }

  void feed(Bytes bytes) {
    for (int turn = 0; turn < 20; ++turn) {
      const Received received = conn_.receive_data(bytes, Time{});
      take(received.events);
      bytes = bytes.subspan(received.consumed);
      if (bytes.empty() && (turn > 0 || conn_.want_read() || conn_.error())) return;
      if (conn_.want_read()) continue;
      // It waits for its answers to be written.
      observe();
      mark_sent(out_.size());
      if (failure_) return;
    }
    if (!bytes.empty()) wrong("state", "input is not taken");
  }

  // ---- what comes out ---------------------------------------------------------------------------

  void take(std::span<const Event> events) {
    for (const Event& event : events) {
      ++coverage_.events;
      std::visit([this](const auto& e) { on(e); }, event);
      if (failure_) return;
    }
  }

  void seen(const Seen& s) { wrong("event", model_.on_event(s)); }

  Told& told(StreamId id) {
    Told& t = told_[id.value];
    if (t.over)
      wrong("event", "an event for stream " + std::to_string(id.value) + " after its end");
    return t;
  }
  static bool yes(EndStream end) { return end == EndStream::kYes; }

  void on(const RequestReceived& e) {
    Told& t = told(e.stream_id);
    if (t.head) wrong("event", "a second request");
    t.head = true;
    t.ended = yes(e.end_stream);
    seen({.kind = Seen::Kind::kRequest,
          .stream = e.stream_id.value,
          .end = t.ended,
          .hash = hash_of(e.fields)});
  }
  void on(const ResponseReceived& e) {
    Told& t = told(e.stream_id);
    if (t.head) wrong("event", "a second response");
    t.head = true;
    t.ended = yes(e.end_stream);
    seen({.kind = Seen::Kind::kResponse,
          .stream = e.stream_id.value,
          .end = t.ended,
          .a = static_cast<std::uint64_t>(e.status),
          .hash = hash_of(e.fields)});
  }
  void on(const InformationalResponseReceived& e) {
    if (told(e.stream_id).head) wrong("event", "1xx after the response");
    seen({.kind = Seen::Kind::kInformational,
          .stream = e.stream_id.value,
          .a = static_cast<std::uint64_t>(e.status),
          .hash = hash_of(e.fields)});
  }
  void on(const TrailersReceived& e) {
    Told& t = told(e.stream_id);
    if (!t.head || t.ended) wrong("event", "trailers out of order");
    t.ended = true;
    seen({.kind = Seen::Kind::kTrailers, .stream = e.stream_id.value, .hash = hash_of(e.fields)});
  }
  void on(const DataReceived& e) {
    Told& t = told(e.stream_id);
    if (!t.head || t.ended) wrong("event", "data out of order");
    t.ended = yes(e.end_stream);
    while (!data_in_.empty() && data_in_.front() != view(e.data)) data_in_.pop_front();
    if (data_in_.empty()) return wrong("body", "the data received are others");
    data_in_.pop_front();
    seen({.kind = Seen::Kind::kData,
          .stream = e.stream_id.value,
          .end = t.ended,
          .a = e.data.size(),
          .b = e.flow_controlled_length});
  }
  void on(const StreamReset& e) {
    told(e.stream_id).over = true;
    seen({.kind = Seen::Kind::kReset,
          .stream = e.stream_id.value,
          .a = static_cast<std::uint64_t>(e.by),
          .b = static_cast<std::uint64_t>(e.error_code)});
  }
  void on(const PushedStreamReceived& e) {
    told_[e.promised_stream_id.value].sent_end = true;
    seen({.kind = Seen::Kind::kPush,
          .stream = e.parent_stream_id.value,
          .a = e.promised_stream_id.value,
          .hash = hash_of(e.fields)});
  }
  void on(const BodyReleased& e) {
    const auto it = bodies_.find(e.tag);
    if (it == bodies_.end()) return wrong("body", "released a body that is not there");
    const Body& body = *it->second;
    if (body.stream != e.stream_id.value) wrong("body", "released for another stream");
    const Stream* stream = model_.find(body.stream);
    if (!e.complete && stream != nullptr && !stream->held)
      wrong("body", "released early on stream " + std::to_string(body.stream));
    if (e.complete) released_whole_.push_back({e.tag, body.total});
    sent_by_tag_[e.tag] = body.sent;
    if (body.is_source && e.complete && !body.source->finished)
      wrong("body", "a source is released that had more");
    bodies_.erase(it);
  }
  void on(const WindowUpdated& e) {
    if (!e.stream_id.is_connection()) told(e.stream_id);
    seen({.kind = Seen::Kind::kWindow, .stream = e.stream_id.value, .a = e.delta});
  }
  void on(const RemoteSettingsChanged& e) {
    seen({.kind = Seen::Kind::kSettings, .a = e.changed.size()});
  }
  void on(const SettingsAcknowledged&) { seen({.kind = Seen::Kind::kSettingsAcked}); }
  void on(const PingReceived& e) { seen({.kind = Seen::Kind::kPing, .hash = number_of(e.data)}); }
  void on(const PingAckReceived& e) {
    seen({.kind = Seen::Kind::kPingAck, .hash = number_of(e.data)});
  }
  void on(const ConnectionTerminated& e) {
    seen({.kind = Seen::Kind::kTerminated,
          .a = e.last_stream_id.value,
          .b = static_cast<std::uint64_t>(e.error_code)});
  }
  // Nobody sends what these come of.
  void on(const PriorityUpdated&) { wrong("event", "a priority that was not sent"); }
  void on(const AlternativeServiceAvailable&) { wrong("event", "ALTSVC that was not sent"); }
  void on(const OriginsReceived&) { wrong("event", "ORIGIN that was not sent"); }
  void on(const ExtensionFrameReceived&) { wrong("event", "a frame that was not asked for"); }
  void on(const ConnectionFailed& e) {
    seen({.kind = Seen::Kind::kFailed, .b = static_cast<std::uint64_t>(e.error.code)});
  }

  // Looks at the output that is new.
  void observe() {
    if (failure_) return;
    std::size_t at = 0;
    const std::size_t old = out_.size();
    for (const Bytes piece : conn_.data_to_send()) {
      const std::size_t end = at + piece.size();
      if (end > out_.size()) {
        const std::size_t skip = out_.size() > at ? out_.size() - at : 0;
        out_ += view(piece.subspan(skip));
      }
      at = end;
    }
    if (at < old) return wrong("output", "output has vanished");
    std::string_view fresh = std::string_view(out_).substr(old);
    if (!preface_seen_ && !setup_.server) {
      if (fresh.substr(0, kClientPreface.size()) != kClientPreface)
        return wrong("output", "no preface");
      fresh.remove_prefix(kClientPreface.size());
    }
    preface_seen_ = true;
    while (!fresh.empty() && !failure_) {
      const auto* p = reinterpret_cast<const std::uint8_t*>(fresh.data());
      if (fresh.size() < 9) return wrong("output", "a frame is cut");
      const std::size_t length = std::size_t{p[0]} << 16 | std::size_t{p[1]} << 8 | p[2];
      if (fresh.size() < 9 + length) return wrong("output", "a frame is cut");
      if (length > model_.remote().max_frame_size) return wrong("output", "a frame is too large");
      ++coverage_.frames_out;
      frame_out(p[3], p[4], read32(p + 5), fresh.substr(9, length));
      fresh.remove_prefix(9 + length);
    }
  }

  static std::uint32_t read32(const void* from) {
    const auto* p = static_cast<const std::uint8_t*>(from);
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
  }

  // One frame of the connection: its form, then what the model says of it.
  void frame_out(std::uint8_t type, std::uint8_t flags, std::uint32_t id,
                 std::string_view payload) {
    OutFrame frame;
    frame.type = static_cast<FrameType>(type);
    frame.stream = id;
    const auto bad = [&](const char* what) {
      wrong("output", std::string(what) + " in " + to_string(frame) + " flags " +
                          std::to_string(flags) + " size " + std::to_string(payload.size()));
    };
    if (joining_ && (frame.type != FrameType::kContinuation || id != joining_->stream))
      return bad("another frame in a field block");
    const auto form = [&](bool on_connection, std::size_t size, unsigned known_flags) {
      if (on_connection != (id == 0)) bad("wrong stream");
      if (size != std::string::npos && payload.size() != size) bad("wrong size");
      if ((flags & ~known_flags) != 0) bad("wrong flags");
    };
    switch (frame.type) {
      case FrameType::kData: {
        form(false, std::string::npos, kFlagEndStream);
        frame.end = (flags & kFlagEndStream) != 0;
        frame.length = static_cast<std::uint32_t>(payload.size());
        wrong("output", model_.on_output(frame));
        if (failure_) return;
        if (!payload.empty()) {
          const std::uint64_t tag = model_.data_tag();
          for (std::size_t done = 0; done < payload.size();) {
            const std::size_t part = std::min(payload.size() - done, kPeriod / 2);
            if (payload.substr(done, part) != content(tag, model_.data_offset() + done, part))
              wrong("body", "the data sent are others");
            done += part;
          }
          if (const auto it = bodies_.find(tag); it != bodies_.end()) {
            it->second->sent += payload.size();
          } else if (const auto gone = sent_by_tag_.find(tag); gone != sent_by_tag_.end()) {
            gone->second += payload.size();
          }
        }
        if (frame.end) told_[id].sent_end = true;
        return;
      }
      case FrameType::kHeaders:
      case FrameType::kPushPromise:
        form(false, std::string::npos, kFlagEndStream | kFlagEndHeaders);
        frame.end = (flags & kFlagEndStream) != 0;
        if (frame.type == FrameType::kPushPromise) {
          if (frame.end || payload.size() < 4) return bad("wrong form");
          frame.value = read32(payload.data());
          payload.remove_prefix(4);
        }
        // RFC 9113 §5.1.1: identifiers of new streams rise.
        if (const std::uint32_t fresh = frame.value != 0 ? frame.value : id; model_.ours(fresh)) {
          if (frame.value != 0 && fresh <= highest_out_) bad("identifier not increasing");
          if (frame.value == 0 && fresh < highest_out_ && opened_.count(fresh) == 0)
            bad("identifier not increasing");
          highest_out_ = std::max(highest_out_, fresh);
          opened_[fresh] = true;
        }
        joining_ = frame;
        return fragment_out(flags, payload);
      case FrameType::kContinuation:
        if (!joining_) return bad("no field block");
        form(false, std::string::npos, kFlagEndHeaders);
        return fragment_out(flags, payload);
      case FrameType::kRstStream:
        form(false, 4, 0);
        frame.value = read32(payload.data());
        break;
      case FrameType::kSettings:
        form(true, std::string::npos, kFlagAck);
        frame.ack = (flags & kFlagAck) != 0;
        if (payload.size() % 6 != 0 || (frame.ack && !payload.empty())) return bad("wrong size");
        for (std::size_t i = 0; i < payload.size(); i += 6) {
          frame.settings.push_back({static_cast<SettingCode>(read32(payload.data() + i) >> 16),
                                    read32(payload.data() + i + 2)});
        }
        if (frame.ack) {
          acknowledged();
        } else {
          our_settings_.push_back(frame.settings);
        }
        break;
      case FrameType::kPing:
        form(true, 8, kFlagAck);
        frame.ack = (flags & kFlagAck) != 0;
        frame.hash = std::uint64_t{read32(payload.data())} << 32 | read32(payload.data() + 4);
        break;
      case FrameType::kGoAway:
        form(true, std::string::npos, 0);
        if (payload.size() < 8) return bad("wrong size");
        frame.value = read32(payload.data());
        frame.code = read32(payload.data() + 4);
        if (frame.value > goaway_out_) bad("last stream raised");
        goaway_out_ = frame.value;
        break;
      case FrameType::kWindowUpdate:
        if (payload.size() != 4 || flags != 0) return bad("wrong form");
        frame.value = read32(payload.data());
        if (frame.value == 0 || frame.value > 0x7fffffff) return bad("wrong increment");
        break;
      default:
        return bad("a type that it should not send");
    }
    if (!failure_) wrong("output", model_.on_output(frame));
  }

  void fragment_out(std::uint8_t flags, std::string_view payload) {
    const bool last = (flags & kFlagEndHeaders) != 0;
    const auto result = decoder_.decode(
        bytes_of(payload), last ? hpack::EndOfBlock::kYes : hpack::EndOfBlock::kNo, decoded_);
    if (!result) return wrong("hpack", "a field block does not decode");
    if (!last) return;
    OutFrame frame = *joining_;
    joining_.reset();
    frame.hash = hash_of(FieldsView{&decoded_, 0, static_cast<std::uint32_t>(decoded_.size())});
    decoded_.clear();
    if (frame.end && told_.count(frame.stream) > 0) told_[frame.stream].sent_end = true;
    wrong("output", model_.on_output(frame));
  }

  // The connection acknowledged the peer's oldest SETTINGS: its encoder keeps to them from here on.
  void acknowledged() {
    if (peer_settings_.empty()) return wrong("output", "acknowledged SETTINGS that were not sent");
    for (const Setting& setting : peer_settings_.front()) {
      if (setting.code == SettingCode::kHeaderTableSize) decoder_.set_max_table_size(setting.value);
    }
    peer_settings_.erase(peer_settings_.begin());
  }

  void mark_sent(std::size_t n) {
    std::size_t at = 0;
    for (const Bytes piece : conn_.data_to_send()) {
      if (at >= n) break;
      const std::size_t part = std::min(piece.size(), n - at);
      if (view(piece).substr(0, part) != std::string_view(out_).substr(at, part))
        wrong("body", "output has changed");
      at += part;
    }
    conn_.mark_sent(n);
    out_.erase(0, n);
  }

  // ---- after each step --------------------------------------------------------------------------

  void settle() {
    if (failure_ || !held_.empty()) return;
    observe();
    take(conn_.poll_events());
    if (failure_) return;
    wrong("output", model_.end_of_step(out_.size() < setup_.batch));
    check_bodies();
    check_state();
  }

  void check_bodies() {
    for (const auto& entry : released_whole_) {
      if (sent_by_tag_[entry.first] != entry.second) wrong("body", "released before it was sent");
      sent_by_tag_.erase(entry.first);
    }
    released_whole_.clear();
    if (!out_.empty()) return;
    for (const auto& [tag, body] : bodies_) {
      const Stream* stream = model_.find(body->stream);
      const bool whole = !body->is_source && body->total > 0 && body->sent == body->total;
      if (stream == nullptr || stream->held || whole)
        wrong("body", "not released on stream " + std::to_string(body->stream));
    }
  }

  template <class A, class B>
  void same(const char* rule, const char* what, std::uint32_t id, A got, B expected) {
    if (static_cast<std::int64_t>(got) == static_cast<std::int64_t>(expected)) return;
    wrong(rule, std::string(what) + " of stream " + std::to_string(id) + " is " +
                    std::to_string(static_cast<std::int64_t>(got)) + ", should be " +
                    std::to_string(static_cast<std::int64_t>(expected)));
  }

  void check_state() {
    same("state", "failure", 0, conn_.error().has_value(), model_.failed());
    if (failure_ || model_.failed()) return;
    const auto counts = model_.counts();
    const StreamCounts got = conn_.stream_counts();
    same("counts", "active_local", 0, got.active_local, counts.active_local);
    same("counts", "active_remote", 0, got.active_remote, counts.active_remote);
    same("counts", "queued", 0, got.queued, counts.queued);
    same("counts", "reserved", 0, got.reserved, counts.reserved);
    same("state", "accepts_new_streams", 0, conn_.accepts_new_streams(), !model_.closing());
    same("state", "unacknowledged_settings", 0, conn_.unacknowledged_settings(),
         model_.unacknowledged());
    same("state", "want_write", 0, conn_.want_write(), !out_.empty());
    same("state", "highest_remote_stream_id", 0, conn_.highest_remote_stream_id().value,
         model_.highest_remote());
    if (!(conn_.local_settings() == model_.local())) wrong("state", "local settings differ");
    if (!(conn_.remote_settings() == model_.remote())) wrong("state", "remote settings differ");
    if (!(conn_.announced_settings() == model_.announced()))
      wrong("state", "announced settings differ");

    same("window", "send window", 0, conn_.local_flow_control_window(StreamId{0}),
         model_.connection_send_window());
    same("window", "receive window", 0, conn_.remote_flow_control_window(StreamId{0}),
         model_.connection_window().available);
    same("window", "receive window size", 0, conn_.receive_window_size(StreamId{0}),
         model_.connection_window().size);
    for (const auto& [id, stream] : model_.live()) {
      const StreamId sid{id};
      if (stream.held || stream.queued || stream.state == State::kIdle) continue;
      same("state", "state", id, conn_.stream_state(sid), stream.state);
      same("window", "send window", id, conn_.local_flow_control_window(sid),
           std::min(model_.connection_send_window(), stream.send_window));
      if (stream.state != State::kOpen && stream.state != State::kHalfClosedLocal) continue;
      same("window", "receive window", id, conn_.remote_flow_control_window(sid),
           std::min(model_.connection_window().available, stream.window.available));
      same("window", "receive window size", id, conn_.receive_window_size(sid), stream.window.size);
    }
    const HpackCounts sent = conn_.fields_sent();
    same("hpack", "entries sent", 0, sent.table_entries, decoder_.table().count());
    same("hpack", "bytes sent", 0, sent.table_size, decoder_.table().size());
    if (!open_block_ && !lost_) {
      const HpackCounts received = conn_.fields_received();
      same("hpack", "entries received", 0, received.table_entries, encoder_.table().count());
      same("hpack", "bytes received", 0, received.table_size, encoder_.table().size());
    }
  }

  // The byte stream ends; every message must have an end, and every body be back.
  void finish_run() {
    const bool failed = model_.failed();
    model_.receive_end();
    take(conn_.receive_end(Time{}));
    if (failure_) return;
    for (const auto& [id, t] : told_) {
      // A server that has sent its whole response may tell the client to stop by NO_ERROR.
      const bool quiet = !setup_.server && t.ended;
      if (!t.over && !(t.ended && t.sent_end) && !quiet)
        wrong("end", "stream " + std::to_string(id) + " has not ended");
    }
    if (!bodies_.empty()) wrong("end", "a body is not released");
    if (!failed) wrong("event", model_.end_of_step(false));
    if (!conn_.done()) wrong("end", "not done");
  }

  struct OpenBlock {
    PeerFrame frame;
    std::string rest;
  };

  const Program& program_;
  const RunOptions options_;
  Coverage& coverage_;
  const Setup setup_;
  ReferenceModel model_;
  std::map<std::uint64_t, std::unique_ptr<Body>> bodies_;  // outlives the connection
  Connection conn_;
  std::size_t at_ = 0;
  std::optional<Failure> failure_;

  // The peer's side.
  hpack::Encoder encoder_;
  hpack::Decoder decoder_;
  hpack::FieldList decoded_;
  Vector<std::uint8_t> block_bytes_;
  std::optional<OpenBlock> open_block_;
  std::optional<OutFrame> joining_;
  std::vector<std::vector<Setting>> our_settings_;   // not acknowledged by the peer
  std::vector<std::vector<Setting>> peer_settings_;  // not acknowledged by the connection
  bool greeted_ = false;
  bool lost_ = false;
  std::uint32_t last_goaway_ = 0x7fffffff;
  std::deque<std::string_view> data_in_;  // of DATA frames that were sent
  std::string held_;                      // frames that wait to be sent together
  unsigned held_frames_ = 0;

  // What was seen of the connection's output: unsent bytes, and marks.
  std::string out_;
  bool preface_seen_ = false;
  std::uint32_t highest_out_ = 0;
  std::map<std::uint32_t, bool> opened_;
  std::uint32_t goaway_out_ = 0x7fffffff;

  std::uint64_t tags_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> released_whole_;  // tag, bytes
  std::map<std::uint64_t, std::uint64_t> sent_by_tag_;                   // of those released
  std::map<std::uint32_t, Told> told_;
};

}  // namespace

std::optional<Failure> run(const Program& program, const RunOptions& options, Coverage* coverage) {
  Coverage ignored;
  return Run(program, options, coverage != nullptr ? *coverage : ignored).all();
}

}  // namespace h2::tests::model
