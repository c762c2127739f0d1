// Every way in which a stream can end, and what its StreamReset says of it: by whom, with which
// code, for which cause, and whether the request was processed (RFC 9113 §8.7). One row each.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "h2core/body_source.h"
#include "tests/support/counting_memory.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};

// The 14 codes of RFC 9113 §7, and one that nobody knows.
constexpr std::uint32_t kCodes = 14;
constexpr std::array<std::uint32_t, kCodes + 1> kEveryCode{0, 1, 2,  3,  4,  5,  6,     7,
                                                           8, 9, 10, 11, 12, 13, 0xabcd};

// What a StreamReset says, without views.
struct Ending {
  std::uint32_t stream;
  ResetBy by;
  ErrorCode code;
  Errc cause;
  Processed processed;
  friend bool operator==(const Ending&, const Ending&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Ending& e) {
    return out << to_string(
               Event{StreamReset{StreamId{e.stream}, e.by, e.code, e.cause, e.processed}});
  }
};

// How far the request on stream 1 is when the end comes.
enum class Stage {
  kQueued,       // over the peer's stream limit
  kInOutput,     // its HEADERS were put into the output; nothing was written
  kOneMissing,   // all of its HEADERS were written but the last byte
  kSent,         // all of its HEADERS were written
  kInformed,     // and a 1xx response has come
  kAnswered,     // the final response's header section has come
  kAnsweredAll,  // the final response has come whole; the request's body goes on
};

constexpr Stage kEveryStage[] = {Stage::kQueued,     Stage::kInOutput, Stage::kOneMissing,
                                 Stage::kSent,       Stage::kInformed, Stage::kAnswered,
                                 Stage::kAnsweredAll};

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::kQueued:
      return "queued";
    case Stage::kInOutput:
      return "in the output";
    case Stage::kOneMissing:
      return "written but one byte";
    case Stage::kSent:
      return "sent";
    case Stage::kInformed:
      return "1xx received";
    case Stage::kAnswered:
      return "response begun";
    case Stage::kAnsweredAll:
      return "response complete";
  }
  return "?";
}

std::size_t output_size(Connection& conn) {
  std::size_t n = 0;
  for (const Bytes piece : conn.data_to_send()) n += piece.size();
  return n;
}

// A connection whose ends of streams are kept.
class Watched {
 public:
  explicit Watched(Role role, Config config = {}) : driven(role, config) {
    driven.on_event = [this](Connection&, const Event& event) {
      if (const auto* reset = std::get_if<StreamReset>(&event)) {
        ends.push_back(
            {reset->stream_id.value, reset->by, reset->error_code, reset->cause, reset->processed});
      }
    };
  }
  Driven driven;
  std::vector<Ending> ends;
};

// A client with one request (POST, its body still to come) on stream 1.
void bring_to(Watched& client, Stage stage) {
  Driven& d = client.driven;
  start(d, {{SettingCode::kMaxConcurrentStreams, stage == Stage::kQueued ? 0U : 100U}});
  ASSERT_EQ(d.send(1, post("/", {{"x-some", "thing"}})), Errc::kNone);
  if (stage <= Stage::kInOutput) return;
  if (stage == Stage::kOneMissing) return d.conn.mark_sent(output_size(d.conn) - 1);
  d.drain();
  if (stage == Stage::kInformed) d.feed(FrameScript().headers(1, response_fields(103)));
  if (stage == Stage::kAnswered) d.feed(FrameScript().headers(1, response_fields(200)));
  if (stage == Stage::kAnsweredAll) d.feed(FrameScript().headers(1, response_fields(200), kEnd));
  ASSERT_TRUE(client.ends.empty());
}

class BadSource final : public BodySource {
 public:
  Read read(std::span<std::uint8_t>) noexcept override { return {0, State::kError}; }
};

// ---- RST_STREAM --------------------------------------------------------------------------------

