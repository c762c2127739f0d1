// What `h2 get` prints for -w and --frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tools/h2/get_frames.h"
#include "tools/h2/get_write_out.h"

namespace h2::tools {
namespace {

using ::testing::HasSubstr;

TransferFacts facts() {
  TransferFacts f;
  f.url_effective = "https://x/";
  f.http_version = "2";
  f.http_code = 204;
  f.size_download = 1000;
  f.time_total = 0.5;
  f.headers = {{"content-type", "text/plain"}, {"x-a", "1"}, {"x-a", "2"}};
  f.num_connects = 1;
  f.remote_ip = "127.0.0.1";
  return f;
}

std::string formatted(std::string_view format, const TransferFacts& f = facts()) {
  WriteOut out;
  std::string error;
  EXPECT_TRUE(out.parse(format, &error)) << error;
  return out.format(f).out;
}

std::string format_error(std::string_view format) {
  WriteOut out;
  std::string error;
  EXPECT_FALSE(out.parse(format, &error));
  return error;
}

TEST(WriteOut, VariablesStandForTheTransfersValues) {
  EXPECT_EQ(
      formatted("%{http_code} %{size_download} %{time_total} %{url_effective} %{http_version} "
                "%{num_connects} %{remote_ip}"),
      "204 1000 0.500000 https://x/ 2 1 127.0.0.1");
}

TEST(WriteOut, EscapesAndPercentSigns) {
  EXPECT_EQ(formatted("a\\tb\\n%%{x}\\\\n 100% \\q"), "a\tb\n%{x}\\n 100% \\q");
}

TEST(WriteOut, HeaderIsTheFirstOfItsNameInAnyCase) {
  EXPECT_EQ(formatted("%header{X-A}|%header{none}"), "1|");
}

TEST(WriteOut, CodeWithoutResponseIsThreeZeros) {
  EXPECT_EQ(formatted("%{http_code} %{response_code}", TransferFacts{}), "000 000");
}

TEST(WriteOut, SpeedWithoutTimeIsZero) {
  EXPECT_EQ(formatted("%{speed_download}"), "2000");
  EXPECT_EQ(formatted("%{speed_download}", TransferFacts{}), "0");
}

TEST(WriteOut, StderrAndStdoutSwitchTheOutput) {
  WriteOut out;
  std::string error;
  ASSERT_TRUE(out.parse("a%{stderr}b%{stdout}c", &error));
  const WriteOut::Text text = out.format(facts());
  EXPECT_EQ(text.out, "ac");
  EXPECT_EQ(text.err, "b");
}

TEST(WriteOut, UnknownVariablesAndOpenBracesAreErrors) {
  EXPECT_EQ(format_error("%{nonsense}"), "unknown variable %{nonsense}");
  EXPECT_THAT(format_error("%{http_code"), HasSubstr("no closing brace"));
  EXPECT_THAT(format_error("%header{x"), HasSubstr("no closing brace"));
}

TEST(WriteOut, EveryVariableCanBeFormatted) {
  for (const std::string_view name : WriteOut::variables())
    formatted("%{" + std::string(name) + "}");
}

std::string described(FrameType type, std::uint8_t flags, std::uint32_t stream,
                      std::vector<std::uint8_t> payload) {
  const FrameHeader header{static_cast<std::uint32_t>(payload.size()), type, flags,
                           StreamId{stream}};
  return describe_frame(Direction::kReceived, header, payload);
}

TEST(FramePrinter, SettingsAreNamedWithTheirValues) {
  EXPECT_EQ(described(FrameType::kSettings, 0, 0, {0, 3, 0, 0, 0, 100, 0x5a, 0x5a, 0, 0, 0, 1}),
            "recv SETTINGS stream=0 length=12 flags=-\n    MAX_CONCURRENT_STREAMS(0x3) = 100\n"
            "    UNKNOWN(0x5a5a) = 1");
  EXPECT_EQ(described(FrameType::kSettings, kFlagAck, 0, {}),
            "recv SETTINGS stream=0 length=0 flags=ACK");
}

TEST(FramePrinter, FlagsAreNamedAsTheirTypeDefinesThem) {
  EXPECT_EQ(described(FrameType::kHeaders, 0x2d, 1, {}),
            "recv HEADERS stream=1 length=0 flags=END_STREAM|END_HEADERS|PADDED|PRIORITY");
  EXPECT_EQ(described(FrameType::kData, 0x5, 1, {'x'}),
            "recv DATA stream=1 length=1 flags=END_STREAM|0x4");
}

TEST(FramePrinter, ErrorsIncrementsAndPingsAreDecoded) {
  EXPECT_EQ(described(FrameType::kRstStream, 0, 3, {0, 0, 0, 8}),
            "recv RST_STREAM stream=3 length=4 flags=- error=CANCEL(0x8)");
  EXPECT_EQ(described(FrameType::kWindowUpdate, 0, 0, {0, 0, 1, 0}),
            "recv WINDOW_UPDATE stream=0 length=4 flags=- increment=256");
  EXPECT_EQ(described(FrameType::kPing, kFlagAck, 0, {1, 2, 3, 4, 5, 6, 7, 8}),
            "recv PING stream=0 length=8 flags=ACK data=0102030405060708");
  EXPECT_EQ(described(FrameType::kPriority, 0, 3, {0x80, 0, 0, 1, 15}),
            "recv PRIORITY stream=3 length=5 flags=- depends_on=1 weight=16 exclusive");
}

TEST(FramePrinter, GoawayShowsItsDebugDataWithoutControlCharacters) {
  EXPECT_EQ(described(FrameType::kGoAway, 0, 0, {0, 0, 0, 7, 0, 0, 0, 1, 'b', 'a', 'd', 0x1b}),
            "recv GOAWAY stream=0 length=12 flags=- last_stream=7 error=PROTOCOL_ERROR(0x1) "
            "debug=\"bad\\x1b\"");
}

TEST(FramePrinter, ShortPayloadsAreNoHarm) {
  for (int type = 0; type < 256; ++type) {
    for (std::size_t size = 0; size < 12; ++size) {
      EXPECT_THAT(described(static_cast<FrameType>(type), 0, 1, std::vector<std::uint8_t>(size, 1)),
                  HasSubstr("recv "));
    }
  }
}

TEST(FramePrinter, UnknownTypesShowTheirNumber) {
  EXPECT_EQ(described(static_cast<FrameType>(0x7f), 0x81, 5, {1}),
            "recv UNKNOWN(0x7f) stream=5 length=1 flags=0x81");
}

struct Printed {
  std::string text;
  FramePrinter printer;
  explicit Printed(bool show_secrets)
      : printer([] { return 1.5; }, [this](std::string_view lines) { text += lines; },
                show_secrets) {}
};

TEST(FramePrinter, LinesBeginWithTheTimeAndFieldsFollow) {
  Printed p(false);
  p.printer.on_frame(Direction::kSent, {3, FrameType::kHeaders, kFlagEndHeaders, StreamId{1}}, {});
  p.printer.on_field(Direction::kSent, StreamId{1}, {":method", "GET"});
  EXPECT_EQ(p.text,
            "[  1.500000] send HEADERS stream=1 length=3 flags=END_HEADERS\n    :method: GET\n");
}

TEST(FramePrinter, SecretsAreHiddenUnlessAskedFor) {
  for (const bool show : {false, true}) {
    Printed p(show);
    for (const char* name : {"authorization", "proxy-authorization", "cookie", "set-cookie"}) {
      p.printer.on_field(Direction::kSent, StreamId{1}, {name, "hunter2"});
    }
    EXPECT_EQ(p.text.find("hunter2") != std::string::npos, show) << p.text;
    EXPECT_EQ(p.text.find("[7 bytes, hidden]") == std::string::npos, show);
  }
}

}  // namespace
}  // namespace h2::tools
