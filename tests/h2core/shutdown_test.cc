// Leaving without losing a request (RFC 9113 §6.8), and the numbering of streams after it.
#include <gtest/gtest.h>

#include <string>

#include "h2core/connection.h"
#include "h2core/testing/link.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr auto kYes = EndStream::kYes;

std::vector<std::uint32_t> last_streams(const WireOutput& output) {
  std::vector<std::uint32_t> ids;
  for (const WireFrame& frame : output.frames) {
    if (frame.is(FrameType::kGoAway)) ids.push_back(frame.u32(0));
  }
  return ids;
}

TEST(Shutdown, TakesWhatIsUnderWayAndNamesTheLastStreamARoundTripLater) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  server.conn.shutdown(seconds(5), server.now);
  server.drain();
  EXPECT_EQ(last_streams(server.frames()), std::vector<std::uint32_t>{0x7fffffffU});
  const WireOutput first = server.frames();
  const WireFrame* ping = first.find(FrameType::kPing);
  ASSERT_NE(ping, nullptr);
  // This request was on its way when we said so.
  server.feed(FrameScript().headers(3, get(), kEnd).ping_ack(ping->payload));
  EXPECT_TRUE(server.has("RequestReceived stream=3"));
  EXPECT_EQ(server.count("PingAckReceived"), 0U) << "the application asked for no PING";
  server.drain();
  EXPECT_EQ(last_streams(server.frames()), (std::vector<std::uint32_t>{0x7fffffffU, 3}));
  server.feed(FrameScript().headers(5, get(), kEnd));
  EXPECT_FALSE(server.has("RequestReceived stream=5")) << "the peer was told";
  EXPECT_FALSE(server.conn.done());
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  ASSERT_EQ(server.send(3, response_fields(200), kYes), Errc::kNone);
  server.drain();
  EXPECT_TRUE(server.conn.done());
}

TEST(Shutdown, DoesNotWaitLongerThanItMay) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  server.conn.shutdown(seconds(5), server.now);
  EXPECT_EQ(server.conn.next_deadline(), server.now + seconds(5));
  server.wait(seconds(4)).drain();
  EXPECT_EQ(last_streams(server.frames()).size(), 1U);
  server.wait(seconds(1)).drain();
  EXPECT_EQ(last_streams(server.frames()), (std::vector<std::uint32_t>{0x7fffffffU, 1}));
  EXPECT_TRUE(server.conn.next_deadline().is_never());
  // The answer that comes too late changes nothing.
  const WireOutput output = server.frames();
  server.feed(FrameScript().ping_ack(output.find(FrameType::kPing)->payload)).drain();
  EXPECT_EQ(last_streams(server.frames()).size(), 2U);
  EXPECT_FALSE(server.conn.error());
}

TEST(Shutdown, AskedForTwiceIsOne) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.conn.shutdown(seconds(5), server.now);
  server.conn.shutdown(seconds(50), server.now);
  EXPECT_EQ(server.conn.next_deadline(), server.now + seconds(5));
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kGoAway), 1U);
}

TEST(Shutdown, OfAClientIsAtOnce) {
  Driven client(Role::kClient, Config::client());
  start(client);
  client.conn.shutdown(seconds(5), client.now);
  client.drain();
  EXPECT_EQ(client.frames().count(FrameType::kGoAway), 1U);
  EXPECT_EQ(client.frames().count(FrameType::kPing), 0U);
  EXPECT_TRUE(client.conn.done());
}

TEST(Shutdown, LosesNoRequestOverASlowLine) {
  // A client that never stops asking until it is told; each request is answered or known to be
  // unprocessed.
  Connection client(Role::kClient, Config::client(), Time{});
  Connection server(Role::kServer, Config::server(), Time{});
  testing::LinkOptions options;
  options.round_trip = milliseconds(100);
  testing::Link link(client, server, options);
  std::size_t asked = 0;
  std::size_t answered = 0;
  std::size_t refused = 0;
  link.on_server_event([](Connection& conn, const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      const Fields ok = response_fields(200);
      EXPECT_TRUE(conn.send_headers(request->stream_id, views_of(ok), kYes));
    }
  });
  link.on_client_event([&](Connection&, const Event& event) {
    if (std::holds_alternative<ResponseReceived>(event)) ++answered;
    if (const auto* reset = std::get_if<StreamReset>(&event)) {
      EXPECT_EQ(reset->processed, Processed::kNo);
      ++refused;
    }
  });
  const Fields request = get();
  for (int i = 0; i < 100; ++i) {
    if (i == 50) server.shutdown(seconds(5), link.now());
    const auto id = client.get_next_available_stream_id();
    ASSERT_TRUE(id);
    if (client.accepts_new_streams() && client.send_headers(*id, views_of(request), kYes)) ++asked;
    ASSERT_TRUE(link.run_for(milliseconds(7)));
  }
  ASSERT_TRUE(link.run_until_idle());
  EXPECT_GT(asked, 50U);
  EXPECT_EQ(answered, asked) << "nothing was lost";
  EXPECT_EQ(refused, 0U);
  EXPECT_TRUE(server.done());
}

