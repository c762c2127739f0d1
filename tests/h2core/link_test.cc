// The simulated link: latency, bandwidth, splitting, loss, and detection of livelocks.
#include "h2core/testing/link.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

using h2::testing::Chunks;
using h2::testing::Endpoint;
using h2::testing::Link;
using h2::testing::LinkOptions;

struct Exchange {
  Connection client{Role::kClient, Config::client(), Time{}};
  Connection server{Role::kServer, Config::server(), Time{}};
  std::unique_ptr<Link> link;
  std::string body = std::string(100'000, 'b');
  std::size_t received = 0;
  bool ended = false;
  Time ended_at;
  std::string client_log;
  std::string server_log;

  explicit Exchange(LinkOptions options = {}) {
    link = std::make_unique<Link>(client, server, options);
    link->on_server_event([this](Connection& conn, const Event& event) {
      server_log += to_string(event) + "\n";
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        const Fields fields = response_fields(200);
        (void)conn.send_headers(request->stream_id, views_of(fields), EndStream::kNo);
        (void)conn.send_data(request->stream_id, bytes_of(body), EndStream::kYes);
      }
    });
    link->on_client_event([this](Connection& conn, const Event& event) {
      client_log += to_string(event) + "\n";
      if (const auto* data = std::get_if<DataReceived>(&event)) {
        received += data->data.size();
        (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                             data->stream_id);
        if (data->end_stream == EndStream::kYes) {
          ended = true;
          ended_at = link->now();
        }
      }
    });
    const Fields fields = get();
    (void)client.send_headers(StreamId{1}, views_of(fields), EndStream::kYes);
  }
};

