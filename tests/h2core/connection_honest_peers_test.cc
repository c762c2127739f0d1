// What well-known clients and servers do when all is well, or when a user changes her mind, is not
// charged as if it were an attack (docs/limits.md, RFC 9113 §10.5).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;

// ---- RST_STREAM
// -----------------------------------------------------------------------------------

TEST(HonestPeers, AClientThatGivesUpWithNoErrorIsReportedLikeAnyOther) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).rst(1, ErrorCode::kNoError));
  EXPECT_EQ(server.count("StreamReset stream=1 by=peer code=NO_ERROR"), 1U) << server.text();
  EXPECT_EQ(server.conn.stream_counts().active_remote, 1U) << "held for the application";
  server.conn.release_stream(StreamId{1});
  EXPECT_EQ(server.conn.stream_counts().active_remote, 0U);
}

TEST(HonestPeers, AServerThatAnsweredWhollyMayStopTheRequestWithNoError) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(413), kEnd).rst(1, ErrorCode::kNoError));
  EXPECT_EQ(client.count("ResponseReceived stream=1 status=413 end"), 1U) << client.text();
  EXPECT_EQ(client.count("StreamReset"), 0U) << client.text();
  EXPECT_EQ(client.conn.stream_counts().active_local, 0U);
}

TEST(HonestPeers, AServerThatAnsweredHalfAndStopsWithNoErrorHasFailed) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)).rst(1, ErrorCode::kNoError));
  EXPECT_EQ(client.count("StreamReset stream=1 by=peer code=NO_ERROR"), 1U) << client.text();
}

// ---- WINDOW_UPDATE and PING
// -------------------------------------------------------------------------

// A server whose client has large windows.
struct Download {
  Driven server{Role::kServer};
  Download() {
    start(server, {{SettingCode::kInitialWindowSize, 4 << 20}});
    server.feed(FrameScript().window_update(0, 1 << 30));
  }
  void answer(std::uint32_t stream) {
    server.feed(FrameScript().headers(stream, get(), kEnd));
    ASSERT_EQ(server.send(stream, response_fields(200)), Errc::kNone);
  }
};

TEST(HonestPeers, CreditInSmallPiecesLongAfterTheLastDataIsFree) {
  // Go's client returns credit for each 4 KiB that are read, and the reader may begin when all of
  // the body has been sent.
  Download download;
  Driven& server = download.server;
  const std::string body(4 << 20, 'x');
  for (std::uint32_t stream = 1; stream < 41; stream += 2) {
    download.answer(stream);
    ASSERT_TRUE(server.conn.send_data(StreamId{stream}, bytes_of(body), kYes));
    server.drain().forget();
    FrameScript credit;
    for (int read = 0; read < (4 << 20); read += 4'096) {
      credit.window_update(stream, 4'096).window_update(0, 4'096);
    }
    server.feed(credit);
    ASSERT_FALSE(server.conn.error().has_value()) << "download on stream " << stream;
  }
}

TEST(HonestPeers, ALargeFrameEarnsAsManyCreditsAsTheSmallOnesInItsPlace) {
  Driven server(Role::kServer);
  start(server,
        {{SettingCode::kInitialWindowSize, 4 << 20}, {SettingCode::kMaxFrameSize, 1 << 20}});
  server.feed(FrameScript().window_update(0, 1 << 30).headers(1, get(), kEnd));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  const std::string body(4 << 20, 'x');
  ASSERT_TRUE(server.conn.send_data(StreamId{1}, bytes_of(body), kNo));
  server.drain();
  ASSERT_LE(server.frames().count(FrameType::kData), 8U);
  // Without what was earned, 5,000 of them would be the end.
  server.feed(FrameScript().repeat(2'560 + 4'900, FrameScript().window_update(0, 1)));
  EXPECT_FALSE(server.conn.error().has_value());
}

