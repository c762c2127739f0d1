// Time is an argument: the same input at the same times gives the same output, byte for byte,
// whatever the memory and the hash seed; deadlines and budgets move by the instants given in and by
// nothing else.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "h2core/testing/link.h"
#include "tests/support/event_log.h"
#include "tests/support/split_input.h"

namespace h2::tests {
namespace {

using h2::testing::Chunks;
using h2::testing::Endpoint;
using h2::testing::Link;
using h2::testing::LinkOptions;
using h2::testing::Random;

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;

// ---- the same again ----------------------------------------------------------------------------

// Memory whose addresses depend on a seed: each block lies at an offset of its own in a larger one.
class ScatteredMemory final : public MemoryResource {
 public:
  explicit ScatteredMemory(std::uint64_t seed) : random_(seed) {}
  void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    const std::size_t before = alignment * random_.below(64) + kRoom;
    auto* block = static_cast<std::uint8_t*>(
        std::aligned_alloc(kRoom, (before + bytes + kRoom - 1) / kRoom * kRoom));
    if (block == nullptr) return nullptr;
    std::uint8_t* given = block + before / alignment * alignment;
    blocks_[given] = block;
    return given;
  }
  void deallocate(void* memory, std::size_t, std::size_t) noexcept override {
    const auto found = blocks_.find(memory);
    std::free(found->second);
    blocks_.erase(found);
  }

 private:
  static constexpr std::size_t kRoom = 64;
  Random random_;
  std::map<void*, void*> blocks_;
};

// A Connection at an end of a link that keeps every byte and event with its time, and acts by them.
class Recorded final : public Endpoint {
 public:
  Recorded(Role role, const Config& config, std::uint64_t seed)
      : conn(role, config, Time{}), random_(seed) {}

  std::span<const Bytes> data_to_send() override { return conn.data_to_send(); }
  void mark_sent(std::size_t n) override {
    std::size_t rest = n;
    for (const Bytes piece : conn.data_to_send()) {
      const std::size_t part = std::min(rest, piece.size());
      sent += view(piece.first(part));
      rest -= part;
      if (rest == 0) break;
    }
    conn.mark_sent(n);
    keep(conn.poll_events());
  }
  std::size_t receive(Bytes bytes, Time now) override {
    now_ = now;
    const Received received = conn.receive_data(bytes, now);
    keep(received.events);
    act(received.events);
    return received.consumed;
  }
  void receive_end(Time now) override { keep(conn.receive_end(now)); }
  bool want_read() const override { return conn.want_read(); }
  Time next_deadline() const override { return conn.next_deadline(); }
  void on_time(Time now) override { keep(conn.on_time(now)); }
  bool done() const override { return conn.done(); }

  void request() {
    const auto id = conn.get_next_available_stream_id();
    if (!id) return;
    const Fields fields = post("/" + std::to_string(random_.below(20)),
                               {{"x", std::string(random_.below(200), 'x')}});
    const bool body = random_.chance(60);
    ok(conn.send_headers(*id, views_of(fields), body ? kNo : kYes));
    if (body) ok(conn.send_data(*id, some_body(), kYes, id->value));
  }

  Connection conn;
  std::string sent;
  std::string log;
  int requests_left = 0;
  std::uint64_t refused = 0;

