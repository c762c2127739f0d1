// Recording a connection and running the capture again.
#include "h2core/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2core/padding.h"
#include "h2core/testing/link.h"
#include "h2core/testing/replay.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

using testing::CapturedCall;
using testing::CapturedRecord;
using testing::CaptureReader;
using ::testing::HasSubstr;
using testing::ReplayReport;
using Outcome = ReplayReport::Outcome;

constexpr EndStream kNo = EndStream::kNo;
constexpr EndStream kYes = EndStream::kYes;

class StringSink final : public RecordSink {
 public:
  void write(Bytes bytes) noexcept override { capture.append(as_string_view(bytes)); }
  std::string capture;
};

ReplayReport replay(std::string_view capture) { return testing::replay(bytes_of(capture)); }

Config recorded(Config config, RecordSink& sink) {
  config.record = &sink;
  return config;
}

// Gives `text` in pieces, then nothing until `ended`, then its end.
class PausingSource final : public BodySource {
 public:
  explicit PausingSource(std::string text) : text_(std::move(text)) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    if (fails) return {0, State::kError};
    const std::size_t n = std::min<std::size_t>({text_.size(), buffer.size(), 100});
    std::copy_n(text_.begin(), n, buffer.begin());
    text_.erase(0, n);
    return {n, text_.empty() && ended ? State::kEnd : State::kMore};
  }
  bool ended = false;
  bool fails = false;

 private:
  std::string text_;
};

// The records of a capture, with their kinds.
std::vector<CapturedRecord> records_of(std::string_view capture) {
  std::vector<CapturedRecord> records;
  CaptureReader reader(bytes_of(capture));
  while (reader.next() == CaptureReader::Step::kRecord) records.push_back(reader.record());
  EXPECT_EQ(reader.offset(), capture.size()) << reader.problem();
  return records;
}