TEST(ProcessedAfterRst, IsAsTheCodeAndTheResponseSayForEveryCode) {
  for (const std::uint32_t number : kEveryCode) {
    const auto code = static_cast<ErrorCode>(number);
    const bool refused = code == ErrorCode::kRefusedStream;
    const Errc cause = refused ? Errc::kRefusedByPeer : Errc::kResetByPeer;
    const Processed unanswered = refused ? Processed::kNo : Processed::kUnknown;
    struct Row {
      Stage stage;
      std::optional<Ending> end;
    };
    const Row rows[] = {
        // For the peer a queued request is an idle stream (RFC 9113 §5.1).
        {Stage::kQueued, Ending{1, ResetBy::kConnection, ErrorCode::kProtocolError,
                                Errc::kFrameOnIdleStream, Processed::kNo}},
        // It may have been written already, and its mark_sent still to come.
        {Stage::kInOutput, Ending{1, ResetBy::kPeer, code, cause, unanswered}},
        {Stage::kOneMissing, Ending{1, ResetBy::kPeer, code, cause, unanswered}},
        {Stage::kSent, Ending{1, ResetBy::kPeer, code, cause, unanswered}},
        {Stage::kInformed, Ending{1, ResetBy::kPeer, code, cause, unanswered}},
        // REFUSED_STREAM after a response breaks RFC 9113 §8.7: the response is what counts.
        {Stage::kAnswered, Ending{1, ResetBy::kPeer, code, cause, Processed::kYes}},
        // NO_ERROR after a whole response only stops the request (RFC 9113 §8.1).
        {Stage::kAnsweredAll,
         code == ErrorCode::kNoError
             ? std::optional<Ending>{}
             : std::optional<Ending>{{1, ResetBy::kPeer, code, cause, Processed::kYes}}},
    };
    static_assert(std::size(rows) == std::size(kEveryStage));
    for (const Row& row : rows) {
      SCOPED_TRACE(std::string(name_of(row.stage)) + ", code " + std::to_string(number));
      Watched client(Role::kClient, Config::client());
      ASSERT_NO_FATAL_FAILURE(bring_to(client, row.stage));
      client.driven.feed(FrameScript().rst(1, code));
      const std::vector<Ending> expected =
          row.end ? std::vector<Ending>{*row.end} : std::vector<Ending>{};
      EXPECT_EQ(client.ends, expected);
    }
  }
}

TEST(ProcessedAfterRst, DataThatWasReceivedOutweighsRefusedStream) {
  Watched client(Role::kClient, Config::client());
  ASSERT_NO_FATAL_FAILURE(bring_to(client, Stage::kAnswered));
  client.driven.feed(FrameScript().data(1, "some").rst(1, ErrorCode::kRefusedStream));
  EXPECT_EQ(client.ends, (std::vector<Ending>{{1, ResetBy::kPeer, ErrorCode::kRefusedStream,
                                               Errc::kRefusedByPeer, Processed::kYes}}));
}

TEST(ProcessedAfterRst, OfOurOwnIsNotReported) {
  for (const Stage stage : kEveryStage) {
    Watched client(Role::kClient, Config::client());
    ASSERT_NO_FATAL_FAILURE(bring_to(client, stage));
    ASSERT_TRUE(client.driven.conn.reset_stream(kOne));
    client.driven.drain().end();
    EXPECT_TRUE(client.ends.empty()) << name_of(stage);
  }
}

// ---- GOAWAY ------------------------------------------------------------------------------------

// Requests 1, 3 and 5 are sent, 7 is queued.
void send_four(Watched& client) {
  start(client.driven, {{SettingCode::kMaxConcurrentStreams, 3}});
  for (const std::uint32_t id : {1U, 3U, 5U, 7U}) {
    ASSERT_EQ(client.driven.send(id, get(), kYes), Errc::kNone);
  }
  client.driven.drain();
}

Ending gone(std::uint32_t stream, Processed processed = Processed::kNo) {
  return {stream, ResetBy::kGoAway, ErrorCode::kRefusedStream, Errc::kRefusedByPeer, processed};
}

