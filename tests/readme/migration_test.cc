// The examples of docs/from_h2.md and docs/from_nghttp2.md, run against connections in memory; the
// C half of the latter too. (The Python half of the former: tests/tools/scripts_test.py.)
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>  // here, as the C example is included within a namespace
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "h2core/connection.h"
#include "tests/readme/from_h2_example.inc"
#include "tests/readme/from_nghttp2_example.inc"

namespace {

const auto kClock = [] { return h2::Time{}; };

// The socket of the examples, with a Connection at its other end. `on_event` is that end's program.
class Peer {
 public:
  Peer(h2::Role role, std::function<void(h2::Connection&, const h2::Event&)> on_event)
      : connection(role, role == h2::Role::kClient ? h2::Config::client() : h2::Config::server(),
                   h2::Time{}),
        on_event_(std::move(on_event)) {}

  std::size_t send(h2::Bytes bytes) {
    const std::size_t size = bytes.size();
    while (!bytes.empty()) {
      const h2::Received got = connection.receive_data(bytes, h2::Time{});
      for (const h2::Event& event : got.events) on_event_(connection, event);
      bytes = bytes.subspan(got.consumed);
      take_output();
    }
    return size;
  }

  // At most `most` bytes, so that frames are cut; none when there is nothing to be said any more.
  h2::Bytes recv(std::size_t most = 1'000) {
    take_output();
    given_.assign(output_.begin(),
                  output_.begin() + static_cast<std::ptrdiff_t>(std::min(most, output_.size())));
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(given_.size()));
    return given_;
  }

  h2::Connection connection;

 private:
  void take_output() {
    std::size_t n = 0;
    for (const h2::Bytes piece : connection.data_to_send()) {
      output_.insert(output_.end(), piece.begin(), piece.end());
      n += piece.size();
    }
    connection.mark_sent(n);
  }

  std::function<void(h2::Connection&, const h2::Event&)> on_event_;
  std::vector<std::uint8_t> output_;
  std::vector<std::uint8_t> given_;
};

// ---- docs/from_h2.md --------------------------------------------------------------------------

// A POST of `size` bytes to the document's server, and what it answers.
std::string post(std::size_t size, bool trailers) {
  const h2::HeaderField request[] = {
      {":method", "POST"}, {":scheme", "https"}, {":authority", "example.com"}, {":path", "/"}};
  const h2::HeaderField trailer[] = {{"checksum", "1"}};
  const std::string body(size, 'x');
  std::string answer;
  Peer client(h2::Role::kClient, [&](h2::Connection& connection, const h2::Event& event) {
    if (const auto* response = std::get_if<h2::ResponseReceived>(&event)) {
      EXPECT_EQ(response->status, 200);
    } else if (const auto* data = std::get_if<h2::DataReceived>(&event)) {
      answer += h2::as_string_view(data->data);
      if (data->end_stream == h2::EndStream::kYes) answer += "end";
    }
    EXPECT_FALSE(std::holds_alternative<h2::StreamReset>(event));
    (void)connection;
  });
  const auto id = h2::StreamId{1};
  const auto end = size == 0 ? h2::EndStream::kYes : h2::EndStream::kNo;
  EXPECT_TRUE(client.connection.send_headers(id, request, end));
  if (size > 0) {
    EXPECT_TRUE(client.connection.send_data(id, h2::as_bytes(body),
                                            trailers ? h2::EndStream::kNo : h2::EndStream::kYes));
  }
  if (trailers) {
    EXPECT_TRUE(client.connection.send_headers(id, trailer, h2::EndStream::kYes));
  }
  serve(client, kClock);
  return answer;
}

TEST(FromH2, ServerAnswersARequestWithoutABody) { EXPECT_EQ(post(0, false), "0 bytes\nend"); }

TEST(FromH2, ServerTakesABodyOfSeveralWindows) {
  EXPECT_EQ(post(1'000'000, false), "1000000 bytes\nend");
}

TEST(FromH2, ServerAnswersAfterTrailers) { EXPECT_EQ(post(70'000, true), "70000 bytes\nend"); }

TEST(FromH2, ServerEndsWithAPeerThatSpeaksSomethingElse) {
  struct Stranger {
    std::string said = "GET / HTTP/1.1\r\n\r\n";
    std::string heard;
    std::size_t send(h2::Bytes bytes) {
      heard += h2::as_string_view(bytes);
      return bytes.size();
    }
    h2::Bytes recv() { return h2::as_bytes(said); }
  } stranger;
  serve(stranger, kClock);
  EXPECT_NE(stranger.heard.find("bad_preface"), std::string::npos);  // in the GOAWAY
}

// ---- docs/from_nghttp2.md ---------------------------------------------------------------------

// A server that answers with 203 and a page of `size` bytes.
Peer page_server(const std::string& page) {
  return Peer(h2::Role::kServer, [&page](h2::Connection& connection, const h2::Event& event) {
    const auto* request = std::get_if<h2::RequestReceived>(&event);
    if (request == nullptr) return;
    EXPECT_EQ(request->fields.find(":path"), "/");
    EXPECT_EQ(request->end_stream, h2::EndStream::kYes);
    const h2::HeaderField fields[] = {{":status", "203"}};
    EXPECT_TRUE(connection.send_headers(request->stream_id, fields, h2::EndStream::kNo));
    EXPECT_TRUE(connection.send_data(request->stream_id, h2::as_bytes(page), h2::EndStream::kYes));
  });
}

TEST(FromNghttp2, OurHalfGetsAPageOfSeveralWindows) {
  const std::string page(300'000, 'x');
  Peer server = page_server(page);
  std::size_t length = 0;
  EXPECT_EQ(get_by_h2cpp(server, kClock, length), 203);
  EXPECT_EQ(length, page.size());
}

TEST(FromNghttp2, OurHalfFailsWhereTheConnectionIsLost) {
  struct {
    std::size_t send(h2::Bytes bytes) { return bytes.size(); }
    h2::Bytes recv() { return {}; }
  } nobody;
  std::size_t length = 0;
  EXPECT_EQ(get_by_h2cpp(nobody, kClock, length), -1);
}

Peer* the_socket = nullptr;
void write_all(const std::uint8_t* bytes, std::size_t size) {
  EXPECT_EQ(the_socket->send({bytes, size}), size);
}
ssize_t read_some(std::uint8_t* to, std::size_t size) {
  const h2::Bytes bytes = the_socket->recv(size);
  std::copy(bytes.begin(), bytes.end(), to);
  return static_cast<ssize_t>(bytes.size());
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include "tests/readme/from_nghttp2_c_example.inc"
#pragma GCC diagnostic pop

TEST(FromNghttp2, ItsHalfDoesTheSame) {
  const std::string page(300'000, 'x');
  Peer server = page_server(page);
  the_socket = &server;
  get result{};
  EXPECT_EQ(get_by_nghttp2(&result), 203);
  EXPECT_EQ(result.length, page.size());
}

}  // namespace
