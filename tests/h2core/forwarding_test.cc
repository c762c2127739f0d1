// Fields that pass from one connection to another: what came in as never indexed leaves as never
// indexed, wherever it goes (RFC 7541 §6.2.3, §7.1.3). Looked at on the wire.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2core/testing/raw_writer.h"
#include "hpack/integer.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::literal_block;
using h2::testing::RawEncoder;
using h2::testing::RawWriter;

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};

// How one field of a block is written (RFC 7541 §6).
enum class Form { kIndexed, kIncremental, kWithoutIndexing, kNeverIndexed };

// The forms of a block's fields in order, by the first bits of each instruction alone.
std::vector<Form> forms_of(std::string_view block) {
  std::vector<Form> forms;
  Bytes rest = bytes_of(block);
  const auto integer = [&](unsigned prefix_bits) {
    const hpack::DecodedInteger read = hpack::decode_integer(rest, prefix_bits);
    EXPECT_EQ(read.status, hpack::IntegerStatus::kDone);
    rest = rest.subspan(read.length);
    return read.value;
  };
  const auto text = [&] { rest = rest.subspan(integer(7)); };
  while (!rest.empty()) {
    const unsigned first = rest[0];
    if ((first & 0x80U) != 0) {
      (void)integer(7);
      forms.push_back(Form::kIndexed);
      continue;
    }
    if ((first & 0xe0U) == 0x20U) {  // a change of the table's size
      (void)integer(5);
      continue;
    }
    const bool incremental = (first & 0xc0U) == 0x40U;
    forms.push_back(incremental            ? Form::kIncremental
                    : (first & 0x10U) != 0 ? Form::kNeverIndexed
                                           : Form::kWithoutIndexing);
    if (integer(incremental ? 6 : 4) == 0) text();
    text();
  }
  return forms;
}

std::vector<HeaderField> fields_of(const FieldsView& fields) {
  std::vector<HeaderField> out;
  for (const HeaderField field : fields) out.push_back(field);
  return out;
}

// The blocks of that stream, each whole.
std::vector<std::string> blocks_of(const WireOutput& output, std::uint32_t stream) {
  std::vector<std::string> blocks;
  for (const WireFrame& frame : output.frames) {
    if (frame.stream != stream) continue;
    if (frame.is(FrameType::kHeaders)) blocks.push_back(frame.payload);
    if (frame.is(FrameType::kContinuation)) blocks.back() += frame.payload;
  }
  return blocks;
}

const std::string kLongCookie(100, 'c');

struct Row {
  const char* name;
  HeaderField field;   // as the sender marks it
  bool protected_now;  // never indexed when it leaves
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"a field that the sender protects", {"x-token", "of the sender", true}, true},
      {"the same name unprotected", {"x-token", "for all"}, false},
      {"a protected value that is in the static table",
       {"accept-encoding", "gzip, deflate", true},
       true},
      {"a protected field with an empty value", {"x-empty", "", true}, true},
      {"a long protected one", {"x-long", kLongCookie, true}, true},
      {"authorization, protected", {"authorization", "Basic dXNlcjpwYXNz", true}, true},
      {"authorization, which nobody protected", {"authorization", "Basic dXNlcjpwYXNz"}, true},
      {"proxy-authorization, which nobody protected", {"proxy-authorization", "Basic eDp5"}, true},
      {"a short cookie, which nobody protected", {"cookie", "sid=1234"}, true},
      {"a long cookie", {"cookie", kLongCookie}, false},
      {"a long cookie, protected", {"cookie", kLongCookie, true}, true},
      {"an ordinary field", {"user-agent", "test"}, false},
  };
  return all;
}

// A gateway: a server to one side, a client to the other.
struct Gateway {
  Driven server{Role::kServer, Config::server()};
  Driven client{Role::kClient, Config::client()};

