// Every mistake that a caller can make: it is answered with its own value, sends nothing, changes
// nothing that can be seen, and the connection goes on as if it had not been made.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "h2core/body_source.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};

// ---- all that can be seen of a connection ------------------------------------------------------

std::string text(const Settings& s) {
  std::string out;
  for (unsigned code = 1; code <= 9; ++code) {
    if (const auto value = s.get(static_cast<SettingCode>(code))) {
      out += " " + std::to_string(code) + "=" + std::to_string(*value);
    }
  }
  return out;
}

std::string text(const FrameCounts& counts) {
  std::string out;
  for (unsigned type = 0; type <= 9; ++type) {
    out += " " + std::to_string(counts[static_cast<FrameType>(type)]);
  }
  return out + " " + std::to_string(counts.unknown());
}

std::string text(const HpackCounts& c) {
  return " " + std::to_string(c.plain) + " " + std::to_string(c.wire) + " " +
         std::to_string(c.table_size) + " " + std::to_string(c.table_entries);
}

template <class T>
std::string number(T value) {
  return " " + std::to_string(static_cast<long long>(value));
}

// One line for each thing that the const members tell, and the output.
std::string fingerprint(Connection& c) {
  // What bodies give is put into the output first, as that is no doing of a mistake's.
  std::string out = "output " + std::to_string([&] {
                      std::string bytes;
                      for (const Bytes piece : c.data_to_send()) bytes += view(piece);
                      return hash_bytes(bytes);
                    }()) +
                    "\n";
  out += "role" + number(c.role()) + "\nlocal" + text(c.local_settings()) + "\nremote" +
         text(c.remote_settings()) + "\nannounced" + text(c.announced_settings()) + "\n";
  out += "settings" + number(c.remote_settings_received()) + number(c.unacknowledged_settings());
  const StreamCounts counts = c.stream_counts();
  out += "\ncounts" + number(counts.active_local) + number(counts.active_remote) +
         number(counts.queued) + number(counts.reserved);
  out += "\nreceived" + text(c.frames_received()) + text(c.fields_received());
  out += "\nsent" + text(c.frames_sent()) + text(c.fields_sent());
  const AbuseReport abuse = c.abuse();
  out += "\nabuse" + number(abuse.budget) + number(abuse.left);
  for (const std::uint64_t spent : abuse.spent) out += number(spent);
  out += "\ntimes" + number(c.next_deadline().ns) +
         (c.last_peer_activity() ? number(c.last_peer_activity()->ns) : " -") +
         (c.round_trip_time() ? number(c.round_trip_time()->ns) : " -");
  out += "\nwants" + number(c.want_read()) + number(c.want_write()) + number(c.done());
  out += "\nerror" + (c.error() ? number(c.error()->code) + number(c.error()->cause) : " -");
  const auto next = c.get_next_available_stream_id();
  out += "\nnext" + (next ? number(next->value) : " -") + number(c.accepts_new_streams()) +
         number(c.highest_remote_stream_id().value);
  out += "\nmemory" + number(c.memory_in_use()) + "\n";
  std::vector<std::uint32_t> ids{StreamId::kMax - 2, StreamId::kMax - 1, StreamId::kMax};
  for (std::uint32_t id = 0; id < 20; ++id) ids.push_back(id);
  for (const std::uint32_t value : ids) {
    const StreamId id{value};
    const Why why = c.why(id);
    out += "stream " + std::to_string(value) + number(c.stream_state(id)) +
           number(c.queued_data(id)) + number(c.local_flow_control_window(id)) +
           number(c.remote_flow_control_window(id)) + number(c.receive_window_size(id)) +
           number(why.sending) + number(why.receiving) + "\n";
  }
  return out;
}

// ---- the table ---------------------------------------------------------------------------------

template <class T>
Errc errc(const Result<T, UsageError>& result) {
  return result ? Errc::kNone : result.error().cause;
}

class SilentSource final : public BodySource {
 public:
  Read read(std::span<std::uint8_t>) noexcept override { return {0, State::kMore}; }
};
SilentSource& silent() {
  static SilentSource source;
  return source;
}

// Nothing is mended, so that there is something to refuse.
Config not_mending(Config config = {}) {
  config.normalize_outbound_headers = false;
  return config;
}

struct Row {
  const char* method;
  const char* mistake;
  Role role;
  Errc expected;
  std::function<void(Driven&)> prepare;
  std::function<Errc(Driven&)> make;
  // Whether a whole exchange is possible afterwards.
  bool alive = true;
  Config config = {};
};