// A server's connection on which every call is made that Connection has. `end`: it is destroyed.
std::string eventful_capture(bool end = true) {
  StringSink sink;
  std::string until_end;
  {
    PausingSource source(std::string(250, 's'));
    PausingSource broken("");
    broken.fails = true;
    const std::string body = "referred to " + std::string(2'000, 'b');
    PadToMultiple padding(16);
    Config config = recorded(Config::server(), sink);
    config.padding = &padding;
    Driven server(Role::kServer, config, Time{} + seconds(5));
    start(server);
    server.feed(FrameScript()
                    .headers(1, get("/one", {{"cookie", "a=b"}}), kEnd)
                    .headers(3, post("/two"))
                    .data(3, "received"));
    Connection& conn = server.conn;
    EXPECT_TRUE(conn.acknowledge_received_data(8, StreamId{3}));
    EXPECT_TRUE(conn.increment_flow_control_window(1'000, kConnectionStream));
    const auto pushed = conn.push_stream(StreamId{1}, views_of(get("/pushed")));
    EXPECT_TRUE(pushed);
    EXPECT_EQ(server.send(pushed->value, response_fields(200)), Errc::kNone);
    EXPECT_TRUE(conn.send_data_copy(*pushed, bytes_of("copied"), kNo));
    EXPECT_TRUE(conn.end_stream(*pushed));
    EXPECT_EQ(server.send(1, response_fields(200)), Errc::kNone);
    EXPECT_TRUE(conn.send_data(StreamId{1}, bytes_of(body), kNo, 7));
    EXPECT_TRUE(conn.send_body(StreamId{1}, source, kYes, 8));
    server.drain();
    source.ended = true;
    EXPECT_TRUE(conn.resume_body(StreamId{1}));
    server.drain();
    conn.poll_events();
    EXPECT_FALSE(conn.send_data_copy(StreamId{1}, bytes_of("too late"), kNo));
    const Setting more[] = {{SettingCode::kMaxConcurrentStreams, 200}};
    EXPECT_TRUE(conn.update_settings(more, server.now));
    EXPECT_TRUE(conn.ping(PingData{1, 2, 3, 4, 5, 6, 7, 8}, server.now));
    server.feed(FrameScript().headers(5, get("/three"), kEnd).headers(7, get("/four"), kEnd));
    EXPECT_TRUE(conn.reset_stream(StreamId{5}));
    EXPECT_EQ(server.send(7, response_fields(200)), Errc::kNone);
    EXPECT_TRUE(conn.send_body(StreamId{7}, broken, kYes));
    server.drain();
    conn.release_stream(StreamId{5});
    conn.on_time(server.now + seconds(1));
    EXPECT_TRUE(conn.set_next_stream_id(StreamId{10}));
    EXPECT_TRUE(conn.set_stream_tag(StreamId{3}, 99));
    EXPECT_TRUE(conn.set_local_window_size(100'000, StreamId{3}));
    EXPECT_TRUE(conn.change_priority(StreamId{3}, {1, true}, PeerSignals::kIgnore));
    EXPECT_FALSE(conn.send_priority_update(StreamId{3}, {1, true})) << "clients only";
    EXPECT_FALSE(conn.prioritize(StreamId{3}, {true, StreamId{1}, 7})) << "clients only";
    EXPECT_FALSE(conn.initiate_upgrade_connection("GET", "AAMAAABk")) << "too late";
    EXPECT_TRUE(conn.advertise_alternative_service("h2=\":1\"", "https://a.example"));
    EXPECT_TRUE(conn.advertise_alternative_service("clear", StreamId{3}));
    const std::string_view origins[] = {"https://a.example", "https://b.example"};
    EXPECT_TRUE(conn.send_origins(origins));
    EXPECT_TRUE(conn.send_extension_frame(0x42, 1, StreamId{3}, bytes_of("extension")));
    conn.shutdown(seconds(5), server.now);
    conn.notify_shutdown();
    conn.close_connection(ErrorCode::kNoError, bytes_of("bye"));
    server.drain();
    conn.terminate(ErrorCode::kInternalError, bytes_of("at once"));
    server.drain().end();
    until_end = sink.capture;
  }
  return end ? sink.capture : until_end;
}

TEST(Recorder, EveryKindOfCallIsReplayed) {
  const std::string capture = eventful_capture();
  std::set<RecordKind> kinds;
  for (const CapturedRecord& record : records_of(capture)) kinds.insert(record.kind);
  for (unsigned kind = 1; kind <= static_cast<unsigned>(kLastCall); ++kind) {
    if (kind == 6) kind = static_cast<unsigned>(kFirstCall);
    EXPECT_TRUE(kinds.contains(static_cast<RecordKind>(kind)))
        << to_string(static_cast<RecordKind>(kind)) << " is not called by this test";
  }
  const ReplayReport report = replay(capture);
  EXPECT_EQ(report.outcome, Outcome::kIdentical) << report.message();
  EXPECT_TRUE(report.complete);
  EXPECT_GT(report.bytes_in, 100U);
  EXPECT_GT(report.bytes_out, 2'000U);
  EXPECT_GT(report.events, 10U);
  EXPECT_THAT(report.message(), HasSubstr(": identical"));
}

TEST(Recorder, EveryKindHasANameAndOthersHaveNot) {
  std::set<std::string_view> names;
  for (unsigned kind = 0; kind < 256; ++kind) {
    const auto value = static_cast<RecordKind>(kind);
    const bool known = is_call(value) || (kind >= 1 && kind <= 5);
    EXPECT_EQ(to_string(value) != "unknown", known) << kind;
    if (known) {
      EXPECT_TRUE(names.insert(to_string(value)).second) << kind;
    }
  }
}

TEST(Recorder, BothEndsOfALinkAreReplayed) {
  StringSink at_client;
  StringSink at_server;
  {
    Connection client(Role::kClient, recorded(Config::client(), at_client), Time{});
    Connection server(Role::kServer, recorded(Config::server(), at_server), Time{});
    testing::LinkOptions options;
    options.round_trip = milliseconds(20);
    options.chunks = testing::Chunks::random(11, 3'000);
    testing::Link link(client, server, options);
    const std::string body(300'000, 'x');
    link.on_server_event([&](Connection& conn, const Event& event) {
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        ASSERT_TRUE(conn.send_headers(request->stream_id, views_of(response_fields(200)), kNo));
        ASSERT_TRUE(conn.send_data(request->stream_id, bytes_of(body), kYes));
      }
    });
    link.on_client_event([](Connection& conn, const Event& event) {
      if (const auto* data = std::get_if<DataReceived>(&event)) {
        ASSERT_TRUE(conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                                   data->stream_id));
      }
    });
    for (const std::uint32_t id : {1U, 3U, 5U})
      ASSERT_TRUE(client.send_headers(StreamId{id}, views_of(get()), kYes));
    ASSERT_TRUE(link.run_until_idle());
  }
  for (const std::string& capture : {at_client.capture, at_server.capture}) {
    const ReplayReport report = replay(capture);
    EXPECT_EQ(report.outcome, Outcome::kIdentical) << report.message();
    EXPECT_TRUE(report.complete);
    EXPECT_GT(report.calls, 100U);
  }
  EXPECT_GT(replay(at_server.capture).bytes_out, 900'000U);
  EXPECT_EQ(replay(at_client.capture).bytes_in, replay(at_server.capture).bytes_out);
}

TEST(Recorder, AllValuesOfTheConfigAreRecorded) {
  Config config = Config::client();
  std::uint32_t next = 20'001;
  std::set<unsigned> numbers;
  visit_config(config, [&](unsigned number, std::string_view, auto& member) {
    using T = std::decay_t<decltype(member)>;
    if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
      member = static_cast<T>(static_cast<int>(member) == 0);
    } else {
      member = next++;
    }
    EXPECT_TRUE(numbers.insert(number).second) << number;
  });
  config.memory_limit = 1U << 20;
  StringSink sink;
  { const Connection conn(Role::kClient, recorded(config, sink), Time{}); }
  std::string problem;
  const auto call = testing::decode_call(records_of(sink.capture).front(), problem);
  ASSERT_TRUE(call) << problem;
  std::vector<std::uint64_t> expected;
  std::vector<std::uint64_t> read;
  visit_config(config, [&](unsigned, std::string_view, auto& member) {
    expected.push_back(static_cast<std::uint64_t>(member));
  });
  visit_config(call->config, [&](unsigned, std::string_view, auto& member) {
    read.push_back(static_cast<std::uint64_t>(member));
  });
  EXPECT_EQ(read, expected);
}

TEST(Recorder, WithoutASinkNothingIsDifferent) {
  const auto output = [](RecordSink* sink) {
    Config config;
    config.record = sink;
    Driven server(Role::kServer, config);
    start(server);
    server.feed(FrameScript().headers(1, get(), kEnd));
    EXPECT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
    return server.drain().out + server.text();
  };
  StringSink sink;
  EXPECT_EQ(output(nullptr), output(&sink));
}

TEST(Recorder, RefusedMemoryIsNoTrouble) {
  for (int allowed = 0; allowed < 40; ++allowed) {
    StringSink sink;
    Config config;
    config.record = &sink;
    class Refusing final : public MemoryResource {
     public:
      explicit Refusing(int left) : left_(left) {}
      void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
        return left_-- > 0 ? default_memory().allocate(bytes, alignment) : nullptr;
      }
      void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept override {
        default_memory().deallocate(memory, bytes, alignment);
      }

     private:
      int left_;
    } memory(allowed);
    config.memory = &memory;
    {
      Driven server(Role::kServer, config);
      server.feed(FrameScript().client_start().headers(1, get(), kEnd));
      (void)server.send(1, response_fields(200), kYes);
      server.drain();
    }
    EXPECT_EQ(records_of(sink.capture).front().kind, RecordKind::kBegin);
  }
}

TEST(Replay, AChangedByteOfTheInputIsFound) {
  const std::string capture = eventful_capture();
  // A byte of the path "/one", received in clear.
  std::string changed = capture;
  changed[changed.find("/one")] = 'O';
  const ReplayReport report = replay(changed);
  EXPECT_EQ(report.outcome, Outcome::kDifferent) << report.message();
  EXPECT_THAT(report.message(), HasSubstr("receive_data"));
}

TEST(Replay, AChangedByteOfTheOutputIsFoundAndShown) {
  std::string capture = eventful_capture();
  for (const CapturedRecord& record : records_of(capture)) {
    const auto at = as_string_view(record.payload).find("copied");
    if (record.kind != RecordKind::kMarkSent || at == std::string_view::npos) continue;
    const auto offset =
        static_cast<std::size_t>(record.payload.data() + at - bytes_of(capture).data());
    capture[offset] = 'K';
    const ReplayReport report = replay(capture);
    EXPECT_EQ(report.outcome, Outcome::kDifferent);
    EXPECT_EQ(report.record, record.number);
    EXPECT_EQ(report.offset, record.offset);
    EXPECT_THAT(report.recorded, HasSubstr("4b6f70696564"));  // "Kopied"
    EXPECT_THAT(report.came, HasSubstr("636f70696564"));
    return;
  }
  FAIL() << "the output is not in the capture";
}

TEST(Replay, AChangedResultIsFound) {
  const std::string capture = eventful_capture();
  std::size_t found = 0;
  std::size_t results = 0;
  for (const CapturedRecord& record : records_of(capture)) {
    if (record.kind != RecordKind::kResult || record.payload.empty()) continue;
    ++results;
    std::string changed = capture;
    const auto last = static_cast<std::size_t>(record.payload.data() - bytes_of(capture).data()) +
                      record.payload.size() - 1;
    changed[last] = static_cast<char>(changed[last] ^ 1);
    if (replay(changed).outcome != Outcome::kIdentical) ++found;
  }
  EXPECT_GT(results, 20U);
  EXPECT_EQ(found, results);
}

TEST(Replay, ACaptureWithoutItsEndRunsAsFarAsItGoes) {
  const std::string whole = eventful_capture();
  const std::string capture = eventful_capture(false);
  EXPECT_EQ(whole.substr(0, capture.size()), capture);
  const ReplayReport report = replay(capture);
  EXPECT_EQ(report.outcome, Outcome::kIdentical) << report.message();
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.offset, capture.size());
  EXPECT_EQ(report.calls, replay(whole).calls);
}

TEST(Replay, EveryTruncationRunsAsFarAsItGoes) {
  const std::string capture = eventful_capture();
  std::uint64_t calls = 0;
  for (std::size_t size = 0; size < capture.size(); ++size) {
    const ReplayReport report = replay(std::string_view(capture).substr(0, size));
    EXPECT_FALSE(report.complete);
    if (size < kRecordMagic.size()) {
      EXPECT_EQ(report.outcome, Outcome::kCorrupt) << size;
    } else {
      EXPECT_EQ(report.outcome, Outcome::kIdentical) << size << ": " << report.message();
      EXPECT_LE(report.offset, size);
      EXPECT_GE(report.calls, calls);
      calls = report.calls;
    }
  }
}

TEST(Replay, CorruptCapturesNeverCrash) {
  const std::string capture = eventful_capture();
  testing::Random random(42);
  std::size_t different = 0;
  std::size_t corrupt = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = capture;
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const std::size_t at = random.below(changed.size());
      switch (random.below(4)) {
        case 0:
          changed[at] = static_cast<char>(random.next());
          break;
        case 1:
          changed[at] = static_cast<char>(changed[at] ^ (1 << random.below(8)));
          break;
        case 2:
          changed.erase(at, 1 + random.below(20));
          break;
        default:
          changed.insert(at, changed.substr(random.below(changed.size()), random.below(40)));
      }
    }
    const ReplayReport report = replay(changed);
    EXPECT_LE(report.offset, changed.size());
    EXPECT_FALSE(report.message().empty());
    different += report.outcome == Outcome::kDifferent ? 1 : 0;
    corrupt += report.outcome == Outcome::kCorrupt ? 1 : 0;
  }
  EXPECT_GT(different, 100U);
  EXPECT_GT(corrupt, 100U);
}

TEST(Replay, WhatIsNoCaptureIsNamed) {
  EXPECT_THAT(replay("").message(), HasSubstr("not a capture"));
  EXPECT_THAT(replay("PRI * HTTP/2.0").message(), HasSubstr("not a capture"));
  EXPECT_THAT(replay("h2cpp-record 2\n").message(), HasSubstr("version"));
  const std::string magic(kRecordMagic);
  EXPECT_THAT(replay(magic + '\x7f' + '\0').message(), HasSubstr("no record of kind 127"));
  EXPECT_THAT(replay(magic + '\x12' + std::string(1, '\0')).message(), HasSubstr("does not begin"));
  std::string capture = eventful_capture();
  EXPECT_THAT(replay(capture + "x").message(),
              HasSubstr("corrupt at byte " + std::to_string(capture.size())));
}

TEST(Replay, UnknownMembersOfTheConfigArePassedOver) {
  StringSink sink;
  { const Connection conn(Role::kClient, recorded(Config::client(), sink), Time{}); }
  std::string capture = sink.capture;
  const CapturedRecord begin = records_of(capture).front();
  // Number 1000, value 1, at the end of the payload, whose length is one byte.
  ASSERT_LE(begin.payload.size(), 124U);
  capture.insert(begin.offset + 2 + begin.payload.size(), "\xe8\x07\x01");
  capture[begin.offset + 1] = static_cast<char>(begin.payload.size() + 3);
  EXPECT_EQ(replay(capture).outcome, Outcome::kIdentical) << replay(capture).message();
}

TEST(Replay, CallsAreToldWithTheirConnection) {
  const std::string capture = eventful_capture();
  std::uint64_t seen = 0;
  std::size_t most_streams = 0;
  testing::ReplayOptions options;
  options.after_call = [&](const CapturedCall& call, const Connection& conn) {
    if (is_call(call.kind)) ++seen;
    most_streams = std::max(most_streams, conn.streams({}));
  };
  const ReplayReport report = testing::replay(bytes_of(capture), options);
  EXPECT_EQ(seen, report.calls);
  EXPECT_GE(most_streams, 3U);
}

TEST(Streams, AreThoseThatAreThere) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kMaxConcurrentStreams, 2}});
  for (const std::uint32_t id : {1U, 3U, 5U}) ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
  StreamId ids[8];
  ASSERT_EQ(client.conn.streams(ids), 3U) << "one of them is queued";
  EXPECT_THAT((std::set<StreamId>{ids[0], ids[1], ids[2]}),
              ::testing::ElementsAre(StreamId{1}, StreamId{3}, StreamId{5}));
  client.drain().feed(FrameScript().headers(1, response_fields(204), kEnd));
  EXPECT_EQ(client.conn.streams(std::span(ids).first(1)), 2U) << "counts beyond its room";
  EXPECT_NE(ids[0], StreamId{1});
}

}  // namespace
}  // namespace h2::tests