  explicit Gateway(std::initializer_list<Setting> upstream = {}) {
    start(server);
    start(client, upstream);
  }
  // Receives the bytes as the server and passes each section on as the client.
  void forward(const RawWriter& input) {
    server.on_event = [this](Connection&, const Event& event) {
      if (const auto* e = std::get_if<RequestReceived>(&event)) {
        ASSERT_TRUE(client.conn.send_headers(e->stream_id, fields_of(e->fields), e->end_stream));
      }
      if (const auto* e = std::get_if<TrailersReceived>(&event)) {
        ASSERT_TRUE(client.conn.send_headers(e->stream_id, fields_of(e->fields), kYes));
      }
    };
    server.feed(input.bytes());
    client.drain();
  }
};

// The form of the last field, which is the one in question.
void expect_form(const std::string& block, std::size_t fields, const Row& row) {
  const std::vector<Form> forms = forms_of(block);
  ASSERT_EQ(forms.size(), fields);
  if (row.protected_now) {
    EXPECT_EQ(forms.back(), Form::kNeverIndexed);
  } else {
    EXPECT_NE(forms.back(), Form::kNeverIndexed);
  }
}

std::vector<HeaderField> request_with(const HeaderField& field) {
  return {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}, field};
}

TEST(Forwarding, KeepsTheProtectionOfARequestsFields) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    Gateway gateway;
    RawEncoder encoder;
    RawWriter input;
    // Twice: what was put into a table by the first would be named by its index in the second.
    for (const std::uint32_t id : {1U, 3U}) {
      input.headers(id, encoder.block(request_with(row.field)));
    }
    gateway.forward(input);
    for (const std::uint32_t id : {1U, 3U}) {
      const auto blocks = blocks_of(gateway.client.frames(), id);
      ASSERT_EQ(blocks.size(), 1U);
      ASSERT_NO_FATAL_FAILURE(expect_form(blocks[0], 5, row));
    }
  }
}

TEST(Forwarding, KeepsTheProtectionOfAValueThatIsInTheTableAlready) {
  Gateway gateway;
  RawWriter input;
  const HeaderField plain{"x-token", "the value"};
  const HeaderField secret{"x-token", "the value", true};
  input.headers(1, literal_block(request_with(plain)))
      .headers(3, literal_block(request_with(secret)))
      .headers(5, literal_block(request_with(plain)));
  gateway.forward(input);
  const WireOutput out = gateway.client.frames();
  EXPECT_EQ(forms_of(blocks_of(out, 1).at(0)).back(), Form::kIncremental);
  EXPECT_EQ(forms_of(blocks_of(out, 3).at(0)).back(), Form::kNeverIndexed);
  EXPECT_EQ(forms_of(blocks_of(out, 5).at(0)).back(), Form::kIndexed);
}

TEST(Forwarding, KeepsTheProtectionOfARequestThatWaitsInTheQueue) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    Gateway gateway({{SettingCode::kMaxConcurrentStreams, 0}});
    gateway.forward(RawWriter().headers(1, literal_block(request_with(row.field))));
    ASSERT_TRUE(blocks_of(gateway.client.frames(), 1).empty());
    gateway.client.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 1}}));
    gateway.client.drain();
    const auto blocks = blocks_of(gateway.client.frames(), 1);
    ASSERT_EQ(blocks.size(), 1U);
    ASSERT_NO_FATAL_FAILURE(expect_form(blocks[0], 5, row));
  }
}

