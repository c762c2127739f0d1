// Views both ways, proved by addresses: what arrives is reported where the caller put it, what is
// sent is given out where the application has it, and nothing of either moves before its time.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "h2core/body_source.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};
constexpr Role kBoth[] = {Role::kClient, Role::kServer};

// The same bytes in memory of exactly their size, so that a sanitizer sees a read beyond them.
class Buffer {
 public:
  explicit Buffer(Bytes bytes) : size_(bytes.size()), data_(new std::uint8_t[size_]) {
    if (size_ > 0) std::memcpy(data_.get(), bytes.data(), size_);
  }
  Bytes bytes() const { return {data_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> data_;
};

bool lies_within(Bytes part, Bytes whole) {
  const auto begin = reinterpret_cast<std::uintptr_t>(whole.data());
  const auto at = reinterpret_cast<std::uintptr_t>(part.data());
  return at >= begin && at + part.size() <= begin + whole.size();
}

// A connection of either role on whose stream 1 both sides may send DATA: for a client, a request
// whose response has begun; for a server, a request whose response has begun.
void open_stream(Driven& d) {
  start(d, {{SettingCode::kInitialWindowSize, 1 << 24}});
  d.feed(FrameScript().window_update(0, 1 << 24));
  if (d.conn.role() == Role::kClient) {
    ASSERT_EQ(d.send(1, post()), Errc::kNone);
    d.feed(FrameScript().headers(1, response_fields(200)));
  } else {
    d.feed(FrameScript().headers(1, post()));
    ASSERT_EQ(d.send(1, response_fields(200)), Errc::kNone);
  }
  d.drain().forget();
}

// ---- in ----------------------------------------------------------------------------------------

TEST(DataIn, IsReportedWhereTheCallerPutIt) {
  for (const Role role : kBoth) {
    SCOPED_TRACE(role == Role::kClient ? "client" : "server");
    Driven d(role);
    open_stream(d);
    FrameScript script;
    std::vector<std::size_t> offsets;
    std::vector<std::size_t> sizes;
    for (const std::size_t size : {1U, 9U, 100U, 1'023U, 1'024U, 16'384U, 5U}) {
      script.ping();
      offsets.push_back(script.str().size() + kFrameHeaderSize);
      sizes.push_back(size);
      script.data(1, std::string(size, static_cast<char>('a' + offsets.size())));
      // With padding, the data begins behind the length of it.
      offsets.push_back(script.str().size() + kFrameHeaderSize + 1);
      sizes.push_back(size > 16'000 ? 16'000 : size);
      script.data(1, std::string(sizes.back(), static_cast<char>('A' + offsets.size())), kOpen,
                  std::uint8_t{77});
    }
    const Buffer input(script.bytes());
    const Received received = d.conn.receive_data(input.bytes(), d.now);
    ASSERT_EQ(received.consumed, input.bytes().size());
    std::size_t seen = 0;
    for (const Event& event : received.events) {
      const auto* data = std::get_if<DataReceived>(&event);
      if (data == nullptr) continue;
      ASSERT_LT(seen, offsets.size());
      EXPECT_EQ(data->data.data(), input.bytes().data() + offsets[seen]);
      EXPECT_EQ(data->data.size(), sizes[seen]);
      ++seen;
    }
    EXPECT_EQ(seen, offsets.size());
  }
}

// Only the frame at the seam of two inputs is copied; those around it are not.
TEST(DataIn, IsCopiedOnlyWhereTheInputCutsAFrame) {
  FrameScript script;
  for (int i = 0; i < 5; ++i) script.data(1, std::string(200, static_cast<char>('a' + i)));
  const std::size_t frame = script.str().size() / 5;
  for (const Role role : kBoth) {
    for (std::size_t cut = 2 * frame; cut < 3 * frame; cut += 13) {
      SCOPED_TRACE(cut);
      Driven d(role);
      open_stream(d);
      std::vector<bool> inside;
      std::string joined;
      const Buffer parts[] = {Buffer(script.bytes().first(cut)),
                              Buffer(script.bytes().subspan(cut))};
      for (const Buffer& part : parts) {
        const Received received = d.conn.receive_data(part.bytes(), d.now);
        ASSERT_EQ(received.consumed, part.bytes().size());
        for (const Event& event : received.events) {
          if (const auto* data = std::get_if<DataReceived>(&event)) {
            inside.push_back(lies_within(data->data, part.bytes()));
            joined += view(data->data);
          }
        }
      }
      const bool seam = cut % frame != 0;
      EXPECT_EQ(inside, (std::vector<bool>{true, true, !seam, true, true}));
      ASSERT_EQ(joined.size(), 1'000U);
      for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(joined[200 * i + 199], "abcde"[i]);
    }
  }
}

// ---- out ---------------------------------------------------------------------------------------

// Which bytes of `body` the output refers to, as one flag a byte; each piece may be in it once.
std::vector<bool> referred(std::span<const Bytes> pieces, Bytes body) {
  std::vector<bool> flags(body.size(), false);
  for (const Bytes piece : pieces) {
    if (!lies_within(piece, body)) continue;
    const auto at = static_cast<std::size_t>(piece.data() - body.data());
    for (std::size_t i = at; i < at + piece.size(); ++i) {
      EXPECT_FALSE(flags[i]) << "twice in the output: " << i;
      flags[i] = true;
    }
  }
  return flags;
}

TEST(DataOut, OfABodyFromCopyBelowOnIsTheApplicationsOwnMemory) {
  for (const Role role : kBoth) {
    for (const std::uint32_t copy_below : {0U, 1U, 100U, 1'024U, 20'000U}) {
      for (const std::size_t size : {1U, 99U, 100U, 1'023U, 1'024U, 16'384U, 16'385U, 60'000U}) {
        SCOPED_TRACE("copy below " + std::to_string(copy_below) + ", body " + std::to_string(size));
        Config config;
        config.copy_below = copy_below;
        Driven d(role, config);
        open_stream(d);
        const Buffer body(bytes_of(std::string(size, 'b')));
        ASSERT_TRUE(d.conn.send_data(kOne, body.bytes(), kYes, 7));
        const auto pieces = d.conn.data_to_send();
        const std::vector<bool> flags = referred(pieces, body.bytes());
        // A frame holds at most 16,384 bytes; each frame's share is referred to, or copied, whole.
        for (std::size_t at = 0; at < size; at += kMinMaxFrameSize) {
          const std::size_t share = std::min<std::size_t>(size - at, kMinMaxFrameSize);
          for (std::size_t i = at; i < at + share; ++i) {
            ASSERT_EQ(flags[i], share >= copy_below) << i;
          }
        }
        // The pieces of the body follow each other in the order of its bytes.
        const std::uint8_t* last = nullptr;
        for (const Bytes piece : pieces) {
          if (!lies_within(piece, body.bytes())) continue;
          EXPECT_TRUE(last == nullptr || piece.data() > last);
          last = piece.data();
        }
        d.drain();
        EXPECT_EQ(d.frames().body(1), view(body.bytes()));
        EXPECT_EQ(d.count("BodyReleased stream=1 tag=7 complete"), 1U);
      }
    }
  }
}

TEST(DataOut, ThatIsCopiedIsNeverTheApplicationsMemory) {
  for (const Role role : kBoth) {
    Driven d(role);
    open_stream(d);
    auto body = std::make_unique<Buffer>(bytes_of(std::string(40'000, 'b')));
    ASSERT_TRUE(d.conn.send_data_copy(kOne, body->bytes(), kYes));
    for (const Bytes piece : d.conn.data_to_send()) EXPECT_FALSE(lies_within(piece, body->bytes()));
    body.reset();
    d.drain();
    EXPECT_EQ(d.frames().body(1), std::string(40'000, 'b'));
  }
}

TEST(DataOut, APieceWrittenInPartGoesOnAtTheNextByte) {
  for (const Role role : kBoth) {
    Driven d(role);
    open_stream(d);
    const Buffer body(bytes_of(std::string(16'000, 'b')));
    ASSERT_TRUE(d.conn.send_data(kOne, body.bytes(), kYes, 7));
    ASSERT_EQ(d.conn.data_to_send().size(), 2U);
    d.conn.mark_sent(kFrameHeaderSize - 4);
    ASSERT_EQ(d.conn.data_to_send().size(), 2U);
    EXPECT_EQ(d.conn.data_to_send()[0].size(), 4U);
    d.conn.mark_sent(4);
    std::size_t at = 0;
    for (const std::size_t part : {1U, 99U, 3'900U, 11'999U}) {
      ASSERT_EQ(d.conn.data_to_send().size(), 1U);
      EXPECT_EQ(d.conn.data_to_send()[0].data(), body.bytes().data() + at);
      EXPECT_EQ(d.conn.data_to_send()[0].size(), body.bytes().size() - at);
      d.conn.mark_sent(part);
      at += part;
      EXPECT_TRUE(d.conn.poll_events().empty()) << "not all of the body was written";
    }
    d.conn.mark_sent(1);
    EXPECT_EQ(d.conn.poll_events().size(), 1U);
    EXPECT_FALSE(d.conn.want_write());
  }
}

// ---- what stays --------------------------------------------------------------------------------

class EndlessSource final : public BodySource {
 public:
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    std::memset(buffer.data(), 'e', buffer.size());
    return {buffer.size(), State::kMore};
  }
};

// Everything that may be called between two receive_data, each with a name.
struct Call {
  const char* name;
  std::function<void(Driven&)> make;
};

const std::string& long_body() {
  static const std::string body(100'000, 'b');
  return body;
}

const std::vector<Call>& other_calls() {
  static const std::vector<Call> calls{
      {"send_headers",
       [](Driven& d) {
         Fields fields = d.conn.role() == Role::kClient ? get() : response_fields(200);
         for (int i = 0; i < 100; ++i) {
           fields.emplace_back("x-" + std::to_string(i), std::string(300, 'v'));
         }
         ASSERT_EQ(d.send(3, fields), Errc::kNone);
       }},
      {"send_data",
       [](Driven& d) { ASSERT_TRUE(d.conn.send_data(kOne, bytes_of(long_body()), kNo, 1)); }},
      {"send_data_copy",
       [](Driven& d) {
         for (int i = 0; i < 50; ++i) {
           ASSERT_TRUE(d.conn.send_data_copy(kOne, bytes_of(std::string(3'000, 'c')), kNo));
         }
       }},
      {"send_body",
       [](Driven& d) {
         static EndlessSource source;
         ASSERT_TRUE(d.conn.send_body(kOne, source, kNo, 2));
       }},
      {"resume_body", [](Driven& d) { ASSERT_TRUE(d.conn.resume_body(kOne)); }},
      {"end_stream", [](Driven& d) { ASSERT_TRUE(d.conn.end_stream(StreamId{3})); }},
      {"acknowledge_received_data",
       [](Driven& d) { ASSERT_TRUE(d.conn.acknowledge_received_data(1, kOne)); }},
      {"increment_flow_control_window",
       [](Driven& d) { ASSERT_TRUE(d.conn.increment_flow_control_window(1'000, kOne)); }},
      {"update_settings",
       [](Driven& d) {
         const Setting setting{SettingCode::kInitialWindowSize, 1'000'000};
         ASSERT_TRUE(d.conn.update_settings({&setting, 1}, d.now));
       }},
      {"ping",
       [](Driven& d) {
         for (std::uint8_t i = 0; i < 100; ++i) ASSERT_TRUE(d.conn.ping({i}, d.now));
       }},
      {"data_to_send", [](Driven& d) { (void)d.conn.data_to_send(); }},
      {"mark_sent of a part", [](Driven& d) { d.conn.mark_sent(17); }},
      {"mark_sent of all",
       [](Driven& d) {
         std::size_t n = 0;
         for (const Bytes piece : d.conn.data_to_send()) n += piece.size();
         d.conn.mark_sent(n);
       }},
      {"poll_events", [](Driven& d) { (void)d.conn.poll_events(); }},
      {"on_time", [](Driven& d) { (void)d.conn.on_time(d.now + seconds(1)); }},
      {"reset_stream", [](Driven& d) { ASSERT_TRUE(d.conn.reset_stream(kOne)); }},
      {"release_stream", [](Driven& d) { d.conn.release_stream(kOne); }},
      {"notify_shutdown", [](Driven& d) { d.conn.notify_shutdown(); }},
      {"close_connection", [](Driven& d) { d.conn.close_connection(); }},
      {"terminate", [](Driven& d) { d.conn.terminate(ErrorCode::kNoError); }},
      {"receive_end", [](Driven& d) { (void)d.conn.receive_end(d.now); }},
      {"a move",
       [](Driven& d) {
         Connection moved(std::move(d.conn));
         d.conn = std::move(moved);
       }},
  };
  return calls;
}

// Where all that events view lies, and what it says.
struct Place {
  const void* at;
  std::size_t size;
  std::string content;
};
std::vector<Place> places_of(std::span<const Event> events) {
  std::vector<Place> places;
  const auto add_text = [&](std::string_view text) {
    places.push_back({text.data(), text.size(), std::string(text)});
  };
  const auto add_fields = [&](const FieldsView& fields) {
    for (const HeaderField field : fields) {
      add_text(field.name);
      add_text(field.value);
    }
  };
  for (const Event& event : events) {
    if (const auto* e = std::get_if<RequestReceived>(&event)) add_fields(e->fields);
    if (const auto* e = std::get_if<ResponseReceived>(&event)) add_fields(e->fields);
    if (const auto* e = std::get_if<InformationalResponseReceived>(&event)) add_fields(e->fields);
    if (const auto* e = std::get_if<TrailersReceived>(&event)) add_fields(e->fields);
    if (const auto* e = std::get_if<DataReceived>(&event)) add_text(view(e->data));
    if (const auto* e = std::get_if<RemoteSettingsChanged>(&event)) {
      add_text({reinterpret_cast<const char*>(e->changed.data()), e->changed.size_bytes()});
    }
  }
  return places;
}

TEST(Views, StayWhereTheyAreUntilTheNextReceiveData) {
  for (const Role role : kBoth) {
    Driven d(role);
    open_stream(d);
    if (role == Role::kClient) {
      ASSERT_EQ(d.send(3, post()), Errc::kNone);
      ASSERT_EQ(d.send(5, get(), kYes), Errc::kNone);
      ASSERT_EQ(d.send(7, get(), kYes), Errc::kNone);
    }
    FrameScript script;
    script.data(1, std::string(500, 'd')).data(1, std::string(500, 'e'));
    if (role == Role::kClient) {
      script.headers(3, response_fields(103, {{"link", "</style>"}}))
          .headers(5, response_fields(200, {{"server", "x"}, {"empty", ""}}))
          .headers(5, {{"x-trailer", "value"}}, kEnd)
          .headers(7, response_fields(404), kEnd);
    } else {
      script.headers(3, post("/3", {{"accept", "*/*"}, {"empty", ""}}))
          .headers(5, post("/5"))
          .headers(5, {{"x-trailer", "value"}}, kEnd);
    }
    script.settings({{SettingCode::kMaxFrameSize, 20'000}});
    // Cut within the first DATA, so that there is a frame that had to be carried over.
    (void)d.conn.receive_data(script.bytes().first(100), d.now);
    const Buffer rest(script.bytes().subspan(100));
    const Received received = d.conn.receive_data(rest.bytes(), d.now);
    ASSERT_EQ(received.consumed, rest.bytes().size());
    const std::vector<Place> before = places_of(received.events);
    ASSERT_GE(before.size(), 17U);
    // On the client, stream 3 is in use: the call that sends headers takes the next one.
    for (const Call& call : other_calls()) {
      SCOPED_TRACE(std::string(role == Role::kClient ? "client, " : "server, ") + call.name);
      if (role == Role::kClient && std::string_view(call.name) == "send_headers") {
        ASSERT_EQ(d.send(9, get("/", {{"x", std::string(50'000, 'y')}}), kYes), Errc::kNone);
      } else {
        ASSERT_NO_FATAL_FAILURE(call.make(d));
      }
      const std::vector<Place> after = places_of(received.events);
      ASSERT_EQ(after.size(), before.size());
      for (std::size_t i = 0; i < before.size(); ++i) {
        ASSERT_EQ(after[i].at, before[i].at);
        ASSERT_EQ(after[i].size, before[i].size);
        ASSERT_EQ(after[i].content, before[i].content);
      }
    }
  }
}

TEST(OutputPieces, StayWhereTheyAreWhileOtherCallsAddBehind) {
  for (const Role role : kBoth) {
    Config config;
    config.max_output_batch = 300'000;
    Driven d(role, config);
    open_stream(d);
    if (role == Role::kServer) d.feed(FrameScript().headers(3, get(), kEnd));
    const Buffer body(bytes_of(std::string(40'000, 'b')));
    ASSERT_TRUE(d.conn.send_data(kOne, body.bytes(), kNo, 1));
    ASSERT_TRUE(d.conn.ping({}, d.now));
    std::vector<Bytes> pieces;
    std::string content;
    for (const Bytes piece : d.conn.data_to_send()) {
      pieces.push_back(piece);
      content += view(piece);
    }
    ASSERT_GE(pieces.size(), 6U);
    for (const Call& call : other_calls()) {
      const std::string_view name = call.name;
      if (name.substr(0, 9) == "mark_sent" || name == "receive_end") continue;
      if (name == "acknowledge_received_data") continue;  // nothing has come
      SCOPED_TRACE(std::string(role == Role::kClient ? "client, " : "server, ") + call.name);
      ASSERT_NO_FATAL_FAILURE(call.make(d));
      (void)d.conn.receive_data(FrameScript().ping().bytes(), d.now);
      std::string now;
      for (const Bytes piece : pieces) now += view(piece);
      ASSERT_EQ(now, content);
      const auto given = d.conn.data_to_send();
      ASSERT_GE(given.size(), pieces.size());
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        ASSERT_EQ(given[i].data(), pieces[i].data());
        // The last one may have grown.
        ASSERT_GE(given[i].size(), pieces[i].size());
        if (i + 1 < pieces.size()) {
          ASSERT_EQ(given[i].size(), pieces[i].size());
        }
      }
    }
  }
}

}  // namespace
}  // namespace h2::tests
