// The connection targets; see fuzz_targets.h.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "h2core/body_source.h"
#include "h2core/connection.h"
#include "h2core/padding.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/counting_memory.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"
#include "tests/support/split_input.h"

namespace h2::tests {

namespace {

[[noreturn]] void broken(const char* promise, const std::string& what) {
  std::fprintf(stderr, "broken: %s\n%s\n", promise, what.c_str());
  std::abort();
}

class TestSource final : public BodySource {
 public:
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    ++calls_;
    if (calls_ % 3 == 0) return {0, State::kMore};
    const std::size_t n = std::min<std::size_t>(buffer.size(), 777);
    std::memset(buffer.data(), 's', n);
    return {n, calls_ > 20 ? State::kEnd : State::kMore};
  }

 private:
  int calls_ = 0;
};

struct Run {
  std::string log;
  std::string out;
};

struct Choices {
  std::uint8_t config = 0;
  std::uint8_t app = 0;
};

// What an application would do.
class App {
 public:
  App(Connection& conn, Choices choices) : conn_(conn), choices_(choices) {}

  void on(const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      const std::uint32_t way = (choices_.app + request->stream_id.value / 2) % 7;
      if (way == 5) return;  // later: never
      if (way == 6) {
        (void)conn_.reset_stream(request->stream_id, ErrorCode::kInternalError);
        return;
      }
      static const Fields informational = response_fields(103);
      static const Fields response = response_fields(200, {{"server", "fuzz"}, {"x", "y"}});
      static const Fields trailers{{"x-sum", "1"}};
      if (way == 1)
        (void)conn_.send_headers(request->stream_id, views_of(informational), EndStream::kNo);
      (void)conn_.send_headers(request->stream_id, views_of(response),
                               way == 0 ? EndStream::kYes : EndStream::kNo);
      if (way == 0) return;
      if (way == 2 && conn_.role() == Role::kServer) {
        static const Fields promised = get("/pushed");
        const auto id = conn_.push_stream(request->stream_id, views_of(promised));
        if (id) (void)conn_.send_headers(*id, views_of(response), EndStream::kYes);
      }
      body(request->stream_id, way);
      if (way == 3) {
        (void)conn_.send_headers(request->stream_id, views_of(trailers), EndStream::kYes);
      } else {
        (void)conn_.end_stream(request->stream_id);
      }
    } else if (const auto* data = std::get_if<DataReceived>(&event)) {
      if ((choices_.app & 8) == 0) {
        if (!conn_.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                             data->stream_id) &&
            !conn_.error()) {
          broken("data of an event can be acknowledged", to_string(event));
        }
      }
    } else if (const auto* reset = std::get_if<StreamReset>(&event)) {
      conn_.release_stream(reset->stream_id);
    } else if (const auto* released = std::get_if<BodyReleased>(&event)) {
      if (--bodies_[released->tag] < 0) broken("a body is released once", to_string(event));
      --bodies_held;
    } else if (std::holds_alternative<PingReceived>(event)) {
      if ((choices_.app & 16) != 0) (void)conn_.ping({}, Time{});
      if ((choices_.app & 32) != 0) conn_.notify_shutdown();
    } else if (std::holds_alternative<RemoteSettingsChanged>(event)) {
      if ((choices_.app & 64) != 0) {
        const Setting setting{SettingCode::kInitialWindowSize, 70'000};
        (void)conn_.update_settings({&setting, 1}, Time{});
      }
    } else if (std::holds_alternative<ResponseReceived>(event)) {
      if ((choices_.app & 128) != 0) conn_.close_connection();
    }
  }

