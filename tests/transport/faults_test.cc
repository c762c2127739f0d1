// Tests of what happens when system calls are interrupted, do little or fail
// (transport/system_calls.h).
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

#include "tests/transport/transport_testing.h"
#include "transport/system_calls.h"

namespace h2::inline v0::transport {
namespace {

// Every other call is interrupted; each read and write moves at most `most` bytes.
class Hindered : public SystemCalls {
 public:
  std::size_t most = 1;
  std::atomic<int> interrupted{0};
  std::atomic<int> sent_without_nosignal{0};

  ssize_t recv(int fd, void* buffer, std::size_t size, int flags) override {
    if (interrupt()) return -1;
    return SystemCalls::recv(fd, buffer, std::min(size, most), flags);
  }
  ssize_t sendmsg(int fd, const msghdr* message, int flags) override {
    if ((flags & MSG_NOSIGNAL) == 0) ++sent_without_nosignal;
    if (interrupt()) return -1;
    iovec part = message->msg_iov[0];
    part.iov_len = std::min(part.iov_len, most);
    msghdr small{};
    small.msg_iov = &part;
    small.msg_iovlen = 1;
    return SystemCalls::sendmsg(fd, &small, flags);
  }
  int poll(pollfd* fds, nfds_t count, int timeout_ms) override {
    if (interrupt()) return -1;
    return SystemCalls::poll(fds, count, timeout_ms);
  }
  int accept4(int fd, sockaddr* address, socklen_t* length, int flags) override {
    if (interrupt()) return -1;
    return SystemCalls::accept4(fd, address, length, flags);
  }

 private:
  bool interrupt() {
    if (++calls_ % 2 == 0) return false;
    ++interrupted;
    errno = EINTR;
    return true;
  }
  std::atomic<int> calls_{0};
};

TEST(Faults, InterruptedCallsAndSingleBytesChangeNothing) {
  Hindered calls;
  const IoEnvironment environment{&calls, &system_clock()};
  auto [client, server] = socket_pair(environment);
  // As many small writes as the socket holds without a reader.
  const std::string text = pattern(200, 3);
  ASSERT_TRUE(write_all(*client, text));
  EXPECT_TRUE(read_n(*server, text.size()).value() == text);
  ASSERT_TRUE(write_all(*server, text));
  EXPECT_TRUE(read_n(*client, text.size()).value() == text);
  EXPECT_GT(calls.interrupted, 300);
  EXPECT_EQ(calls.sent_without_nosignal, 0);
}

TEST(Faults, TlsWorksOverInterruptedCallsAndShortWrites) {
  Hindered calls;
  calls.most = 7;
  const Authority authority;
  TlsPair pair =
      tls_pair(client_context(authority.pem()), server_context(authority.issue({"localhost"})),
               "localhost", socket_pair({&calls, &system_clock()}));
  ASSERT_TRUE(pair.client_result) << pair.client_result.error().message();
  const std::string text = pattern(1000, 4);
  ASSERT_TRUE(write_all(*pair.client, text));
  EXPECT_TRUE(read_n(*pair.server, text.size()).value() == text);
}

TEST(Faults, ListenerGoesOnAfterInterruptedAccept) {
  Hindered calls;
  const auto listener = Listener::listen("127.0.0.1", 0, {}, {&calls, &system_clock()}).value();
  const auto client = TcpStream::connect(listener->address(), soon());
  EXPECT_TRUE(listener->accept(soon()));
}

// Fails one kind of call with one errno.
class Failing : public SystemCalls {
 public:
  int recv_errno = 0;
  int send_errno = 0;
  bool send_nothing = false;
  int accept_errno = 0;
  int accept_failures = 0;
  ssize_t recv(int fd, void* buffer, std::size_t size, int flags) override {
    if (recv_errno == 0) return SystemCalls::recv(fd, buffer, size, flags);
    errno = recv_errno;
    return -1;
  }
  ssize_t sendmsg(int fd, const msghdr* message, int flags) override {
    if (send_nothing) return 0;
    if (send_errno == 0) return SystemCalls::sendmsg(fd, message, flags);
    errno = send_errno;
    return -1;
  }
  int accept4(int fd, sockaddr* address, socklen_t* length, int flags) override {
    if (accept_failures-- > 0) {
      errno = accept_errno;
      return -1;
    }
    return SystemCalls::accept4(fd, address, length, flags);
  }
};

TEST(Faults, WritingNothingIsAnErrorAndNoEndlessLoop) {
  Failing calls;
  calls.send_nothing = true;
  auto [client, server] = socket_pair({&calls, &system_clock()});
  EXPECT_FALSE(write_all(*client, "x"));
}

TEST(Faults, ErrorsOfTheSocketAreReturnedWithPhaseAndErrno) {
  Failing calls;
  calls.recv_errno = ETIMEDOUT;
  calls.send_errno = ECONNRESET;
  auto [client, server] = tcp_pair({&calls, &system_clock()});
  std::array<std::uint8_t, 8> buffer{};
  const auto read = client->try_read(buffer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().phase, Phase::kReceive);
  EXPECT_EQ(read.error().code, TransportErrc::kTimedOut);
  EXPECT_EQ(read.error().peer, server->info().local_address);
  const auto written = write_all(*client, "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().phase, Phase::kSend);
  EXPECT_EQ(written.error().code, TransportErrc::kReset);
  EXPECT_EQ(written.error().sys_errno, ECONNRESET);
}

TEST(Faults, ConnectionsThatDiedInTheQueueAreSkipped) {
  Failing calls;
  calls.accept_errno = ECONNABORTED;
  calls.accept_failures = 3;
  const auto listener = Listener::listen("127.0.0.1", 0, {}, {&calls, &system_clock()}).value();
  const auto client = TcpStream::connect(listener->address(), soon());
  EXPECT_TRUE(listener->accept(soon()));
}

TEST(Faults, OutOfDescriptorsIsToldByAccept) {
  Failing calls;
  calls.accept_errno = EMFILE;
  calls.accept_failures = 1;
  const auto listener = Listener::listen("127.0.0.1", 0, {}, {&calls, &system_clock()}).value();
  const auto client = TcpStream::connect(listener->address(), soon());
  const auto failed = listener->accept(soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().sys_errno, EMFILE);
  EXPECT_TRUE(listener->accept(soon()));
}

}  // namespace
}  // namespace h2::inline v0::transport
