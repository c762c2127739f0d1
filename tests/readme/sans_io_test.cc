// The README's sans-I/O example, run against a server connection in memory.
#include <gtest/gtest.h>

#include <string>

#include "tests/readme/sans_io_example.inc"

namespace {

TEST(Readme, SansIoExampleGetsAPage) {
  h2::Connection server(h2::Role::kServer, h2::Config::server(), h2::Time{});
  const std::string page = "hello from the other end\n";
  std::string asked_for;
  const auto exchange = [&](const std::vector<std::uint8_t>& out) {
    for (const h2::Event& event : server.receive_data(out, h2::Time{}).events) {
      const auto* request = std::get_if<h2::RequestReceived>(&event);
      if (request == nullptr) continue;
      asked_for = *request->fields.find(":path");
      const h2::HeaderField fields[] = {{":status", "203"}};
      EXPECT_TRUE(server.send_headers(request->stream_id, fields, h2::EndStream::kNo));
      EXPECT_TRUE(server.send_data(request->stream_id, h2::as_bytes(page), h2::EndStream::kYes));
    }
    std::vector<std::uint8_t> in;
    for (const h2::Bytes piece : server.data_to_send())
      in.insert(in.end(), piece.begin(), piece.end());
    server.mark_sent(in.size());
    return in;
  };
  std::string got;
  EXPECT_EQ(get(exchange, [&](h2::Bytes bytes) { got += h2::as_string_view(bytes); }), 203);
  EXPECT_EQ(got, page);
  EXPECT_EQ(asked_for, "/");
}

}  // namespace
