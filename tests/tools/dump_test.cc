// `h2 dump` as a program: each kind of input, what is shown and what is found wrong; and --record
// and
// --trace of the programs that write what it reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/connection.h"
#include "h2core/recorder.h"
#include "h2core/testing/link.h"
#include "h2core/testing/replay.h"
#include "tests/interop/peer.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"
#include "tests/tools/certificates.h"

namespace h2::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using tests::FrameScript;
using tests::get;
using tests::kEnd;
using tests::post;
using tests::response_fields;
using Json = nlohmann::json;

// Runs `h2 dump ARGUMENTS` with `input` on its standard input.
Finished dump(const Argv& arguments, const std::string& input = {}) {
  Argv argv{h2_program(), "dump"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  RunOptions options;
  options.input = input;
  const Finished result = run(argv, options);
  EXPECT_FALSE(result.timed_out) << result.err;
  return result;
}

// The lines as JSON.
std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
  return n;
}

// What a client sends in these tests: two requests, one with a body.
std::string client_bytes() {
  return FrameScript()
      .client_start({{SettingCode::kInitialWindowSize, 70'000}})
      .window_update(0, 5)
      .headers(1, get("/one", {{"cookie", "secret"}}), kEnd)
      .headers(3, post("/two"))
      .data(3, "line one\nline two\n")
      .data(3, std::string("\0\1\2", 3), kEnd, std::uint8_t{2})
      .rst(1)
      .str();
}

std::string server_bytes() {
  return FrameScript()
      .server_start({{SettingCode::kMaxConcurrentStreams, 7}})
      .settings_ack()
      .ping("01234567")
      .push_promise(1, 2, get("/pushed"))
      .headers_in_pieces(1, response_fields(200, {{"server", "x"}}), kEnd, 4)
      .goaway(3, ErrorCode::kEnhanceYourCalm, "enough\n")
      .str();
}

// ---- bytes of one side
// --------------------------------------------------------------------------------

TEST(Dump, ClientsBytesAreShownFrameByFrame) {
  const Finished f = dump({}, client_bytes());
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  EXPECT_THAT(f.out,
              StartsWith("[@     0] -> the client's preface\n"
                         "[@    24] -> SETTINGS stream=0 length=6 flags=-\n"
                         "    INITIAL_WINDOW_SIZE(0x4) = 70000\n"
                         "[@    39] -> WINDOW_UPDATE stream=0 length=4 flags=- increment=5\n"));
  EXPECT_THAT(f.out, HasSubstr("flags=END_STREAM|END_HEADERS\n    :method: GET\n"));
  EXPECT_THAT(
      f.out,
      HasSubstr("    :path: /one\n    :authority: example.org\n    cookie: [6 bytes, hidden]\n"));
  EXPECT_THAT(f.out, HasSubstr("flags=END_STREAM|PADDED padding=2\n"));
  EXPECT_THAT(f.out, HasSubstr("RST_STREAM stream=1 length=4 flags=- error=CANCEL(0x8)\n"));
  EXPECT_THAT(dump({"--show-secrets"}, client_bytes()).out, HasSubstr("cookie: secret\n"));
}

TEST(Dump, ServersBytesAreShownFrameByFrame) {
  const Finished f = dump({}, server_bytes());
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  EXPECT_THAT(f.out, StartsWith("[@     0] <- SETTINGS stream=0"));
  EXPECT_THAT(f.out, HasSubstr("flags=ACK"));
  EXPECT_THAT(f.out, HasSubstr("data=3031323334353637\n"));
  EXPECT_THAT(f.out, HasSubstr("END_HEADERS promised_stream=2\n    :method: GET\n"));
  EXPECT_THAT(f.out, HasSubstr("CONTINUATION stream=1"));
  EXPECT_THAT(f.out, HasSubstr("END_HEADERS\n    :status: 200\n    server: x\n"));
  EXPECT_THAT(f.out,
              EndsWith("last_stream=3 error=ENHANCE_YOUR_CALM(0xb) debug=\"enough\\x0a\"\n"));
}

TEST(Dump, FilesAreReadToo) {
  const ScratchDir dir;
  const Finished f = dump({dir.write("bytes", client_bytes())});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, dump({"-"}, client_bytes()).out);
  const Finished missing = dump({dir.file("none")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, AllOf(HasSubstr(dir.file("none")), HasSubstr("cannot be read")));
  EXPECT_EQ(dump({dir.path()}).exit_code, 1);
}

TEST(Dump, BytesWithoutPrefaceAreTheServersUnlessSaid) {
  const std::string frames = FrameScript().headers(1, get(), kEnd).str();
  EXPECT_THAT(dump({}, frames).out, HasSubstr("<- HEADERS"));
  EXPECT_THAT(dump({"--from", "client"}, frames).out, HasSubstr("-> HEADERS"));
}

TEST(Dump, HexadecimalMayHaveSpaceAndComments) {
  const Finished f = dump({"--hex"},
                          "# a SETTINGS frame and\n0000 06 04 00 00000000  # header\n"
                          "0003 0000 0064\n000000 04 01 00000000");
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, HasSubstr("MAX_CONCURRENT_STREAMS(0x3) = 100\n"));
  EXPECT_THAT(f.out, EndsWith("[@    15] <- SETTINGS stream=0 length=0 flags=ACK\n"));
}

TEST(Dump, WhatIsNotHexadecimalIsNamedWithItsLine) {
  const Finished f = dump({"--hex"}, "00 00\n00 0x04\n");
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_EQ(f.err, "h2 dump: standard input: line 2: 'x' is not a hexadecimal digit\n");
  EXPECT_THAT(dump({"--hex"}, "00 0").err, HasSubstr("odd"));
  EXPECT_THAT(dump({"--hex"}, "# nothing").err, HasSubstr("nothing in it"));
}

TEST(Dump, JsonIsOneObjectALine) {
  const auto lines = json_lines(dump({"--json"}, client_bytes()).out);
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_EQ(lines[0]["preface"], true);
  EXPECT_EQ(lines[1]["from"], "client");
  EXPECT_EQ(lines[1]["offset"], 24);
  EXPECT_EQ(lines[1]["frame"]["type"], "SETTINGS");
  EXPECT_EQ(lines[1]["frame"]["settings"],
            Json::parse(R"([{"name": "INITIAL_WINDOW_SIZE", "value": 70000}])"));
  EXPECT_EQ(lines[2]["frame"]["increment"], 5);
  EXPECT_EQ(lines[3]["frame"]["fields"][0], Json::parse(R"({"name": ":method", "value": "GET"})"));
  EXPECT_EQ(lines[3]["frame"]["flags"], Json::parse(R"(["END_STREAM", "END_HEADERS"])"));
  EXPECT_EQ(lines[6]["frame"]["padding"], 2);
  EXPECT_EQ(lines[6]["frame"]["data_length"], 3);
  EXPECT_EQ(lines[7]["frame"]["error"], "CANCEL");
  const auto server = json_lines(dump({"--json"}, server_bytes()).out);
  EXPECT_EQ(server[2]["frame"]["data"], "3031323334353637");
  EXPECT_EQ(server[3]["frame"]["promised_stream"], 2);
  EXPECT_EQ(server.back()["frame"]["debug_data"], "enough\n");
  EXPECT_EQ(server.back()["frame"]["last_stream"], 3);
}

TEST(Dump, JsonOfWhatIsNotUtf8IsHexadecimal) {
  const auto lines = json_lines(dump({"--json"}, FrameScript()
                                                     .headers(2, {{"x", "\xff\x01"}}, kEnd)
                                                     .goaway(0, ErrorCode::kNoError, "\x80")
                                                     .str())
                                    .out);
  EXPECT_EQ(lines[0]["frame"]["fields"][0]["value"], Json::parse(R"({"hex": "ff01"})"));
  EXPECT_EQ(lines[1]["frame"]["debug_data"], Json::parse(R"({"hex": "80"})"));
}

TEST(Dump, FollowShowsOneStreamWithItsBodies) {
  const Finished f = dump({"--follow", "3"}, client_bytes());
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(count(f.out, "stream="), 3U) << f.out;
  EXPECT_EQ(count(f.out, "stream=3"), 3U) << f.out;
  EXPECT_THAT(f.out, HasSubstr("    | line one\n    | line two\n"));
  EXPECT_THAT(f.out, MatchesRegex("(.|\n)*    00000000  00 01 02 +\\|\\.\\.\\.\\|\n"));
  const auto lines = json_lines(dump({"--follow", "3", "--json"}, client_bytes()).out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1]["frame"]["data"], "line one\nline two\n");
}

TEST(Dump, FilterShowsTypesAndStreams) {
  const auto shown = [](const std::string& filter) {
    const Finished f = dump({"--filter", filter}, client_bytes());
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return count(f.out, "[@");
  };
  EXPECT_EQ(shown("headers"), 2U);
  EXPECT_EQ(shown("Headers,DATA"), 4U);
  EXPECT_EQ(shown("stream=1"), 2U);
  EXPECT_EQ(shown("stream=1,stream=3,rst_stream"), 1U);
  EXPECT_EQ(shown("goaway"), 0U);
  const Finished f = dump({"--filter", "headers,haeders"}, "");
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_THAT(f.err, AllOf(HasSubstr("'haeders'"), HasSubstr("Usage")));
  EXPECT_EQ(dump({"--filter", "stream=x"}, "").exit_code, 2);
  EXPECT_EQ(dump({"--follow", "2147483648"}, "").exit_code, 2);
  EXPECT_EQ(dump({"--from", "peer"}, "").exit_code, 2);
}

TEST(Dump, EachTruncationIsNamed) {
  const std::string bytes = FrameScript().client_start().ping().str();
  const Finished payload = dump({}, bytes.substr(0, bytes.size() - 3));
  EXPECT_EQ(payload.exit_code, 1);
  EXPECT_THAT(payload.out, HasSubstr("SETTINGS"));
  EXPECT_EQ(
      payload.err,
      "h2 dump: standard input: client, byte 33: the last frame, PING on stream 0, is cut: 5 of "
      "8 bytes of its payload are there\n");
  const Finished header = dump({}, bytes.substr(0, 37));
  EXPECT_EQ(header.exit_code, 1);
  EXPECT_THAT(header.err, HasSubstr("byte 33: the last frame's header is cut: 4 of 9"));
  const Finished preface = dump({}, bytes.substr(0, 10));
  EXPECT_EQ(preface.exit_code, 1);
  EXPECT_THAT(preface.err, HasSubstr("the preface is cut: 10 of 24"));
  const Finished block =
      dump({}, FrameScript().headers_block(1, "\x82", tests::kOpen, false).str());
  EXPECT_EQ(block.exit_code, 1);
  EXPECT_THAT(block.err, HasSubstr("field block on stream 1 has no end"));
  EXPECT_THAT(dump({}, "").err, HasSubstr("nothing in it"));
}

TEST(Dump, MalformedFramesAreNamedAndTheRestIsShown) {
  const std::string bytes = FrameScript()
                                .server_start()
                                .frame(FrameType::kPing, 0, 0, "short")
                                .frame(FrameType::kData, 0, 0, "x")
                                .frame(FrameType::kContinuation, 4, 1, "")
                                .headers_block(1, "\xbe", kEnd)
                                .headers_block(3, "\x88", kEnd)
                                .ping()
                                .str();
  const Finished f = dump({}, bytes);
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(f.err, HasSubstr("server, byte 9: PING: frame_size_wrong"));
  EXPECT_THAT(f.err, HasSubstr("byte 23: DATA: frame_on_stream_zero"));
  EXPECT_THAT(f.err, HasSubstr("byte 33: CONTINUATION: unexpected_continuation"));
  EXPECT_THAT(f.err,
              HasSubstr("byte 42: HEADERS: the field block does not decode (index_out_of_range)"));
  EXPECT_EQ(count(f.err, "\n"), 4U) << f.err;
  EXPECT_THAT(f.out, HasSubstr("[@    62] <- PING"));
  EXPECT_THAT(f.out, Not(HasSubstr(":status")));
}

TEST(Dump, OtherProtocolsAreNamed) {
  const Finished http1 = dump({}, "HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(http1.exit_code, 1);
  EXPECT_EQ(http1.out, "");
  EXPECT_THAT(http1.err, HasSubstr("no HTTP/2 frames but HTTP/1"));
  EXPECT_THAT(dump({}, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 10)).err,
              HasSubstr("but TLS"));
}

// ---- captures
// -----------------------------------------------------------------------------------

class StringSink final : public RecordSink {
 public:
  void write(Bytes bytes) noexcept override { capture.append(as_string_view(bytes)); }
  std::string capture;
};

// A client's capture of three requests with fields that repeat, over tables of 16 KiB.
std::string client_capture() {
  StringSink sink;
  {
    Config config = Config::client();
    config.record = &sink;
    config.header_table_size = config.encoder_table_size = 16'384;
    Connection client(Role::kClient, config, Time{} + seconds(100));
    config.record = nullptr;
    Connection server(Role::kServer, config, Time{} + seconds(100));
    LinkOptions options;
    options.round_trip = milliseconds(500);
    Link link(client, server, options, Time{} + seconds(100));
    const std::string large(6'000, 'v');
    link.on_server_event([&](Connection& conn, const Event& event) {
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        const auto fields = response_fields(200, {{"large", large}});
        ASSERT_TRUE(conn.send_headers(request->stream_id, tests::views_of(fields), EndStream::kNo));
        ASSERT_TRUE(conn.send_data_copy(request->stream_id, as_bytes("the body"), EndStream::kYes));
      }
    });
    EXPECT_TRUE(link.run_until_idle());
    for (const std::uint32_t id : {1U, 3U, 5U}) {
      const auto fields = get("/" + std::to_string(id), {{"x-large", large}, {"cookie", "c=1"}});
      EXPECT_TRUE(client.send_headers(StreamId{id}, tests::views_of(fields), EndStream::kYes));
      EXPECT_TRUE(link.run_until_idle());
    }
  }
  return sink.capture;
}

TEST(DumpOfACapture, ShowsBothSidesWithTheirTimes) {
  const Finished f = dump({}, client_capture());
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, StartsWith("[  0.000000] -> the client's preface\n"));
  EXPECT_THAT(f.out, HasSubstr("[  0.250000] <- SETTINGS"));
  EXPECT_EQ(count(f.out, "-> HEADERS"), 3U);
  EXPECT_EQ(count(f.out, "<- HEADERS"), 3U);
  // What came as an index into a table above 4,096 bytes.
  EXPECT_EQ(count(f.out, "    x-large: vvvv"), 3U);
  EXPECT_EQ(count(f.out, "    large: vvvv"), 3U);
  EXPECT_EQ(count(f.out, "cookie: [3 bytes, hidden]"), 3U);
  const Finished server = dump({"--from", "server", "--filter", "data"}, client_capture());
  EXPECT_EQ(count(server.out, "<- DATA"), 3U);
  EXPECT_EQ(count(server.out, "->"), 0U);
}