TEST(Forwarding, KeepsTheProtectionOfTrailersBehindABody) {
  const std::string body(100'000, 'b');
  for (const bool with_body : {false, true}) {
    Gateway gateway;
    const HeaderField trailer{"x-signature", "of the body", true};
    gateway.forward(RawWriter().headers(1, literal_block(request_with({"x", "y"}))));
    if (with_body) {
      // More than the window, so that the trailers wait behind it.
      ASSERT_TRUE(gateway.client.conn.send_data(kOne, bytes_of(body), kNo));
    }
    h2::testing::RawBlock ends;
    ends.end_stream = true;
    gateway.forward(RawWriter().headers(1, literal_block({trailer}), ends));
    gateway.client.feed(FrameScript().window_update(0, 1 << 20).window_update(1, 1 << 20));
    gateway.client.drain();
    const auto blocks = blocks_of(gateway.client.frames(), 1);
    ASSERT_EQ(blocks.size(), 2U);
    EXPECT_EQ(forms_of(blocks[1]), std::vector<Form>{Form::kNeverIndexed});
  }
}

// Back to the client: interim and final responses, and trailers.
TEST(Forwarding, KeepsTheProtectionOfAResponsesFields) {
  for (const bool protect : {false, true}) {
    Gateway gateway;
    gateway.forward(RawWriter().headers(1, literal_block(request_with({"x", "y"}))));
    gateway.client.on_event = [&](Connection&, const Event& event) {
      Connection& to = gateway.server.conn;
      if (const auto* e = std::get_if<InformationalResponseReceived>(&event)) {
        ASSERT_TRUE(to.send_headers(e->stream_id, fields_of(e->fields), kNo));
      }
      if (const auto* e = std::get_if<ResponseReceived>(&event)) {
        ASSERT_TRUE(to.send_headers(e->stream_id, fields_of(e->fields), kNo));
      }
      if (const auto* e = std::get_if<TrailersReceived>(&event)) {
        ASSERT_TRUE(to.send_headers(e->stream_id, fields_of(e->fields), kYes));
      }
    };
    RawEncoder encoder;
    h2::testing::RawBlock ends;
    ends.end_stream = true;
    const HeaderField cookie{"set-cookie", "sid=0123456789abcdef0123456789", protect};
    gateway.client.feed(
        RawWriter()
            .headers(1, encoder.block({{":status", "103"}, {"link", "<l>", protect}}))
            .headers(1, encoder.block({{":status", "200"}, cookie}))
            .headers(1, encoder.block({{"x-sum", "1234", protect}}), ends)
            .bytes());
    gateway.server.drain();
    const auto blocks = blocks_of(gateway.server.frames(), 1);
    ASSERT_EQ(blocks.size(), 3U);
    for (const std::string& block : blocks) {
      EXPECT_EQ(forms_of(block).back() == Form::kNeverIndexed, protect);
    }
  }
}

TEST(Forwarding, KeepsTheProtectionOfAPromisesFields) {
  Gateway gateway;
  // The gateway asks for its style sheet itself, with the fields of the request that it got.
  gateway.server.on_event = [](Connection& conn, const Event& event) {
    if (const auto* e = std::get_if<RequestReceived>(&event)) {
      ASSERT_TRUE(conn.push_stream(e->stream_id, fields_of(e->fields)));
    }
  };
  gateway.server.feed(
      RawWriter().headers(1, literal_block(request_with({"x-token", "secret", true}))).bytes());
  gateway.server.drain();
  const WireOutput out = gateway.server.frames();
  const WireFrame* promise = out.find(FrameType::kPushPromise);
  ASSERT_NE(promise, nullptr);
  const std::vector<Form> forms = forms_of(std::string_view(promise->payload).substr(4));
  ASSERT_EQ(forms.size(), 5U);
  EXPECT_EQ(forms.back(), Form::kNeverIndexed);
}

// Over two hops, of which the second sees only what the first wrote.
TEST(Forwarding, KeepsTheProtectionOverTwoHops) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    Gateway first;
    first.forward(RawWriter().headers(1, literal_block(request_with(row.field))));
    Gateway second;
    second.forward(RawWriter().raw(first.client.out));
    const auto blocks = blocks_of(second.client.frames(), 1);
    ASSERT_EQ(blocks.size(), 1U);
    ASSERT_NO_FATAL_FAILURE(expect_form(blocks[0], 5, row));
  }
}

}  // namespace
}  // namespace h2::tests