TEST(ProcessedAfterGoAway, IsNoAboveTheLastStreamForEveryCode) {
  struct Row {
    std::uint32_t last;
    std::vector<Ending> ends;
  };
  const Row rows[] = {
      {0, {gone(1), gone(3), gone(5), gone(7)}},
      {1, {gone(3), gone(5), gone(7)}},
      {2, {gone(3), gone(5), gone(7)}},
      {3, {gone(5), gone(7)}},
      {5, {gone(7)}},
      {7, {gone(7)}},  // queued: the peer cannot mean it
      {StreamId::kMax, {gone(7)}},
  };
  for (const std::uint32_t code : kEveryCode) {
    for (const Row& row : rows) {
      SCOPED_TRACE("last " + std::to_string(row.last) + ", code " + std::to_string(code));
      Watched client(Role::kClient, Config::client());
      ASSERT_NO_FATAL_FAILURE(send_four(client));
      client.driven.feed(FrameScript().goaway(row.last, static_cast<ErrorCode>(code)));
      EXPECT_EQ(client.ends, row.ends);
    }
  }
}

TEST(ProcessedAfterGoAway, FollowsASecondOneThatLowersTheLastStream) {
  Watched client(Role::kClient, Config::client());
  ASSERT_NO_FATAL_FAILURE(send_four(client));
  client.driven.feed(FrameScript().goaway(StreamId::kMax));
  EXPECT_EQ(client.ends, (std::vector<Ending>{gone(7)}));
  client.driven.feed(FrameScript().goaway(3));
  EXPECT_EQ(client.ends, (std::vector<Ending>{gone(7), gone(5)}));
  client.driven.feed(FrameScript().goaway(1, ErrorCode::kInternalError));
  EXPECT_EQ(client.ends, (std::vector<Ending>{gone(7), gone(5), gone(3)}));
  // What is within the last stream may have been processed, or not.
  client.driven.end();
  EXPECT_EQ(client.ends.back(), (Ending{1, ResetBy::kConnection, ErrorCode::kNoError,
                                        Errc::kConnectionLost, Processed::kUnknown}));
  EXPECT_EQ(client.ends.size(), 4U);
}

TEST(ProcessedAfterGoAway, OneThatRaisesTheLastStreamEndsTheConnectionAndProvesNothing) {
  Watched client(Role::kClient, Config::client());
  ASSERT_NO_FATAL_FAILURE(send_four(client));
  client.driven.feed(FrameScript().goaway(1).goaway(3));
  EXPECT_EQ(client.ends,
            (std::vector<Ending>{gone(3),
                                 gone(5),
                                 gone(7),
                                 {1, ResetBy::kConnection, ErrorCode::kProtocolError,
                                  Errc::kGoAwayLastStreamRaised, Processed::kUnknown}}));
}

TEST(ProcessedAfterGoAway, IsYesOnAStreamWhoseResponseHadBegun) {
  Watched client(Role::kClient, Config::client());
  ASSERT_NO_FATAL_FAILURE(send_four(client));
  client.driven.feed(
      FrameScript().headers(1, response_fields(103)).headers(5, response_fields(200)).goaway(0));
  EXPECT_EQ(client.ends,
            (std::vector<Ending>{gone(1), gone(3), gone(5, Processed::kYes), gone(7)}));
}

// ---- the connection ----------------------------------------------------------------------------

struct ConnectionRow {
  const char* name;
  std::function<void(Driven&)> act;
  ErrorCode code;
  Errc cause;
  // Of a request that is queued, in the output or written but one byte, written whole, answered.
  Processed queued;
  Processed unwritten;
  Processed written;
  Processed answered;
};