const std::string& body() {
  static const std::string bytes(3'000, 'b');
  return bytes;
}

// What a connection has been through before the mistake.
void nothing(Driven&) {}
void requested(Driven& d) {
  ASSERT_EQ(d.send(1, post()), Errc::kNone);
  ASSERT_TRUE(d.conn.send_data(kOne, bytes_of(body()), kNo, 1));
}
void requested_whole(Driven& d) { ASSERT_EQ(d.send(1, get(), kYes), Errc::kNone); }
void responded_whole(Driven& d) {
  requested_whole(d);
  d.feed(FrameScript().headers(1, response_fields(200), kEnd));
}
void queued(Driven& d) {
  d.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 1}}));
  requested(d);
  ASSERT_EQ(d.send(3, post()), Errc::kNone);
}
void received(Driven& d) { d.feed(FrameScript().headers(1, post()).data(1, "some")); }
void answering(Driven& d) {
  received(d);
  ASSERT_EQ(d.send(1, response_fields(200)), Errc::kNone);
}
void answered(Driven& d) {
  received(d);
  ASSERT_EQ(d.send(1, response_fields(200), kYes), Errc::kNone);
}
void held(Driven& d) {
  received(d);
  d.feed(FrameScript().rst(1));
}
void promised(Driven& d) {
  received(d);
  const Fields fields = get("/style");
  ASSERT_TRUE(d.conn.push_stream(kOne, views_of(fields)));
}
void tunnel(Driven& d) {
  ASSERT_EQ(d.send(1, {{":method", "CONNECT"}, {":authority", "example.org:443"}}), Errc::kNone);
  d.drain();
  d.feed(FrameScript().headers(1, response_fields(200)));
}
void tunnelled(Driven& d) {
  d.feed(FrameScript().headers(1, {{":method", "CONNECT"}, {":authority", "example.org:443"}}));
  ASSERT_EQ(d.send(1, response_fields(200)), Errc::kNone);
}
void last_identifier(Driven& d) { ASSERT_EQ(d.send(StreamId::kMax, get(), kYes), Errc::kNone); }
void told_to_go(Driven& d) { d.feed(FrameScript().goaway(0)); }

using Make = std::function<Errc(Driven&)>;
Make headers(std::uint32_t id, Fields fields, EndStream end = kNo) {
  return [id, fields = std::move(fields), end](Driven& d) { return d.send(id, fields, end); };
}
Make push(std::uint32_t parent, Fields fields) {
  return [parent, fields = std::move(fields)](Driven& d) {
    return errc(d.conn.push_stream(StreamId{parent}, views_of(fields)));
  };
}
Make settings(Setting setting) {
  return [setting](Driven& d) { return errc(d.conn.update_settings({&setting, 1}, d.now)); };
}

