// Padding policies (RFC 9113 §6.1, §6.2, §6.6, §10.7).
#include "h2core/padding.h"

#include <gtest/gtest.h>

#include <string>

#include "h2core/connection.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr auto kYes = EndStream::kYes;
constexpr auto kNo = EndStream::kNo;

// The source of `body`, in pieces.
class Pieces final : public BodySource {
 public:
  Pieces(std::string_view body, std::size_t piece) : rest_(body), piece_(piece) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    const std::size_t size = std::min({rest_.size(), piece_, buffer.size()});
    std::copy_n(rest_.begin(), size, buffer.begin());
    rest_.remove_prefix(size);
    return {size, rest_.empty() ? State::kEnd : State::kMore};
  }

 private:
  std::string_view rest_;
  std::size_t piece_;
};

// Every frame that may be padded is read back, its padding checked.
struct Read {
  std::size_t padded = 0;
  std::size_t frames = 0;
  std::string body;
};

Read read(const WireOutput& output) {
  Read read;
  for (const WireFrame& frame : output.frames) {
    ++read.frames;
    std::string payload = frame.payload;
    if ((frame.flags & kFlagPadded) != 0) {
      ++read.padded;
      const std::size_t padding = static_cast<std::uint8_t>(payload.at(0));
      EXPECT_EQ(payload.substr(payload.size() - padding), std::string(padding, '\0'));
      payload = payload.substr(1, payload.size() - 1 - padding);
    }
    if (frame.is(FrameType::kData)) read.body += payload;
  }
  return read;
}

std::string letters(std::size_t size) {
  std::string body(size, ' ');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 23);
  return body;
}

TEST(Padding, IsAddedToEveryFrameThatCanHaveIt) {
  FixedPadding policy(17);
  Config config = Config::client();
  config.padding = &policy;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  const std::string body = letters(5'000);
  ASSERT_TRUE(client.conn.send_data(StreamId{1}, bytes_of(body), kNo));
  ASSERT_TRUE(client.conn.send_data_copy(StreamId{1}, bytes_of("small"), kNo));
  Pieces source(body, 700);
  ASSERT_TRUE(client.conn.send_body(StreamId{1}, source, kNo));
  ASSERT_TRUE(client.conn.end_stream(StreamId{1}));
  const Read got = read(client.drain().frames());
  EXPECT_EQ(got.body, body + "small" + body);
  EXPECT_EQ(got.padded, got.frames);
}

TEST(Padding, IsUnderstoodByTheOtherSide) {
  for (const std::uint32_t bytes : {1U, 2U, 100U, 256U, 1'000U}) {
    FixedPadding policy(bytes);
    Config config = Config::client();
    config.padding = &policy;
    Driven client(Role::kClient, config);
    Driven server(Role::kServer, Config::server());
    ASSERT_EQ(client.send(1, post()), Errc::kNone);
    const std::string body = letters(40'000);
    ASSERT_TRUE(client.conn.send_data(StreamId{1}, bytes_of(body), kYes));
    std::size_t received = 0;
    server.on_event = [&](Connection& conn, const Event& event) {
      const auto* data = std::get_if<DataReceived>(&event);
      if (data == nullptr) return;
      received += data->data.size();
      EXPECT_GE(data->flow_controlled_length, data->data.size());
      EXPECT_TRUE(conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                                 data->stream_id));
    };
    for (int i = 0; i < 10; ++i) {
      server.feed(bytes_of(client.drain().out));
      client.out.clear();
      client.feed(bytes_of(server.drain().out));
      server.out.clear();
    }
    EXPECT_EQ(received, body.size()) << bytes;
    EXPECT_FALSE(server.conn.error());
    EXPECT_FALSE(client.conn.error());
  }
}

TEST(Padding, CountsAgainstTheWindowsAndTheFrameSize) {
  FixedPadding policy(256);
  Config config = Config::client();
  config.padding = &policy;
  Driven client(Role::kClient, config);
  start(client, {{SettingCode::kInitialWindowSize, 1'000}});
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  client.drain().forget();
  const std::string body = letters(990);
  ASSERT_TRUE(client.conn.send_data_copy(StreamId{1}, bytes_of(body), kNo));
  const WireOutput output = client.drain().frames();
  ASSERT_EQ(output.frames.size(), 1U);
  EXPECT_EQ(output.frames[0].payload.size(), 1'000U) << "ten bytes are left for padding";
  EXPECT_EQ(client.conn.local_flow_control_window(StreamId{1}), 0);
  EXPECT_EQ(read(output).body, body);
}

TEST(Padding, ToMultiplesHidesLengths) {
  PadToMultiple policy(128);
  Config config = Config::server();
  config.padding = &policy;
  Driven server(Role::kServer, config);
  start(server, {{SettingCode::kEnablePush, 1}});
  for (std::uint32_t id = 1; id < 100; id += 2) {
    server.feed(FrameScript().headers(id, get(), kEnd));
    if (id == 1) {
      const Fields promised = get("/other");
      ASSERT_TRUE(server.conn.push_stream(StreamId{1}, views_of(promised)));
    }
    ASSERT_EQ(server.send(id, response_fields(200, {{"x", std::string(id, 'v')}})), Errc::kNone);
    ASSERT_TRUE(server.conn.send_data_copy(StreamId{id}, bytes_of(letters(id * 3)), kYes));
  }
  const WireOutput output = server.drain().frames();
  EXPECT_EQ(output.count(FrameType::kPushPromise), 1U);
  for (const WireFrame& frame : output.frames) EXPECT_EQ(frame.payload.size() % 128, 0U);
  (void)read(output);
}

}  // namespace
}  // namespace h2::tests