TEST(DumpOfACapture, ShowsCallsOnRequest) {
  const Finished f = dump({"--calls"}, client_capture());
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, HasSubstr("   begin client at 100.000000 => ok\n"));
  EXPECT_THAT(f.out, HasSubstr("   send_headers stream=5 fields=6 end_stream => ok\n"));
  EXPECT_THAT(f.out, HasSubstr("events: ResponseReceived DataReceived"));
  const auto lines = json_lines(dump({"--calls", "--json"}, client_capture()).out);
  const auto sends = std::count_if(lines.begin(), lines.end(), [](const Json& line) {
    return line.value("call", "") == "send_headers" && line.at("result") == "ok";
  });
  EXPECT_EQ(sends, 3);
}

TEST(DumpOfACapture, ReplaySaysWhetherItIsTheSame) {
  std::string capture = client_capture();
  const Finished same = dump({"--replay"}, capture);
  EXPECT_EQ(same.exit_code, 0) << same.out;
  EXPECT_THAT(same.out, MatchesRegex("[0-9]+ calls, .* bytes out, .*: identical\n"));
  EXPECT_EQ(same.err, "");
  std::string changed = capture;
  changed[changed.find("the body")] = 'T';
  const Finished other = dump({"--replay"}, changed);
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.out,
              AllOf(HasSubstr("receive_data"), HasSubstr("recorded: "), HasSubstr("came: ")));
}

