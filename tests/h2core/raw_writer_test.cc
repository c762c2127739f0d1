// The raw writer writes what it is told, right and wrong; and a Connection has its answer to it.
#include "h2core/testing/raw_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2core/frame_decoder.h"
#include "hpack/decoder.h"
#include "hpack/field_list.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::kReservedBit;
using h2::testing::literal_block;
using h2::testing::raw_integer;
using h2::testing::RawBlock;
using h2::testing::RawEncoder;
using h2::testing::RawPadding;
using h2::testing::RawPriority;
using h2::testing::RawWriter;

using namespace std::string_literals;

const std::vector<HeaderField> kGet{
    {":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}};

// The events and last frame that a fresh connection answers with.
struct Answer {
  std::string events;
  std::string last_frame;
};
Answer answer(Role role, const RawWriter& writer) {
  Driven d(role, role == Role::kServer ? Config::server() : Config::client());
  if (role == Role::kClient) {
    EXPECT_EQ(d.send(1, get(), EndStream::kYes), Errc::kNone);
  }
  d.drain().forget();
  d.feed(writer.bytes());
  d.drain();
  const WireOutput out = d.frames();
  return {d.text(), out.frames.empty() ? "" : to_string(out.frames.back())};
}

// ---- bytes -------------------------------------------------------------------------------------

TEST(RawWriter, WritesEveryPartOfAFrameAsTold) {
  RawWriter writer;
  writer.frame({0xab, 0xcd, 0x12345678U | kReservedBit, "payload", 0x010203});
  EXPECT_EQ(writer.str(), "\x01\x02\x03\xab\xcd\x92\x34\x56\x78payload"s);
  writer.clear().frame({0x0, 0x1, 5, "four"});
  EXPECT_EQ(writer.str(), "\0\0\4\0\1\0\0\0\5four"s);
  writer.clear().frame_header(0xffffff, 9, 0, 1);
  EXPECT_EQ(writer.str(), "\xff\xff\xff\x09\0\0\0\0\1"s);
}

TEST(RawWriter, WritesThePrefaceWholeOrCut) {
  EXPECT_EQ(RawWriter().preface().str(), kClientPreface);
  EXPECT_EQ(RawWriter().preface(5).str(), "PRI *");
  EXPECT_EQ(RawWriter().preface(0).str(), "");
}

TEST(RawWriter, WritesPaddingThatDoesNotSayWhatIsThere) {
  RawWriter writer;
  writer.data(1, "ab", false, RawPadding{2});
  EXPECT_EQ(writer.str(), "\0\0\5\0\x08\0\0\0\1\2ab\0\0"s);
  writer.clear().data(1, "ab", true, RawPadding{200, 1, 'x'});
  EXPECT_EQ(writer.str(), "\0\0\4\0\x09\0\0\0\1\xc8"s + "abx");
}

TEST(RawWriter, CutsABlockWhereItIsTold) {
  RawBlock how;
  how.pieces = {2, 0, 3};
  how.end_stream = true;
  how.padding = RawPadding{1};
  how.priority = RawPriority{kReservedBit | 7, 255};
  RawWriter writer;
  writer.headers(3, "blockbytes", how);
  const WireOutput out = read_frames(writer.str());
  ASSERT_EQ(out.frames.size(), 4U);
  EXPECT_EQ(out.frames[0].payload, "\1\x80\0\0\7\xff"s + "bl\0"s);
  EXPECT_EQ(out.frames[0].flags, kFlagEndStream | kFlagPadded | kFlagPriority);
  EXPECT_EQ(out.frames[1].payload, "");
  EXPECT_EQ(out.frames[2].payload, "ock");
  EXPECT_EQ(out.frames[3].payload, "bytes");
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_TRUE(out.frames[i].is(FrameType::kContinuation));
    EXPECT_EQ(out.frames[i].flags, i == 3 ? kFlagEndHeaders : 0);
  }
  // Pieces that use the block up leave no further frame; more pieces than block are empty ones.
  how = RawBlock{};
  how.pieces = {4, 6};
  EXPECT_EQ(read_frames(RawWriter().headers(1, "blockbytes", how).str()).frames.size(), 2U);
  how.pieces = {4, 6, 1, 1};
  EXPECT_EQ(read_frames(RawWriter().headers(1, "blockbytes", how).str()).frames.size(), 4U);
  how = RawBlock{};
  how.end_headers = false;
  EXPECT_EQ(read_frames(RawWriter().headers(1, "b", how).str()).frames[0].flags, 0);
  how.more_flags = 0xd2;
  EXPECT_EQ(read_frames(RawWriter().headers(1, "b", how).str()).frames[0].flags, 0xd2);
}

// What it writes of the lawful things is what the core's decoder reads.
TEST(RawWriter, WritesLawfulFramesThatTheDecoderReads) {
  RawWriter writer;
  RawBlock padded;
  padded.padding = RawPadding{9};
  padded.priority = RawPriority{3, 15};
  writer.data(1, "body", true, RawPadding{7})
      .headers(3, "block", padded)
      .priority(5, {kReservedBit | 1, 99})
      .rst_stream(7, ErrorCode::kRefusedStream)
      .settings({{0x4, 70'000}, {0xabcd, 1}})
      .settings_ack()
      .push_promise(1, 2, "promised")
      .ping("abcdefgh")
      .ping_ack()
      .goaway(9, ErrorCode::kEnhanceYourCalm, "why")
      .window_update(0, 123)
      .continuation(1, "more");
  Bytes rest = writer.bytes();
  std::vector<Frame> frames;
  while (!rest.empty()) {
    const FrameHeader header = read_frame_header(rest.first<kFrameHeaderSize>());
    const auto frame = decode_frame(header, rest.subspan(kFrameHeaderSize, header.length));
    ASSERT_TRUE(frame) << frames.size();
    frames.push_back(*frame);
    rest = rest.subspan(kFrameHeaderSize + header.length);
  }
  ASSERT_EQ(frames.size(), 12U);
  const auto& data = std::get<DataFrame>(frames[0]);
  EXPECT_EQ(view(data.data), "body");
  EXPECT_TRUE(data.end_stream);
  EXPECT_EQ(data.flow_controlled_length, 12U);
  const auto& headers = std::get<HeadersFrame>(frames[1]);
  EXPECT_EQ(view(headers.fragment), "block");
  EXPECT_TRUE(headers.end_headers);
  EXPECT_EQ(std::get<RstStreamFrame>(frames[3]).error_code, ErrorCode::kRefusedStream);
  EXPECT_EQ(std::get<SettingsFrame>(frames[4]).count(), 2U);
  EXPECT_TRUE(std::get<SettingsFrame>(frames[5]).ack);
  EXPECT_EQ(std::get<PushPromiseFrame>(frames[6]).promised_stream_id, StreamId{2});
  EXPECT_EQ(view(std::get<PushPromiseFrame>(frames[6]).fragment), "promised");
  EXPECT_FALSE(std::get<PingFrame>(frames[7]).ack);
  EXPECT_TRUE(std::get<PingFrame>(frames[8]).ack);
  EXPECT_EQ(view(std::get<GoAwayFrame>(frames[9]).additional_data), "why");
  EXPECT_EQ(std::get<WindowUpdateFrame>(frames[10]).increment, 123U);
  EXPECT_EQ(view(std::get<ContinuationFrame>(frames[11]).fragment), "more");
}

TEST(RawWriter, RepeatsAnotherAndItself) {
  RawWriter one;
  one.raw("ab");
  EXPECT_EQ(RawWriter().repeat(3, one).str(), "ababab");
  EXPECT_EQ(one.repeat(2, one).str(), "ababab");
  EXPECT_EQ(one.size(), 6U);
}

// ---- field blocks ------------------------------------------------------------------------------

std::vector<HeaderField> decoded(hpack::Decoder& decoder, hpack::FieldList& list,
                                 const std::string& block) {
  list.clear();
  EXPECT_TRUE(decoder.decode(bytes_of(block), hpack::EndOfBlock::kYes, list));
  std::vector<HeaderField> out;
  for (std::size_t i = 0; i < list.size(); ++i) out.push_back(list[i]);
  return out;
}

TEST(RawEncoder, KeepsItsTableFromBlockToBlock) {
  RawEncoder encoder;
  hpack::Decoder decoder({});
  hpack::FieldList list(default_memory());
  const std::vector<HeaderField> fields{
      {":status", "200"}, {"X-Upper", "a"}, {"x", "secret", true}};
  const std::string first = encoder.block(fields);
  const std::string second = encoder.block(fields);
  EXPECT_LT(second.size(), first.size());
  EXPECT_EQ(decoded(decoder, list, first), fields);
  EXPECT_EQ(decoded(decoder, list, second), fields);
  encoder.set_peer_max_table_size(0);
  const std::string third = encoder.block(fields);
  EXPECT_EQ(third[0], '\x20');
  EXPECT_EQ(decoded(decoder, list, third), fields);
}

TEST(LiteralBlock, SaysTheSameWhateverPrecedesIt) {
  hpack::Decoder decoder({});
  hpack::FieldList list(default_memory());
  const std::string long_value(300, 'v');
  const std::vector<HeaderField> same{{"name", long_value}, {"", ""}, {"x", "secret", true}};
  const std::string block = literal_block(same);
  EXPECT_EQ(literal_block(same), block);
  EXPECT_EQ(decoded(decoder, list, block), same);
  EXPECT_EQ(decoder.table().size(), 0U);
}

TEST(RawInteger, MayBeLongerThanItHasToBe) {
  EXPECT_EQ(raw_integer(0x80, 7, 126), "\xfe");
  EXPECT_EQ(raw_integer(0x80, 7, 127), "\xff\0"s);
  EXPECT_EQ(raw_integer(0, 5, 1337), "\x1f\x9a\x0a");  // RFC 7541 §C.1.2
  EXPECT_EQ(raw_integer(0, 8, 42), "\x2a");            // RFC 7541 §C.1.3
  EXPECT_EQ(raw_integer(0, 5, 1337, 1), "\x1f\x9a\x8a\0"s);
  EXPECT_EQ(raw_integer(0, 5, 1337, 3), "\x1f\x9a\x8a\x80\x80\0"s);
  EXPECT_EQ(raw_integer(0, 7, 0xffffffffffffffffU).size(), 11U);
}

// ---- against a Connection ----------------------------------------------------------------------

TEST(RawWriter, ProvokesTheAnswersThatRfc9113Names) {
  RawEncoder encoder;
  const std::string request = encoder.block(kGet);
  const RawWriter start = RawWriter().preface().settings({}).settings_ack();
  const auto with = [&](const RawWriter& more) { return RawWriter(start).raw(more.str()); };
  RawBlock open;
  open.end_headers = false;
  struct Row {
    const char* name;
    RawWriter input;
    const char* cause;
    const char* last_frame;
  };
  const Row rows[] = {
      {"an increment of 0", with(RawWriter().headers(1, request).window_update(1, 0)),
       "cause=window_increment_zero", "RST_STREAM stream=1 code=PROTOCOL_ERROR"},
      {"an increment of 0 under the reserved bit",
       with(RawWriter().headers(1, request).window_update(1, kReservedBit)),
       "cause=window_increment_zero", "RST_STREAM stream=1 code=PROTOCOL_ERROR"},
      {"a wrong preface", RawWriter().preface(10).raw("what is this?!"), "cause=bad_preface",
       "GOAWAY stream=0 last=0 code=PROTOCOL_ERROR"},
      {"padding longer than the frame",
       with(RawWriter().headers(1, request).data(1, "ab", false, RawPadding{200, 1})),
       "cause=padding_too_long", "GOAWAY stream=0 last=1 code=PROTOCOL_ERROR"},
      {"a PING of seven bytes", with(RawWriter().ping("1234567")), "cause=frame_size_wrong",
       "GOAWAY stream=0 last=0 code=FRAME_SIZE_ERROR"},
      {"a PING on a stream", with(RawWriter().frame({0x6, 0, 1, "12345678"})),
       "cause=frame_not_on_stream_zero", "GOAWAY stream=0 last=0 code=PROTOCOL_ERROR"},
      {"an acknowledgement with a payload", with(RawWriter().settings_ack("x")),
       "cause=frame_size_wrong", "GOAWAY stream=0 last=0 code=FRAME_SIZE_ERROR"},
      {"a window of 2^31", with(RawWriter().settings({{0x4, 0x80000000U}})),
       "cause=settings_value_invalid", "GOAWAY stream=0 last=0 code=FLOW_CONTROL_ERROR"},
      {"a client's PUSH_PROMISE", with(RawWriter().headers(1, request).push_promise(1, 2, request)),
       "cause=push_not_allowed", "GOAWAY stream=0 last=1 code=PROTOCOL_ERROR"},
      {"a block that another frame interrupts", with(RawWriter().headers(1, request, open).ping()),
       "cause=interleaved_header_block", "GOAWAY stream=0 last=1 code=PROTOCOL_ERROR"},
      {"a CONTINUATION of nothing", with(RawWriter().continuation(1, "")),
       "cause=unexpected_continuation", "GOAWAY stream=0 last=0 code=PROTOCOL_ERROR"},
      {"a name in upper case",
       with(RawWriter().headers(
           1, literal_block(
                  {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"Bad", "x"}}))),
       "", "RST_STREAM stream=1 code=PROTOCOL_ERROR"},
      {"an integer that never ends", with(RawWriter().headers(1, raw_integer(0x80, 7, 127, 9))),
       "cause=compression_failed", "GOAWAY stream=0 last=1 code=COMPRESSION_ERROR"},
      {"a length beyond the limit", with(RawWriter().frame({0x0, 0, 1, "", 0xffffff})),
       "cause=frame_too_large", "GOAWAY stream=0 last=0 code=FRAME_SIZE_ERROR"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const Answer got = answer(Role::kServer, row.input);
    EXPECT_NE(got.events.find(row.cause), std::string::npos) << got.events;
    EXPECT_EQ(got.last_frame, row.last_frame);
  }
}

TEST(RawWriter, WritesWhatMustBeIgnored) {
  RawEncoder encoder;
  RawBlock how;
  how.pieces = {1, 0, 2};
  how.end_stream = true;
  how.padding = RawPadding{3, {}, 'x'};  // a receiver may check for zeros, and need not
  how.more_flags = 0x52;                 // flags that HEADERS does not have
  RawWriter writer;
  writer.settings({{0xfff0, 7}})
      .settings_ack()
      .frame({0xee, 0xff, kReservedBit, "unknown"})
      .priority(1, {9, 1})
      .headers(1 | kReservedBit, encoder.block({{":status", "204"}}), how);
  const Answer got = answer(Role::kClient, writer);
  EXPECT_NE(got.events.find("ResponseReceived stream=1 status=204 end"), std::string::npos)
      << got.events;
  EXPECT_EQ(got.events.find("Failed"), std::string::npos) << got.events;
}

// The example of the header.
TEST(RawWriter, IsUsedAsItsHeaderShows) {
  RawEncoder encoder;
  RawWriter peer;
  peer.preface()
      .settings({})
      .headers(1, encoder.block({{":method", "GET"},
                                 {":scheme", "https"},
                                 {":path", "/"},
                                 {":authority", "example.org"}}))
      .window_update(1, 0);
  Connection server(Role::kServer, Config::server(), Time{});
  const Received received = server.receive_data(peer.bytes(), Time{});
  ASSERT_EQ(received.events.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<RequestReceived>(received.events[1]));
  const auto* reset = std::get_if<StreamReset>(&received.events[2]);
  ASSERT_NE(reset, nullptr);
  EXPECT_EQ(reset->by, ResetBy::kLocalError);
  EXPECT_EQ(reset->cause, Errc::kWindowIncrementZero);
}

}  // namespace
}  // namespace h2::tests
