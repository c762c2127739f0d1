// Bodies and flow control in both directions (RFC 9113 §5.2, §6.1, §6.9).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "h2core/body_source.h"
#include "h2core/testing/link.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};

std::string pattern(std::size_t n) {
  std::string s(n, '\0');
  for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return s;
}

class StringSource final : public BodySource {
 public:
  explicit StringSource(std::string text, std::size_t step = 1'000'000)
      : text_(std::move(text)), step_(step) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    ++reads;
    if (starve) return {0, State::kMore};
    if (fail) return {0, State::kError};
    const std::size_t n = std::min({buffer.size(), text_.size() - at_, step_});
    std::memcpy(buffer.data(), text_.data() + at_, n);
    at_ += n;
    return {n, at_ == text_.size() ? State::kEnd : State::kMore};
  }
  int reads = 0;
  bool starve = false;
  bool fail = false;

 private:
  std::string text_;
  std::size_t step_;
  std::size_t at_ = 0;
};

TEST(DataOut, ABodyIsSplitAtTheWindowsAndGoesOn) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kInitialWindowSize, 30'000}});
  const std::string body = pattern(100'000);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body), kYes, 7));
  client.drain();
  EXPECT_EQ(client.frames().body(1), body.substr(0, 30'000));
  EXPECT_EQ(client.conn.local_flow_control_window(kOne), 0);
  EXPECT_EQ(client.conn.queued_data(kOne), 70'000U);
  EXPECT_FALSE(client.conn.want_write());
  EXPECT_FALSE(client.has("BodyReleased"));
  client.feed(FrameScript().window_update(1, 100'000)).drain();
  EXPECT_EQ(client.frames().body(1), body.substr(0, 65'535)) << "the connection's window";
  client.feed(FrameScript().window_update(0, 100'000)).drain();
  EXPECT_EQ(client.frames().body(1), body);
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=7 complete"), 1U) << client.text();
  EXPECT_EQ(client.conn.stream_state(kOne), StreamState::kHalfClosedLocal);
  const WireOutput out = client.frames();
  EXPECT_EQ(out.frames.back().flags, kFlagEndStream);
  EXPECT_EQ(std::count_if(out.frames.begin(), out.frames.end(),
                          [](const WireFrame& f) {
                            return f.is(FrameType::kData) && f.flags == kFlagEndStream;
                          }),
            1);
  for (const WireFrame& frame : out.frames) EXPECT_LE(frame.payload.size(), 16'384U);
}

TEST(DataOut, SpansCopiesAndSourcesKeepTheirOrder) {
  Driven client(Role::kClient, Config::client());
  start(client);
  StringSource source(pattern(5'000), 700);
  const std::string big = pattern(4'000);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data_copy(kOne, bytes_of("one "), kNo));
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(big), kNo, 1));
  ASSERT_TRUE(client.conn.send_body(kOne, source, kNo, 2));
  ASSERT_TRUE(client.conn.send_data_copy(kOne, bytes_of(" end"), kNo));
  ASSERT_TRUE(client.conn.end_stream(kOne));
  client.drain();
  EXPECT_EQ(client.frames().body(1), "one " + big + pattern(5'000) + " end");
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=1 complete"), 1U) << client.text();
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=2 complete"), 1U) << client.text();
  EXPECT_EQ(client.count("BodyReleased"), 2U);
  EXPECT_EQ(client.frames().frames.back().flags, kFlagEndStream);
}

TEST(DataOut, ASourceWithoutBytesIsAskedAgainOnlyWhenResumed) {
  Driven client(Role::kClient, Config::client());
  start(client);
  StringSource source("hello");
  source.starve = true;
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_body(kOne, source, kYes, 9));
  client.drain();
  const int reads = source.reads;
  EXPECT_GE(reads, 1);
  client.drain().drain();
  EXPECT_EQ(source.reads, reads);
  EXPECT_FALSE(client.conn.want_write());
  source.starve = false;
  ASSERT_TRUE(client.conn.resume_body(kOne));
  EXPECT_TRUE(client.conn.want_write());
  client.drain();
  EXPECT_EQ(client.frames().body(1), "hello");
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=9 complete"), 1U) << client.text();
}

TEST(DataOut, ASourceThatFailsResetsItsStream) {
  Driven client(Role::kClient, Config::client());
  start(client);
  StringSource source("hello");
  source.fail = true;
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_body(kOne, source, kYes, 9));
  client.drain();
  const WireOutput out = client.frames();
  ASSERT_NE(out.find(FrameType::kRstStream, 1), nullptr) << to_string(out);
  EXPECT_EQ(out.find(FrameType::kRstStream, 1)->u32(0),
            static_cast<std::uint32_t>(ErrorCode::kInternalError));
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=9 incomplete"), 1U) << client.text();
}

TEST(DataOut, AnEmptyBodyEndsTheStream) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kInitialWindowSize, 0}});
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.end_stream(kOne));
  client.drain();
  const WireOutput out = client.frames();
  ASSERT_EQ(out.count(FrameType::kData), 1U) << "needs no window";
  EXPECT_EQ(out.frames.back().flags, kFlagEndStream);
  EXPECT_FALSE(client.conn.end_stream(kOne)) << "ended already";
}

TEST(DataOut, AWindowMayBeNegativeAndRecovers) {
  Driven client(Role::kClient, Config::client());
  start(client);
  const std::string body = pattern(50'000);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body).first(40'000), kNo));
  client.drain();
  client.feed(FrameScript().settings({{SettingCode::kInitialWindowSize, 100}}));
  EXPECT_EQ(client.conn.local_flow_control_window(kOne), 100 - 40'000);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body).subspan(40'000), kYes));
  client.drain();
  EXPECT_EQ(client.frames().body(1).size(), 40'000U);
  client.feed(FrameScript().window_update(1, 39'900)).drain();
  EXPECT_EQ(client.frames().body(1).size(), 40'000U) << "the window is 0";
  client.feed(FrameScript().window_update(1, 10'000)).drain();
  EXPECT_EQ(client.frames().body(1), body);
}

TEST(DataOut, AWindowThatBecomesNegativeBetweenTwoBatchesIsRespected) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kInitialWindowSize, 200'000}});
  client.feed(FrameScript().window_update(0, 200'000));
  const std::string body = pattern(150'000);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body), kYes));
  std::size_t n = 0;
  for (const Bytes piece : client.conn.data_to_send()) {
    client.out += view(piece);
    n += piece.size();
  }
  client.conn.mark_sent(n);
  const std::size_t before = client.frames().body(1).size();
  ASSERT_LT(before, body.size());
  client.feed(FrameScript().settings({{SettingCode::kInitialWindowSize, 100}})).drain();
  EXPECT_EQ(client.frames().body(1).size(), before);
  client.feed(FrameScript().window_update(1, 200'000)).drain();
  EXPECT_EQ(client.frames().body(1), body);
}

TEST(DataOut, StreamsShareTheConnectionsWindow) {
  Driven client(Role::kClient, Config::client());
  start(client);
  const std::string body = pattern(60'000);
  for (const std::uint32_t id : {1U, 3U, 5U}) {
    ASSERT_EQ(client.send(id, post()), Errc::kNone);
    ASSERT_TRUE(client.conn.send_data(StreamId{id}, bytes_of(body), kYes));
  }
  client.drain();
  std::size_t total = 0;
  for (const std::uint32_t id : {1U, 3U, 5U}) {
    EXPECT_GT(client.frames().body(id).size(), 10'000U) << "stream " << id << " is starved";
    total += client.frames().body(id).size();
  }
  EXPECT_EQ(total, 65'535U);
  client.feed(FrameScript().window_update(0, 200'000)).drain();
  for (const std::uint32_t id : {1U, 3U, 5U}) EXPECT_EQ(client.frames().body(id), body);
}

TEST(DataOut, OneStreamsEmptyWindowDoesNotHoldTheOthers) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kInitialWindowSize, 10}});
  const std::string body = pattern(1'000);
  for (const std::uint32_t id : {1U, 3U}) {
    ASSERT_EQ(client.send(id, post()), Errc::kNone);
    ASSERT_TRUE(client.conn.send_data(StreamId{id}, bytes_of(body), kYes));
  }
  client.drain();
  client.feed(FrameScript().window_update(3, 2'000)).drain();
  EXPECT_EQ(client.frames().body(1), body.substr(0, 10));
  EXPECT_EQ(client.frames().body(3), body);
}

TEST(DataOut, MarkSentInAnyPartsGivesTheSameBytes) {
  std::string whole;
  for (const std::size_t part :
       {std::size_t{1'000'000}, std::size_t{1}, std::size_t{7}, std::size_t{1'000}}) {
    Config config = Config::client();
    config.copy_below = 64;
    Driven client(Role::kClient, config);
    start(client);
    const std::string body = pattern(20'000);
    ASSERT_EQ(client.send(1, post()), Errc::kNone);
    ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body).first(30), kNo, 1));
    ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body).subspan(30), kYes, 2));
    std::string out;
    while (client.conn.want_write()) {
      const auto pieces = client.conn.data_to_send();
      ASSERT_FALSE(pieces.empty());
      ASSERT_FALSE(pieces[0].empty());
      std::string joined;
      for (const Bytes piece : pieces) joined += view(piece);
      const std::size_t n = std::min(joined.size(), part);
      out += joined.substr(0, n);
      client.conn.mark_sent(n);
    }
    if (whole.empty()) whole = out;
    EXPECT_EQ(out, whole) << part;
    EXPECT_EQ(read_frames(out).body(1), body);
  }
}

TEST(DataIn, EachFrameIsReportedAndItsCreditReturnedWhenUsed) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, post()));
  const std::string part = pattern(16'000);
  for (int i = 0; i < 4; ++i) server.feed(FrameScript().data(1, part));
  EXPECT_EQ(server.count("DataReceived stream=1 length=16000 credit=16000"), 4U) << server.text();
  EXPECT_EQ(server.conn.remote_flow_control_window(kOne), 65'535 - 64'000);
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kWindowUpdate, 1), 0U) << "nothing was used yet";
  EXPECT_GE(server.frames().count(FrameType::kWindowUpdate, 0), 1U)
      << "the connection is credited on receipt";
  ASSERT_TRUE(server.conn.acknowledge_received_data(64'000, kOne));
  server.drain();
  const WireOutput out = server.frames();
  ASSERT_EQ(out.count(FrameType::kWindowUpdate, 1), 1U) << to_string(out);
  EXPECT_EQ(out.find(FrameType::kWindowUpdate, 1)->u32(0), 64'000U);
  EXPECT_EQ(server.conn.remote_flow_control_window(kOne), 65'535 - 16'000)
      << "the connection's credit is saved up";
}

TEST(DataIn, SmallCreditsAreCoalesced) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, post()));
  for (int i = 0; i < 100; ++i) {
    server.feed(FrameScript().data(1, std::string(100, 'x')));
    ASSERT_TRUE(server.conn.acknowledge_received_data(100, kOne));
  }
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kWindowUpdate), 0U);
}

TEST(DataIn, CreditThatWasSavedUpIsAnnouncedWhenTheWindowShrinks) {
  Config config = Config::server();
  config.initial_window_size = 60'000;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, post()).data(1, pattern(16'000)));
  ASSERT_TRUE(server.conn.acknowledge_received_data(16'000, kOne));
  const Setting smaller{SettingCode::kInitialWindowSize, 1'000};
  ASSERT_TRUE(server.conn.update_settings({&smaller, 1}, server.now));
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kWindowUpdate, 1), 0U);
  server.feed(FrameScript().settings_ack()).drain();
  ASSERT_EQ(server.frames().count(FrameType::kWindowUpdate, 1), 1U)
      << "else the peer would wait for ever";
  EXPECT_EQ(server.conn.remote_flow_control_window(kOne), 1'000);
}

TEST(DataIn, MoreThanWasReceivedCannotBeAcknowledged) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, post()).data(1, "hello"));
  const auto result = server.conn.acknowledge_received_data(6, kOne);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().cause, Errc::kValueOutOfRange);
  EXPECT_TRUE(server.conn.acknowledge_received_data(5, kOne));
  EXPECT_FALSE(server.conn.acknowledge_received_data(1, kOne));
  EXPECT_TRUE(server.conn.acknowledge_received_data(0, kOne));
}

TEST(DataIn, CreditOnConsumptionHoldsTheConnectionsWindow) {
  Config config = Config::server();
  config.connection_credit = ConnectionCredit::kOnConsumption;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript()
                  .headers(1, post())
                  .data(1, pattern(16'000))
                  .data(1, pattern(16'000))
                  .data(1, pattern(16'000)));
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kWindowUpdate), 0U);
  EXPECT_EQ(server.conn.remote_flow_control_window(kConnectionStream), 65'535 - 48'000);
  ASSERT_TRUE(server.conn.acknowledge_received_data(48'000, kOne));
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kWindowUpdate, 0), 1U);
  EXPECT_EQ(server.conn.remote_flow_control_window(kConnectionStream), 65'535);
}

// Whatever becomes of the streams, the connection's window is whole again when all have ended.
TEST(DataIn, TheConnectionsWindowNeverLeaks) {
  for (const ConnectionCredit credit :
       {ConnectionCredit::kOnReceipt, ConnectionCredit::kOnConsumption}) {
    Config config = Config::server();
    config.connection_credit = credit;
    Driven server(Role::kServer, config);
    start(server);
    std::int64_t granted = 65'535;
    std::int64_t used = 0;
    const auto data = [&](std::uint32_t id, std::size_t n, End end = kOpen,
                          std::optional<std::uint8_t> padding = {}) {
      server.feed(FrameScript().data(id, pattern(n), end, padding));
      used += static_cast<std::int64_t>(n) + (padding ? *padding + 1 : 0);
      server.drain();
    };
    for (std::uint32_t round = 0; round < 20; ++round) {
      const std::uint32_t base = 1 + round * 10;
      server.feed(FrameScript().headers(base, post()));  // ends with unread data
      data(base, 3'000, kOpen, 200);
      data(base, 10, kEnd);
      ASSERT_EQ(server.send(base, response_fields(200), kYes), Errc::kNone);
      ASSERT_TRUE(server.conn.acknowledge_received_data(3'010, StreamId{base}))
          << "used after the end";
      server.feed(FrameScript().headers(base + 2, post()));  // reset by us
      data(base + 2, 3'000);
      ASSERT_TRUE(server.conn.reset_stream(StreamId{base + 2}));
      data(base + 2, 3'000);
      data(base + 2, 100, kEnd, 10);
      server.feed(FrameScript().headers(base + 4, post()));  // reset by the peer
      data(base + 4, 3'000);
      server.feed(FrameScript().rst(base + 4));
      server.conn.release_stream(StreamId{base + 4});
      server.feed(
          FrameScript().headers(base + 6, post("/", {{"content-length", "5"}})));  // malformed
      data(base + 6, 3'000, kEnd);
      server.conn.release_stream(StreamId{base + 6});
      server.feed(FrameScript().headers(base + 8, post()));  // all padding
      data(base + 8, 0, kOpen, 255);
      ASSERT_TRUE(server.conn.reset_stream(StreamId{base + 8}));
      server.now = server.now + seconds(10);
    }
    server.drain();
    ASSERT_FALSE(server.conn.error().has_value()) << server.text();
    const WireOutput out = server.frames();
    for (const WireFrame& frame : out.frames) {
      if (frame.is(FrameType::kWindowUpdate) && frame.stream == 0) granted += frame.u32(0);
    }
    // Coalescing may hold back less than half a window.
    EXPECT_GE(granted - used, 65'535 / 2);
    EXPECT_LE(granted - used, 65'535);
    EXPECT_EQ(server.conn.remote_flow_control_window(kConnectionStream), granted - used);
    EXPECT_EQ(server.conn.stream_counts().active_remote, 0U);
  }
}

TEST(DataIn, OneRunningAndNinetyNinePausedStreamsFinish) {
  Config config = Config::client();
  Connection client(Role::kClient, config, Time{});
  Connection server(Role::kServer, Config::server(), Time{});
  const std::string body = pattern(200'000);
  h2::testing::Link link(client, server);
  link.on_server_event([&](Connection& conn, const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      const Fields fields = response_fields(200);
      ASSERT_TRUE(conn.send_headers(request->stream_id, views_of(fields), kNo));
      ASSERT_TRUE(conn.send_data(request->stream_id, bytes_of(body), kYes));
    }
  });
  std::size_t received = 0;
  bool ended = false;
  link.on_client_event([&](Connection& conn, const Event& event) {
    if (const auto* data = std::get_if<DataReceived>(&event)) {
      if (data->stream_id.value != 199) return;  // never read
      received += data->data.size();
      ended = data->end_stream == kYes;
      ASSERT_TRUE(conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                                 data->stream_id));
    }
  });
  const Fields fields = get();
  for (std::uint32_t id = 1; id < 200; id += 2)
    ASSERT_TRUE(client.send_headers(StreamId{id}, views_of(fields), kYes));
  ASSERT_TRUE(link.run_until_idle());
  EXPECT_EQ(received, body.size());
  EXPECT_TRUE(ended);
  EXPECT_FALSE(client.error().has_value());
}

TEST(DataIn, WindowsCanBeRaised) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_TRUE(client.conn.increment_flow_control_window(100'000, kOne));
  ASSERT_TRUE(client.conn.increment_flow_control_window(1'000, kConnectionStream));
  client.drain();
  const WireOutput out = client.frames();
  EXPECT_EQ(out.find(FrameType::kWindowUpdate, 1)->u32(0), 100'000U);
  EXPECT_EQ(out.find(FrameType::kWindowUpdate, 0)->u32(0), 1'000U);
  EXPECT_EQ(client.conn.remote_flow_control_window(kConnectionStream), 66'535);
  EXPECT_FALSE(client.conn.increment_flow_control_window(0x7fffffff, kOne));
  EXPECT_FALSE(client.conn.increment_flow_control_window(0, kOne));
}

}  // namespace
}  // namespace h2::tests
