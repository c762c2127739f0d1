// Nothing that a caller or a peer does makes the core abort, throw or hang: any calls in any order
// with any arguments, between any bytes. What the sources must not contain is checked by
// tools/check_layers.py; that the core compiles without exceptions, by its build rules.
#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "h2core/body_source.h"
#include "h2core/testing/link.h"
#include "h2core/testing/raw_writer.h"
#include "tests/support/counting_memory.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::Random;
using h2::testing::RawBlock;
using h2::testing::RawEncoder;
using h2::testing::RawPadding;
using h2::testing::RawWriter;

// A variant of such types is never without a value, so that std::visit has nothing to throw.
static_assert(std::is_trivially_copyable_v<Event>);
static_assert(std::is_trivially_copyable_v<Frame>);

class AnySource final : public BodySource {
 public:
  explicit AnySource(Random& random) : random_(random) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    const std::size_t size = random_.below(buffer.size() + 1);
    std::fill_n(buffer.begin(), size, std::uint8_t{'s'});
    const std::uint64_t what = random_.below(20);
    return {random_.chance(3) ? buffer.size() + 1'000 : size, what == 0  ? State::kError
                                                              : what < 4 ? State::kEnd
                                                                         : State::kMore};
  }

 private:
  Random& random_;
};

// Calls and input by one seed.
class Monkey {
 public:
  explicit Monkey(std::uint64_t seed)
      : random_(seed),
        source_(random_),
        role_(random_.chance(50) ? Role::kClient : Role::kServer),
        conn_(role_, config(), Time{}) {
    if (random_.chance(95)) {
      if (role_ == Role::kServer) input_.preface();
      input_.settings({}).settings_ack();
    }
  }
  ~Monkey() = default;

  void step() {
    if (random_.chance(70)) {
      call();
    } else {
      receive();
    }
    look();
  }

  // Bytes given out and bodies handed over are right at every moment.
  std::uint64_t handed = 0;
  std::uint64_t released = 0;
  bool done() const { return conn_.done(); }
  const CountingMemory& memory() const { return memory_; }
  void finish() {
    conn_.terminate(ErrorCode::kNoError);
    count(conn_.receive_end(now_));
    count(conn_.poll_events());
  }