// ---- identifiers
// ----------------------------------------------------------------------------------

TEST(Identifiers, CanBeSkipped) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_EQ(client.conn.stream_ids_left(), 0x40000000U);
  ASSERT_TRUE(client.conn.set_next_stream_id(StreamId{101}));
  EXPECT_EQ(client.conn.get_next_available_stream_id()->value, 101U);
  EXPECT_EQ(client.send(1, get(), kYes), Errc::kStreamIdUnavailable);
  EXPECT_EQ(client.send(101, get(), kYes), Errc::kNone);
  EXPECT_EQ(client.conn.get_next_available_stream_id()->value, 103U);
  EXPECT_FALSE(client.conn.set_next_stream_id(StreamId{101}));
  EXPECT_FALSE(client.conn.set_next_stream_id(StreamId{104}));
  EXPECT_FALSE(client.conn.set_next_stream_id(StreamId{0x80000001U}));
  ASSERT_TRUE(client.conn.set_next_stream_id(StreamId{0x7fffffffU}));
  EXPECT_EQ(client.conn.stream_ids_left(), 1U);
  ASSERT_EQ(client.send(0x7fffffffU, get(), kYes), Errc::kNone);
  EXPECT_EQ(client.conn.stream_ids_left(), 0U);
  EXPECT_EQ(client.conn.highest_local_stream_id().value, 0x7fffffffU);
}

TEST(Tags, GoWithTheirStream) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_FALSE(client.conn.set_stream_tag(StreamId{1}, 7));
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  EXPECT_EQ(client.conn.stream_tag(StreamId{1}), 0U);
  ASSERT_TRUE(client.conn.set_stream_tag(StreamId{1}, 7));
  EXPECT_EQ(client.conn.stream_tag(StreamId{1}), 7U);
  client.feed(FrameScript().headers(1, response_fields(200), kEnd));
  EXPECT_EQ(client.conn.stream_tag(StreamId{1}), 0U);
}

// ---- windows
// --------------------------------------------------------------------------------------

TEST(WindowSize, GrowsAtOnceAndShrinksWithTheCredit) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, post()));
  ASSERT_TRUE(server.conn.set_local_window_size(100'000, StreamId{1}));
  ASSERT_TRUE(server.conn.set_local_window_size(200'000, kConnectionStream));
  server.drain();
  EXPECT_EQ(server.frames().find(FrameType::kWindowUpdate, 1)->u32(0), 100'000U - 65'535U);
  EXPECT_EQ(server.frames().find(FrameType::kWindowUpdate, 0)->u32(0), 200'000U - 65'535U);
  ASSERT_TRUE(server.conn.set_local_window_size(20'000, StreamId{1}));
  EXPECT_EQ(server.conn.receive_window_size(StreamId{1}), 20'000);
  EXPECT_EQ(server.conn.remote_flow_control_window(StreamId{1}), 100'000)
      << "what was given was given";
  // 90,000 bytes come and are used; 80,000 of their credit are kept back.
  server.forget();
  for (int i = 0; i < 9; ++i) server.feed(FrameScript().data(1, std::string(10'000, 'x')));
  ASSERT_TRUE(server.conn.acknowledge_received_data(90'000, StreamId{1}));
  server.drain();
  EXPECT_EQ(server.conn.remote_flow_control_window(StreamId{1}), 20'000);
  EXPECT_EQ(server.frames().find(FrameType::kWindowUpdate, 1)->u32(0), 10'000U);
  EXPECT_FALSE(server.conn.set_local_window_size(1, StreamId{3}));
  EXPECT_FALSE(server.conn.set_local_window_size(0x80000000U, StreamId{1}));
}

}  // namespace
}  // namespace h2::tests