  void body(StreamId id, std::uint32_t way) {
    static const std::string text(90'000, 'b');
    const std::size_t n = way == 4 ? 90'000 : 2'000;
    if (conn_.send_data(id, bytes_of(std::string_view(text).substr(0, n)), EndStream::kNo,
                        next_tag_))
      hold();
    (void)conn_.send_data_copy(id, bytes_of("copied"), EndStream::kNo);
    TestSource& source = sources_[next_tag_];
    if (conn_.send_body(id, source, EndStream::kNo, next_tag_)) hold();
  }

  int bodies_held = 0;

 private:
  void hold() {
    ++bodies_[next_tag_++];
    ++bodies_held;
  }

  Connection& conn_;
  Choices choices_;
  BodyTag next_tag_ = 1;
  std::map<BodyTag, int> bodies_;
  std::map<BodyTag, TestSource> sources_;
};

// `active`: whether the application reacts to events. When it does so depends on the split, and
// with that the rest.
Run run(Role role, Choices choices, Bytes input, const Split& split, bool active) {
  CountingMemory memory;
  FixedPadding padding(9);
  Config config = role == Role::kServer ? Config::server() : Config::client();
  config.memory = &memory;
  if ((choices.config & 1) != 0) config.enable_push = role == Role::kClient;
  if ((choices.config & 2) != 0) config.connection_credit = ConnectionCredit::kOnConsumption;
  if ((choices.config & 4) != 0) {
    config.validate_inbound_headers = FieldValidation::kOff;
    config.validate_outbound_headers = false;
  }
  if ((choices.config & 8) != 0) config.memory_limit = 64 * 1'024;
  if ((choices.config & 16) != 0) config.max_concurrent_streams = 2;
  if ((choices.config & 32) != 0) config.copy_below = 0;
  if ((choices.config & 64) != 0) config.header_table_size = 64;
  // What no byte of the input is left for follows from all of them.
  const std::uint64_t more = hash_bytes(view(input)) >> 32;
  if ((more & 1) != 0) config.padding = &padding;
  if ((more & 2) != 0) config.split_outbound_cookies = true;
  if ((more & 4) != 0) config.enable_connect_protocol = true;
  if ((more & 8) != 0) config.normalize_inbound_headers = false;
  if ((more & 16) != 0 && (choices.config & 4) == 0) {
    config.validate_inbound_headers = FieldValidation::kLenient;
  }
  if ((more & 32) != 0) {
    for (unsigned type = 0; type < 256; ++type) {
      config.extension_frames.add(static_cast<std::uint8_t>(type));
    }
  }
  Driven driven(role, config);
  App app(driven.conn, choices);
  driven.on_event = [&](Connection&, const Event& event) {
    if (active || std::holds_alternative<BodyReleased>(event)) app.on(event);
  };
  if (role == Role::kClient) {
    static const Fields fields[] = {get(), post("/", {{"content-length", "5"}}),
                                    request_fields("HEAD", "/")};
    for (std::uint32_t i = 0; i < 5; ++i) {
      const StreamId id{2 * i + 1};
      const bool has_body = i % 3 == 1;
      (void)driven.conn.send_headers(id, views_of(fields[i % 3]),
                                     has_body ? EndStream::kNo : EndStream::kYes);
      if (has_body) app.body(id, 4);
    }
  }
  driven.drain();
  // Most inputs should come further than the start.
  if ((choices.config & 128) == 0) {
    FrameScript script;
    if (role == Role::kServer) script.client_preface();
    driven.feed(script.settings({}).settings_ack()).drain();
  }
  driven.feed(input, split);
  driven.drain();
  if (!driven.unread.empty() && !driven.conn.error() && driven.conn.want_read()) {
    broken("input is taken while want_read() is true", driven.text());
  }
  const WireOutput frames = read_frames(driven.out);
  if (!frames.rest.empty() && !driven.conn.error())
    broken("output consists of whole frames", driven.text());
  for (const WireFrame& frame : frames.frames) {
    if (frame.payload.size() > 0xffffff) broken("frames have a legal size", driven.text());
  }
  if (driven.conn.error() && !driven.conn.done())
    broken("a failed connection that was drained is done", driven.text());
  Run result;
  result.log = driven.text();
  result.out = driven.out;
  driven.end();
  driven.conn.terminate(ErrorCode::kNoError);
  driven.drain();
  if (memory.peak > config.memory_limit) broken("memory stays within its limit", driven.text());
  if (app.bodies_held != 0) broken("all bodies are released in the end", driven.text());
  if (!driven.conn.done()) broken("a connection that was terminated is done", driven.text());
  return result;
}

void fuzz(Role role, Bytes input) {
  if (input.size() < 2) return;
  const Choices choices{input[0], input[1]};
  const std::uint64_t seed = hash_bytes(view(input));
  input = input.subspan(2);
  const Run whole = run(role, choices, input, split_whole(input.size()), false);
  const Split other = (seed & 7) == 0 && input.size() < 2'000 ? split_bytes(input.size())
                                                              : split_random(input.size(), seed);
  const Run pieces = run(role, choices, input, other, false);
  (void)run(role, choices, input, other, true);
  // With a memory limit, carrying a frame over takes memory that a whole input does not.
  if ((choices.config & 8) != 0) return;
  if (whole.log != pieces.log)
    broken("any split gives the same events", whole.log + "\nand\n" + pieces.log);
  if (whole.out != pieces.out) {
    broken("any split gives the same output",
           to_string(read_frames(whole.out)) + "\nand\n" + to_string(read_frames(pieces.out)));
  }
}

}  // namespace

void fuzz_connection_server(Bytes input) { fuzz(Role::kServer, input); }
void fuzz_connection_client(Bytes input) { fuzz(Role::kClient, input); }

}  // namespace h2::tests