TEST(ProcessedAfterTheConnectionsEnd, IsAsFarAsTheRequestCame) {
  constexpr Processed no = Processed::kNo;
  constexpr Processed yes = Processed::kYes;
  constexpr Processed unknown = Processed::kUnknown;
  const ConnectionRow rows[] = {
      // The byte stream is gone, and with it what was not written.
      {"lost", [](Driven& d) { d.end(); }, ErrorCode::kNoError, Errc::kConnectionLost, no, no,
       unknown, yes},
      {"lost in a frame",
       [](Driven& d) {
         d.feed(bytes_of(FrameScript().ping().str()).first(12));
         d.end();
       },
       ErrorCode::kNoError, Errc::kLostInFrame, no, no, unknown, yes},
      {"lost after a GOAWAY that spares the stream",
       [](Driven& d) {
         // A queued request does not outlive it; see IsNoAboveTheLastStreamForEveryCode.
         if (d.conn.stream_counts().queued == 0) d.feed(FrameScript().goaway(1));
         d.end();
       },
       ErrorCode::kNoError, Errc::kConnectionLost, no, no, unknown, yes},
      {"lost after a GOAWAY of ours",
       [](Driven& d) {
         if (d.conn.stream_counts().queued == 0) d.conn.close_connection();
         d.end();
       },
       ErrorCode::kNoError, Errc::kConnectionLost, no, no, unknown, yes},
      // After an error of ours, what is in the output still goes out, GOAWAY behind it.
      {"the peer's error", [](Driven& d) { d.feed(FrameScript().window_update(0, 0)); },
       ErrorCode::kProtocolError, Errc::kWindowIncrementZero, no, unknown, unknown, yes},
      {"a field block that does not decode",
       [](Driven& d) { d.feed(FrameScript().headers_block(1, "\x80", kEnd)); },
       ErrorCode::kCompressionError, Errc::kCompressionFailed, no, unknown, unknown, yes},
      {"abuse",
       [](Driven& d) {
         FrameScript flood;
         flood.repeat(3'000, FrameScript().frame(0xfe, 0, 0, {}));
         d.feed(flood);
       },
       ErrorCode::kEnhanceYourCalm, Errc::kAbuse, no, unknown, unknown, yes},
      {"settings timeout",
       [](Driven& d) {
         ASSERT_TRUE(d.conn.update_settings({}, d.now));
         d.wait(seconds(3'600));
       },
       ErrorCode::kSettingsTimeout, Errc::kSettingsTimeout, no, unknown, unknown, yes},
      {"terminate", [](Driven& d) { d.conn.terminate(ErrorCode::kInternalError); },
       ErrorCode::kInternalError, Errc::kConnectionClosed, no, unknown, unknown, yes},
      {"terminate, and then lost",
       [](Driven& d) {
         d.conn.terminate(ErrorCode::kNoError);
         d.end();
       },
       ErrorCode::kNoError, Errc::kConnectionClosed, no, unknown, unknown, yes},
  };
  for (const ConnectionRow& row : rows) {
    for (const Stage stage : kEveryStage) {
      // The field block of "does not decode" would be on an idle stream, or on one that has ended.
      const bool decodes = row.cause != Errc::kCompressionFailed;
      if (!decodes && (stage == Stage::kQueued || stage == Stage::kAnsweredAll)) continue;
      SCOPED_TRACE(std::string(row.name) + ", " + name_of(stage));
      Watched client(Role::kClient, Config::client());
      ASSERT_NO_FATAL_FAILURE(bring_to(client, stage));
      row.act(client.driven);
      Processed expected = row.written;
      if (stage == Stage::kQueued) expected = row.queued;
      if (stage == Stage::kInOutput || stage == Stage::kOneMissing) expected = row.unwritten;
      if (stage >= Stage::kAnswered) expected = row.answered;
      client.driven.drain();
      EXPECT_EQ(client.ends,
                (std::vector<Ending>{{1, ResetBy::kConnection, row.code, row.cause, expected}}));
    }
  }
}

TEST(ProcessedAfterTheConnectionsEnd, IsNoOfRequestsThatCloseConnectionFindsQueued) {
  Watched client(Role::kClient, Config::client());
  start(client.driven, {{SettingCode::kMaxConcurrentStreams, 1}});
  for (const std::uint32_t id : {1U, 3U, 5U}) {
    ASSERT_EQ(client.driven.send(id, get(), kYes), Errc::kNone);
  }
  client.driven.conn.close_connection(ErrorCode::kEnhanceYourCalm);
  client.driven.drain();
  const auto dropped = [](std::uint32_t id) {
    return Ending{id, ResetBy::kConnection, ErrorCode::kEnhanceYourCalm, Errc::kConnectionClosed,
                  Processed::kNo};
  };
  EXPECT_EQ(client.ends, (std::vector<Ending>{dropped(3), dropped(5)}));
  client.driven.end();
  EXPECT_EQ(client.ends.size(), 3U);
  EXPECT_EQ(client.ends.back(), (Ending{1, ResetBy::kConnection, ErrorCode::kNoError,
                                        Errc::kConnectionLost, Processed::kUnknown}));
}

// At each number of bytes written: only a field section that went out whole can have been acted on.
TEST(ProcessedAfterTheConnectionsEnd, TurnsAtTheLastByteOfTheFieldSection) {
  // The large one takes CONTINUATION frames; the queued one is encoded when its turn comes.
  for (const std::size_t value : {std::size_t{5}, std::size_t{40'000}}) {
    for (const bool was_queued : {false, true}) {
      const auto begin = [&](Watched& client) {
        start(client.driven, {{SettingCode::kMaxConcurrentStreams, was_queued ? 1U : 100U}});
        if (was_queued) {
          ASSERT_EQ(client.driven.send(1, get(), kYes), Errc::kNone);
          client.driven.drain();
        }
        const std::uint32_t id = was_queued ? 3 : 1;
        ASSERT_EQ(client.driven.send(id, post("/", {{"x", std::string(value, '~')}})), Errc::kNone);
        ASSERT_TRUE(client.driven.conn.send_data_copy(StreamId{id}, bytes_of("a body"), kYes));
        if (was_queued) {
          client.driven.feed(FrameScript().headers(1, response_fields(200), kEnd));
        }
      };
      Watched probe(Role::kClient, Config::client());
      ASSERT_NO_FATAL_FAILURE(begin(probe));
      const std::size_t all = output_size(probe.driven.conn);
      const std::size_t head = all - kFrameHeaderSize - 6;
      const std::size_t step = value < 100 ? 1 : 997;
      std::vector<std::size_t> marks{head - 1, head, head + 1, all};
      for (std::size_t n = 0; n < all; n += step) marks.push_back(n);
      for (const std::size_t n : marks) {
        SCOPED_TRACE(std::to_string(n) + " of " + std::to_string(all) +
                     (was_queued ? ", queued before" : ""));
        Watched client(Role::kClient, Config::client());
        ASSERT_NO_FATAL_FAILURE(begin(client));
        ASSERT_EQ(output_size(client.driven.conn), all);
        client.driven.conn.mark_sent(n);
        client.driven.end();
        ASSERT_EQ(client.ends.size(), 1U);
        EXPECT_EQ(client.ends[0].processed, n < head ? Processed::kNo : Processed::kUnknown);
      }
    }
  }
}

TEST(ProcessedAfterTheConnectionsEnd, WithoutMemoryIsUnknownOfWhatWasSent) {
  CountingMemory memory;
  Config config = Config::client();
  config.memory = &memory;
  {
    Watched client(Role::kClient, config);
    ASSERT_NO_FATAL_FAILURE(send_four(client));
    client.driven.feed(FrameScript().headers(3, response_fields(200)));
    memory.fail_at = memory.allocations + 1;
    memory.fail_after = true;
    FrameScript large;
    for (std::uint32_t i = 0; i < 200; ++i) large.data(3, std::string(5'000, 'd'));
    // Cut into pieces that have to be carried over, which takes memory.
    client.driven.feed(large.bytes().first(4'000));
    const auto end = [](std::uint32_t id, Processed processed) {
      return Ending{id, ResetBy::kConnection, ErrorCode::kInternalError, Errc::kOutOfMemory,
                    processed};
    };
    ASSERT_FALSE(client.ends.empty());
    for (const Ending& e : client.ends) {
      EXPECT_EQ(e, end(e.stream, e.stream == 7   ? Processed::kNo
                                 : e.stream == 3 ? Processed::kYes
                                                 : Processed::kUnknown));
    }
  }
  EXPECT_EQ(memory.in_use, 0U);
}

// ---- stream errors that we raise ---------------------------------------------------------------

TEST(ProcessedAfterAnErrorOfThePeers, IsYesOnlyWhenAValidResponseHadBegun) {
  struct Row {
    const char* name;
    Stage stage;
    FrameScript input;
    ErrorCode code;
    Errc cause;
    Processed processed;
  };
  const Row rows[] = {
      {"a response with a bad name", Stage::kSent,
       FrameScript().headers(1, response_fields(200, {{"Bad", "x"}})), ErrorCode::kProtocolError,
       Errc::kFieldNameInvalid, Processed::kUnknown},
      {"a response without a status", Stage::kSent, FrameScript().headers(1, {{"x", "y"}}),
       ErrorCode::kProtocolError, Errc::kPseudoFieldMissing, Processed::kUnknown},
      {"status 101", Stage::kSent, FrameScript().headers(1, response_fields(101)),
       ErrorCode::kProtocolError, Errc::kSwitchingProtocols, Processed::kUnknown},
      {"a 1xx response that ends the stream", Stage::kInformed,
       FrameScript().headers(1, response_fields(100), kEnd), ErrorCode::kProtocolError,
       Errc::kInformationalEndsStream, Processed::kUnknown},
      {"too many 1xx responses", Stage::kInformed,
       FrameScript().repeat(40, FrameScript().headers(1, response_fields(102))),
       ErrorCode::kEnhanceYourCalm, Errc::kTooManyInformational, Processed::kUnknown},
      {"a body without a response", Stage::kSent, FrameScript().data(1, "x"),
       ErrorCode::kProtocolError, Errc::kDataBeforeHeaders, Processed::kUnknown},
      {"a window that grows by nothing", Stage::kSent, FrameScript().window_update(1, 0),
       ErrorCode::kProtocolError, Errc::kWindowIncrementZero, Processed::kUnknown},
      {"a window that grows too large", Stage::kInformed,
       FrameScript().window_update(1, kMaxWindowSize), ErrorCode::kFlowControlError,
       Errc::kWindowOverflow, Processed::kUnknown},
      {"the same after the response", Stage::kAnswered,
       FrameScript().window_update(1, kMaxWindowSize), ErrorCode::kFlowControlError,
       Errc::kWindowOverflow, Processed::kYes},
      {"the same after all of the response", Stage::kAnsweredAll,
       FrameScript().window_update(1, kMaxWindowSize), ErrorCode::kFlowControlError,
       Errc::kWindowOverflow, Processed::kYes},
      {"a frame after the end", Stage::kAnsweredAll, FrameScript().data(1, "x"),
       ErrorCode::kStreamClosed, Errc::kFrameOnHalfClosedStream, Processed::kYes},
      {"a body longer than announced", Stage::kSent,
       FrameScript().headers(1, response_fields(200, {{"content-length", "1"}})).data(1, "xy"),
       ErrorCode::kProtocolError, Errc::kContentLengthMismatch, Processed::kYes},
      {"no body where one was announced", Stage::kSent,
       FrameScript().headers(1, response_fields(200, {{"content-length", "1"}}), kEnd),
       ErrorCode::kProtocolError, Errc::kContentLengthMismatch, Processed::kYes},
      {"a body after 204", Stage::kSent,
       FrameScript().headers(1, response_fields(204)).data(1, "x"), ErrorCode::kProtocolError,
       Errc::kBodyNotAllowed, Processed::kYes},
      {"trailers that do not end the stream", Stage::kAnswered,
       FrameScript().headers(1, {{"x", "y"}}), ErrorCode::kProtocolError,
       Errc::kTrailersWithoutEndStream, Processed::kYes},
      {"trailers with a status", Stage::kAnswered,
       FrameScript().headers(1, response_fields(200), kEnd), ErrorCode::kProtocolError,
       Errc::kPseudoFieldInTrailers, Processed::kYes},
      {"more than the window", Stage::kAnswered,
       FrameScript().repeat(5, FrameScript().data(1, std::string(16'000, 'd'))),
       ErrorCode::kFlowControlError, Errc::kWindowExceeded, Processed::kYes},
      {"a section above our limit", Stage::kSent,
       FrameScript().headers_in_pieces(1, response_fields(200, {{"x", std::string(140'000, 'x')}}),
                                       kEnd, 16'000),
       ErrorCode::kEnhanceYourCalm, Errc::kHeaderListTooLarge, Processed::kUnknown},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Watched client(Role::kClient, Config::client());
    ASSERT_NO_FATAL_FAILURE(bring_to(client, row.stage));
    client.driven.feed(row.input);
    EXPECT_EQ(client.ends,
              (std::vector<Ending>{{1, ResetBy::kLocalError, row.code, row.cause, row.processed}}));
    EXPECT_FALSE(client.driven.conn.error());
  }
}

TEST(ProcessedAfterAFailureOfOurBody, IsYesOnlyWhenAResponseHadBegun) {
  struct Row {
    Stage stage;
    Processed processed;
  };
  for (const Row& row :
       {Row{Stage::kInOutput, Processed::kUnknown}, Row{Stage::kSent, Processed::kUnknown},
        Row{Stage::kInformed, Processed::kUnknown}, Row{Stage::kAnswered, Processed::kYes},
        Row{Stage::kAnsweredAll, Processed::kYes}}) {
    SCOPED_TRACE(name_of(row.stage));
    Watched client(Role::kClient, Config::client());
    ASSERT_NO_FATAL_FAILURE(bring_to(client, row.stage));
    BadSource source;
    ASSERT_TRUE(client.driven.conn.send_body(kOne, source, kYes));
    client.driven.drain();
    EXPECT_EQ(client.ends, (std::vector<Ending>{{1, ResetBy::kLocalError, ErrorCode::kInternalError,
                                                 Errc::kBodyFailed, row.processed}}));
  }
}

// ---- pushed streams ----------------------------------------------------------------------------

TEST(ProcessedOfAPushedStream, IsAsTheServerSays) {
  struct Row {
    const char* name;
    FrameScript input;
    ResetBy by;
    ErrorCode code;
    Errc cause;
    Processed processed;
  };
  const FrameScript answer = FrameScript().headers(2, response_fields(200));
  const Row rows[] = {
      {"cancelled", FrameScript().rst(2), ResetBy::kPeer, ErrorCode::kCancel, Errc::kResetByPeer,
       Processed::kUnknown},
      {"refused", FrameScript().rst(2, ErrorCode::kRefusedStream), ResetBy::kPeer,
       ErrorCode::kRefusedStream, Errc::kRefusedByPeer, Processed::kNo},
      {"cancelled after its response", FrameScript().repeat(1, answer).rst(2), ResetBy::kPeer,
       ErrorCode::kCancel, Errc::kResetByPeer, Processed::kYes},
      {"refused after its response",
       FrameScript().repeat(1, answer).rst(2, ErrorCode::kRefusedStream), ResetBy::kPeer,
       ErrorCode::kRefusedStream, Errc::kRefusedByPeer, Processed::kYes},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Config config = Config::client();
    config.enable_push = true;
    Watched client(Role::kClient, config);
    start(client.driven);
    ASSERT_EQ(client.driven.send(1, get(), kYes), Errc::kNone);
    client.driven.drain();
    client.driven.feed(FrameScript().push_promise(1, 2, get("/style")));
    client.driven.feed(row.input);
    EXPECT_EQ(client.ends, (std::vector<Ending>{{2, row.by, row.code, row.cause, row.processed}}));
  }
}

// ---- servers -----------------------------------------------------------------------------------

// What a server is told of a request: who ended it and why. Whether it was processed is for its
// application to know.
TEST(ProcessedInAServer, OfAClientsRequestIsUnknown) {
  struct Row {
    std::string name;
    std::function<void(Driven&)> act;
    ResetBy by;
    ErrorCode code;
    Errc cause;
  };
  std::vector<Row> rows{
      {"lost", [](Driven& d) { d.end(); }, ResetBy::kConnection, ErrorCode::kNoError,
       Errc::kConnectionLost},
      {"terminate", [](Driven& d) { d.conn.terminate(ErrorCode::kInternalError); },
       ResetBy::kConnection, ErrorCode::kInternalError, Errc::kConnectionClosed},
      {"the client's error", [](Driven& d) { d.feed(FrameScript().window_update(0, 0)); },
       ResetBy::kConnection, ErrorCode::kProtocolError, Errc::kWindowIncrementZero},
      {"the client's error on the stream",
       [](Driven& d) { d.feed(FrameScript().window_update(1, 0)); }, ResetBy::kLocalError,
       ErrorCode::kProtocolError, Errc::kWindowIncrementZero},
      {"malformed trailers",
       [](Driven& d) {
         d.feed(FrameScript().headers(1, {{"Bad", "x"}}, kEnd));
       },
       ResetBy::kLocalError, ErrorCode::kProtocolError, Errc::kFieldNameInvalid},
      {"our body's failure",
       [](Driven& d) {
         BadSource source;
         ASSERT_EQ(d.send(1, response_fields(200)), Errc::kNone);
         ASSERT_TRUE(d.conn.send_body(kOne, source, kYes));
         d.drain();
       },
       ResetBy::kLocalError, ErrorCode::kInternalError, Errc::kBodyFailed},
  };
  for (const std::uint32_t number : kEveryCode) {
    const auto code = static_cast<ErrorCode>(number);
    rows.push_back({"RST_STREAM " + std::to_string(number),
                    [code](Driven& d) { d.feed(FrameScript().rst(1, code)); }, ResetBy::kPeer, code,
                    code == ErrorCode::kRefusedStream ? Errc::kRefusedByPeer : Errc::kResetByPeer});
  }
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Watched server(Role::kServer, Config::server());
    start(server.driven);
    server.driven.feed(FrameScript().headers(1, post()));
    row.act(server.driven);
    server.driven.drain();
    EXPECT_EQ(server.ends,
              (std::vector<Ending>{{1, row.by, row.code, row.cause, Processed::kUnknown}}));
  }
}

TEST(ProcessedInAServer, OfARequestThatItWasNeverToldOfNothingIsSaid) {
  const FrameScript inputs[] = {
      FrameScript().headers(1, post("/", {{"Bad", "x"}})),
      FrameScript().headers_block(1, plain_block(get()), kOpen, false),
      FrameScript().headers(1, post("/", {{"content-length", "1"}}), kEnd),
  };
  for (const FrameScript& input : inputs) {
    Watched server(Role::kServer, Config::server());
    start(server.driven);
    server.driven.feed(input);
    server.driven.end();
    EXPECT_TRUE(server.ends.empty());
  }
}

TEST(ProcessedInAServer, OfAPushIsNoIfTheClientRefusesIt) {
  struct Row {
    FrameScript input;
    Ending end;
  };
  const Row rows[] = {
      {FrameScript().goaway(0), gone(2)},
      {FrameScript().rst(2, ErrorCode::kRefusedStream),
       {2, ResetBy::kPeer, ErrorCode::kRefusedStream, Errc::kRefusedByPeer, Processed::kNo}},
      {FrameScript().rst(2, ErrorCode::kCancel),
       {2, ResetBy::kPeer, ErrorCode::kCancel, Errc::kResetByPeer, Processed::kUnknown}},
  };
  for (const Row& row : rows) {
    Watched server(Role::kServer, Config::server());
    start(server.driven);
    server.driven.feed(FrameScript().headers(1, get(), kEnd));
    const Fields promised = get("/style");
    ASSERT_TRUE(server.driven.conn.push_stream(kOne, views_of(promised)));
    ASSERT_EQ(server.driven.send(2, response_fields(200)), Errc::kNone);
    server.driven.drain();
    server.driven.feed(row.input);
    EXPECT_EQ(server.ends, (std::vector<Ending>{row.end}));
  }
}

}  // namespace
}  // namespace h2::tests
