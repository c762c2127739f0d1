// Tests of transport/tcp_stream.h, deadline.h and listener.h.
#include "transport/tcp_stream.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/transport/transport_testing.h"

namespace h2::inline v0::transport {
namespace {

TEST(Deadline, PollTimeoutRoundsUpAndKnowsNever) {
  EXPECT_EQ(poll_timeout(Time::never(), Time{5}), -1);
  EXPECT_EQ(poll_timeout(Time{5}, Time{5}), 0);
  EXPECT_EQ(poll_timeout(Time{4}, Time{5}), 0);
  EXPECT_EQ(poll_timeout(Time{6}, Time{5}), 1);
  EXPECT_EQ(poll_timeout(Time{2'000'000}, Time{0}), 2);
  EXPECT_EQ(poll_timeout(Time{std::numeric_limits<std::int64_t>::max() - 1}, Time{0}),
            std::numeric_limits<int>::max());
}

TEST(TcpStream, BytesGoBothWaysOverTheLoopback) {
  auto [client, server] = tcp_pair();
  ASSERT_TRUE(write_all(*client, "ping"));
  EXPECT_EQ(read_n(*server, 4).value(), "ping");
  ASSERT_TRUE(write_all(*server, "pong"));
  EXPECT_EQ(read_n(*client, 4).value(), "pong");
  EXPECT_EQ(client->info().peer_address, server->info().local_address);
  EXPECT_EQ(client->info().local_address, server->info().peer_address);
  EXPECT_TRUE(client->info().alpn.empty());
}

TEST(TcpStream, NothingToReadWouldBlock) {
  auto [client, server] = tcp_pair();
  std::array<std::uint8_t, 8> buffer{};
  const auto got = client->try_read(buffer).value();
  EXPECT_TRUE(got.would_block());
  EXPECT_TRUE(got.wants_read);
  EXPECT_FALSE(got.wants_write);
}

TEST(TcpStream, PiecesAreWrittenInOrderAndEmptyOnesSkipped) {
  auto [client, server] = tcp_pair();
  const std::array<Bytes, 5> pieces{as_bytes("one "), Bytes(), as_bytes("two "), as_bytes("three"),
                                    Bytes()};
  EXPECT_EQ(client->try_write(pieces).value().bytes, 13U);
  EXPECT_EQ(read_n(*server, 13).value(), "one two three");
}

TEST(TcpStream, MorePiecesThanOneCallTakesStillArriveInOrder) {
  auto [client, server] = tcp_pair();
  const std::string text = pattern(500, 1);
  std::vector<Bytes> pieces;
  for (const char& c : text) pieces.push_back(as_bytes(std::string_view(&c, 1)));
  std::size_t sent = 0;
  while (sent < pieces.size()) {
    const auto result = client->try_write(std::span<const Bytes>(pieces).subspan(sent)).value();
    ASSERT_GT(result.bytes, 0U);
    sent += result.bytes;
  }
  EXPECT_EQ(read_n(*server, text.size()).value(), text);
}

TEST(TcpStream, CloseIsTheEndForThePeerAndAnErrorHere) {
  auto [client, server] = tcp_pair();
  client->close();
  client->close();
  EXPECT_EQ(read_all(*server).value(), "");
  std::array<std::uint8_t, 8> buffer{};
  EXPECT_EQ(client->try_read(buffer).error().code, TransportErrc::kClosed);
  EXPECT_EQ(client->try_write({}).error().code, TransportErrc::kClosed);
  EXPECT_EQ(client->wait(true, false, soon()).error().code, TransportErrc::kClosed);
  EXPECT_EQ(client->descriptor(), -1);
}

TEST(TcpStream, ShutdownOfWritingLeavesReadingOpen) {
  auto [client, server] = tcp_pair();
  client->shutdown_write();
  EXPECT_EQ(read_all(*server).value(), "");
  ASSERT_TRUE(write_all(*server, "still here"));
  EXPECT_EQ(read_n(*client, 10).value(), "still here");
}

TEST(TcpStream, WaitEndsAtTheDeadline) {
  auto [client, server] = tcp_pair();
  const Deadline deadline = deadline_after(system_clock(), milliseconds(5));
  const Ready ready = client->wait(true, false, deadline).value();
  EXPECT_TRUE(ready.timed_out);
  EXPECT_FALSE(ready.readable || ready.writable || ready.woken);
  EXPECT_GE(system_clock().now(), deadline);
}

TEST(TcpStream, WaitWithPassedDeadlineStillSeesWhatIsReady) {
  auto [client, server] = tcp_pair();
  EXPECT_TRUE(client->wait(false, true, Time{0}).value().writable);
}

TEST(TcpStream, WakeBeforeWaitIsKeptForIt) {
  auto [client, server] = tcp_pair();
  client->wake();
  EXPECT_TRUE(client->wait(true, false, soon()).value().woken);
  EXPECT_TRUE(client->wait(true, false, Time{0}).value().timed_out);
  client->wake();  // now through the descriptor
  client->wake();
  EXPECT_TRUE(client->wait(true, false, soon()).value().woken);
  EXPECT_TRUE(client->wait(true, false, Time{0}).value().timed_out);
}

TEST(TcpStream, WakeFromAnotherThreadEndsAWait) {
  auto [client, server] = tcp_pair();
  ByteStream& stream = *client;
  std::thread other([&stream] { stream.wake(); });
  const Ready ready = stream.wait(true, false, Time::never()).value();
  other.join();
  EXPECT_TRUE(ready.woken);
  EXPECT_FALSE(ready.readable);
}

TEST(TcpStream, WaitForNothingIsEndedByWakeAlsoAfterThePeerClosed) {
  auto [client, server] = tcp_pair();
  server->close();
  ASSERT_TRUE(client->wait(true, false, soon()).value().readable);
  EXPECT_TRUE(client->wait(false, false, deadline_after(system_clock(), milliseconds(2)))
                  .value()
                  .timed_out);
  client->wake();
  EXPECT_TRUE(client->wait(false, false, soon()).value().woken);
}

TEST(TcpStream, ConnectingWhereNobodyListensIsRefused) {
  Address address;
  {
    auto listener = Listener::listen("127.0.0.1", 0).value();
    address = listener->address();
  }
  const auto stream = TcpStream::connect(address, soon());
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, TransportErrc::kRefused);
  EXPECT_EQ(stream.error().phase, Phase::kConnect);
  EXPECT_EQ(stream.error().message(),
            "Connecting to " + address.to_string() + " failed: connection refused.");
}

void transfer_both_ways(ByteStream& a, ByteStream& b, std::size_t size) {
  const std::string to_b = pattern(size, 1);
  const std::string to_a = pattern(size, 2);
  std::thread other([&] {
    std::thread writer([&] { EXPECT_TRUE(write_all(b, to_a)); });
    writer.join();
    EXPECT_TRUE(read_n(b, size).value() == to_b);
  });
  // Reads and writes in turns, so that neither side can lock the other up.
  std::string got;
  Bytes left = as_bytes(to_b);
  std::vector<std::uint8_t> buffer(65536);
  while (got.size() < size || !left.empty()) {
    const auto read = a.try_read(buffer).value();
    got.append(reinterpret_cast<const char*>(buffer.data()), read.bytes);
    const std::array<Bytes, 1> piece{left};
    const auto written = a.try_write(piece).value();
    left = left.subspan(written.bytes);
    if (read.bytes == 0 && written.bytes == 0) (void)a.wait(true, !left.empty(), soon()).value();
  }
  other.join();
  EXPECT_TRUE(got == to_a);
}

TEST(TcpStream, LargeTransfersRunBothWays) {
  auto [client, server] = tcp_pair();
  transfer_both_ways(*client, *server, std::size_t{8} << 20U);
}

TEST(Listener, PortZeroIsAnyFreePort) {
  const auto first = Listener::listen("127.0.0.1", 0).value();
  const auto second = Listener::listen("localhost", 0).value();
  EXPECT_NE(first->port(), 0);
  EXPECT_NE(first->port(), second->port());
}

TEST(Listener, PortInUseIsSaid) {
  const auto first = Listener::listen("127.0.0.1", 0).value();
  const auto second = Listener::listen("127.0.0.1", first->port());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, TransportErrc::kAddressInUse);
}

TEST(Listener, NamesAreNotLookedUp) {
  EXPECT_EQ(Listener::listen("example.com", 0).error().code, TransportErrc::kBadAddress);
}

TEST(Listener, NoConnectionIsNoError) {
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  EXPECT_EQ(listener->try_accept().value(), nullptr);
  EXPECT_EQ(listener->accept(Time{0}).error().code, TransportErrc::kTimedOut);
}

TEST(Listener, WakeEndsAnAccept) {
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  std::thread other([&] { listener->wake(); });
  EXPECT_EQ(listener->accept(soon()).error().code, TransportErrc::kCancelled);
  other.join();
}

TEST(Listener, AnyAddressTakesIpv4) {
  const auto listener = Listener::listen("", 0).value();
  EXPECT_TRUE(TcpStream::connect(*Address::from_literal("127.0.0.1", listener->port()), soon()));
}

}  // namespace
}  // namespace h2::inline v0::transport