TEST(HonestPeers, AFloodOfTinyWindowUpdatesIsEnded) {
  Download download;
  Driven& server = download.server;
  download.answer(1);
  ASSERT_TRUE(server.conn.send_data_copy(StreamId{1}, bytes_of("some data"), kNo));
  server.drain();
  // 1 was used at the start; 10 are free from the first byte, 10 for the DATA frame.
  server.feed(FrameScript().repeat(5'000 + 19, FrameScript().window_update(0, 1)));
  EXPECT_FALSE(server.conn.error().has_value());
  server.feed(FrameScript().window_update(0, 1));
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->cause, Errc::kAbuse);
}

TEST(HonestPeers, FreeWindowUpdatesAreNotSavedUpForEver) {
  Download download;
  Driven& server = download.server;
  download.answer(1);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(server.conn.send_data_copy(StreamId{1}, bytes_of("some data"), kNo));
    server.drain().forget();
  }
  server.feed(FrameScript().repeat(65'536 + 5'000, FrameScript().window_update(0, 1)));
  EXPECT_FALSE(server.conn.error().has_value());
  server.feed(FrameScript().window_update(0, 1));
  EXPECT_TRUE(server.conn.error().has_value());
}

TEST(HonestPeers, APingForEachMessageOfOursIsFree) {
  // gRPC measures bandwidth that way: one PING at a time, as soon as DATA comes in.
  Download download;
  Driven& server = download.server;
  download.answer(1);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(server.conn.send_data_copy(StreamId{1}, bytes_of("a message"), kNo));
    server.feed(FrameScript().ping()).drain().forget();
    ASSERT_FALSE(server.conn.error().has_value()) << "message " << i;
  }
}

TEST(HonestPeers, APingForEachUploadedFrameIsFree) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  const std::string part(16'384, 'u');
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(client.conn.send_data_copy(StreamId{1}, bytes_of(part), kNo));
    client.drain().forget();
    client.feed(FrameScript().window_update(1, 16'384).window_update(0, 16'384).ping());
    ASSERT_FALSE(client.conn.error().has_value()) << "frame " << i;
  }
}

TEST(HonestPeers, APingForEachResponseWithoutBodyIsFree) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    // Informational responses: no stream ends, which would earn tokens too.
    ASSERT_EQ(server.send(1, response_fields(103)), Errc::kNone);
    server.feed(FrameScript().ping()).drain().forget();
    ASSERT_FALSE(server.conn.error().has_value()) << "response " << i;
  }
}

TEST(HonestPeers, FreePingsAreNotSavedUpForEver) {
  Download download;
  Driven& server = download.server;
  download.answer(1);
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(server.conn.send_data_copy(StreamId{1}, bytes_of("a message"), kNo));
    server.drain().forget();
  }
  for (int i = 0; i < 2'000; ++i) server.feed(FrameScript().ping()).drain();
  EXPECT_FALSE(server.conn.error().has_value());
  server.feed(FrameScript().ping());
  EXPECT_TRUE(server.conn.error().has_value());
}

// ---- reloads
// ------------------------------------------------------------------------------------------

struct Reloads {
  Driven server;
  std::vector<StreamId> reset;
  std::uint32_t next = 1;
  std::uint32_t streams;

  explicit Reloads(std::uint32_t max_streams = 100) : server(Role::kServer, with(max_streams)) {
    streams = max_streams;
    start(server);
    server.on_event = [this](Connection&, const Event& event) {
      if (const auto* gone = std::get_if<StreamReset>(&event)) reset.push_back(gone->stream_id);
    };
  }
  static Config with(std::uint32_t max_streams) {
    Config config;
    config.max_concurrent_streams = max_streams;
    return config;
  }
  void load() {
    FrameScript script;
    for (std::uint32_t i = 0; i < streams; ++i, next += 2) script.headers(next, get(), kEnd);
    server.forget();
    server.feed(script).drain();
  }
  void cancel() {
    FrameScript script;
    for (std::uint32_t stream = next - 2 * streams; stream < next; stream += 2) script.rst(stream);
    server.feed(script).drain();
  }
  void release() {
    for (const StreamId id : reset) server.conn.release_stream(id);
    reset.clear();
  }
};

