// What stays where, for how long, and how often it is reported: views, output pieces, bodies,
// moves, determinism.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "h2core/body_source.h"
#include "h2core/testing/link.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};

class EndlessSource final : public BodySource {
 public:
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    std::fill(buffer.begin(), buffer.end(), std::uint8_t{'e'});
    return {buffer.size(), State::kMore};
  }
};

TEST(Views, InEventsSurviveEveryOtherCall) {
  Driven server(Role::kServer);
  start(server);
  const FrameScript script = FrameScript()
                                 .headers(1, post("/one", {{"x-name", "value-of-one"}}))
                                 .data(1, std::string(5'000, 'd'))
                                 .headers(3, get("/three"), kEnd)
                                 .settings({{SettingCode::kMaxFrameSize, 20'000}})
                                 .headers(1, {{"x-trailer", "t"}}, kEnd);
  // In two pieces, so that DATA has to be carried over.
  server.feed(script.bytes().first(script.bytes().size() / 2));
  const Received received =
      server.conn.receive_data(script.bytes().subspan(script.bytes().size() / 2), server.now);
  ASSERT_FALSE(received.events.empty());
  std::string before;
  for (const Event& event : received.events) before += to_string(event) + "\n";
  const std::string body(100'000, 'b');
  EndlessSource source;
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  (void)server.conn.send_data(kOne, bytes_of(body), kNo, 1);
  (void)server.conn.send_body(kOne, source, kNo, 2);
  Fields large = response_fields(200);
  for (int i = 0; i < 100; ++i) large.emplace_back("x-" + std::to_string(i), std::string(200, 'v'));
  ASSERT_EQ(server.send(3, large, kYes), Errc::kNone);
  (void)server.conn.acknowledge_received_data(5'000, kOne);
  (void)server.conn.ping({}, server.now);
  const Setting setting{SettingCode::kInitialWindowSize, 1'000'000};
  (void)server.conn.update_settings({&setting, 1}, server.now);
  std::size_t n = 0;
  for (const Bytes piece : server.conn.data_to_send()) n += piece.size();
  server.conn.mark_sent(n);
  (void)server.conn.poll_events();
  (void)server.conn.reset_stream(kOne);
  server.conn.release_stream(StreamId{3});
  server.conn.notify_shutdown();
  server.conn.close_connection();
  server.conn.terminate(ErrorCode::kNoError);
  std::string after;
  for (const Event& event : received.events) after += to_string(event) + "\n";
  EXPECT_EQ(after, before);
}

TEST(OutputPieces, StayWhereTheyAreWhileOtherOutputIsAdded) {
  Config config = Config::client();
  config.copy_below = 256;
  Driven client(Role::kClient, config);
  start(client, {{SettingCode::kInitialWindowSize, 1 << 20}});
  client.feed(FrameScript().window_update(0, 1 << 20));
  const std::string body(40'000, 'b');
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data_copy(kOne, bytes_of(body).first(20'000), kNo));
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body).subspan(20'000), kNo, 1));
  const auto first = client.conn.data_to_send();
  std::vector<std::pair<const std::uint8_t*, std::size_t>> places;
  std::vector<std::string> contents;
  for (const Bytes piece : first) {
    places.emplace_back(piece.data(), piece.size());
    contents.emplace_back(view(piece));
  }
  ASSERT_FALSE(places.empty());
  for (std::uint32_t id = 3; id < 203; id += 2) {
    ASSERT_EQ(client.send(id, get("/", {{"x-" + std::to_string(id), std::string(300, 'v')}}), kYes),
              Errc::kNone);
    if (id % 20 == 3) (void)client.conn.data_to_send();
  }
  client.feed(FrameScript().repeat(50, FrameScript().ping()));
  ASSERT_TRUE(client.conn.reset_stream(kOne));
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(places[i].first), places[i].second),
              contents[i])
        << i;
  }
  client.drain();
  EXPECT_EQ(client.frames().rest, "");
  EXPECT_EQ(client.frames().frames.at(0).stream, 1U);
}

// How a stream with three bodies (span in the output, span behind it, source) may end.
TEST(Bodies, AreReleasedExactlyOnceInAllEndings) {
  struct Ending {
    const char* name;
    std::function<void(Driven&)> act;
  };
  const Ending endings[] = {
      {"peer's reset", [](Driven& d) { d.feed(FrameScript().rst(1)); }},
      {"our reset", [](Driven& d) { (void)d.conn.reset_stream(kOne); }},
      {"stream error", [](Driven& d) { d.feed(FrameScript().window_update(1, 0)); }},
      {"connection error", [](Driven& d) { d.feed(FrameScript().window_update(0, 0)); }},
      {"terminate", [](Driven& d) { d.conn.terminate(ErrorCode::kInternalError); }},
      {"end of the byte stream", [](Driven& d) { d.end(); }},
      {"GOAWAY below the stream", [](Driven& d) { d.feed(FrameScript().goaway(0)); }},
      {"reset and then the end",
       [](Driven& d) {
         (void)d.conn.reset_stream(kOne);
         d.end();
       }},
      {"end and then terminate",
       [](Driven& d) {
         d.end();
         d.conn.terminate(ErrorCode::kNoError);
       }},
  };
  for (const Ending& ending : endings) {
    // How far the output was written when the end came: not at all, in the midst of a header, of a
    // piece, all.
    for (const std::size_t written : {0U, 5U, 60U, 70U, 1'000U, 10'000U, 16'500U, 1'000'000U}) {
      for (const bool look : {false, true}) {
        SCOPED_TRACE(std::string(ending.name) + ", " + std::to_string(written) +
                     (look ? ", looked" : ""));
        Driven client(Role::kClient, Config::client());
        start(client);
        const std::string one(10'000, '1');
        const std::string two(20'000, '2');
        EndlessSource source;
        ASSERT_EQ(client.send(1, post()), Errc::kNone);
        ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(one), kNo, 101));
        ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(two), kNo, 102));
        ASSERT_TRUE(client.conn.send_body(kOne, source, kYes, 103));
        if (look || written > 0) {
          std::string joined;
          for (const Bytes piece : client.conn.data_to_send()) joined += view(piece);
          const std::size_t n = std::min(joined.size(), written);
          client.conn.mark_sent(n);
          client.out += joined.substr(0, n);
        }
        ending.act(client);
        client.drain().drain();
        EXPECT_EQ(client.count("BodyReleased stream=1 tag=101 "), 1U) << client.text();
        EXPECT_EQ(client.count("BodyReleased stream=1 tag=102 "), 1U) << client.text();
        EXPECT_EQ(client.count("BodyReleased stream=1 tag=103 incomplete"), 1U) << client.text();
        EXPECT_EQ(client.count("BodyReleased"), 3U) << client.text();
        if (client.conn.want_read()) {
          EXPECT_EQ(read_frames(client.out).rest, "") << "a frame was cut";
        }
      }
    }
  }
}

TEST(Bodies, OfAnEmptySpanAreReleasedToo) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, Bytes{}, kNo, 1));
  ASSERT_TRUE(client.conn.send_data(kOne, Bytes{}, kYes, 2));
  client.drain();
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=1 complete"), 1U) << client.text();
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=2 complete"), 1U) << client.text();
  EXPECT_EQ(client.frames().frames.back().flags, kFlagEndStream);
}

TEST(Bodies, ARefusedCallReleasesNothing) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_FALSE(client.conn.send_data(kOne, bytes_of("x"), kYes, 1));
  client.drain();
  EXPECT_EQ(client.count("BodyReleased"), 0U);
}

TEST(Moves, AMovedConnectionGoesOn) {
  auto first = std::make_unique<Connection>(Role::kClient, Config::client(), Time{});
  const Fields fields = get();
  ASSERT_TRUE(first->send_headers(kOne, views_of(fields), kYes));
  Connection second(std::move(*first));
  first.reset();
  Connection third(Role::kServer, Config::server(), Time{});
  third = std::move(second);
  EXPECT_EQ(third.role(), Role::kClient);
  std::string out;
  for (const Bytes piece : third.data_to_send()) out += view(piece);
  third.mark_sent(out.size());
  EXPECT_EQ(read_frames(out).count(FrameType::kHeaders), 1U);
  const FrameScript script = FrameScript().server_start().headers(1, response_fields(200), kEnd);
  const Received received = third.receive_data(script.bytes(), Time{});
  ASSERT_EQ(received.events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<ResponseReceived>(received.events[1]));
}

TEST(Determinism, TheSameInputAndTimesGiveTheSameOutput) {
  const auto run = [](std::uint64_t hash_seed) {
    Config client_config = Config::client();
    Config server_config = Config::server();
    client_config.hash_seed = hash_seed;
    Connection client(Role::kClient, client_config, Time{});
    Connection server(Role::kServer, server_config, Time{});
    h2::testing::LinkOptions options;
    options.round_trip = milliseconds(3);
    options.chunks = h2::testing::Chunks::random(42, 3'000);
    h2::testing::Link link(client, server, options);
    std::string log;
    const std::string body(70'000, 'b');
    link.on_server_event([&](Connection& conn, const Event& event) {
      log += "S " + to_string(event) + "\n";
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        const Fields response =
            response_fields(200, {{"x", std::to_string(request->stream_id.value)}});
        (void)conn.send_headers(request->stream_id, views_of(response), kNo);
        (void)conn.send_data(request->stream_id, bytes_of(body), kYes);
      }
    });
    link.on_client_event([&](Connection& conn, const Event& event) {
      log += "C " + to_string(event) + "\n";
      if (const auto* data = std::get_if<DataReceived>(&event)) {
        (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                             data->stream_id);
      }
    });
    const Fields request = get();
    for (std::uint32_t id = 1; id < 21; id += 2)
      (void)client.send_headers(StreamId{id}, views_of(request), kYes);
    EXPECT_TRUE(link.run_until_idle());
    return log + std::to_string(link.now().ns) + " " + std::to_string(link.bytes_to_client());
  };
  const std::string first = run(1);
  EXPECT_EQ(run(1), first);
  EXPECT_EQ(run(999), first) << "the seed of the hash tables must not show";
}

TEST(Events, ArisingOutsideOfReceiveDataArePolledOrComeWithTheNext) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of("a body long enough"), kYes, 5));
  std::size_t n = 0;
  for (const Bytes piece : client.conn.data_to_send()) n += piece.size();
  client.conn.mark_sent(n);
  const FrameScript ping = FrameScript().ping();
  const Received received = client.conn.receive_data(ping.bytes(), client.now);
  ASSERT_EQ(received.events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<BodyReleased>(received.events[0]));
  EXPECT_TRUE(std::holds_alternative<PingReceived>(received.events[1]));
  EXPECT_TRUE(client.conn.poll_events().empty());
}

}  // namespace
}  // namespace h2::tests
