// Tests of transport/dialer.h and tcp_connect.h.
#include "transport/dialer.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <thread>

#include "tests/transport/transport_testing.h"

namespace h2::inline v0::transport {
namespace {

// Answers from a list.
class FakeResolver : public Resolver {
 public:
  std::vector<std::string> addresses;
  std::vector<std::string> asked;
  Result<std::vector<Address>, TransportError> resolve(std::string_view host, std::uint16_t port,
                                                       Deadline) override {
    asked.emplace_back(host);
    if (addresses.empty()) {
      return unexpected(
          TransportError{Phase::kResolve, TransportErrc::kNameNotFound, 0, std::string(host), {}});
    }
    std::vector<Address> found;
    for (const std::string& one : addresses) found.push_back(*Address::from_literal(one, port));
    return found;
  }
};

// Sockets whose connections do what the test says, by address; time passes only in poll().
class FakeNetwork : public SystemCalls, public Clock {
 public:
  enum class Behaviour { kWorks, kRefuses, kSilent };
  std::map<std::string, Behaviour> hosts;
  std::vector<std::pair<std::string, std::int64_t>> connects;  // host and time in ms

  Time now() const override { return now_; }
  int connect(int fd, const sockaddr* address, socklen_t length) override {
    const std::string host = Address(address, length).host_string();
    connects.emplace_back(host, now_.ns / 1'000'000);
    switch (hosts.at(host)) {
      case Behaviour::kWorks:
        return 0;
      case Behaviour::kRefuses:
        errno = ECONNREFUSED;
        return -1;
      case Behaviour::kSilent:
        break;
    }
    (void)fd;
    errno = EINPROGRESS;
    return -1;
  }
  int poll(pollfd*, nfds_t, int timeout_ms) override {
    EXPECT_GE(timeout_ms, 0) << "would wait for ever";
    now_ = now_ + milliseconds(timeout_ms);
    return 0;
  }

 private:
  Time now_{0};
};

DialTarget target_of(std::string host, std::uint16_t port) {
  DialTarget target;
  target.host = std::move(host);
  target.port = port;
  return target;
}

TEST(Dialer, DialsCleartextByName) {
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"127.0.0.1"};
  const auto dialed =
      make_dialer({}, resolver)->dial(target_of("a.test", listener->port()), soon());
  ASSERT_TRUE(dialed) << dialed.error().message();
  EXPECT_EQ(dialed->remote_address, listener->address().to_string());
  EXPECT_EQ(dialed->alpn, "");
  EXPECT_EQ(resolver->asked, std::vector<std::string>{"a.test"});
  EXPECT_LE(dialed->timings.started, dialed->timings.resolved);
  EXPECT_LE(dialed->timings.resolved, dialed->timings.connected);
}

TEST(Dialer, NextAddressIsTriedWhenOneRefuses) {
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"127.0.0.2", "127.0.0.1"};  // the first has no listener
  const auto dialed =
      make_dialer({}, resolver)->dial(target_of("a.test", listener->port()), soon());
  ASSERT_TRUE(dialed) << dialed.error().message();
}

TEST(Dialer, UnknownNameIsTold) {
  const auto failed =
      make_dialer({}, std::make_shared<FakeResolver>())->dial(target_of("a.test", 1), soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kNameNotFound);
  EXPECT_EQ(failed.error().phase, Phase::kResolve);
}

TEST(Dialer, OverrideReplacesTheLookup) {
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  auto resolver = std::make_shared<FakeResolver>();
  DialTarget target = target_of("A.test", 443);
  target.overrides = {{"other.test", 0, "192.0.2.1", 0},
                      {"a.TEST", 443, "127.0.0.1", listener->port()}};
  ASSERT_TRUE(make_dialer({}, resolver)->dial(target, soon()));
  EXPECT_TRUE(resolver->asked.empty());
  target.overrides = {{"a.test", 0, "nonsense", 0}};
  EXPECT_EQ(make_dialer({}, resolver)->dial(target, soon()).error().code,
            TransportErrc::kBadAddress);
}