TEST(DumpOfACapture, StateIsThatOfTheLastCall) {
  const std::string capture = client_capture();
  // Up to the output that has the second request.
  std::size_t requests = 0;
  std::size_t end = 0;
  CaptureReader reader(as_bytes(capture));
  while (end == 0 && reader.next() == CaptureReader::Step::kRecord) {
    if (reader.record().kind == RecordKind::kSendHeaders) ++requests;
    if (reader.record().kind == RecordKind::kMarkSent && requests == 2) end = reader.offset();
  }
  const std::string cut = capture.substr(0, end);
  const Finished f = dump({"--state"}, cut);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  const Json state = Json::parse(f.out);
  EXPECT_EQ(state["role"], "client");
  EXPECT_EQ(state["settings"]["remote"]["header_table_size"], 16'384);
  ASSERT_EQ(state["streams"].size(), 1U) << f.out;
  EXPECT_EQ(state["streams"][0]["id"], 3);
  EXPECT_EQ(state["streams"][0]["state"], "half_closed_local");
  EXPECT_THAT(state["streams"][0]["receiving"].get<std::string>(), HasSubstr("peer"));
  EXPECT_GT(state["frames"]["sent"]["HEADERS"], 0);
}

TEST(DumpOfACapture, CutAndCorruptOnesAreShownAsFarAsTheyGo) {
  const std::string capture = client_capture();
  const Finished cut = dump({}, capture.substr(0, capture.size() / 2));
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_THAT(cut.out, HasSubstr("HEADERS"));
  EXPECT_THAT(cut.err, HasSubstr("is cut"));
  const Finished replayed = dump({"--replay"}, capture.substr(0, capture.size() / 2));
  EXPECT_EQ(replayed.exit_code, 0) << replayed.err;
  EXPECT_THAT(replayed.out, HasSubstr("the capture has no end"));
  const Finished corrupt = dump({}, std::string(kRecordMagic) + "\x7f");
  EXPECT_EQ(corrupt.exit_code, 1);
  EXPECT_THAT(corrupt.err, HasSubstr("byte 15: "));
  const Finished version = dump({}, "h2cpp-record 9\n");
  EXPECT_EQ(version.exit_code, 1);
  EXPECT_THAT(version.err, HasSubstr("version"));
  for (const char* option : {"--replay", "--state", "--calls"})
    EXPECT_THAT(dump({option}, client_bytes()).err, HasSubstr("no capture")) << option;
}

// ---- packets
// ------------------------------------------------------------------------------------

// Numbers in network order, or the other one.
std::string number(std::uint64_t value, std::size_t size, bool little = false) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t shift = 8 * (little ? i : size - 1 - i);
    bytes += static_cast<char>(value >> shift);
  }
  return bytes;
}