TEST(HonestPeers, PagesReloadedBeforeAnyAnswerAreNotAnAttack) {
  Reloads page;
  page.load();
  for (int reload = 0; reload < 20; ++reload) {
    page.server.now = page.server.now + milliseconds(1'500);
    page.cancel();
    page.release();
    page.load();
    ASSERT_FALSE(page.server.conn.error().has_value()) << "reload " << reload;
    EXPECT_EQ(page.server.count("RequestReceived"), 100U);
  }
}

TEST(HonestPeers, AReloadBeforeTheApplicationLetsGoIsRefusedAndHardlyCharged) {
  Reloads page;
  page.load();
  for (int reload = 0; reload < 20; ++reload) {
    page.server.now = page.server.now + milliseconds(1'500);
    page.cancel();
    page.load();
    EXPECT_EQ(page.server.frames().count(FrameType::kRstStream), 100U) << "all slots are held";
    page.release();
    page.server.now = page.server.now + milliseconds(1'500);
    page.load();
    ASSERT_FALSE(page.server.conn.error().has_value()) << "reload " << reload;
    EXPECT_EQ(page.server.count("RequestReceived"), 100U);
  }
}

TEST(HonestPeers, StreamsBeyondALimitThatThePeerKnowsAreCharged) {
  Reloads page;
  page.load();
  page.server.feed(FrameScript().headers(page.next, get(), kEnd));
  FrameScript more;
  for (std::uint32_t i = 1; i <= 200; ++i) more.headers(page.next + 2 * i, get(), kEnd);
  page.server.feed(more);
  ASSERT_TRUE(page.server.conn.error().has_value());
  EXPECT_EQ(page.server.conn.error()->cause, Errc::kAbuse);
}

TEST(HonestPeers, RefusalsForHeldStreamsAreNotFreeForEver) {
  Reloads page;
  page.load();
  page.server.now = page.server.now + seconds(2);
  page.cancel();
  for (int i = 0; i < 20; ++i) page.load();
  ASSERT_TRUE(page.server.conn.error().has_value());
  EXPECT_EQ(page.server.conn.error()->cause, Errc::kAbuse);
}

TEST(HonestPeers, TheBudgetAllowsOneReloadOfAsManyStreamsAsWeAllow) {
  for (const std::uint32_t streams : {250U, 1'000U}) {
    Reloads page(streams);
    page.load();
    page.cancel();
    page.release();
    page.load();
    ASSERT_FALSE(page.server.conn.error().has_value()) << streams;
    EXPECT_EQ(page.server.count("RequestReceived"), streams);
  }
}

TEST(HonestPeers, RapidResetIsEndedAfterTwiceTheStreamsThatWeAllow) {
  Reloads page(250);
  std::size_t requests = 0;
  for (std::uint32_t stream = 1; !page.server.conn.error().has_value(); stream += 2) {
    page.server.forget();
    page.server.feed(FrameScript().headers(stream, get(), kEnd).rst(stream)).drain();
    requests += page.server.count("RequestReceived");
    page.release();
    ASSERT_LE(requests, 1'000U);
  }
  EXPECT_EQ(requests, 501U);
}

TEST(HonestPeers, TheBudgetFollowsTheStreamsThatWeAllow) {
  Reloads page;
  const Setting more{SettingCode::kMaxConcurrentStreams, 400};
  ASSERT_TRUE(page.server.conn.update_settings({&more, 1}, page.server.now));
  page.server.feed(FrameScript().settings_ack()).drain();
  page.streams = 400;
  page.load();
  EXPECT_EQ(page.server.count("RequestReceived"), 400U);
  page.cancel();
  page.release();
  EXPECT_FALSE(page.server.conn.error().has_value());
}

// ---- SETTINGS and DATA
// ----------------------------------------------------------------------------------

TEST(HonestPeers, OurOwnQueueIsNotChargedToAPeerThatChangesItsWindow) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kMaxConcurrentStreams, 10}});
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    ASSERT_EQ(client.send(2 * i + 1, get(), kYes), Errc::kNone);
  }
  for (std::uint32_t i = 1; i <= 100; ++i) {
    client.feed(FrameScript().settings({{SettingCode::kInitialWindowSize, 65'535 + i}})).drain();
    ASSERT_FALSE(client.conn.error().has_value()) << "change " << i;
  }
}

TEST(HonestPeers, AnEmptyDataFrameAfterEachMessageIsFree) {
  // Proxies flush that way.
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.on_event = [](Connection& conn, const Event& event) {
    if (const auto* data = std::get_if<DataReceived>(&event)) {
      (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                           data->stream_id);
    }
  };
  client.feed(FrameScript().headers(1, response_fields(200)));
  for (int i = 0; i < 5'000; ++i) {
    client.feed(FrameScript().data(1, "an event").data(1, "")).drain().forget();
    ASSERT_FALSE(client.conn.error().has_value()) << "event " << i;
  }
}

}  // namespace
}  // namespace h2::tests