TEST(Link, CarriesAnExchange) {
  Exchange exchange;
  ASSERT_TRUE(exchange.link->run_until_idle());
  EXPECT_TRUE(exchange.ended);
  EXPECT_EQ(exchange.received, 100'000U);
  EXPECT_EQ(exchange.link->now(), Time{});
  EXPECT_GT(exchange.link->bytes_to_client(), 100'000U);
  EXPECT_GT(exchange.link->bytes_to_server(), 24U);
  EXPECT_EQ(exchange.link->unread_at_client(), 0U);
  EXPECT_EQ(exchange.link->unread_at_server(), 0U);
  EXPECT_FALSE(exchange.link->step());
}

TEST(Link, LatencyTakesVirtualTimeOnly) {
  LinkOptions options;
  options.round_trip = seconds(2);
  Exchange exchange(options);
  ASSERT_TRUE(exchange.link->run_until_idle());
  // 65,535 bytes fit the window; what is left waits for credit, which comes in two parts.
  EXPECT_GE(exchange.ended_at, Time{} + seconds(4));
  EXPECT_LE(exchange.ended_at, Time{} + seconds(6));
  EXPECT_EQ(exchange.ended_at.ns % seconds(2).ns, 0);
}

TEST(Link, BandwidthTakesVirtualTimeOnly) {
  LinkOptions options;
  options.rate = 1'000'000;
  Exchange exchange(options);
  ASSERT_TRUE(exchange.link->run_until_idle());
  EXPECT_TRUE(exchange.ended);
  EXPECT_GE(exchange.ended_at, Time{} + milliseconds(100));
  EXPECT_LE(exchange.ended_at, Time{} + milliseconds(105));
}

TEST(Link, AnyChunksCarryTheSameMessages) {
  for (const Chunks& chunks :
       {Chunks::fixed(1), Chunks::fixed(10), Chunks::random(1), Chunks::random(2, 100)}) {
    LinkOptions options;
    options.chunks = chunks;
    Exchange exchange(options);
    ASSERT_TRUE(exchange.link->run_until_idle());
    EXPECT_TRUE(exchange.ended);
    EXPECT_EQ(exchange.received, 100'000U);
  }
}

TEST(Link, ACutIsTheEndForTheReceiver) {
  LinkOptions options;
  options.cut_to_client = 20'000;
  Exchange exchange(options);
  ASSERT_TRUE(exchange.link->run_until_idle());
  EXPECT_FALSE(exchange.ended);
  EXPECT_LT(exchange.received, 20'000U);
  EXPECT_NE(exchange.client_log.find("ConnectionFailed"), std::string::npos) << exchange.client_log;
  EXPECT_TRUE(exchange.client.done());
  EXPECT_TRUE(exchange.server.done()) << "the client's end of the byte stream reached it";
}

TEST(Link, ACutAtEachPointEndsBothInOrder) {
  // The client writes little more than its preface, SETTINGS and one request.
  for (std::uint64_t cut = 0; cut < 100; ++cut) {
    for (const bool to_server : {false, true}) {
      LinkOptions options;
      (to_server ? options.cut_to_server : options.cut_to_client) = cut;
      Exchange exchange(options);
      ASSERT_TRUE(exchange.link->run_until_idle()) << cut;
      EXPECT_TRUE(exchange.client.done()) << cut;
      EXPECT_TRUE(exchange.server.done()) << cut;
      EXPECT_FALSE(exchange.ended) << cut;
    }
  }
}

TEST(Link, DeadlinesAreKept) {
  // A server whose client never speaks.
  class Silent final : public Endpoint {
   public:
    std::span<const Bytes> data_to_send() override { return {}; }
    void mark_sent(std::size_t) override {}
    std::size_t receive(Bytes bytes, Time) override { return bytes.size(); }
    void receive_end(Time) override { ended = true; }
    bool want_read() const override { return true; }
    bool ended = false;
  };
  class Listening final : public Endpoint {
   public:
    explicit Listening(Connection& conn) : conn_(conn) {}
    std::span<const Bytes> data_to_send() override { return conn_.data_to_send(); }
    void mark_sent(std::size_t n) override { conn_.mark_sent(n); }
    std::size_t receive(Bytes bytes, Time now) override {
      return conn_.receive_data(bytes, now).consumed;
    }
    void receive_end(Time now) override { (void)conn_.receive_end(now); }
    bool want_read() const override { return conn_.want_read(); }
    Time next_deadline() const override { return conn_.next_deadline(); }
    void on_time(Time now) override { (void)conn_.on_time(now); }
    bool done() const override { return conn_.done(); }

   private:
    Connection& conn_;
  };
  Connection server(Role::kServer, Config::server(), Time{});
  Silent silent;
  Listening listening(server);
  Link link(silent, listening);
  ASSERT_TRUE(link.run_until_idle());
  EXPECT_EQ(link.now(), Time{}) << "later deadlines are not waited for";
  EXPECT_FALSE(server.error().has_value());
  ASSERT_TRUE(link.run_for(seconds(9)));
  EXPECT_EQ(link.now(), Time{} + seconds(9));
  EXPECT_FALSE(server.error().has_value());
  ASSERT_TRUE(link.run_for(seconds(2)));
  EXPECT_TRUE(server.error().has_value());
  EXPECT_TRUE(silent.ended);
}

TEST(Link, ALivelockIsFound) {
  // Reads nothing and always wants to.
  class Stubborn final : public Endpoint {
   public:
    std::span<const Bytes> data_to_send() override { return {}; }
    void mark_sent(std::size_t) override {}
    std::size_t receive(Bytes, Time) override { return 0; }
    void receive_end(Time) override {}
    bool want_read() const override { return true; }
  };
  class Talker final : public Endpoint {
   public:
    std::span<const Bytes> data_to_send() override {
      return said_ ? std::span<const Bytes>{} : std::span(&piece_, 1);
    }
    void mark_sent(std::size_t) override { said_ = true; }
    std::size_t receive(Bytes bytes, Time) override { return bytes.size(); }
    void receive_end(Time) override {}
    bool want_read() const override { return true; }

   private:
    const std::string text_ = "hello";
    const Bytes piece_ = bytes_of(text_);
    bool said_ = false;
  };
  Stubborn stubborn;
  Talker talker;
  LinkOptions options;
  options.max_steps = 1'000;
  Link link(talker, stubborn, options);
  EXPECT_FALSE(link.run_until_idle());
  EXPECT_FALSE(link.run_for(seconds(1)));
  EXPECT_EQ(link.unread_at_server(), 5U);
}

}  // namespace
}  // namespace h2::tests