 private:
  template <class R>
  void ok(const R& result) {
    if (!result) ++refused;
  }
  Bytes some_body() {
    static const std::string body(200'000, 'b');
    return bytes_of(body).first(random_.below(random_.chance(20) ? 200'000 : 3'000));
  }
  void keep(std::span<const Event> events) {
    for (const Event& event : events) {
      log += std::to_string(now_.ns) + " " + to_string(event) + "\n";
    }
  }
  void act(std::span<const Event> events) {
    for (const Event& event : events) {
      if (const auto* e = std::get_if<RequestReceived>(&event)) {
        if (random_.chance(5)) {
          ok(conn.reset_stream(e->stream_id, ErrorCode::kRefusedStream));
          conn.release_stream(e->stream_id);
          continue;
        }
        if (random_.chance(10)) {
          const Fields early = response_fields(103);
          ok(conn.send_headers(e->stream_id, views_of(early), kNo));
        }
        const Fields fields = response_fields(200, {{"x", std::string(random_.below(500), 'y')}});
        ok(conn.send_headers(e->stream_id, views_of(fields), kNo));
        ok(conn.send_data(e->stream_id, some_body(), kNo, 1));
        const Fields trailers{{"x-sum", std::to_string(random_.below(1'000))}};
        ok(conn.send_headers(e->stream_id, views_of(trailers), kYes));
      }
      if (const auto* e = std::get_if<DataReceived>(&event)) {
        ok(conn.acknowledge_received_data(static_cast<std::uint32_t>(e->data.size()),
                                          e->stream_id));
        if (random_.chance(2)) ok(conn.ping({1}, now_));
        if (conn.role() == Role::kClient && random_.chance(2)) {
          ok(conn.reset_stream(e->stream_id));
          --requests_left;
          request();
        }
      }
      const bool over = std::holds_alternative<TrailersReceived>(event) ||
                        std::holds_alternative<StreamReset>(event);
      if (over && conn.role() == Role::kClient && requests_left-- > 0) request();
    }
  }

  Random random_;
  Time now_;
};

struct Outcome {
  std::string to_server;
  std::string to_client;
  std::string client_log;
  std::string server_log;
  Time end;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome exchange(std::uint64_t seed, std::uint64_t hash_seed, std::uint64_t memory_seed) {
  ScatteredMemory client_memory(memory_seed);
  ScatteredMemory server_memory(memory_seed + 1);
  Config client_config = Config::client();
  client_config.hash_seed = hash_seed;
  client_config.memory = &client_memory;
  Config server_config = Config::server();
  server_config.hash_seed = hash_seed * 31;
  server_config.memory = &server_memory;
  server_config.max_concurrent_streams = 10;
  Recorded client(Role::kClient, client_config, seed);
  Recorded server(Role::kServer, server_config, seed + 1'000);
  LinkOptions options;
  options.round_trip = milliseconds(static_cast<std::int64_t>(seed % 20));
  options.rate = seed % 2 == 0 ? 0 : 3'000'000;
  options.chunks = Chunks::random(seed, 5'000);
  Link link(client, server, options);
  client.requests_left = 60;
  for (int i = 0; i < 15; ++i) client.request();
  EXPECT_TRUE(link.run_until_idle());
  EXPECT_FALSE(client.conn.error());
  EXPECT_FALSE(server.conn.error());
  EXPECT_GT(client.log.size(), 10'000U) << "hardly anything happened";
  return {client.sent, server.sent, client.log, server.log, link.now()};
}

TEST(SameInputAndTimes, GiveTheSameBytesAndEventsInEveryRun) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    const Outcome first = exchange(seed, 1, 1);
    ASSERT_TRUE(exchange(seed, 1, 1) == first) << "the same again";
    ASSERT_TRUE(exchange(seed, 0x123456789abcdefU, 1) == first) << "another hash seed";
    ASSERT_TRUE(exchange(seed, 1, 99) == first) << "memory elsewhere";
    ASSERT_FALSE(exchange(seed + 100, 1, 1) == first) << "this test sees no difference";
  }
}

// What a recorded exchange brought one side, fed to a fresh connection in any pieces: its own
// output is taken at the end, so that only the input's pieces differ.
TEST(SameInputAndTimes, GiveTheSameBytesAndEventsInAnyPieces) {
  for (const std::uint64_t seed : {1U, 2U}) {
    const Outcome recorded = exchange(seed, 1, 1);
    for (const Role role : {Role::kServer, Role::kClient}) {
      const std::string& input = role == Role::kServer ? recorded.to_server : recorded.to_client;
      const auto feed = [&](const Split& split) {
        // Windows large enough for all of it, as nothing is acknowledged here.
        Config config;
        config.initial_window_size = kMaxWindowSize;
        config.connection_window_size = kMaxWindowSize;
        config.pause_input_at_answers = 1'000'000;
        config.hash_seed = split.sizes.size();
        Driven d(role, config);
        if (role == Role::kClient) {
          // The requests to which these are the responses.
          for (std::uint32_t id = 1; id < 400; id += 2) {
            EXPECT_EQ(d.send(id, get(), kYes), Errc::kNone);
          }
        }
        d.feed(bytes_of(input), split);
        EXPECT_EQ(d.unread, "");
        d.drain();
        return d.text() + std::to_string(hash_bytes(d.out)) + " " + std::to_string(d.out.size());
      };
      const std::string whole = feed(split_whole(input.size()));
      ASSERT_GT(whole.size(), 5'000U);
      for (const Split& split : all_splits(input.size(), 2)) {
        SCOPED_TRACE(split.name);
        ASSERT_EQ(feed(split), whole);
      }
    }
  }
}

// ---- deadlines ---------------------------------------------------------------------------------

constexpr Time at(std::int64_t s) { return Time{} + seconds(s); }

Received give(Connection& conn, const FrameScript& script, Time now) {
  return conn.receive_data(script.bytes(), now);
}

FrameScript opening(Role role) {
  return role == Role::kServer ? FrameScript().client_start() : FrameScript().server_start();
}

struct DeadlineRow {
  const char* name;
  // Brings a connection, made at second 100 with a timeout of 10 seconds, to where the deadline is.
  std::function<void(Connection&)> act;
  Time deadline;
  Errc cause = Errc::kNone;  // of the failure when it is reached
};

const std::vector<DeadlineRow>& deadlines() {
  const auto start_up = [](Connection& c, Time now) { (void)give(c, opening(c.role()), now); };
  static const std::vector<DeadlineRow> rows{
      {"the peer has said nothing", [](Connection&) {}, at(110), Errc::kPrefaceTimeout},
      {"the peer has said half of a preface",
       [](Connection& c) {
         const FrameScript script = opening(c.role());
         (void)c.receive_data(script.bytes().first(script.bytes().size() - 1), at(109));
       },
       at(110), Errc::kPrefaceTimeout},
      {"our first SETTINGS are not acknowledged",
       [start_up](Connection& c) { start_up(c, at(105)); }, at(110), Errc::kSettingsTimeout},
      {"all is acknowledged",
       [start_up](Connection& c) {
         start_up(c, at(105));
         (void)give(c, FrameScript().settings_ack(), at(106));
       },
       Time::never()},
      {"later SETTINGS are not acknowledged",
       [start_up](Connection& c) {
         start_up(c, at(105));
         (void)give(c, FrameScript().settings_ack(), at(106));
         ASSERT_TRUE(c.update_settings({}, at(200)));
       },
       at(210), Errc::kSettingsTimeout},
      {"of two SETTINGS, neither is acknowledged",
       [start_up](Connection& c) {
         start_up(c, at(101));
         ASSERT_TRUE(c.update_settings({}, at(104)));
       },
       at(110), Errc::kSettingsTimeout},
      {"of two SETTINGS, one is acknowledged",
       [start_up](Connection& c) {
         start_up(c, at(101));
         ASSERT_TRUE(c.update_settings({}, at(104)));
         (void)give(c, FrameScript().settings_ack(), at(105));
       },
       at(114), Errc::kSettingsTimeout},
      {"SETTINGS made at an earlier instant than the last one seen",
       [start_up](Connection& c) {
         start_up(c, at(105));
         (void)give(c, FrameScript().settings_ack(), at(120));
         ASSERT_TRUE(c.update_settings({}, at(50)));
       },
       at(130), Errc::kSettingsTimeout},
      {"a PING waits",
       [start_up](Connection& c) {
         start_up(c, at(105));
         (void)give(c, FrameScript().settings_ack(), at(106));
         ASSERT_TRUE(c.ping({}, at(107)));
       },
       Time::never()},
      {"streams are open",
       [start_up](Connection& c) {
         start_up(c, at(105));
         (void)give(c, FrameScript().settings_ack(), at(106));
         if (c.role() == Role::kServer) {
           (void)give(c, FrameScript().headers(1, post()), at(107));
         } else {
           const Fields fields = get();
           ASSERT_TRUE(c.send_headers(StreamId{1}, views_of(fields), kYes));
         }
       },
       Time::never()},
      {"the connection has failed",
       [](Connection& c) {
         (void)give(c, FrameScript().raw("HTTP/1.1 400 Bad Request\r\n"), at(101));
       },
       Time::never()},
      {"the connection was terminated", [](Connection& c) { c.terminate(ErrorCode::kNoError); },
       Time::never()},
      {"the byte stream has ended", [](Connection& c) { (void)c.receive_end(at(101)); },
       Time::never()},
      {"the connection is being closed",
       [start_up](Connection& c) {
         start_up(c, at(105));
         c.close_connection();
       },
       at(110), Errc::kSettingsTimeout},
  };
  return rows;
}

Config ten_seconds() {
  Config config;
  config.settings_timeout = seconds(10);
  return config;
}

std::string output_of(Connection& conn) {
  std::string out;
  for (const Bytes piece : conn.data_to_send()) out += view(piece);
  return out;
}

TEST(Deadlines, AreWhereTheTableSays) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    for (const DeadlineRow& row : deadlines()) {
      SCOPED_TRACE(std::string(role == Role::kClient ? "client: " : "server: ") + row.name);
      Connection conn(role, ten_seconds(), at(100));
      ASSERT_NO_FATAL_FAILURE(row.act(conn));
      EXPECT_EQ(conn.next_deadline().ns, row.deadline.ns);
      EXPECT_EQ(row.deadline.is_never(), row.cause == Errc::kNone);
    }
  }
}

TEST(Deadlines, DoNothingBeforeTheirInstantHoweverOftenAsked) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    for (const DeadlineRow& row : deadlines()) {
      SCOPED_TRACE(row.name);
      Connection conn(role, ten_seconds(), at(100));
      ASSERT_NO_FATAL_FAILURE(row.act(conn));
      (void)conn.poll_events();
      const std::string output = output_of(conn);
      const auto error = conn.error();
      const Time last = row.deadline.is_never() ? at(1'000'000) : Time{row.deadline.ns - 1};
      for (const Time now : {Time{}, at(100), at(109), at(50), last, last, Time{}}) {
        if (now >= row.deadline) continue;
        EXPECT_TRUE(conn.on_time(now).empty()) << now.ns;
        EXPECT_EQ(conn.next_deadline().ns, row.deadline.ns);
      }
      EXPECT_EQ(output_of(conn), output);
      EXPECT_EQ(conn.error(), error);
    }
  }
}

TEST(Deadlines, FailOnceAtTheirInstantAndAlikeWhenOnTimeComesLate) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    for (const DeadlineRow& row : deadlines()) {
      if (row.deadline.is_never()) continue;
      std::vector<std::string> outputs;
      for (const Duration late : {nanoseconds(0), nanoseconds(1), seconds(3'600)}) {
        SCOPED_TRACE(row.name);
        Connection conn(role, ten_seconds(), at(100));
        ASSERT_NO_FATAL_FAILURE(row.act(conn));
        (void)conn.poll_events();
        const auto events = conn.on_time(row.deadline + late);
        ASSERT_EQ(events.size(), 1U);
        const auto* failed = std::get_if<ConnectionFailed>(&events[0]);
        ASSERT_NE(failed, nullptr);
        EXPECT_EQ(failed->error, (ConnectionError{ErrorCode::kSettingsTimeout, row.cause}));
        EXPECT_EQ(conn.error(), failed->error);
        EXPECT_TRUE(conn.next_deadline().is_never());
        outputs.push_back(output_of(conn));
        EXPECT_TRUE(conn.on_time(row.deadline + seconds(7'200)).empty());
        EXPECT_EQ(output_of(conn), outputs.back());
        EXPECT_EQ(read_frames(outputs.back()).frames.back().u32(4),
                  static_cast<std::uint32_t>(ErrorCode::kSettingsTimeout));
      }
      EXPECT_EQ(outputs[0], outputs[1]);
      EXPECT_EQ(outputs[0], outputs[2]);
    }
  }
}

// receive_data judges what came, not when: only on_time lets a deadline pass.
TEST(Deadlines, PassOnlyInOnTime) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Connection conn(role, ten_seconds(), at(100));
    const Received received = give(conn, opening(role).settings_ack(), at(500));
    EXPECT_EQ(received.events.size(), 2U);
    EXPECT_FALSE(conn.error());
    EXPECT_TRUE(conn.next_deadline().is_never());
    EXPECT_TRUE(conn.on_time(at(501)).empty());
  }
}

TEST(Deadlines, CountFromAnyStartOfTheClock) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t start : {std::int64_t{0}, -seconds(5).ns, -most, most / 2, most - 1}) {
    SCOPED_TRACE(start);
    Connection conn(Role::kServer, ten_seconds(), Time{start});
    const Time expected = Time{start} + seconds(10);
    EXPECT_EQ(conn.next_deadline().ns, expected.ns);
    EXPECT_EQ(expected.is_never(), start == most - 1);
    if (expected.is_never()) continue;
    EXPECT_TRUE(conn.on_time(Time{expected.ns - 1}).empty());
    EXPECT_EQ(conn.on_time(expected).size(), 1U);
  }
  Config patient;
  patient.settings_timeout = Duration{most};
  const Connection conn(Role::kServer, patient, Time{1});
  EXPECT_TRUE(conn.next_deadline().is_never());
}

// A leap over all of time, as by a wrong clock, is no more than a long wait.
TEST(Time, MayLeapFromOneEndToTheOther) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Connection conn(Role::kServer, ten_seconds(), Time{-most});
  (void)give(conn, opening(Role::kServer).settings_ack().headers(1, post()), Time{-most});
  ASSERT_TRUE(conn.ping({1}, Time{-most}));
  const Received received =
      give(conn, FrameScript().ping_ack({"\1\0\0\0\0\0\0\0", 8}).rst(1), Time{most - 1});
  ASSERT_EQ(received.events.size(), 2U);
  ASSERT_TRUE(conn.round_trip_time());
  EXPECT_EQ(conn.round_trip_time()->ns, most);
  EXPECT_EQ(conn.abuse().left, conn.abuse().budget - 5) << "the stream was old";
  EXPECT_FALSE(conn.error());
  static_assert(Time{most} - Time{-most} == Duration{most});
  static_assert(Time{-most} - Time{most} == Duration{-most - 1});
  static_assert(Time{-1} - Time{most} == Duration{-most - 1});
}

// ---- time going backwards ----------------------------------------------------------------------

TEST(Time, GoingBackwardsIsTakenAsStandingStill) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Connection conn(role, ten_seconds(), at(100));
    (void)give(conn, opening(role).settings_ack(), at(105));
    ASSERT_TRUE(conn.ping({1}, at(110)));
    (void)give(conn, FrameScript().ping_ack({"\1\0\0\0\0\0\0\0", 8}), at(20));
    ASSERT_TRUE(conn.round_trip_time());
    EXPECT_EQ(conn.round_trip_time()->ns, 0);
    EXPECT_EQ(conn.last_peer_activity(), at(110));
    // A PING made "earlier" than the last instant counts from that.
    ASSERT_TRUE(conn.ping({2}, at(3)));
    (void)give(conn, FrameScript().ping_ack({"\2\0\0\0\0\0\0\0", 8}), at(112));
    EXPECT_EQ(*conn.round_trip_time(), seconds(2));
    EXPECT_TRUE(conn.on_time(at(0)).empty());
    EXPECT_FALSE(conn.error());
    EXPECT_EQ(conn.last_peer_activity(), at(112));
  }
}

// ---- budgets -----------------------------------------------------------------------------------

TEST(AbuseBudget, RefillsByTheTimeGivenInAndByNothingElse) {
  Config config;
  config.abuse_refill_per_second = 100;
  Driven server(Role::kServer, config);
  start(server);
  const std::int64_t full = server.conn.abuse().budget;
  const FrameScript unknown = FrameScript().frame(0xfe, 0, 0, {});  // 5 tokens
  server.feed(FrameScript().repeat(100, unknown));
  EXPECT_EQ(server.conn.abuse().left, full - 500);
  // Whatever is called, at the same instant nothing comes back.
  for (int i = 0; i < 1'000; ++i) {
    (void)server.conn.receive_data({}, server.now);
    (void)server.conn.on_time(server.now);
    (void)server.conn.poll_events();
    (void)server.conn.data_to_send();
  }
  EXPECT_EQ(server.conn.abuse().left, full - 500);
  (void)server.conn.on_time(server.now + seconds(1));
  EXPECT_EQ(server.conn.abuse().left, full - 400);
  (void)server.conn.receive_data({}, server.now + seconds(2));
  EXPECT_EQ(server.conn.abuse().left, full - 300);
  // An earlier instant, and then the same again, are worth nothing.
  (void)server.conn.on_time(server.now);
  (void)server.conn.receive_data({}, server.now + seconds(1));
  (void)server.conn.on_time(server.now + seconds(2));
  EXPECT_EQ(server.conn.abuse().left, full - 300);
  // A token is worth 10 ms, however the instants cut it up.
  for (int i = 1; i <= 1'000; ++i) {
    (void)server.conn.on_time(server.now + seconds(2) + milliseconds(i));
  }
  EXPECT_EQ(server.conn.abuse().left, full - 200);
  // It fills up and no further.
  (void)server.conn.on_time(server.now + seconds(3'600));
  EXPECT_EQ(server.conn.abuse().left, full);
  EXPECT_EQ(server.conn.abuse()[AbuseCause::kIgnoredFrame], 500U);
}

TEST(AbuseBudget, WithoutRefillIsNotFilledByTime) {
  Config config;
  config.abuse_refill_per_second = 0;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().frame(0xfe, 0, 0, {}));
  (void)server.conn.on_time(at(1'000'000));
  EXPECT_EQ(server.conn.abuse().left, server.conn.abuse().budget - 5);
}

// A peer that floods is ended after the same number of frames, whatever time it really took.
TEST(AbuseBudget, EndsAFloodAtTheSameFrameAtTheSameTimes) {
  const auto frames_until_the_end = [](Duration between) {
    Driven server(Role::kServer);
    start(server);
    std::uint64_t frames = 0;
    while (!server.conn.error() && frames < 5'000) {
      server.now = server.now + between;
      server.feed(FrameScript().frame(0xfe, 0, 0, {}));
      ++frames;
    }
    return frames;
  };
  EXPECT_EQ(frames_until_the_end({}), 2'001U);
  EXPECT_EQ(frames_until_the_end(milliseconds(1)), frames_until_the_end(milliseconds(1)));
  EXPECT_GT(frames_until_the_end(milliseconds(1)), 2'001U);
  EXPECT_EQ(frames_until_the_end(milliseconds(100)), 5'000U) << "slower than the refill";
}

}  // namespace
}  // namespace h2::tests
