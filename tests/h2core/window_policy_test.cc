// Windows that grow with the path, over the simulated link: throughput, bounds, and how little they
// say.
#include "h2core/window_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "h2core/testing/link.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::Link;
using h2::testing::LinkOptions;

constexpr std::uint32_t kMiB = 1U << 20U;
constexpr std::uint64_t kGigabit = 125'000'000;  // bytes per second

// Never ends; what it gives does not matter.
class EndlessBody final : public BodySource {
 public:
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    return {buffer.size(), State::kMore};
  }
};

enum class Reader : std::uint8_t { kFast, kNone };

// A client that downloads without end, with a policy for its windows.
struct Download {
  Connection client;
  Connection server{Role::kServer, Config::server(), Time{}};
  EndlessBody body;
  WindowPolicy& policy;
  Link link;
  std::uint64_t received = 0;
  std::int64_t largest_credit = 0;  // that the connection's window ever allowed
  std::size_t most_memory = 0;

  static Config config(Reader reader) {
    Config config = Config::client();
    if (reader == Reader::kNone) config.connection_credit = ConnectionCredit::kOnConsumption;
    return config;
  }

  Download(WindowPolicy& given, const LinkOptions& options, Reader reader = Reader::kFast)
      : client(Role::kClient, config(reader), Time{}),
        policy(given),
        link(client, server, options) {
    link.on_server_event([this](Connection& conn, const Event& event) {
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        const Fields fields = response_fields(200);
        EXPECT_TRUE(conn.send_headers(request->stream_id, views_of(fields), EndStream::kNo));
        EXPECT_TRUE(conn.send_body(request->stream_id, body, EndStream::kYes));
      }
    });
    link.on_client_event([this, reader](Connection& conn, const Event& event) {
      policy.on_event(conn, event, link.now());
      largest_credit = std::max(largest_credit, conn.remote_flow_control_window(kConnectionStream));
      most_memory = std::max(most_memory, conn.memory_in_use());
      if (const auto* data = std::get_if<DataReceived>(&event)) {
        received += data->data.size();
        if (reader == Reader::kFast) {
          EXPECT_TRUE(
              conn.acknowledge_received_data(data->flow_controlled_length, data->stream_id));
        }
      }
    });
    const Fields fields = get();
    EXPECT_TRUE(client.send_headers(StreamId{1}, views_of(fields), EndStream::kYes));
  }

  // Bytes per second over the next `duration`.
  std::uint64_t rate_over(Duration duration) {
    const std::uint64_t before = received;
    EXPECT_TRUE(link.run_for(duration));
    return (received - before) * 1'000'000'000 / static_cast<std::uint64_t>(duration.ns);
  }
};

LinkOptions long_fat() {
  LinkOptions options;
  options.round_trip = milliseconds(100);
  options.rate = kGigabit;
  return options;
}

TEST(AdaptiveWindows, FillALongFatPathWithinTwoSeconds) {
  AdaptiveWindows windows({.most = 32 * kMiB});
  Download download(windows, long_fat());
  (void)download.rate_over(seconds(2));
  EXPECT_GE(download.rate_over(seconds(1)), kGigabit * 9 / 10);
  EXPECT_LE(*windows.window(), 32 * kMiB);
  EXPECT_LE(download.largest_credit, std::int64_t{32 * kMiB});
  EXPECT_GE(*windows.round_trip_time(), milliseconds(100));
  // What it costs to know: a PING per growth and a few more; memory for none of it.
  EXPECT_LE(download.client.frames_sent()[FrameType::kPing], 20U);
  EXPECT_LE(download.client.frames_sent()[FrameType::kSettings], 12U);
  EXPECT_LE(download.most_memory, std::size_t{256} << 10U);
}

TEST(FixedWindows, LeaveALongFatPathEmpty) {
  FixedWindows windows;
  Download download(windows, long_fat());
  (void)download.rate_over(seconds(2));
  EXPECT_LE(download.rate_over(seconds(1)), kGigabit / 100);
  EXPECT_EQ(download.client.frames_sent()[FrameType::kPing], 0U);
}

TEST(AdaptiveWindows, StayWithinTheirBoundWhateverThePathWants) {
  AdaptiveWindows windows({.most = kMiB});
  Download download(windows, long_fat());
  (void)download.rate_over(seconds(2));
  EXPECT_EQ(*windows.window(), kMiB);
  EXPECT_LE(download.largest_credit, std::int64_t{kMiB});
  EXPECT_EQ(download.client.receive_window_size(StreamId{1}), std::int64_t{kMiB});
  EXPECT_EQ(download.client.receive_window_size(kConnectionStream), std::int64_t{kMiB});
}

TEST(AdaptiveWindows, AReaderThatReadsNothingIsSentNoMoreThanTheBound) {
  AdaptiveWindows windows({.most = kMiB});
  Download download(windows, long_fat(), Reader::kNone);
  (void)download.rate_over(seconds(10));
  EXPECT_LE(download.received, std::uint64_t{kMiB});
}

TEST(AdaptiveWindows, ASlowPathNeedsNoLargeWindows) {
  AdaptiveWindows windows;
  LinkOptions slow;
  slow.round_trip = milliseconds(10);
  slow.rate = 125'000;  // a megabit per second
  Download download(windows, slow);
  (void)download.rate_over(seconds(20));
  EXPECT_LE(*windows.window(), kMiB);
  EXPECT_LE(download.client.frames_sent()[FrameType::kPing], 20U);
}

TEST(AdaptiveWindows, NeedNoDataToBeQuiet) {
  AdaptiveWindows windows;
  Driven client(Role::kClient, Config::client());
  client.on_event = [&](Connection& conn, const Event& event) {
    windows.on_event(conn, event, client.now);
  };
  start(client);
  ASSERT_EQ(client.send(1, get(), EndStream::kYes), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript().headers(1, response_fields(200), kEnd)).drain();
  EXPECT_EQ(windows.window(), std::nullopt);
  EXPECT_EQ(client.out, "");
}

TEST(AdaptiveWindows, OtherPingsAreNotTakenForTheirs) {
  AdaptiveWindows windows;
  Driven client(Role::kClient, Config::client());
  client.on_event = [&](Connection& conn, const Event& event) {
    windows.on_event(conn, event, client.now);
  };
  start(client);
  ASSERT_EQ(client.send(1, get(), EndStream::kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)).data(1, std::string(16'384, 'd')));
  const PingData mine = {'0', '1', '2', '3', '4', '5', '6', '7'};
  ASSERT_TRUE(client.conn.ping(mine, client.now));
  client.now = client.now + milliseconds(5);
  client.feed(FrameScript().ping_ack("01234567"));
  EXPECT_EQ(windows.round_trip_time(), std::nullopt);
  client.now = client.now + milliseconds(5);
  client.feed(FrameScript().ping_ack("h2window"));
  EXPECT_EQ(windows.round_trip_time(), milliseconds(10));
}

}  // namespace
}  // namespace h2::tests