struct PcapStyle {
  int link = 1;        // Ethernet
  bool little = true;  // the order of the file's numbers
  bool nano = false;
  bool v6 = false;
  bool vlan = false;
};

// Writes a file of packets.
class Pcap {
 public:
  explicit Pcap(PcapStyle style = {}) : style_(style) {
    file_ = number(style.nano ? 0xa1b23c4d : 0xa1b2c3d4, 4, style.little) + u16(2) + u16(4) +
            u32(0) + u32(0) + u32(262'144) + u32(static_cast<std::uint32_t>(style.link));
  }
  // A packet 1 ms after the one before.
  Pcap& packet(const std::string& ip) {
    const std::uint32_t fraction = (++packets_) * (style_.nano ? 1'000'000 : 1'000);
    const std::string bytes = link_header() + ip;
    file_ += u32(1'700'000'000) + u32(fraction) + u32(static_cast<std::uint32_t>(bytes.size())) +
             u32(static_cast<std::uint32_t>(bytes.size())) + bytes;
    return *this;
  }
  Pcap& tcp(bool from_client, std::uint32_t sequence, std::string_view data, int flags = 0x18,
            std::uint16_t client_port = 40'000) {
    const std::uint16_t source = from_client ? client_port : 80;
    const std::uint16_t target = from_client ? 80 : client_port;
    const std::string segment = number(source, 2) + number(target, 2) + number(sequence, 4) +
                                number(0, 4) + "\x60" + static_cast<char>(flags) + number(0, 6) +
                                number(0x01010101, 4) + std::string(data);
    const char here = from_client ? '\1' : '\2';
    const char there = from_client ? '\2' : '\1';
    if (style_.v6) {
      // With a hop-by-hop header in between.
      return packet(number(0x60000000, 4) + number(segment.size() + 8, 2) + number(0, 1) +
                    number(64, 1) + std::string(15, '\0') + here + std::string(15, '\0') + there +
                    number(6, 1) + std::string(7, '\0') + segment);
    }
    const std::size_t length = 20 + segment.size();
    return packet("\x45" + number(0, 1) + number(length, 2) + number(0, 4) + number(64, 1) +
                  "\x06" + number(0, 2) + "\x7f" + number(0, 2) + here + "\x7f" + number(0, 2) +
                  there + segment + (style_.link == 1 ? "padding" : ""));
  }
  // Both sides' SYN; the first bytes are 1001 and 5001.
  Pcap& open(std::uint16_t client_port = 40'000) {
    tcp(true, 1'000, "", 0x02, client_port);
    return tcp(false, 5'000, "", 0x12, client_port);
  }
  const std::string& file() const { return file_; }

 private:
  std::string u16(std::uint16_t value) const { return number(value, 2, style_.little); }
  std::string u32(std::uint32_t value) const { return number(value, 4, style_.little); }
  std::string link_header() const {
    const std::string type = style_.v6 ? "\x86\xdd" : std::string("\x08\x00", 2);
    switch (style_.link) {
      case 1:
        return std::string(12, '\xaa') + (style_.vlan ? std::string("\x81\x00\x00\x05", 4) : "") +
               type;
      case 113:  // Linux cooked
        return std::string(14, '\0') + type;
      case 276:  // the second version
        return type + std::string(18, '\0');
      case 0:  // the BSD loopback, in this machine's order
        return number(style_.v6 ? 30 : 2, 4, true);
      case 108:
        return number(style_.v6 ? 30 : 2, 4);
      default:
        return "";
    }
  }

  PcapStyle style_;
  std::string file_;
  std::uint32_t packets_ = 0;
};

// One connection, split in the middle of frames.
std::string simple_pcap(const PcapStyle& style) {
  const std::string c = client_bytes();
  const std::string s = server_bytes();
  return Pcap(style)
      .open()
      .tcp(true, 1'001, c.substr(0, 50))
      .tcp(false, 5'001, s.substr(0, 20))
      .tcp(true, 1'051, c.substr(50))
      .tcp(false, 5'021, s.substr(20))
      .file();
}

TEST(DumpOfPackets, EveryLinkAndOrderIsRead) {
  const PcapStyle styles[] = {{},
                              {.little = false},
                              {.nano = true},
                              {.little = false, .nano = true},
                              {.v6 = true},
                              {.vlan = true},
                              {.link = 113},
                              {.link = 113, .v6 = true},
                              {.link = 276},
                              {.link = 101},
                              {.link = 101, .v6 = true},
                              {.link = 228},
                              {.link = 229, .v6 = true},
                              {.link = 0},
                              {.link = 0, .v6 = true},
                              {.link = 108}};
  for (const PcapStyle& style : styles) {
    const Finished f = dump({}, simple_pcap(style));
    EXPECT_EQ(f.exit_code, 0) << style.link << f.err;
    EXPECT_EQ(f.err, "");
    EXPECT_THAT(f.out, StartsWith(style.v6 ? "#1 [::1]:40000 -> [::2]:80\n"
                                           : "#1 127.0.0.1:40000 -> 127.0.0.2:80\n"))
        << style.link;
    EXPECT_THAT(f.out, HasSubstr("#1 [  0.002000] -> the client's preface\n")) << style.link;
    EXPECT_THAT(f.out, HasSubstr("#1 [  0.003000] <- SETTINGS")) << style.link;
    EXPECT_THAT(f.out, HasSubstr("#1 [  0.004000] -> RST_STREAM")) << style.link;
    EXPECT_THAT(f.out, HasSubstr("    :path: /one\n")) << style.link;
    EXPECT_EQ(count(f.out, "->") + count(f.out, "<-"), 1U + 8U + 11U) << f.out;
  }
}

TEST(DumpOfPackets, SegmentsOutOfOrderAndRetransmittedAreJoined) {
  const std::string c = client_bytes();
  const auto at = [&](std::size_t from, std::size_t size) { return c.substr(from, size); };
  const std::string file = Pcap()
                               .open()
                               .tcp(true, 1'001 + 60, at(60, 40))  // early
                               .tcp(true, 1'001, at(0, 30))
                               .tcp(true, 1'001, at(0, 30))          // again
                               .tcp(true, 1'001 + 20, at(20, 25))    // overlaps
                               .tcp(true, 1'001 + 100, at(100, 10))  // early
                               .tcp(true, 1'001 + 45, at(45, 20))    // fills the gap, overlaps
                               .tcp(true, 1'001 + 10, at(10, 5))     // long past
                               .tcp(true, 1'001 + 105, at(105, c.size()))
                               .tcp(true, 1'001 + static_cast<std::uint32_t>(c.size()), "", 0x11)
                               .file();
  const Finished f = dump({"--json"}, file);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  auto lines = json_lines(f.out);
  auto expected = json_lines(dump({"--json"}, c).out);
  ASSERT_EQ(lines.size(), expected.size() + 1);
  EXPECT_EQ(lines[0]["http2"], true);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(lines[i + 1]["offset"], expected[i]["offset"]);
    if (i > 0) {
      EXPECT_EQ(lines[i + 1]["frame"], expected[i]["frame"]);
    }
  }
}

TEST(DumpOfPackets, SequenceNumbersWrapAround) {
  const std::string c = client_bytes();
  const std::string file = Pcap()
                               .tcp(true, 0xffffffe0U, "", 0x02)
                               .tcp(true, 0xffffffe1U, c.substr(0, 50))
                               .tcp(true, 0xffffffe1U + 90, c.substr(90))
                               .tcp(true, 0xffffffe1U + 50, c.substr(50, 40))
                               .file();
  const Finished f = dump({}, file);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, HasSubstr("RST_STREAM"));
}

TEST(DumpOfPackets, ConnectionsAreNumberedAndOthersLeftOut) {
  const std::string c = FrameScript().client_start().ping().str();
  const std::string file = Pcap()
                               .open(1'111)
                               .open(2'222)
                               .open(3'333)
                               .tcp(true, 1'001, std::string("\x16\x03\x01\x02", 4), 0x18, 2'222)
                               .tcp(true, 1'001, c, 0x18, 1'111)
                               .tcp(true, 1'001, "GET / HTTP/1.1\r\n", 0x18, 3'333)
                               .open(4'444)
                               .tcp(true, 1'001, c, 0x18, 4'444)
                               // The first port again.
                               .tcp(true, 9'000, "", 0x02, 1'111)
                               .tcp(true, 9'001, c, 0x18, 1'111)
                               .packet("no packet at all")
                               .file();
  const Finished f = dump({}, file);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_THAT(f.out, HasSubstr("#2 127.0.0.1:2222 -> 127.0.0.2:80: TLS, left out\n"));
  EXPECT_THAT(f.out, HasSubstr("#3 127.0.0.1:3333 -> 127.0.0.2:80: HTTP/1, left out\n"));
  for (const char* number : {"#1 [", "#4 [", "#5 ["}) EXPECT_EQ(count(f.out, number), 3U) << f.out;
  EXPECT_EQ(count(f.out, "#2 ["), 0U);
}

TEST(DumpOfPackets, AGapEndsItsSideAndIsNamed) {
  const std::string c = client_bytes();
  const std::string file = Pcap()
                               .open()
                               .tcp(true, 1'001, c.substr(0, 45))
                               .tcp(true, 1'001 + 60, c.substr(60))
                               .tcp(false, 5'001, server_bytes())
                               .file();
  const Finished f = dump({}, file);
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_THAT(
      f.out, AllOf(HasSubstr("-> SETTINGS"), Not(HasSubstr("-> HEADERS")), HasSubstr("<- GOAWAY")));
  EXPECT_THAT(f.err, HasSubstr("connection 1, client, byte 39: bytes are missing here; the " +
                               std::to_string(c.size() - 60)));
}

TEST(DumpOfPackets, TablesAreHeldToTheOtherSidesSettings) {
  // A size update to 8,192 where nobody allowed it.
  const std::string block = "\x3f\xe1\x3f\x82";
  const std::string c =
      FrameScript().client_start().settings_ack().headers_block(1, block, kEnd).str();
  const auto file = [&](std::initializer_list<Setting> settings) {
    return Pcap()
        .open()
        .tcp(false, 5'001, FrameScript().server_start(settings).str())
        .tcp(true, 1'001, c)
        .file();
  };
  const Finished refused = dump({}, file({}));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("size_update_above_limit"));
  const Finished allowed = dump({}, file({{SettingCode::kHeaderTableSize, 8'192}}));
  EXPECT_EQ(allowed.exit_code, 0) << allowed.err;
  EXPECT_THAT(allowed.out, HasSubstr(":method: GET"));
  EXPECT_EQ(dump({}, c).exit_code, 0) << "of one side alone it cannot be told";
}

TEST(DumpOfPackets, CutAndForeignFilesAreNamed) {
  const std::string file = simple_pcap({});
  const Finished cut = dump({}, file.substr(0, file.size() - 5));
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_THAT(cut.out, HasSubstr("-> RST_STREAM"));
  EXPECT_THAT(cut.err, HasSubstr("after 5 packets: "));
  EXPECT_EQ(dump({}, file.substr(0, 10)).exit_code, 1);
  const Finished link = dump({}, Pcap({.link = 105}).open().file());
  EXPECT_EQ(link.exit_code, 1);
  EXPECT_THAT(link.err, HasSubstr("link type 105"));
  const Finished none = dump({}, Pcap().packet("nothing").file());
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("no HTTP/2 connection"));
}

TEST(Dump, AnyBytesAreSafe) {
  Random random(7);
  const std::string inputs[] = {client_bytes(), server_bytes(), client_capture(), simple_pcap({}),
                                simple_pcap({.v6 = true})};
  for (int round = 0; round < 60; ++round) {
    std::string input = inputs[random.below(std::size(inputs))];
    for (int i = 0; i < 5; ++i)
      input[32 + random.below(input.size() - 32)] = static_cast<char>(random.next());
    input.resize(input.size() - random.below(input.size() / 2));
    const Finished f = dump({"--json", "--follow", "1"}, input);
    EXPECT_TRUE(f.exit_code == 0 || f.exit_code == 1) << f.exit_code << f.err;
    EXPECT_EQ(f.exit_code == 0, f.err.empty());
    json_lines(f.out);
  }
}

// ---- what is recorded
// ----------------------------------------------------------------------------------

class Recorded : public ::testing::Test {
 protected:
  // `h2 serve` with --record and --trace, until stop().
  void serve() {
    ASSERT_TRUE(peer_.start({h2_program(), "serve", "--no-tls", "--record", dir_.file("server"),
                             "--trace", dir_.file("server.trace")},
                            dir_.file("log")));
    ASSERT_TRUE(peer_.wait_log("\n")) << peer_.log();
    const std::string log = peer_.log();
    origin_ = log.substr(log.find("http"), log.find('\n') - log.find("http"));
  }
  Finished get(const Argv& arguments) {
    Argv argv{h2_program(), "get", "--http2-prior-knowledge"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Finished f = run(argv);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f;
  }
  // The texts of a trace.
  static std::vector<Json> texts(const std::string& trace) {
    std::vector<Json> result;
    std::stringstream in(trace);
    for (std::string line; std::getline(in, line);) {
      EXPECT_THAT(line, StartsWith("\x1e"));
      result.push_back(Json::parse(line.substr(1)));
    }
    return result;
  }

  ScratchDir dir_;
  Peer peer_;
  std::string origin_;
};

TEST_F(Recorded, BothProgramsAreReplayedIdentically) {
  serve();
  const std::string body = make_bytes(200'000, 3);
  get({"--record", dir_.file("client"), "-o", dir_.file("a"), "-o", dir_.file("b"),
       origin_ + "/bytes/300000", origin_ + "/"});
  get({"--record", dir_.file("upload"), "-T", dir_.write("body", body), "-o", dir_.file("c"),
       origin_ + "/echo"});
  EXPECT_TRUE(read_file(dir_.file("c")) == body);
  EXPECT_EQ(peer_.stop(), 0);
  for (const char* name : {"client", "upload", "server", "server.2"}) {
    const Finished f = dump({"--replay", dir_.file(name)});
    EXPECT_EQ(f.exit_code, 0) << name << ": " << f.out << f.err;
    EXPECT_THAT(f.out, EndsWith(": identical\n")) << name;
    EXPECT_EQ(dump({dir_.file(name)}).exit_code, 0) << name;
  }
  const auto frames = json_lines(dump({"--json", "--filter", "headers", dir_.file("client")}).out);
  EXPECT_EQ(frames.size(), 4U);
}

TEST_F(Recorded, TracesAreJsonTextsOfFramesStatesAndEvents) {
  serve();
  get({"--trace", dir_.file("client.trace"), "--frames", "-o", dir_.file("a"), origin_ + "/"});
  EXPECT_EQ(peer_.stop(), 0);
  for (const char* name : {"client.trace", "server.trace"}) {
    const auto all = texts(read_file(dir_.file(name)));
    ASSERT_GT(all.size(), 5U);
    EXPECT_EQ(all[0]["qlog_format"], "JSON-SEQ");
    std::string states;
    std::size_t created = 0;
    std::size_t parsed = 0;
    std::string events;
    double last = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
      const Json& text = all[i];
      EXPECT_EQ(text["group_id"], "1");
      EXPECT_GE(text["time"].get<double>(), last);
      last = text["time"].get<double>();
      created += text["name"] == "http2:frame_created" ? 1 : 0;
      parsed += text["name"] == "http2:frame_parsed" ? 1 : 0;
      if (text["name"] == "http2:stream_state_updated")
        states += text["data"]["old"].get<std::string>() + ">" +
                  text["data"]["new"].get<std::string>() + " ";
      if (text["name"] == "h2cpp:event_reported")
        events += text["data"]["event"].get<std::string>() + " ";
    }
    EXPECT_GE(created, 3U) << name;
    EXPECT_GE(parsed, 3U) << name;
    if (std::string_view(name) == "client.trace") {
      EXPECT_EQ(states, "idle>half_closed_local half_closed_local>closed_by_end_stream ");
      EXPECT_THAT(events, HasSubstr("ResponseReceived"));
    } else {
      EXPECT_EQ(states, "idle>half_closed_remote half_closed_remote>closed_by_end_stream ");
      EXPECT_THAT(events, HasSubstr("RequestReceived"));
    }
    EXPECT_EQ(all.back()["name"], "connectivity:connection_closed");
  }
}

TEST_F(Recorded, FilesThatCannotBeWrittenAreNamed) {
  for (const char* option : {"--record", "--trace"}) {
    const Finished client = run({h2_program(), "get", "--http2-prior-knowledge", option,
                                 "/nowhere/f", "http://127.0.0.1:1/"});
    EXPECT_EQ(client.exit_code, 1);
    EXPECT_THAT(client.err, AllOf(HasSubstr(option), HasSubstr("/nowhere/f")));
    const Finished server = run({h2_program(), "serve", "--no-tls", option, "/nowhere/f"});
    EXPECT_EQ(server.exit_code, 1);
    EXPECT_THAT(server.err, AllOf(HasSubstr(option), HasSubstr("/nowhere/f")));
  }
}

}  // namespace
}  // namespace h2::testing