TEST(Dialer, SilentAddressDelaysTheNextByTheAttemptDelay) {
  FakeNetwork network;
  network.hosts = {{"2001:db8::1", FakeNetwork::Behaviour::kSilent},
                   {"2001:db8::2", FakeNetwork::Behaviour::kSilent},
                   {"192.0.2.1", FakeNetwork::Behaviour::kSilent},
                   {"192.0.2.2", FakeNetwork::Behaviour::kWorks}};
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"};
  const auto dialed = make_dialer({}, resolver, {&network, &network})
                          ->dial(target_of("a.test", 443), Time{} + seconds(10));
  ASSERT_TRUE(dialed) << dialed.error().message();
  // Families in turns.
  const std::vector<std::pair<std::string, std::int64_t>> expected{
      {"2001:db8::1", 0}, {"192.0.2.1", 250}, {"2001:db8::2", 500}, {"192.0.2.2", 750}};
  EXPECT_EQ(network.connects, expected);
}

TEST(Dialer, RefusedAddressIsFollowedAtOnce) {
  FakeNetwork network;
  network.hosts = {{"192.0.2.1", FakeNetwork::Behaviour::kRefuses},
                   {"192.0.2.2", FakeNetwork::Behaviour::kWorks}};
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"192.0.2.1", "192.0.2.2"};
  ASSERT_TRUE(make_dialer({}, resolver, {&network, &network})
                  ->dial(target_of("a.test", 443), Time{} + seconds(10)));
  EXPECT_EQ(network.connects.at(1).second, 0);
}

TEST(Dialer, DeadlineCoversSilentAddresses) {
  FakeNetwork network;
  network.hosts = {{"192.0.2.1", FakeNetwork::Behaviour::kSilent}};
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"192.0.2.1"};
  const auto failed = make_dialer({}, resolver, {&network, &network})
                          ->dial(target_of("a.test", 443), Time{} + milliseconds(700));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTimedOut);
  EXPECT_EQ(failed.error().phase, Phase::kConnect);
  EXPECT_EQ(network.now(), Time{} + milliseconds(700));
}

TEST(Dialer, RefusalSaysMoreThanAMissingRoute) {
  FakeNetwork network;
  network.hosts = {{"192.0.2.1", FakeNetwork::Behaviour::kRefuses},
                   {"192.0.2.2", FakeNetwork::Behaviour::kSilent}};
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"192.0.2.1"};
  const auto failed = make_dialer({}, resolver, {&network, &network})
                          ->dial(target_of("a.test", 443), Time{} + seconds(1));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(),
            "Connecting to a.test:443 (192.0.2.1:443) failed: connection refused.");
}

TEST(Dialer, DialsTlsWithAlpn) {
  const Authority authority;
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  std::thread server([&] {
    auto tcp = listener->accept(soon()).value();
    auto tls =
        TlsStream::server(std::move(tcp), server_context(authority.issue({"a.test"}))).value();
    const auto done = tls->handshake(soon());
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_EQ(tls->info().server_name, "a.test");
    EXPECT_TRUE(write_all(*tls, "hello"));
  });
  auto resolver = std::make_shared<FakeResolver>();
  resolver->addresses = {"127.0.0.1"};
  DialTarget target = target_of("a.test", listener->port());
  target.tls = client_context(authority.pem());
  const auto dialed = make_dialer({}, resolver)->dial(target, soon());
  ASSERT_TRUE(dialed) << dialed.error().message();
  EXPECT_EQ(dialed->alpn, "h2");
  EXPECT_EQ(dialed->info.tls_version, "TLSv1.3");
  EXPECT_EQ(read_n(*dialed->stream, 5).value(), "hello");
  server.join();
}

TEST(Dialer, TlsDeadlineCoversASilentServer) {
  const auto listener = Listener::listen("127.0.0.1", 0).value();
  DialTarget target = target_of("127.0.0.1", listener->port());
  target.tls = client_context(Authority().pem());
  const auto failed = make_dialer()->dial(target, deadline_after(system_clock(), milliseconds(20)));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, TransportErrc::kTimedOut);
  EXPECT_EQ(failed.error().phase, Phase::kTls);
}

}  // namespace
}  // namespace h2::inline v0::transport