std::vector<Row> make_rows() {
  constexpr Role client = Role::kClient;
  constexpr Role server = Role::kServer;
  std::vector<Row> rows;
  const auto add = [&](const char* method, const char* mistake, Role role, Errc expected,
                       std::function<void(Driven&)> prepare, Make make, bool alive = true,
                       Config config = {}) {
    rows.push_back(
        {method, mistake, role, expected, std::move(prepare), std::move(make), alive, config});
  };

  // -- identifiers
  add(
      "get_next_available_stream_id", "the last one is used", client, Errc::kStreamIdUnavailable,
      last_identifier, [](Driven& d) { return errc(d.conn.get_next_available_stream_id()); },
      false);
  add("send_headers", "a request after the last identifier", client, Errc::kStreamIdUnavailable,
      last_identifier, headers(0x80000001U, get()), false);
  add(
      "send_headers", "an identifier below the last one", client, Errc::kStreamIdUnavailable,
      [](Driven& d) { ASSERT_EQ(d.send(5, get(), kYes), Errc::kNone); }, headers(3, get()));
  add("send_headers", "an identifier that cannot be", client, Errc::kStreamIdUnavailable, nothing,
      headers(0x80000001U, get()));
  add("send_headers", "a request on an identifier of the server's", client, Errc::kStreamUnknown,
      nothing, headers(2, get()));
  add("send_headers", "a request on stream 0", client, Errc::kWrongRole, nothing,
      headers(0, get()));
  add("send_headers", "a server's request", server, Errc::kWrongRole, nothing, headers(2, get()));
  add("send_headers", "a response to what was not asked", server, Errc::kStreamUnknown, nothing,
      headers(1, response_fields(200)));

  // -- roles and phases
  add("send_headers", "a client's response", client, Errc::kTrailersWithoutEndStream, requested,
      headers(1, response_fields(200)));
  add("send_headers", "a request on a stream that is over", client, Errc::kStreamClosedLocally,
      responded_whole, headers(1, get()));
  add("send_headers", "trailers after the end", client, Errc::kStreamClosedLocally, requested_whole,
      headers(1, {{"x", "y"}}, kYes));
  add("send_headers", "trailers without the end", client, Errc::kTrailersWithoutEndStream,
      requested, headers(1, {{"x", "y"}}));
  add("send_headers", "trailers without the end, of a queued request", client,
      Errc::kTrailersWithoutEndStream, queued, headers(3, {{"x", "y"}}));
  add("send_headers", "trailers in a tunnel", client, Errc::kWrongPhase, tunnel,
      headers(1, {{"x", "y"}}, kYes));
  add("send_headers", "trailers in a tunnel", server, Errc::kWrongPhase, tunnelled,
      headers(1, {{"x", "y"}}, kYes));
  add("send_headers", "a second response", server, Errc::kTrailersWithoutEndStream, answering,
      headers(1, response_fields(200)));
  add("send_headers", "a response after the end", server, Errc::kStreamClosedLocally, answered,
      headers(1, response_fields(200)));
  add("send_headers", "a response on a held stream", server, Errc::kStreamClosedLocally, held,
      headers(1, response_fields(200)));
  add("send_headers", "a 1xx response that ends", server, Errc::kInformationalEndsStream, received,
      headers(1, response_fields(103), kYes));
  add("send_headers", "status 101", server, Errc::kSwitchingProtocols, received,
      headers(1, response_fields(101)));
  add("send_headers", "a 1xx response on a promised stream", server, Errc::kWrongPhase, promised,
      headers(2, response_fields(103)));
  add(
      "send_headers", "a pushed response above the client's limit", server, Errc::kTooManyStreams,
      [](Driven& d) {
        promised(d);
        d.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 0}}));
      },
      headers(2, response_fields(200)));
  add(
      "send_headers", "more requests than the queue takes", client, Errc::kQueueFull,
      [](Driven& d) {
        queued(d);
        ASSERT_EQ(d.send(5, get(), kYes), Errc::kNone);
      },
      headers(7, get()), false,
      [] {
        Config config;
        config.max_queued_requests = 2;
        return config;
      }());
  add("send_headers", "a request after GOAWAY", client, Errc::kConnectionClosed, told_to_go,
      headers(1, get()), false);
  add(
      "send_headers", "a request after GOAWAY of ours", client, Errc::kConnectionClosed,
      [](Driven& d) { d.conn.close_connection(); }, headers(1, get()), false);

  // -- fields, of requests, responses, trailers and promises
  struct Bad {
    const char* what;
    Errc expected;
    Fields fields;
  };
  const std::vector<Bad> bad_anywhere{
      {"a name in upper case", Errc::kFieldNameInvalid, {{"Bad", "x"}}},
      {"an empty name", Errc::kFieldNameInvalid, {{"", "x"}}},
      {"a line break in a value", Errc::kFieldValueInvalid, {{"x", "a\nb"}}},
      {"a value that begins with a space", Errc::kFieldValueInvalid, {{"x", " a"}}},
      {"connection", Errc::kFieldConnectionSpecific, {{"connection", "close"}}},
      {"transfer-encoding", Errc::kFieldConnectionSpecific, {{"transfer-encoding", "chunked"}}},
  };
  const std::vector<Bad> bad_in_heads{
      {"a pseudo-field behind another",
       Errc::kPseudoFieldAfterRegular,
       {{"x", "y"}, {":path", "/"}}},
      {"an unknown pseudo-field", Errc::kPseudoFieldUnknown, {{":unknown", "x"}}},
      {"a bad content-length", Errc::kContentLengthInvalid, {{"content-length", "-1"}}},
  };
  std::vector<Bad> requests{
      {"no :method", Errc::kPseudoFieldMissing, {{":scheme", "https"}, {":path", "/"}}},
      {"two :path",
       Errc::kPseudoFieldDuplicate,
       {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":path", "/"}}},
      {"an empty :path",
       Errc::kPseudoFieldInvalid,
       {{":method", "GET"}, {":scheme", "https"}, {":path", ""}}},
      {"host is another", Errc::kAuthorityMismatch, get("/", {{"host", "other.example"}})},
      {":protocol that was not offered",
       Errc::kExtendedConnectNotOffered,
       {{":method", "CONNECT"},
        {":protocol", "websocket"},
        {":scheme", "https"},
        {":authority", "example.org"},
        {":path", "/"}}},
      {"CONNECT with :path",
       Errc::kConnectMalformed,
       {{":method", "CONNECT"}, {":authority", "example.org:443"}, {":path", "/"}}},
  };
  std::vector<Bad> responses{
      {"no :status", Errc::kPseudoFieldMissing, {{"x", "y"}}},
      {"two :status", Errc::kPseudoFieldDuplicate, {{":status", "200"}, {":status", "200"}}},
      {"status 99", Errc::kPseudoFieldInvalid, {{":status", "099"}}},
  };
  std::vector<Bad> trailers{
      {"a pseudo-field", Errc::kPseudoFieldInTrailers, {{":status", "200"}}},
      {"content-length", Errc::kFieldNotAllowedInTrailers, {{"content-length", "3"}}},
  };
  for (const Bad& bad : bad_anywhere) {
    requests.push_back({bad.what, bad.expected, get("/", bad.fields)});
    responses.push_back({bad.what, bad.expected, response_fields(200, bad.fields)});
    trailers.push_back(bad);
  }
  for (const Bad& bad : bad_in_heads) {
    // In front, where pseudo-fields belong, if it is not the place that is wrong.
    const bool front = bad.expected == Errc::kPseudoFieldUnknown;
    const auto with = [&](Fields fields) {
      fields.insert(front ? fields.begin() : fields.end(), bad.fields.begin(), bad.fields.end());
      return fields;
    };
    requests.push_back({bad.what, bad.expected, with(get())});
    Fields response = with(response_fields(200));
    if (bad.expected == Errc::kPseudoFieldAfterRegular) {
      response = {{"x", "y"}, {":status", "200"}};
    }
    responses.push_back({bad.what, bad.expected, response});
  }
  for (const Bad& bad : requests) {
    add("send_headers", bad.what, client, bad.expected, nothing, headers(1, bad.fields, kYes));
    add("send_headers", bad.what, client, bad.expected, queued, headers(5, bad.fields, kYes));
    add("push_stream", bad.what, server, bad.expected, received, push(1, bad.fields));
  }
  for (const Bad& bad : responses) {
    add("send_headers", bad.what, server, bad.expected, received, headers(1, bad.fields, kYes));
  }
  for (const Bad& bad : trailers) {
    add("send_headers", bad.what, client, bad.expected, requested, headers(1, bad.fields, kYes));
    add("send_headers", bad.what, client, bad.expected, queued, headers(3, bad.fields, kYes));
    add("send_headers", bad.what, server, bad.expected, answering, headers(1, bad.fields, kYes));
  }

  // -- bodies: the four ways to send one, and to end it
  struct Sending {
    const char* method;
    std::function<Errc(Driven&, StreamId)> send;
  };
  const std::vector<Sending> sendings{
      {"send_data",
       [](Driven& d, StreamId id) { return errc(d.conn.send_data(id, bytes_of(body()), kNo, 9)); }},
      {"send_data_copy",
       [](Driven& d, StreamId id) { return errc(d.conn.send_data_copy(id, bytes_of("x"), kNo)); }},
      {"send_body",
       [](Driven& d, StreamId id) { return errc(d.conn.send_body(id, silent(), kYes, 9)); }},
      {"end_stream", [](Driven& d, StreamId id) { return errc(d.conn.end_stream(id)); }},
  };
  for (const Sending& sending : sendings) {
    const auto on = [&](std::uint32_t id) -> Make {
      return [send = sending.send, id](Driven& d) { return send(d, StreamId{id}); };
    };
    add(sending.method, "no such stream", client, Errc::kStreamUnknown, nothing, on(1));
    add(sending.method, "no such stream", server, Errc::kStreamUnknown, nothing, on(1));
    add(sending.method, "after the end", client, Errc::kStreamClosedLocally, requested_whole,
        on(1));
    add(sending.method, "after the end", server, Errc::kStreamClosedLocally, answered, on(1));
    add(sending.method, "a stream that is over", client, Errc::kStreamClosedLocally,
        responded_whole, on(1));
    add(sending.method, "a held stream", server, Errc::kStreamClosedLocally, held, on(1));
    add(sending.method, "before the response", server, Errc::kDataBeforeHeaders, received, on(1));
    add(sending.method, "before the pushed response", server, Errc::kDataBeforeHeaders, promised,
        on(2));
  }
  add("resume_body", "no such stream", client, Errc::kStreamUnknown, nothing,
      [](Driven& d) { return errc(d.conn.resume_body(kOne)); });
  add("resume_body", "a stream that is over", client, Errc::kStreamUnknown, responded_whole,
      [](Driven& d) { return errc(d.conn.resume_body(kOne)); });

  // -- resets
  for (const Role role : {client, server}) {
    add("reset_stream", "no such stream", role, Errc::kStreamUnknown, nothing,
        [](Driven& d) { return errc(d.conn.reset_stream(kOne)); });
    add("reset_stream", "no such stream of the server's", role, Errc::kStreamUnknown, nothing,
        [](Driven& d) { return errc(d.conn.reset_stream(StreamId{2})); });
    add("reset_stream", "the connection", role, Errc::kStreamUnknown, nothing,
        [](Driven& d) { return errc(d.conn.reset_stream(kConnectionStream)); });
  }

  // -- push
  add("push_stream", "by a client", client, Errc::kWrongRole, requested, push(1, get()));
  add(
      "push_stream", "to a client that does not want it", server, Errc::kPushDisabledByPeer,
      [](Driven& d) {
        received(d);
        d.feed(FrameScript().settings({{SettingCode::kEnablePush, 0}}));
      },
      push(1, get()));
  add("push_stream", "no such stream", server, Errc::kStreamUnknown, nothing, push(1, get()));
  add("push_stream", "after the end of the response", server, Errc::kWrongPhase, answered,
      push(1, get()));
  add("push_stream", "on a pushed stream", server, Errc::kWrongPhase, promised, push(2, get()));
  add("push_stream", "on a held stream", server, Errc::kWrongPhase, held, push(1, get()));
  add(
      "push_stream", "after GOAWAY", server, Errc::kConnectionClosed,
      [](Driven& d) {
        received(d);
        d.feed(FrameScript().goaway(0));
      },
      push(1, get()));

  // -- flow control
  const auto acknowledge = [](std::uint32_t size, std::uint32_t id) -> Make {
    return [size, id](Driven& d) {
      return errc(d.conn.acknowledge_received_data(size, StreamId{id}));
    };
  };
  const auto increment = [](std::uint32_t by, std::uint32_t id) -> Make {
    return [by, id](Driven& d) {
      return errc(d.conn.increment_flow_control_window(by, StreamId{id}));
    };
  };
  add("acknowledge_received_data", "more than came", server, Errc::kValueOutOfRange, received,
      acknowledge(5, 1));
  add(
      "acknowledge_received_data", "twice", server, Errc::kValueOutOfRange,
      [](Driven& d) {
        received(d);
        ASSERT_TRUE(d.conn.acknowledge_received_data(4, kOne));
      },
      acknowledge(1, 1));
  for (const Role role : {client, server}) {
    add("acknowledge_received_data", "no such stream", role, Errc::kStreamUnknown, nothing,
        acknowledge(1, 1));
    add("acknowledge_received_data", "on the connection", role, Errc::kStreamUnknown, nothing,
        acknowledge(1, 0));
    add("increment_flow_control_window", "by nothing", role, Errc::kValueOutOfRange, nothing,
        increment(0, 0));
    add("increment_flow_control_window", "by more than 2^31-1", role, Errc::kValueOutOfRange,
        nothing, increment(0x80000000U, 0));
    add("increment_flow_control_window", "to more than 2^31-1", role, Errc::kValueOutOfRange,
        nothing, increment(kMaxWindowSize, 0));
    add("increment_flow_control_window", "no such stream", role, Errc::kStreamUnknown, nothing,
        increment(1, 1));
  }
  add("increment_flow_control_window", "of a stream to more than 2^31-1", server,
      Errc::kValueOutOfRange, received, increment(kMaxWindowSize, 1));
  add("increment_flow_control_window", "of a queued request", client, Errc::kWrongPhase, queued,
      increment(1, 3));
  add("increment_flow_control_window", "of a held stream", server, Errc::kStreamUnknown, held,
      increment(1, 1));

  // -- settings
  for (const Role role : {client, server}) {
    add("update_settings", "a window above 2^31-1", role, Errc::kValueOutOfRange, nothing,
        settings({SettingCode::kInitialWindowSize, 0x80000000U}));
    add("update_settings", "a frame size below 16,384", role, Errc::kValueOutOfRange, nothing,
        settings({SettingCode::kMaxFrameSize, 16'383}));
    add("update_settings", "a frame size above 2^24-1", role, Errc::kValueOutOfRange, nothing,
        settings({SettingCode::kMaxFrameSize, 16'777'216}));
    add("update_settings", "push that is neither on nor off", role, Errc::kValueOutOfRange, nothing,
        settings({SettingCode::kEnablePush, 2}));
    add("update_settings", "a good value before a bad one", role, Errc::kValueOutOfRange, nothing,
        [](Driven& d) {
          const Setting both[] = {{SettingCode::kMaxConcurrentStreams, 7},
                                  {SettingCode::kMaxFrameSize, 1}};
          return errc(d.conn.update_settings(both, d.now));
        });
    add("update_settings", "very many at once", role, Errc::kValueOutOfRange, nothing,
        [](Driven& d) {
          const std::vector<Setting> many(17, Setting{SettingCode::kMaxFrameSize, 20'000});
          return errc(d.conn.update_settings(many, d.now));
        });
  }
  add("update_settings", "a server that allows push", server, Errc::kValueOutOfRange, nothing,
      settings({SettingCode::kEnablePush, 1}));
  add("update_settings", "extended CONNECT taken back", server, Errc::kValueOutOfRange, nothing,
      settings({SettingCode::kEnableConnectProtocol, 0}), true, [] {
        Config config;
        config.enable_connect_protocol = true;
        return config;
      }());
  add("update_settings", "another word on old priorities", server, Errc::kValueOutOfRange, nothing,
      settings({SettingCode::kNoRfc7540Priorities, 1}));

  // -- windows as a whole
  const auto window_size = [](std::uint32_t size, std::uint32_t id) -> Make {
    return [size, id](Driven& d) { return errc(d.conn.set_local_window_size(size, StreamId{id})); };
  };
  for (const Role role : {client, server}) {
    add("set_local_window_size", "above 2^31-1", role, Errc::kValueOutOfRange, nothing,
        window_size(0x80000000U, 0));
    add("set_local_window_size", "no such stream", role, Errc::kStreamUnknown, nothing,
        window_size(1'000, 1));
  }
  add("set_local_window_size", "of a queued request", client, Errc::kWrongPhase, queued,
      window_size(1'000, 3));
  add("set_local_window_size", "of a held stream", server, Errc::kStreamUnknown, held,
      window_size(1'000, 1));

  // -- identifiers and tags
  const auto next_id = [](std::uint32_t id) -> Make {
    return [id](Driven& d) { return errc(d.conn.set_next_stream_id(StreamId{id})); };
  };
  add("set_next_stream_id", "one that is used", client, Errc::kStreamIdUnavailable, requested,
      next_id(1));
  add("set_next_stream_id", "the server's", client, Errc::kStreamIdUnavailable, nothing,
      next_id(2));
  add("set_next_stream_id", "the client's", server, Errc::kStreamIdUnavailable, nothing,
      next_id(1));
  add("set_next_stream_id", "one that cannot be", client, Errc::kStreamIdUnavailable, nothing,
      next_id(0x80000001U));
  const auto tag = [](Driven& d) { return errc(d.conn.set_stream_tag(kOne, 1)); };
  add("set_stream_tag", "no such stream", client, Errc::kStreamUnknown, nothing, tag);
  add("set_stream_tag", "a stream that is over", client, Errc::kStreamUnknown, responded_whole,
      tag);

  // -- priorities
  const auto change = [](std::uint32_t id, Priority priority) -> Make {
    return
        [id, priority](Driven& d) { return errc(d.conn.change_priority(StreamId{id}, priority)); };
  };
  const auto update = [](std::uint32_t id, Priority priority) -> Make {
    return [id, priority](Driven& d) {
      return errc(d.conn.send_priority_update(StreamId{id}, priority));
    };
  };
  const auto old = [](std::uint32_t id, PriorityFields fields) -> Make {
    return [id, fields](Driven& d) { return errc(d.conn.prioritize(StreamId{id}, fields)); };
  };
  const auto offered = [](Driven& d) {
    d.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 100}}));
  };
  add("change_priority", "no such stream", client, Errc::kStreamUnknown, nothing, change(1, {}));
  add("change_priority", "an urgency above 7", server, Errc::kValueOutOfRange, received,
      change(1, {8, false}));
  add("send_priority_update", "a server", server, Errc::kWrongRole, received, update(1, {}));
  add("send_priority_update", "an urgency above 7", client, Errc::kValueOutOfRange, requested,
      update(1, {8, false}));
  add("send_priority_update", "to a server that does not follow it", client,
      Errc::kPriorityNotOffered, requested, update(1, {}));
  add("prioritize", "a server", server, Errc::kWrongRole, offered, old(1, {}));
  add("prioritize", "stream 0", client, Errc::kValueOutOfRange, offered, old(0, {}));
  add("prioritize", "a stream that depends on itself", client, Errc::kValueOutOfRange, offered,
      old(3, {false, StreamId{3}, 0}));

  // -- extensions
  const auto alternative = [](std::string value, std::string origin) -> Make {
    return [value, origin](Driven& d) {
      return errc(d.conn.advertise_alternative_service(value, origin));
    };
  };
  add("advertise_alternative_service", "a client", client, Errc::kWrongRole, nothing,
      alternative("clear", "https://a.example"));
  add("advertise_alternative_service", "no origin", server, Errc::kValueOutOfRange, nothing,
      alternative("clear", ""));
  add("advertise_alternative_service", "more than a frame takes", server, Errc::kValueOutOfRange,
      nothing, alternative(std::string(16'384, 'x'), "https://a.example"));
  add("advertise_alternative_service", "no such stream", server, Errc::kStreamUnknown, nothing,
      [](Driven& d) { return errc(d.conn.advertise_alternative_service("clear", kOne)); });
  const auto origins = [](std::string origin) -> Make {
    return [origin](Driven& d) {
      const std::string_view list[] = {origin};
      return errc(d.conn.send_origins(list));
    };
  };
  add("send_origins", "a client", client, Errc::kWrongRole, nothing, origins("https://a.example"));
  add("send_origins", "more than a frame takes", server, Errc::kValueOutOfRange, nothing,
      origins(std::string(16'384, 'x')));
  add("send_origins", "one of more than 65,535 bytes", server, Errc::kValueOutOfRange, nothing,
      origins(std::string(65'536, 'x')));
  const auto extension = [](std::uint8_t type, std::uint32_t id, std::size_t size) -> Make {
    return [type, id, size](Driven& d) {
      return errc(
          d.conn.send_extension_frame(type, 0, StreamId{id}, bytes_of(std::string(size, 'x'))));
    };
  };
  for (const Role role : {client, server}) {
    add("send_extension_frame", "a type that has a meaning", role, Errc::kValueOutOfRange, nothing,
        extension(0, 0, 0));
    add("send_extension_frame", "more than a frame takes", role, Errc::kValueOutOfRange, nothing,
        extension(0x42, 0, 16'385));
    add("send_extension_frame", "an identifier that cannot be", role, Errc::kValueOutOfRange,
        nothing, extension(0x42, 0x80000000U, 0));
    add("initiate_upgrade_connection", "not the first call", role, Errc::kWrongPhase, nothing,
        [](Driven& d) { return errc(d.conn.initiate_upgrade_connection("GET")); });
  }
  return rows;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all = make_rows();
  return all;
}

// ---- what every row has to show ----------------------------------------------------------------

// A whole exchange on a stream of its own; what is open is left alone.
void exchange(Driven& d) {
  if (d.conn.role() == Role::kClient) {
    if (d.conn.stream_counts().queued > 0) {
      // Room for what waits.
      d.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 100}}));
    }
    const auto id = d.conn.get_next_available_stream_id();
    ASSERT_TRUE(id);
    ASSERT_EQ(d.send(id->value, post("/after", {{"x-some", "field"}})), Errc::kNone);
    ASSERT_TRUE(d.conn.send_data(*id, bytes_of(body()), kNo, 77));
    ASSERT_EQ(d.send(id->value, {{"x-trailer", "t"}}, kYes), Errc::kNone);
    d.drain();
    d.feed(FrameScript()
               .headers(id->value, response_fields(200, {{"x-new", "v"}}))
               .data(id->value, "answer", kEnd));
    ASSERT_TRUE(d.has("ResponseReceived stream=" + std::to_string(id->value))) << d.text();
    ASSERT_EQ(d.count("BodyReleased stream=" + std::to_string(id->value) + " tag=77 complete"), 1U);
  } else {
    const std::uint32_t id = (d.conn.highest_remote_stream_id().value + 2) | 1U;
    d.feed(FrameScript().headers(id, post("/after", {{"x-some", "field"}})).data(id, "b", kEnd));
    ASSERT_TRUE(d.has("RequestReceived stream=" + std::to_string(id))) << d.text();
    ASSERT_EQ(d.send(id, response_fields(200, {{"x-new", "v"}})), Errc::kNone);
    ASSERT_TRUE(d.conn.send_data(StreamId{id}, bytes_of(body()), kYes, 77));
    d.drain();
    ASSERT_EQ(d.count("BodyReleased stream=" + std::to_string(id) + " tag=77 complete"), 1U);
    ASSERT_TRUE(is_over(d.conn.stream_state(StreamId{id})));
  }
}

TEST(UsageErrors, HaveTheirOwnValueAndChangeNothing) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(std::string(row.role == Role::kClient ? "client, " : "server, ") + row.method +
                 ": " + row.mistake);
    // One makes the mistake, again and again; the other does not.
    Driven d(row.role, not_mending(row.config));
    Driven twin(row.role, not_mending(row.config));
    for (Driven* each : {&d, &twin}) {
      start(*each);
      ASSERT_NO_FATAL_FAILURE(row.prepare(*each));
    }
    const std::string before = fingerprint(d.conn);
    ASSERT_EQ(fingerprint(twin.conn), before);
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(h2::to_string(row.make(d)), h2::to_string(row.expected));
      ASSERT_EQ(fingerprint(d.conn), before);
    }
    for (Driven* each : {&d, &twin}) {
      each->drain();
      if (row.alive) {
        ASSERT_NO_FATAL_FAILURE(exchange(*each));
      }
      EXPECT_EQ(each->conn.error().has_value(), false);
    }
    EXPECT_EQ(d.text(), twin.text());
    EXPECT_TRUE(d.out == twin.out) << to_string(d.frames()) << "without the mistake:\n"
                                   << to_string(twin.frames());
    EXPECT_EQ(fingerprint(d.conn), fingerprint(twin.conn));
  }
}

// ---- a connection that is over -----------------------------------------------------------------

struct Method {
  const char* name;
  Make call;
  bool fails_when_closed = true;
};

// Every member that returns a Result.
const std::vector<Method>& methods() {
  static const std::vector<Method> all{
      {"get_next_available_stream_id",
       [](Driven& d) { return errc(d.conn.get_next_available_stream_id()); }, false},
      {"send_headers", headers(1, get())},
      {"send_data",
       [](Driven& d) { return errc(d.conn.send_data(kOne, bytes_of(body()), kYes, 5)); }},
      {"send_data_copy",
       [](Driven& d) { return errc(d.conn.send_data_copy(kOne, bytes_of(body()), kYes)); }},
      {"send_body", [](Driven& d) { return errc(d.conn.send_body(kOne, silent(), kYes, 5)); }},
      {"resume_body", [](Driven& d) { return errc(d.conn.resume_body(kOne)); }},
      {"end_stream", [](Driven& d) { return errc(d.conn.end_stream(kOne)); }},
      {"reset_stream", [](Driven& d) { return errc(d.conn.reset_stream(kOne)); }},
      {"push_stream", push(1, get())},
      // Credit that comes too late is the usual thing, and nobody's mistake.
      {"acknowledge_received_data",
       [](Driven& d) { return errc(d.conn.acknowledge_received_data(1, kOne)); }, false},
      {"increment_flow_control_window",
       [](Driven& d) { return errc(d.conn.increment_flow_control_window(1, kOne)); }},
      {"update_settings", settings({SettingCode::kMaxFrameSize, 20'000})},
      {"set_local_window_size",
       [](Driven& d) { return errc(d.conn.set_local_window_size(70'000, kConnectionStream)); }},
      {"set_next_stream_id",
       [](Driven& d) { return errc(d.conn.set_next_stream_id(StreamId{101})); }},
      {"set_stream_tag", [](Driven& d) { return errc(d.conn.set_stream_tag(kOne, 1)); }},
      {"change_priority", [](Driven& d) { return errc(d.conn.change_priority(kOne, {})); }},
      {"send_priority_update",
       [](Driven& d) { return errc(d.conn.send_priority_update(kOne, {})); }},
      {"prioritize", [](Driven& d) { return errc(d.conn.prioritize(kOne, {})); }},
      {"advertise_alternative_service",
       [](Driven& d) { return errc(d.conn.advertise_alternative_service("clear", "https://a")); }},
      {"send_origins", [](Driven& d) { return errc(d.conn.send_origins({})); }},
      {"send_extension_frame",
       [](Driven& d) { return errc(d.conn.send_extension_frame(0x42, 0, kOne, {})); }},
      {"initiate_upgrade_connection",
       [](Driven& d) { return errc(d.conn.initiate_upgrade_connection("GET")); }},
      {"ping", [](Driven& d) { return errc(d.conn.ping({}, d.now + seconds(1))); }},
  };
  return all;
}

TEST(UsageErrors, OnAConnectionThatIsOverAreAllConnectionClosed) {
  struct Ending {
    const char* name;
    std::function<void(Driven&)> act;
  };
  const Ending endings[] = {
      {"failed", [](Driven& d) { d.feed(FrameScript().window_update(0, 0)); }},
      {"lost", [](Driven& d) { d.end(); }},
      {"terminated", [](Driven& d) { d.conn.terminate(ErrorCode::kNoError); }},
      {"terminated and written",
       [](Driven& d) {
         d.conn.terminate(ErrorCode::kNoError);
         d.drain();
       }},
  };
  for (const Role role : {Role::kClient, Role::kServer}) {
    for (const Ending& ending : endings) {
      for (const Method& method : methods()) {
        SCOPED_TRACE(std::string(role == Role::kClient ? "client, " : "server, ") + ending.name +
                     ": " + method.name);
        Driven d(role, not_mending());
        start(d);
        ASSERT_NO_FATAL_FAILURE(role == Role::kClient ? requested(d) : answering(d));
        ending.act(d);
        (void)d.conn.poll_events();
        const std::string before = fingerprint(d.conn);
        for (int i = 0; i < 3; ++i) {
          ASSERT_EQ(
              h2::to_string(method.call(d)),
              h2::to_string(method.fails_when_closed ? Errc::kConnectionClosed : Errc::kNone));
          ASSERT_EQ(fingerprint(d.conn), before);
        }
        EXPECT_TRUE(d.conn.poll_events().empty());
      }
    }
  }
}

// ---- nothing is left out -----------------------------------------------------------------------

// Values in the order of the enumeration, from `first` to `last`.
std::vector<Errc> values(Errc first, Errc last) {
  std::vector<Errc> out;
  for (auto v = static_cast<unsigned>(first); v <= static_cast<unsigned>(last); ++v) {
    out.push_back(static_cast<Errc>(v));
  }
  return out;
}

TEST(UsageErrors, OfEveryKindHaveARow) {
  std::set<Errc> seen{Errc::kConnectionClosed};
  for (const Row& row : rows()) seen.insert(row.expected);
  // The group "The caller's mistakes" is the last: a value added to it is found here.
  auto last = static_cast<unsigned>(Errc::kQueueFull);
  const std::string_view beyond = h2::to_string(static_cast<Errc>(0xffff));
  while (h2::to_string(static_cast<Errc>(last + 1)) != beyond) ++last;
  for (const Errc value : values(Errc::kStreamUnknown, static_cast<Errc>(last))) {
    EXPECT_TRUE(seen.count(value)) << h2::to_string(value) << " has no row";
  }
  // Of the message's faults, these two can only be received: content is not compared with a
  // content-length of ours, nor held back after a status of ours.
  const std::set<Errc> only_received{Errc::kContentLengthMismatch, Errc::kBodyNotAllowed};
  for (const Errc value : values(Errc::kFieldNameInvalid, Errc::kBodyNotAllowed)) {
    EXPECT_NE(seen.count(value), only_received.count(value)) << h2::to_string(value);
  }
}

TEST(UsageErrors, OfEveryMemberHaveARow) {
  for (const Method& method : methods()) {
    const bool has_row = std::any_of(rows().begin(), rows().end(), [&](const Row& row) {
      return std::string_view(row.method) == method.name;
    });
    // A PING can be wrong in one way only, which is to come too late.
    EXPECT_EQ(has_row, std::string_view(method.name) != "ping") << method.name;
  }
}

}  // namespace
}  // namespace h2::tests
