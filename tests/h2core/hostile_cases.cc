// The table of hostile cases; see hostile_cases.h.
#include "tests/h2core/hostile_cases.h"

#include <utility>

namespace h2::tests {

namespace {

using Code = ErrorCode;
using namespace std::string_literals;

class Table {
 public:
  std::vector<HostileCase> cases;

  HostileCase& server(std::string name, FrameScript script, Expected expected) {
    cases.push_back({"server: " + std::move(name),
                     Role::kServer,
                     std::move(script),
                     expected,
                     false,
                     {},
                     {},
                     {}});
    return cases.back();
  }
  // Our client has sent one request, GET without a body, on stream 1.
  HostileCase& client(std::string name, FrameScript script, Expected expected) {
    cases.push_back({"client: " + std::move(name),
                     Role::kClient,
                     std::move(script),
                     expected,
                     false,
                     {},
                     {},
                     {}});
    cases.back().before = [](Driven& d) { (void)d.send(1, get(), EndStream::kYes); };
    return cases.back();
  }
};

FrameScript script() { return {}; }

Expected protocol(Errc cause) { return connection_error(Code::kProtocolError, cause); }
Expected frame_size(Errc cause = Errc::kFrameSizeWrong) {
  return connection_error(Code::kFrameSizeError, cause);
}
Expected compression() {
  return connection_error(Code::kCompressionError, Errc::kCompressionFailed);
}
Expected calm(Errc cause) { return connection_error(Code::kEnhanceYourCalm, cause); }
Expected malformed(Errc cause, std::uint32_t stream = 1) {
  return stream_error(stream, Code::kProtocolError, cause);
}
Expected stream_closed(Errc cause, std::uint32_t stream = 1) {
  return stream_error(stream, Code::kStreamClosed, cause);
}

Fields without(Fields fields, std::string_view name) {
  Fields out;
  for (auto& field : fields) {
    if (field.first != name) out.push_back(field);
  }
  return out;
}

Fields with(Fields fields, std::string_view name, std::string_view value) {
  for (auto& field : fields) {
    if (field.first == name) {
      field.second = std::string(value);
      return fields;
    }
  }
  fields.emplace_back(std::string(name), std::string(value));
  return fields;
}

void framing(Table& t) {
  // Length over the limit: judged by the header alone.
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{0, 1, 4, 6, 9, 0x42}) {
    t.server("frame of type " + std::to_string(type) + " with length 16385",
             script().frame_header(16'385, type, 0, 1), frame_size(Errc::kFrameTooLarge));
  }
  t.server("frame with length 2^24-1", script().frame_header(0xffffff, 0, 0, 1),
           frame_size(Errc::kFrameTooLarge));
  t.client("frame with length 16385", script().frame_header(16'385, 0, 0, 1),
           frame_size(Errc::kFrameTooLarge));
  t.server("unknown frame with length 16384", script().frame(0x42, 0, 0, std::string(16'384, 'x')),
           fine());

  // The preface, and the first frame.
  auto first = [](HostileCase& c) -> HostileCase& {
    c.from_first_byte = true;
    c.before = nullptr;
    return c;
  };
  first(t.server("HTTP/1.1 request instead of the preface",
                 script().raw("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), protocol(Errc::kBadPreface)));
  first(t.server("preface with a wrong last byte", script().raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"),
                 protocol(Errc::kBadPreface)));
  first(t.server("TLS record instead of the preface",
                 script().raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s),
                 protocol(Errc::kBadPreface)));
  first(t.server("PING as the first frame", script().client_preface().ping(),
                 protocol(Errc::kFirstFrameNotSettings)));
  first(t.server("HEADERS as the first frame", script().client_preface().headers(1, get(), kEnd),
                 protocol(Errc::kFirstFrameNotSettings)));
  first(t.server("SETTINGS acknowledgement as the first frame",
                 script().client_preface().settings_ack(), protocol(Errc::kFirstFrameNotSettings)));
  first(t.server("unknown frame as the first frame",
                 script().client_preface().frame(0x42, 0, 0, "x"),
                 protocol(Errc::kFirstFrameNotSettings)));
  first(t.client("HTTP/1.1 response",
                 script().raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
                 protocol(Errc::kNotHttp2)));
  first(t.client("text that is no HTTP", script().raw("220 mail.example.org ESMTP ready\r\n"),
                 protocol(Errc::kNotHttp2)));
  first(
      t.client("PING as the first frame", script().ping(), protocol(Errc::kFirstFrameNotSettings)));
  first(t.client("SETTINGS acknowledgement as the first frame", script().settings_ack(),
                 protocol(Errc::kFirstFrameNotSettings)));
  first(t.client("GOAWAY as the first frame", script().goaway(0),
                 protocol(Errc::kFirstFrameNotSettings)));

  // Frames of fixed or minimum length.
  for (const std::size_t n : {0U, 7U, 9U}) {
    t.server("PING of length " + std::to_string(n), script().ping(std::string(n, 'p')),
             frame_size());
  }
  t.client("PING acknowledgement of length 7", script().ping_ack("1234567"), frame_size());
  for (const std::size_t n : {0U, 3U, 5U}) {
    const std::string payload(n, '\1');
    t.server("RST_STREAM of length " + std::to_string(n),
             script().headers(1, get()).frame(FrameType::kRstStream, 0, 1, payload), frame_size());
    t.server("WINDOW_UPDATE of length " + std::to_string(n),
             script().frame(FrameType::kWindowUpdate, 0, 0, payload), frame_size());
    t.server("WINDOW_UPDATE of length " + std::to_string(n) + " on a stream",
             script().headers(1, get()).frame(FrameType::kWindowUpdate, 0, 1, payload),
             frame_size());
  }
  for (const std::size_t n : {5U, 7U, 1U}) {
    t.server("SETTINGS of length " + std::to_string(n),
             script().frame(FrameType::kSettings, 0, 0, std::string(n, '\0')), frame_size());
  }
  t.server("SETTINGS acknowledgement with payload",
           script().frame(FrameType::kSettings, kFlagAck, 0, std::string(6, '\0')), frame_size());
  for (const std::size_t n : {0U, 4U, 7U}) {
    t.server("GOAWAY of length " + std::to_string(n),
             script().frame(FrameType::kGoAway, 0, 0, std::string(n, '\0')), frame_size());
  }
  for (const std::size_t n : {0U, 4U, 6U}) {
    t.server("PRIORITY of length " + std::to_string(n) + " on an open stream",
             script().headers(1, get()).frame(FrameType::kPriority, 0, 1, std::string(n, '\0')),
             stream_error(1, Code::kFrameSizeError, Errc::kFrameSizeWrong));
  }
  t.server("HEADERS with priority of 3 bytes",
           script().frame(FrameType::kHeaders, kFlagPriority | kFlagEndHeaders, 1, "abc"),
           frame_size());
  t.server("HEADERS with padding of 0 bytes",
           script().frame(FrameType::kHeaders, kFlagPadded | kFlagEndHeaders, 1, ""), frame_size());
  t.server("DATA with padding of 0 bytes",
           script().headers(1, post()).frame(FrameType::kData, kFlagPadded, 1, ""), frame_size());
  t.client("PUSH_PROMISE of length 3",
           script().frame(FrameType::kPushPromise, kFlagEndHeaders, 1, "abc"), frame_size())
      .config = [](Config& c) { c.enable_push = true; };

  // Stream 0, and not stream 0.
  t.server("DATA on stream 0", script().data(0, "x"), protocol(Errc::kFrameOnStreamZero));
  t.server("HEADERS on stream 0", script().headers(0, get(), kEnd),
           protocol(Errc::kFrameOnStreamZero));
  t.server("PRIORITY on stream 0", script().priority(0, 1), protocol(Errc::kFrameOnStreamZero));
  t.server("RST_STREAM on stream 0", script().rst(0), protocol(Errc::kFrameOnStreamZero));
  t.server("CONTINUATION on stream 0", script().continuation(0, "", true), protocol(Errc::kNone));
  t.server("SETTINGS on stream 1", script().frame(FrameType::kSettings, 0, 1, ""),
           protocol(Errc::kFrameNotOnStreamZero));
  t.server("PING on stream 1", script().frame(FrameType::kPing, 0, 1, "12345678"),
           protocol(Errc::kFrameNotOnStreamZero));
  t.server("GOAWAY on stream 1", script().frame(FrameType::kGoAway, 0, 1, std::string(8, '\0')),
           protocol(Errc::kFrameNotOnStreamZero));
  t.client("PUSH_PROMISE on stream 0", script().push_promise(0, 2, get()), protocol(Errc::kNone))
      .config = [](Config& c) { c.enable_push = true; };

  // Padding.
  t.server("DATA with padding of the payload's length",
           script().headers(1, post()).frame(FrameType::kData, kFlagPadded, 1,
                                             "\x05"
                                             "abcde"s.substr(0, 5)),
           protocol(Errc::kPaddingTooLong));
  t.server("DATA with padding beyond the payload",
           script().headers(1, post()).frame(FrameType::kData, kFlagPadded, 1,
                                             "\xff"
                                             "abcdefghi"s),
           protocol(Errc::kPaddingTooLong));
  t.server("DATA that is all padding", script().headers(1, post()).data(1, "", kOpen, 4), fine());
  t.server("HEADERS with padding beyond the payload",
           script().frame(FrameType::kHeaders, kFlagPadded | kFlagEndHeaders, 1,
                          "\xff"
                          "abc"s),
           protocol(Errc::kPaddingTooLong));
  t.server("HEADERS with padding that leaves no room for priority",
           script().frame(FrameType::kHeaders, kFlagPadded | kFlagPriority | kFlagEndHeaders, 1,
                          "\x03\0\0\0\0\x0f"
                          "ab"s),
           protocol(Errc::kPaddingTooLong));
  t.server("HEADERS with padding and priority",
           script().frame(FrameType::kHeaders,
                          kFlagPadded | kFlagPriority | kFlagEndHeaders | kFlagEndStream, 1,
                          "\x02\0\0\0\0\x0f"s + plain_block(get()) + "\0\0"s),
           fine());

  // Field blocks are not interrupted.
  const FrameScript begun = script().headers_block(1, plain_block(get()), kEnd, false);
  t.server("PING inside a field block", script().raw(begun.str()).ping(),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("SETTINGS inside a field block", script().raw(begun.str()).settings({}),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("DATA inside a field block", script().raw(begun.str()).data(1, "x"),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("HEADERS inside a field block", script().raw(begun.str()).headers(3, get(), kEnd),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("PRIORITY inside a field block", script().raw(begun.str()).priority(1, 0),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("WINDOW_UPDATE inside a field block", script().raw(begun.str()).window_update(0, 1),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("unknown frame inside a field block", script().raw(begun.str()).frame(0x42, 0, 1, "x"),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("CONTINUATION of another stream inside a field block",
           script().raw(begun.str()).continuation(3, "", true),
           protocol(Errc::kInterleavedHeaderBlock));
  t.server("field block in two frames",
           script().raw(begun.str()).continuation(1, plain_block({{"a", "b"}}), true), fine());
  t.server("field block with an empty CONTINUATION",
           script().raw(begun.str()).continuation(1, "", true), fine());
  t.server("CONTINUATION after a whole field block",
           script().headers(1, get()).continuation(1, "", true),
           protocol(Errc::kUnexpectedContinuation));
  t.server("CONTINUATION on an idle stream", script().continuation(1, "", true),
           protocol(Errc::kUnexpectedContinuation));
  t.server("CONTINUATION after a field block of two frames",
           script().raw(begun.str()).continuation(1, "", true).continuation(1, "", true),
           protocol(Errc::kUnexpectedContinuation));

  // Reserved and unknown things are ignored.
  t.server("reserved bit of the stream identifier set", script().headers(0x80000001U, get(), kEnd),
           fine());
  t.server("unknown flags", script().frame(FrameType::kPing, 0xfe, 0, "12345678"), fine());
  t.server("undefined flags on DATA",
           script().headers(1, post()).frame(FrameType::kData, 0xf6, 1, "x"), fine());
  t.server("unknown frame on stream 0", script().frame(0xff, 0xff, 0, "abc"), fine());
  t.server("unknown frame on an idle stream", script().frame(0x42, 0xff, 77, "abc"), fine());
  t.server("unknown frame on a half-closed stream",
           script().headers(1, get(), kEnd).frame(0x42, 0, 1, ""), fine());
  t.server("PRIORITY_UPDATE on stream 0", script().frame(0x10, 0, 0, "\0\0\0\1u=1"s), fine());
  t.client("ALTSVC on stream 0", script().frame(0x0a, 0, 0, "\0\0h2=\":443\""s), fine());
}

void states(Table& t) {
  t.server("DATA on an idle stream", script().data(5, "x"), protocol(Errc::kFrameOnIdleStream));
  t.server("RST_STREAM on an idle stream", script().rst(5), protocol(Errc::kFrameOnIdleStream));
  t.server("WINDOW_UPDATE on an idle stream", script().window_update(5, 1),
           protocol(Errc::kFrameOnIdleStream));
  t.server("PRIORITY on an idle stream", script().priority(5, 1), fine());
  t.server("PRIORITY on a stream of the server's", script().priority(2, 1), fine());
  t.server("WINDOW_UPDATE on a stream of the server's that is idle", script().window_update(2, 1),
           protocol(Errc::kFrameOnIdleStream));
  t.server("DATA on a stream of the server's that is idle", script().data(2, "x"),
           protocol(Errc::kNone));
  t.client("HEADERS on an idle stream", script().headers(5, response_fields(200), kEnd),
           protocol(Errc::kNone));
  t.client("DATA on an idle stream", script().data(5, "x"), protocol(Errc::kFrameOnIdleStream));
  t.client("RST_STREAM on an idle stream", script().rst(5), protocol(Errc::kFrameOnIdleStream));
  t.client("WINDOW_UPDATE on an idle stream", script().window_update(5, 1),
           protocol(Errc::kFrameOnIdleStream));
  t.client("HEADERS on a stream that was not promised",
           script().headers(2, response_fields(200), kEnd), protocol(Errc::kNone));
  t.client("frames on a request that waits in the queue", script().rst(3),
           protocol(Errc::kFrameOnIdleStream))
      .before = [](Driven& d) {
    (void)d.send(1, get(), EndStream::kYes);
    (void)d.send(3, get(), EndStream::kYes);
  };
  t.cases.back().peer_settings = {{SettingCode::kMaxConcurrentStreams, 1}};

  t.server("HEADERS on an even stream", script().headers(2, get(), kEnd),
           protocol(Errc::kStreamIdWrongParity));
  t.server("HEADERS on a lower stream than before",
           script().headers(5, get(), kEnd).headers(3, get(), kEnd),
           protocol(Errc::kStreamIdNotIncreasing));
  t.server("HEADERS on the last stream", script().headers(0x7fffffffU, get(), kEnd), fine());
  t.server("HEADERS after the last stream",
           script().headers(0x7fffffffU, get(), kEnd).headers(1, get(), kEnd),
           protocol(Errc::kStreamIdNotIncreasing));

  t.server("DATA after END_STREAM", script().headers(1, get(), kEnd).data(1, "x"),
           stream_closed(Errc::kFrameOnHalfClosedStream));
  t.server("HEADERS after END_STREAM",
           script().headers(1, get(), kEnd).headers(1, {{"a", "b"}}, kEnd),
           stream_closed(Errc::kFrameOnHalfClosedStream));
  t.server("WINDOW_UPDATE after END_STREAM", script().headers(1, get(), kEnd).window_update(1, 10),
           fine());
  t.server("PRIORITY after END_STREAM", script().headers(1, get(), kEnd).priority(1, 0), fine());
  t.server("RST_STREAM after END_STREAM", script().headers(1, get(), kEnd).rst(1), fine());
  t.server("RST_STREAM", script().headers(1, post()).rst(1), fine());
  t.server("DATA after RST_STREAM", script().headers(1, post()).rst(1).data(1, "x"),
           connection_error(Code::kStreamClosed, Errc::kFrameOnClosedStream));
  t.server("HEADERS after RST_STREAM",
           script().headers(1, post()).rst(1).headers(1, {{"a", "b"}}, kEnd),
           connection_error(Code::kStreamClosed, Errc::kFrameOnClosedStream));
  t.server("PRIORITY after RST_STREAM", script().headers(1, post()).rst(1).priority(1, 0), fine());
  const auto answered = [](Driven& d) {
    d.feed(script().headers(1, get(), kEnd));
    (void)d.send(1, response_fields(200), EndStream::kYes);
  };
  t.server("WINDOW_UPDATE after the stream ended both ways", script().window_update(1, 10), fine())
      .before = answered;
  t.server("RST_STREAM after the stream ended both ways", script().rst(1), fine()).before =
      answered;
  t.server("PRIORITY after the stream ended both ways", script().priority(1, 0), fine()).before =
      answered;
  t.server("DATA after the stream ended both ways", script().data(1, "x"),
           connection_error(Code::kStreamClosed, Errc::kFrameOnClosedStream))
      .before = answered;
  t.server("HEADERS after the stream ended both ways", script().headers(1, get(), kEnd),
           connection_error(Code::kStreamClosed, Errc::kFrameOnClosedStream))
      .before = answered;

  // What is in flight when we reset is ignored.
  const auto we_reset = [](Driven& d) {
    d.feed(script().headers(1, post()));
    (void)d.conn.reset_stream(StreamId{1});
  };
  t.server("DATA on a stream that we reset", script().data(1, "x").data(1, "y", kEnd), fine())
      .before = we_reset;
  t.server("trailers on a stream that we reset", script().headers(1, {{"a", "b"}}, kEnd), fine())
      .before = we_reset;
  t.server("RST_STREAM on a stream that we reset", script().rst(1), fine()).before = we_reset;
  t.server("WINDOW_UPDATE on a stream that we reset", script().window_update(1, 5), fine()).before =
      we_reset;
  t.server("broken field block on a stream that we reset", script().headers_block(1, "\x80", kEnd),
           compression())
      .before = we_reset;
  t.client("response on a stream that we reset",
           script().headers(1, response_fields(200)).data(1, "x", kEnd), fine())
      .before = [](Driven& d) {
    (void)d.send(1, get(), EndStream::kYes);
    d.drain();
    (void)d.conn.reset_stream(StreamId{1});
  };

  t.server("PUSH_PROMISE from a client", script().headers(1, get(), kEnd).push_promise(1, 2, get()),
           protocol(Errc::kPushNotAllowed));
  t.client("PUSH_PROMISE while push is off", script().push_promise(1, 2, get()),
           protocol(Errc::kPushNotAllowed));
  t.server("trailers without END_STREAM", script().headers(1, post()).headers(1, {{"a", "b"}}),
           malformed(Errc::kTrailersWithoutEndStream));
  t.client("second response",
           script().headers(1, response_fields(200)).headers(1, response_fields(200)),
           malformed(Errc::kNone));
  t.client("second response with END_STREAM",
           script().headers(1, response_fields(200)).headers(1, response_fields(200), kEnd),
           malformed(Errc::kPseudoFieldInTrailers));
  t.client("DATA before HEADERS", script().data(1, "x"), malformed(Errc::kDataBeforeHeaders));
  t.client("DATA after an informational response",
           script().headers(1, response_fields(103)).data(1, "x"),
           malformed(Errc::kDataBeforeHeaders));
  t.server("HEADERS that depends on itself",
           script().frame(FrameType::kHeaders, kFlagPriority | kFlagEndHeaders | kFlagEndStream, 1,
                          "\0\0\0\1\x0f"s + plain_block(get())),
           fine());
  // RFC 9113 §5.3.2: the deprecated fields are parsed and ignored; self-dependency is no longer an
  // error there.
}

void settings_cases(Table& t) {
  const auto bad = [&](std::string name, Setting setting, Expected expected) {
    t.server("SETTINGS " + name, script().settings({setting}), expected);
  };
  bad("ENABLE_PUSH=2", {SettingCode::kEnablePush, 2}, protocol(Errc::kSettingsValueInvalid));
  bad("MAX_FRAME_SIZE=0", {SettingCode::kMaxFrameSize, 0}, protocol(Errc::kSettingsValueInvalid));
  bad("MAX_FRAME_SIZE=16383", {SettingCode::kMaxFrameSize, 16'383},
      protocol(Errc::kSettingsValueInvalid));
  bad("MAX_FRAME_SIZE=16384", {SettingCode::kMaxFrameSize, 16'384}, fine());
  bad("MAX_FRAME_SIZE=2^24-1", {SettingCode::kMaxFrameSize, 0xffffff}, fine());
  bad("MAX_FRAME_SIZE=2^24", {SettingCode::kMaxFrameSize, 0x1000000},
      protocol(Errc::kSettingsValueInvalid));
  bad("INITIAL_WINDOW_SIZE=2^31-1", {SettingCode::kInitialWindowSize, 0x7fffffff}, fine());
  bad("INITIAL_WINDOW_SIZE=2^31", {SettingCode::kInitialWindowSize, 0x80000000U},
      connection_error(Code::kFlowControlError, Errc::kSettingsValueInvalid));
  bad("HEADER_TABLE_SIZE=2^32-1", {SettingCode::kHeaderTableSize, 0xffffffffU}, fine());
  bad("MAX_CONCURRENT_STREAMS=0", {SettingCode::kMaxConcurrentStreams, 0}, fine());
  bad("unknown code", {static_cast<SettingCode>(0xfffe), 0xffffffffU}, fine());
  t.client("SETTINGS ENABLE_PUSH=1 from a server",
           script().settings({{SettingCode::kEnablePush, 1}}),
           protocol(Errc::kSettingsValueInvalid));
  t.client("SETTINGS ENABLE_PUSH=0 from a server",
           script().settings({{SettingCode::kEnablePush, 0}}), fine());
  t.server(
      "SETTINGS with a good and a bad entry",
      script().settings({{SettingCode::kMaxFrameSize, 20'000}, {SettingCode::kMaxFrameSize, 1}}),
      protocol(Errc::kSettingsValueInvalid));
  t.server("SETTINGS acknowledgement that nobody asked for", script().settings_ack(), fine());
  FrameScript many;
  many.frame(FrameType::kSettings, 0, 0, std::string(32 * 6, '\0'));
  t.server("SETTINGS with 32 entries", many, fine());
  FrameScript too_many;
  too_many.frame(FrameType::kSettings, 0, 0, std::string(33 * 6, '\0'));
  t.server("SETTINGS with 33 entries", too_many, calm(Errc::kTooManySettings));
}

void flow(Table& t) {
  t.server("WINDOW_UPDATE of 0 on a stream", script().headers(1, get()).window_update(1, 0),
           malformed(Errc::kWindowIncrementZero));
  t.server("WINDOW_UPDATE of 0 on the connection", script().window_update(0, 0),
           protocol(Errc::kWindowIncrementZero));
  t.client("WINDOW_UPDATE of 0 on a stream", script().window_update(1, 0),
           malformed(Errc::kWindowIncrementZero));
  t.server("stream window to 2^31-1",
           script().headers(1, get()).window_update(1, 0x7fffffffU - 65'535), fine());
  t.server("stream window above 2^31-1",
           script().headers(1, get()).window_update(1, 0x7fffffffU - 65'534),
           stream_error(1, Code::kFlowControlError, Errc::kWindowOverflow));
  t.server("connection window to 2^31-1", script().window_update(0, 0x7fffffffU - 65'535), fine());
  t.server("connection window above 2^31-1", script().window_update(0, 0x7fffffffU - 65'534),
           connection_error(Code::kFlowControlError, Errc::kWindowOverflow));
  t.server("INITIAL_WINDOW_SIZE that overflows a stream's window",
           script()
               .headers(1, get())
               .window_update(1, 0x7fffffffU - 65'535)
               .settings({{SettingCode::kInitialWindowSize, 65'536}}),
           connection_error(Code::kFlowControlError, Errc::kWindowOverflow));
  t.server("INITIAL_WINDOW_SIZE back and forth with a raised stream window",
           script()
               .headers(1, get())
               .window_update(1, 1'000)
               .settings({{SettingCode::kInitialWindowSize, 0}})
               .settings({{SettingCode::kInitialWindowSize, 100'000}}),
           fine());

  const auto small = [](Config& c) { c.initial_window_size = 100; };
  t.server("DATA that fills the stream's window",
           script().headers(1, post()).data(1, std::string(100, 'x')), fine())
      .config = small;
  t.server("DATA beyond the stream's window",
           script().headers(1, post()).data(1, std::string(101, 'x')),
           stream_error(1, Code::kFlowControlError, Errc::kWindowExceeded))
      .config = small;
  t.server("padding that fills the stream's window",
           script().headers(1, post()).data(1, std::string(50, 'x'), kOpen, 49), fine())
      .config = small;
  t.server("padding beyond the stream's window",
           script().headers(1, post()).data(1, std::string(50, 'x'), kOpen, 50),
           stream_error(1, Code::kFlowControlError, Errc::kWindowExceeded))
      .config = small;
  t.server("DATA beyond a window that is not acknowledged yet",
           script().client_start().headers(1, post()).data(1, std::string(200, 'x')), fine())
      .config = small;
  t.cases.back().from_first_byte = true;
  const auto consumption = [](Config& c) {
    c.initial_window_size = 1 << 20;
    c.connection_credit = ConnectionCredit::kOnConsumption;
  };
  FrameScript fill;
  fill.headers(1, post());
  for (int i = 0; i < 4; ++i) fill.data(1, std::string(16'383, 'x'));
  t.server("DATA that fills the connection's window", script().raw(fill.str()).data(1, "abc"),
           fine())
      .config = consumption;
  t.server("DATA beyond the connection's window", script().raw(fill.str()).data(1, "abcd"),
           connection_error(Code::kFlowControlError, Errc::kWindowExceeded))
      .config = consumption;
}

void lifecycle(Table& t) {
  t.client("GOAWAY", script().goaway(0x7fffffff), fine());
  t.client("GOAWAY twice, the last stream lowered", script().goaway(0x7fffffff).goaway(1), fine());
  t.client("GOAWAY that raises the last stream", script().goaway(1).goaway(3),
           protocol(Errc::kGoAwayLastStreamRaised));
  t.server("GOAWAY", script().goaway(0), fine());
  const auto informational = [&](int times) {
    FrameScript s;
    for (int i = 0; i < times; ++i) s.headers(1, response_fields(103, {{"link", "</a>"}}));
    return s;
  };
  t.client("32 informational responses", informational(32).headers(1, response_fields(200), kEnd),
           fine());
  t.client("33 informational responses", informational(33),
           stream_error(1, Code::kEnhanceYourCalm, Errc::kTooManyInformational));
  t.client("informational response with END_STREAM",
           script().headers(1, response_fields(100), kEnd),
           malformed(Errc::kInformationalEndsStream));
  t.client("status 101", script().headers(1, response_fields(101)),
           malformed(Errc::kSwitchingProtocols));
  t.client("RST_STREAM with REFUSED_STREAM", script().rst(1, Code::kRefusedStream), fine());
  t.client("RST_STREAM with an unknown code", script().rst(1, static_cast<Code>(0xfefefefe)),
           fine());
  t.client("RST_STREAM after the response ended",
           script().headers(1, response_fields(200), kEnd).rst(1, Code::kNoError), fine());
}

void messages(Table& t) {
  const auto request = [&](std::string name, const Fields& fields, Expected expected,
                           End end = kEnd) {
    t.server("request with " + name, script().headers(1, fields, end), expected);
  };
  // Names and values (RFC 9113 §8.2.1).
  for (const auto& [name, what] :
       std::vector<std::pair<std::string, std::string>>{{"Upper", "upper case"},
                                                        {"a b", "a space"},
                                                        {"a:b", "a colon"},
                                                        {"a\x7f", "DEL"},
                                                        {"\x80", "a byte above 0x7e"},
                                                        {"a\r", "CR"},
                                                        {"a\n", "LF"},
                                                        {"a\0b"s, "NUL"},
                                                        {"", "nothing"}}) {
    request(what + " in a field name", get("/", {{name, "v"}}), malformed(Errc::kFieldNameInvalid));
  }
  request("an underscore in a field name", get("/", {{"a_b", "v"}}), fine());
  for (const auto& [value, what] :
       std::vector<std::pair<std::string, std::string>>{{"a\rb", "CR"},
                                                        {"a\nb", "LF"},
                                                        {"a\r\nevil: 1", "CR LF"},
                                                        {"a\0b"s, "NUL"},
                                                        {" a", "leading space"},
                                                        {"a ", "trailing space"},
                                                        {"\ta", "leading tab"},
                                                        {"a\t", "trailing tab"}}) {
    request(what + " in a field value", get("/", {{"x", value}}),
            malformed(Errc::kFieldValueInvalid));
    t.client("response with " + what + " in a field value",
             script().headers(1, response_fields(200, {{"x", value}}), kEnd),
             malformed(Errc::kFieldValueInvalid));
    t.server("trailers with " + what + " in a field value",
             script().headers(1, post()).headers(1, {{"x", value}}, kEnd),
             malformed(Errc::kFieldValueInvalid));
  }
  request("an empty field value", get("/", {{"x", ""}}), fine());
  request("bytes above 0x7f in a field value", get("/", {{"x", "\xc3\xa9"}}), fine());

  // Connection-specific fields (RFC 9113 §8.2.2).
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    request(std::string(name), get("/", {{name, "x"}}), malformed(Errc::kFieldConnectionSpecific));
    t.client(std::string("response with ") + name,
             script().headers(1, response_fields(200, {{name, "x"}}), kEnd),
             malformed(Errc::kFieldConnectionSpecific));
    t.server(std::string("trailers with ") + name,
             script().headers(1, post()).headers(1, {{name, "x"}}, kEnd),
             malformed(Errc::kFieldConnectionSpecific));
  }
  request("te: gzip", get("/", {{"te", "gzip"}}), malformed(Errc::kFieldConnectionSpecific));
  request("te: trailers", get("/", {{"te", "trailers"}}), fine());

  // Pseudo-fields (RFC 9113 §8.3).
  for (const char* name : {":method", ":scheme", ":path"}) {
    request(std::string("no ") + name, without(get(), name), malformed(Errc::kPseudoFieldMissing));
    Fields twice = get();
    twice.insert(twice.begin(), {name, without(get(), "x")[0].first == name ? "GET" : "https"});
    request(std::string("two ") + name, twice, malformed(Errc::kNone));
  }
  request("no fields at all", {}, malformed(Errc::kPseudoFieldMissing));
  Fields late = without(get(), ":path");
  late.emplace_back("a", "b");
  late.emplace_back(":path", "/");
  request("a pseudo-field after a regular one", late, malformed(Errc::kPseudoFieldAfterRegular));
  Fields unknown = get();
  unknown.emplace_back(":unknown", "x");
  request("an unknown pseudo-field", unknown, malformed(Errc::kPseudoFieldUnknown));
  Fields status = get();
  status.emplace_back(":status", "200");
  request(":status", status, malformed(Errc::kPseudoFieldUnknown));
  t.server("trailers with a pseudo-field",
           script().headers(1, post()).headers(1, {{":path", "/"}}, kEnd),
           malformed(Errc::kPseudoFieldInTrailers));
  request("an empty :method", with(get(), ":method", ""), malformed(Errc::kPseudoFieldInvalid));
  request("a space in :method", with(get(), ":method", "GE T"),
          malformed(Errc::kPseudoFieldInvalid));
  request("a request line in :method", with(get(), ":method", "GET / HTTP/1.1\r\nx: y"),
          malformed(Errc::kNone));
  request("an unusual :method", with(get(), ":method", "M-SEARCH"), fine());
  request("an empty :path", with(get(), ":path", ""), malformed(Errc::kPseudoFieldInvalid));
  request("a :path without slash", with(get(), ":path", "x"), malformed(Errc::kPseudoFieldInvalid));
  request("a space in :path", with(get(), ":path", "/a b"), malformed(Errc::kPseudoFieldInvalid));
  request("a CR LF in :path", with(get(), ":path", "/\r\nx"), malformed(Errc::kNone));
  request("a * as :path of GET", with(get(), ":path", "*"), malformed(Errc::kPseudoFieldInvalid));
  request("a * as :path of OPTIONS", with(with(get(), ":method", "OPTIONS"), ":path", "*"), fine());
  request("an empty :scheme", with(get(), ":scheme", ""), malformed(Errc::kPseudoFieldInvalid));
  request("a :scheme that is none", with(get(), ":scheme", "1://"),
          malformed(Errc::kPseudoFieldInvalid));
  request("userinfo in :authority", with(get(), ":authority", "user@example.org"),
          malformed(Errc::kPseudoFieldInvalid));
  request("a path in :authority", with(get(), ":authority", "example.org/x"),
          malformed(Errc::kPseudoFieldInvalid));
  request("host equal to :authority", get("/", {{"host", "example.org"}}), fine());
  request("host other than :authority", get("/", {{"host", "other.org"}}),
          malformed(Errc::kAuthorityMismatch));
  Fields host_only = without(get(), ":authority");
  host_only.emplace_back("host", "example.org");
  request("host instead of :authority", host_only, fine());

  // CONNECT (RFC 9113 §8.5).
  const Fields connect{{":method", "CONNECT"}, {":authority", "example.org:443"}};
  request("CONNECT", connect, fine(), kOpen);
  request("CONNECT and :path", with(connect, ":path", "/"), malformed(Errc::kConnectMalformed),
          kOpen);
  request("CONNECT and :scheme", with(connect, ":scheme", "https"),
          malformed(Errc::kConnectMalformed), kOpen);
  request("CONNECT without :authority", without(connect, ":authority"), malformed(Errc::kNone),
          kOpen);
  Fields websocket = with(get(), ":method", "CONNECT");
  websocket.insert(websocket.begin(), {":protocol", "websocket"});
  request(":protocol that we did not announce", websocket, malformed(Errc::kNone), kOpen);

  // content-length (RFC 9113 §8.1.1).
  for (const char* value :
       {"", "a", "+3", "-1", "1_0", "3, 3", "3,3", "0x3", "99999999999999999999"}) {
    request(std::string("content-length '") + value + "'", post("/", {{"content-length", value}}),
            malformed(Errc::kContentLengthInvalid), kOpen);
  }
  request("content-length twice", post("/", {{"content-length", "3"}, {"content-length", "3"}}),
          malformed(Errc::kContentLengthInvalid), kOpen);
  request("content-length 3 and END_STREAM", post("/", {{"content-length", "3"}}),
          malformed(Errc::kContentLengthMismatch));
  request("content-length 0 and END_STREAM", post("/", {{"content-length", "0"}}), fine());
  const FrameScript three = script().headers(1, post("/", {{"content-length", "3"}}));
  t.server("body as long as content-length",
           script().raw(three.str()).data(1, "ab").data(1, "c", kEnd), fine());
  t.server("body shorter than content-length", script().raw(three.str()).data(1, "ab", kEnd),
           malformed(Errc::kContentLengthMismatch));
  t.server("body longer than content-length", script().raw(three.str()).data(1, "abcd"),
           malformed(Errc::kContentLengthMismatch));
  t.server("trailers before the body is as long as content-length",
           script().raw(three.str()).data(1, "ab").headers(1, {{"a", "b"}}, kEnd),
           malformed(Errc::kContentLengthMismatch));
  t.client("response body shorter than content-length",
           script().headers(1, response_fields(200, {{"content-length", "3"}})).data(1, "a", kEnd),
           malformed(Errc::kContentLengthMismatch));
  t.client("response without the body that content-length says",
           script().headers(1, response_fields(200, {{"content-length", "3"}}), kEnd),
           malformed(Errc::kContentLengthMismatch));
  t.client("304 with content-length and no body",
           script().headers(1, response_fields(304, {{"content-length", "3"}}), kEnd), fine());

  // Bodies where none may be.
  const auto head = [](Driven& d) {
    (void)d.send(1, request_fields("HEAD", "/"), EndStream::kYes);
  };
  t.client("HEAD answered with content-length and no body",
           script().headers(1, response_fields(200, {{"content-length", "3"}}), kEnd), fine())
      .before = head;
  t.client("HEAD answered with an empty DATA",
           script().headers(1, response_fields(200)).data(1, "", kEnd), fine())
      .before = head;
  t.client("HEAD answered with a body",
           script().headers(1, response_fields(200)).data(1, "x", kEnd),
           malformed(Errc::kBodyNotAllowed))
      .before = head;
  t.client("204 with a body", script().headers(1, response_fields(204)).data(1, "x", kEnd),
           malformed(Errc::kBodyNotAllowed));
  t.client("304 with a body", script().headers(1, response_fields(304)).data(1, "x", kEnd),
           malformed(Errc::kBodyNotAllowed));

  // Status (RFC 9113 §8.3.2).
  for (const char* value : {"", "2x0", "20", "2000", "099", "+20", " 200"}) {
    t.client(std::string("response with :status '") + value + "'",
             script().headers(1, {{":status", value}}, kEnd), malformed(Errc::kNone));
  }
  // RFC 9110 §15: invalid, and to be taken for a server's error all the same.
  t.client("response with :status 999", script().headers(1, {{":status", "999"}}, kEnd), fine());
  t.client("response without :status", script().headers(1, {{"a", "b"}}, kEnd),
           malformed(Errc::kPseudoFieldMissing));
  t.client("response with two :status",
           script().headers(1, {{":status", "200"}, {":status", "200"}}, kEnd),
           malformed(Errc::kPseudoFieldDuplicate));
  t.client("response with :method",
           script().headers(1, {{":status", "200"}, {":method", "GET"}}, kEnd),
           malformed(Errc::kPseudoFieldUnknown));
  t.client("response with :status after a field",
           script().headers(1, {{"a", "b"}, {":status", "200"}}, kEnd), malformed(Errc::kNone));
}

void compression_cases(Table& t) {
  const auto block = [&](std::string name, std::string_view bytes, Expected expected) {
    t.server("field block with " + name, script().headers_block(1, bytes, kEnd), expected);
  };
  block("index 0", "\x80", compression());
  block("an index beyond the table", "\xbe", compression());
  block("a far index", "\xff\xff\xff\xff\x0f", compression());
  block("an integer that does not end", "\xff\x80\x80\x80\x80\x80\x80\x80\x80\x01", compression());
  block("an integer above 2^32-1", "\xff\xff\xff\xff\xff\xff\x01", compression());
  block("a name that is cut short",
        std::string_view("\x00\x05"
                         "ab",
                         4),
        compression());
  block("a value that is cut short",
        std::string_view("\x00\x01"
                         "a\x05"
                         "b",
                         5),
        compression());
  block("a string of 2^31 bytes", std::string_view("\x00\x7f\x81\xff\xff\xff\x07", 7),
        calm(Errc::kHeaderListTooLarge));
  block("a literal without value",
        std::string_view("\x00\x01"
                         "a",
                         3),
        compression());
  block("Huffman padding that is not ones",
        std::string_view("\x00\x81\x18\x01"
                         "a",
                         5),
        compression());
  block("Huffman padding of 8 bits",
        std::string_view("\x00\x82\x1f\xff\x01"
                         "a",
                         6),
        compression());
  block("Huffman EOS",
        std::string_view("\x00\x84\xff\xff\xff\xff\x01"
                         "a",
                         8),
        compression());
  block("a table size above the limit", "\x3f\xe2\x1f", compression());
  block("a table size after a field", plain_block(get()) + "\x20", compression());
  block("three table sizes", "\x20\x20\x20" + plain_block(get()), compression());
  block("two table sizes", "\x20\x3f\xe1\x1f" + plain_block(get()), fine());
  t.server("field block cut by END_HEADERS",
           script()
               .headers_block(1, plain_block(get()), kEnd, false)
               .continuation(1,
                             std::string("\x00\x05"
                                         "a",
                                         3),
                             true),
           compression());
  const auto no_table = [](Config& c) { c.header_table_size = 0; };
  t.server("no table size after we lowered the limit", script().headers(1, get(), kEnd),
           compression())
      .config = no_table;
  t.server("table size after we lowered the limit",
           script().headers_block(1, "\x20" + plain_block(get()), kEnd), fine())
      .config = no_table;
  t.client("field block with index 0", script().headers_block(1, "\x80", kEnd), compression());
}

void limits(Table& t) {
  const auto continuations = [&](int n) {
    FrameScript s;
    s.headers_block(1, plain_block(get()), kEnd, false);
    for (int i = 0; i < n; ++i) s.continuation(1, plain_block({{"a", "b"}}), i == n - 1);
    return s;
  };
  t.server("16 CONTINUATION frames", continuations(16), fine());
  t.server("17 CONTINUATION frames", continuations(17), calm(Errc::kTooManyContinuations));
  t.server("1000 pings", script().repeat(1'000, script().ping()), fine());
  t.server("1001 pings", script().repeat(1'001, script().ping()), calm(Errc::kAbuse));
  t.server("1000 empty DATA frames",
           script().headers(1, post()).repeat(1'000, script().data(1, "")), fine());
  t.server("1001 empty DATA frames",
           script().headers(1, post()).repeat(1'001, script().data(1, "")), calm(Errc::kAbuse));
  t.server("2001 unknown frames", script().repeat(2'001, script().frame(0x42, 0, 0, "")),
           calm(Errc::kAbuse));
  t.server("2001 PRIORITY frames", script().repeat(2'001, script().priority(1, 0)),
           calm(Errc::kAbuse));
  t.server("129 SETTINGS frames, one more than answers may wait",
           script().repeat(129, script().settings({})), fine());
  t.server("500 SETTINGS frames", script().repeat(500, script().settings({})), fine());
  t.server("501 SETTINGS frames", script().repeat(501, script().settings({})), calm(Errc::kAbuse));
  const auto rapid = [](std::uint32_t n) {
    FrameScript s;
    for (std::uint32_t i = 0; i < n; ++i) s.headers(2 * i + 1, get(), kEnd).rst(2 * i + 1);
    return s;
  };
  const auto release = [](Config& c) { c.hold_reset_streams = false; };
  t.server("200 requests reset at once", rapid(200), fine()).config = release;
  t.server("201 requests reset at once", rapid(201), calm(Errc::kAbuse)).config = release;
  FrameScript streams;
  for (std::uint32_t i = 0; i < 100; ++i) streams.headers(2 * i + 1, get(), kEnd);
  t.server("as many streams as we allow", streams, fine());
  t.server("one stream more than we allow", script().raw(streams.str()).headers(201, get(), kEnd),
           stream_error(201, Code::kRefusedStream, Errc::kTooManyStreams));
  Fields crumbs = get();
  for (int i = 0; i < 508; ++i) crumbs.emplace_back("cookie", "a");
  t.server("512 fields", script().headers(1, crumbs, kEnd), fine());
  crumbs.emplace_back("cookie", "a");
  t.server("513 fields", script().headers(1, crumbs, kEnd), fine());  // answered with 431
}

}  // namespace

std::vector<HostileCase> hostile_cases() {
  Table t;
  t.cases.reserve(512);
  framing(t);
  states(t);
  settings_cases(t);
  flow(t);
  lifecycle(t);
  messages(t);
  compression_cases(t);
  limits(t);
  return std::move(t.cases);
}

std::unique_ptr<Driven> prepare(const HostileCase& hostile) {
  Config config = hostile.role == Role::kServer ? Config::server() : Config::client();
  if (hostile.config) hostile.config(config);
  auto driven = std::make_unique<Driven>(hostile.role, config);
  driven->drain();
  if (!hostile.from_first_byte) {
    FrameScript script;
    if (hostile.role == Role::kServer) script.client_preface();
    std::string payload;
    for (const Setting& setting : hostile.peer_settings) {
      FrameScript one;
      one.settings({setting});
      payload += one.str().substr(kFrameHeaderSize);
    }
    script.frame(FrameType::kSettings, 0, 0, payload).settings_ack();
    driven->feed(script).drain();
  }
  if (hostile.before) {
    hostile.before(*driven);
    driven->drain();
  }
  driven->forget();
  return driven;
}

}  // namespace h2::tests