 private:
  Config config() {
    Config config;
    config.memory = &memory_;
    config.enable_push = role_ == Role::kClient && random_.chance(50);
    config.copy_below = static_cast<std::uint32_t>(random_.below(2'000));
    config.max_concurrent_streams = 1 + static_cast<std::uint32_t>(random_.below(5));
    config.max_queued_requests = 10;
    config.max_output_batch = 1 + static_cast<std::uint32_t>(random_.below(40'000));
    config.pause_input_at_answers = 1 + static_cast<std::uint32_t>(random_.below(5));
    config.memory_limit = random_.chance(20) ? 30'000 + random_.below(60'000) : 8U << 20;
    config.validate_inbound_headers =
        random_.chance(30) ? FieldValidation::kOff : FieldValidation::kStrict;
    config.validate_outbound_headers = random_.chance(70);
    config.normalize_outbound_headers = random_.chance(50);
    config.split_outbound_cookies = random_.chance(50);
    config.connection_credit =
        random_.chance(50) ? ConnectionCredit::kOnReceipt : ConnectionCredit::kOnConsumption;
    return config;
  }
  std::uint32_t number() {
    switch (random_.below(5)) {
      case 0:
        return 0;
      case 1:
        return static_cast<std::uint32_t>(random_.next());
      case 2:
        return 0x7fffffffU + static_cast<std::uint32_t>(random_.below(2));
      default:
        return static_cast<std::uint32_t>(random_.below(70'000));
    }
  }
  StreamId id() {
    if (random_.chance(3)) return StreamId{static_cast<std::uint32_t>(random_.next())};
    if (random_.chance(60)) return StreamId{used_stream()};
    return StreamId{static_cast<std::uint32_t>(random_.below(16))};
  }
  // The head of a message that may come here.
  std::vector<HeaderField> head() {
    if (role_ == Role::kClient) return {{":status", random_.chance(20) ? "103" : "200"}};
    return {{":method", "POST"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}};
  }
  // The streams that the peer may send frames on: 1 to this one.
  std::uint32_t highest_stream() {
    if (role_ == Role::kServer) return conn_.highest_remote_stream_id().value;
    const auto next = conn_.get_next_available_stream_id();
    return next && next->value > 2 && conn_.stream_counts().queued == 0 ? next->value - 2 : 0;
  }
  std::uint32_t used_stream() {
    const std::uint32_t highest = highest_stream();
    const std::uint32_t back = 2 * static_cast<std::uint32_t>(random_.below(3));
    return highest > back ? highest - back : highest;
  }
  EndStream end() { return random_.chance(30) ? EndStream::kYes : EndStream::kNo; }
  Bytes body() {
    static const std::string all(50'000, 'b');
    return bytes_of(all).first(random_.below(random_.chance(20) ? all.size() : 100));
  }
  std::vector<HeaderField> fields() {
    static const std::string large(20'000, 'l');
    std::vector<HeaderField> out;
    switch (random_.below(4)) {
      case 0:
        out = {{":method", random_.chance(20) ? "HEAD" : "POST"},
               {":scheme", "https"},
               {":path", "/"},
               {":authority", "a"}};
        break;
      case 1:
        out = {{":status", random_.chance(20) ? "103" : random_.chance(20) ? "204" : "200"}};
        break;
      case 2:
        out = {{":method", "CONNECT"}, {":authority", "a:1"}};
        break;
      default:
        break;
    }
    for (std::uint64_t i = random_.below(4); i > 0; --i) {
      out.push_back({"x-name", std::string_view(large).substr(0, random_.below(i > 2 ? 20'000 : 9)),
                     random_.chance(20)});
    }
    if (random_.chance(2)) out.push_back({"Bad name", "\r\n"});
    if (random_.chance(5)) out.push_back({"content-length", "5"});
    if (random_.chance(3)) out.push_back({{}, {}});
    return out;
  }
  void call() {
    switch (random_.below(32)) {
      case 0:
      case 1:
      case 2: {
        const auto next = conn_.get_next_available_stream_id();
        const StreamId to = next && random_.chance(70) ? *next : id();
        (void)conn_.send_headers(to, fields(), end());
        break;
      }
      case 3:
      case 4:
        (void)conn_.send_headers(id(), fields(), end());
        break;
      case 5:
      case 6:
        if (conn_.send_data(id(), body(), end(), 1)) ++handed;
        break;
      case 7:
        (void)conn_.send_data_copy(id(), body(), end());
        break;
      case 8:
        if (conn_.send_body(id(), source_, end(), 2)) ++handed;
        break;
      case 9:
        (void)conn_.resume_body(id());
        break;
      case 10:
        (void)conn_.end_stream(id());
        break;
      case 11:
        (void)conn_.reset_stream(id(), static_cast<ErrorCode>(number()));
        break;
      case 12:
        conn_.release_stream(id());
        break;
      case 13:
        (void)conn_.push_stream(id(), fields());
        break;
      case 14:
        (void)conn_.acknowledge_received_data(number(), id());
        break;
      case 15:
        (void)conn_.increment_flow_control_window(number(), id());
        break;
      case 16: {
        const Setting setting{static_cast<SettingCode>(random_.below(10)), number()};
        (void)conn_.update_settings({&setting, random_.below(2)}, now_);
        break;
      }
      case 17:
        (void)conn_.ping({}, Time{static_cast<std::int64_t>(random_.next())});
        break;
      case 18: {
        std::size_t size = 0;
        for (const Bytes piece : conn_.data_to_send()) {
          size += piece.size();
          if (!piece.empty()) sum_ += piece.front() + piece.back();
        }
        conn_.mark_sent(random_.chance(50) ? size : random_.below(size + 1));
        break;
      }
      case 19:
        count(conn_.poll_events());
        break;
      case 20:
        if (random_.chance(2)) now_ = Time{static_cast<std::int64_t>(random_.next() >> 1)};
        count(conn_.on_time(now_));
        break;
      case 21:
        if (random_.chance(20)) conn_.notify_shutdown();
        break;
      case 22:
        if (random_.chance(2)) conn_.close_connection(static_cast<ErrorCode>(number()), body());
        if (random_.chance(1)) conn_.terminate(static_cast<ErrorCode>(number()), body());
        if (random_.chance(1)) count(conn_.receive_end(now_));
        break;
      case 23:
        (void)conn_.set_local_window_size(number(), id());
        break;
      case 24:
        if (random_.chance(10)) (void)conn_.set_next_stream_id(id());
        if (random_.chance(10)) (void)conn_.initiate_upgrade_connection("GET", "AAQAAQAA");
        break;
      case 25:
        (void)conn_.send_priority_update(id(), {static_cast<std::uint8_t>(random_.below(9)), true});
        break;
      case 26:
        (void)conn_.change_priority(id(), {static_cast<std::uint8_t>(random_.below(9)), false});
        break;
      case 27:
        (void)conn_.prioritize(id(), {false, id(), 3});
        (void)conn_.set_stream_tag(id(), 3);
        break;
      case 28:
        (void)conn_.advertise_alternative_service(view(body()), id());
        (void)conn_.advertise_alternative_service("clear", view(body()));
        break;
      case 29: {
        const std::string_view origins[] = {view(body()), "https://a"};
        (void)conn_.send_origins(origins);
        break;
      }
      case 30:
        (void)conn_.send_extension_frame(static_cast<std::uint8_t>(random_.below(64)), 0xff, id(),
                                         body());
        if (random_.chance(2)) conn_.shutdown(milliseconds(number()), now_);
        break;
      default: {
        Connection moved(std::move(conn_));
        conn_ = std::move(moved);
        break;
      }
    }
  }
  void receive() {
    // Mostly what a peer may do; what it may not do ends the connection soon.
    const bool wild = random_.chance(2);
    const std::uint32_t used = used_stream();
    const bool opens = role_ == Role::kServer && !wild && (used == 0 || random_.chance(20));
    const std::uint32_t stream = wild ? id().value : opens ? (highest_stream() + 1) | 1U : used;
    if (stream == 0) return;
    RawBlock how;
    how.end_stream = random_.chance(40);
    how.end_headers = !wild;
    if (random_.chance(20)) how.pieces = {random_.below(30), random_.below(30)};
    if (random_.chance(10)) how.padding = RawPadding{9, wild ? 1U : 9U};
    switch (opens ? 0 : random_.below(wild ? 14 : 9)) {
      case 0:
      case 1:
      case 2:
        input_.headers(stream, encoder_.block(wild ? fields() : head()), how);
        break;
      case 3:
      case 4:
        input_.data(stream, view(body()).substr(0, 16'000), random_.chance(30), how.padding);
        break;
      case 5:
        input_.rst_stream(stream, number());
        break;
      case 6:
        input_.window_update(random_.chance(50) ? 0 : stream, wild ? number() : 1'000);
        break;
      case 7:
        if (wild) {
          input_.settings({{static_cast<std::uint16_t>(random_.below(10)), number()}});
        } else {
          input_.settings({{0x3, number()}, {0x4, number() >> 1}, {0x5, 16'384 + stream}});
        }
        break;
      case 8:
        input_.settings_ack();
        break;
      case 9:
        input_.push_promise(stream, id().value, encoder_.block(fields()), how);
        break;
      case 10:
        input_.ping().ping_ack();
        break;
      case 11:
        if (random_.chance(20)) input_.goaway(number(), number(), "why");
        break;
      case 12:
        input_.frame({static_cast<std::uint8_t>(random_.below(12)),
                      static_cast<std::uint8_t>(random_.next()), stream,
                      view(body()).substr(0, random_.below(20))});
        break;
      default:
        if (random_.chance(3)) input_.raw("noise");
        break;
    }
    const Bytes all = input_.bytes();
    const Received received = conn_.receive_data(all.first(random_.below(all.size() + 1)), now_);
    ASSERT_LE(received.consumed, all.size());
    count(received.events);
    const std::string rest = input_.str().substr(received.consumed);
    input_.clear().raw(rest);
  }
  void count(std::span<const Event> events) {
    for (const Event& event : events) {
      released += std::holds_alternative<BodyReleased>(event) ? 1 : 0;
      sum_ += to_string(event).size();  // reads all of it
    }
  }
  void look() {
    const StreamId stream = id();
    sum_ += static_cast<std::uint64_t>(conn_.stream_state(stream)) + conn_.queued_data(stream) +
            static_cast<std::uint64_t>(conn_.local_flow_control_window(stream)) +
            static_cast<std::uint64_t>(conn_.remote_flow_control_window(stream)) +
            static_cast<std::uint64_t>(conn_.why(stream).sending) + conn_.stream_counts().queued;
    (void)conn_.next_deadline();
    (void)conn_.want_read();
    (void)conn_.want_write();
    (void)conn_.abuse();
  }

  Random random_;
  AnySource source_;
  Role role_;
  CountingMemory memory_;
  Time now_;
  RawEncoder encoder_;
  RawWriter input_;
  std::uint64_t sum_ = 0;
  Connection conn_;  // the last: it gives its memory back first
};

TEST(Core, SurvivesAnyCallsInAnyOrderBetweenAnyBytes) {
  std::uint64_t handed = 0;
  for (std::uint64_t seed = 1; seed <= 4'000; ++seed) {
    SCOPED_TRACE(seed);
    Monkey monkey(seed);
    for (int i = 0; i < 300 && !HasFailure(); ++i) monkey.step();
    monkey.finish();
    ASSERT_EQ(monkey.released, monkey.handed) << "each body is given back once";
    EXPECT_TRUE(monkey.done());
    EXPECT_EQ(monkey.memory().mismatches, 0U);
    handed += monkey.handed;
  }
  EXPECT_GT(handed, 1'000U);
}

}  // namespace
}  // namespace h2::tests
