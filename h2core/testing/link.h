// Two HTTP/2 endpoints joined in memory, with a clock that only moves when nothing else can happen.
//
// A public library for tests of programs that embed h2::Connection (and of this project's own):
// latency, bandwidth, any splitting of the byte stream and its loss, all repeatable from one seed,
// no waiting.
//
//   h2::Connection client(h2::Role::kClient, h2::Config::client(), h2::Time{});
//   h2::Connection server(h2::Role::kServer, h2::Config::server(), h2::Time{});
//   h2::testing::LinkOptions options;
//   options.round_trip = h2::milliseconds(50);
//   options.chunks = h2::testing::Chunks::random(seed);
//   h2::testing::Link link(client, server, options);
//   link.on_server_event([](h2::Connection& conn, const h2::Event& event) {
//     if (const auto* request = std::get_if<h2::RequestReceived>(&event))
//       (void)conn.send_headers(request->stream_id, response_fields, h2::EndStream::kYes);
//   });
//   (void)client.send_headers(h2::StreamId{1}, request_fields, h2::EndStream::kYes);
//   EXPECT_TRUE(link.run_until_idle());
//
// An endpoint need not be a Connection: implement Endpoint to put anything else at an end.
// Not thread-safe. Tested by tests/h2core/link_test.cc.
#ifndef H2_H2CORE_TESTING_LINK_H_
#define H2_H2CORE_TESTING_LINK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "h2core/connection.h"
#include "h2core/event.h"
#include "h2core/time.h"
#include "hpack/bytes.h"

namespace h2::inline v0::testing {

// A small generator of pseudo-random numbers (splitmix64): the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  // From 0 to n-1; 0 if n is 0.
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  // True in `percent` of 100 cases.
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

// How the byte stream is cut into writes and reads.
struct Chunks {
  enum class Kind : std::uint8_t { kWhole, kFixed, kRandom };
  Kind kind = Kind::kWhole;
  std::size_t size = 0;    // kFixed: bytes each; kRandom: at most so many
  std::uint64_t seed = 0;  // kRandom

  // As much as there is.
  static Chunks whole() { return {}; }
  // `n` bytes each, at least 1.
  static Chunks fixed(std::size_t n) { return {Kind::kFixed, n == 0 ? 1 : n, 0}; }
  // 1 to `most` bytes each; small ones and large ones are equally likely.
  static Chunks random(std::uint64_t seed, std::size_t most = 65'536) {
    return {Kind::kRandom, most == 0 ? 1 : most, seed};
  }
};

struct LinkOptions {
  // There and back; each direction takes half. Not negative.
  Duration round_trip;
  // Bytes per second in each direction; 0: unlimited.
  std::uint64_t rate = 0;
  // With a rate: bytes that a sender may have handed over and that are not yet on their way.
  std::size_t send_buffer = 65'536;
  Chunks chunks;
  // The byte stream ends for the receiver after so many bytes of that direction (receive_end); what
  // is sent beyond is lost.
  std::uint64_t cut_to_server = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t cut_to_client = std::numeric_limits<std::uint64_t>::max();
  // A run that takes more steps than this has found a livelock: run_until_idle and run_for return
  // false.
  std::uint64_t max_steps = 2'000'000;
};

// One end of a link. The calls mean what those of Connection mean.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual std::span<const Bytes> data_to_send() = 0;
  virtual void mark_sent(std::size_t n) = 0;
  // Returns how many bytes were taken from the front.
  virtual std::size_t receive(Bytes bytes, Time now) = 0;
  virtual void receive_end(Time now) = 0;
  virtual bool want_read() const = 0;
  virtual Time next_deadline() const { return Time::never(); }
  virtual void on_time(Time now) { (void)now; }
  // Nothing more will be written or read: the link ends the byte stream in this endpoint's
  // direction.
  virtual bool done() const { return false; }
};

// Called for each event, while its views live. May call anything on the connection but
// receive_data, receive_end, on_time, poll_events and mark_sent.
using EventHandler = std::function<void(Connection&, const Event&)>;

class Link {
 public:
  // Both connections must outlive the link.
  Link(Connection& client, Connection& server, LinkOptions options = {}, Time start = {});
  // Any endpoints; both must outlive the link.
  Link(Endpoint& client, Endpoint& server, LinkOptions options = {}, Time start = {});
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Only where that end is a Connection.
  void on_client_event(EventHandler handler);
  void on_server_event(EventHandler handler);

  // Does one thing that can be done now: a write, a read, a deadline; or moves the clock to the
  // next arrival or end of transmission. False: nothing is under way in either direction (deadlines
  // may be ahead).
  bool step();
  // Steps until nothing is under way. Deadlines that come up meanwhile are kept; later ones are not
  // waited for. False: max_steps did not suffice.
  bool run_until_idle();
  // Lets `duration` pass, deadlines included. False: max_steps did not suffice.
  bool run_for(Duration duration);

  Time now() const { return now_; }
  // Bytes that the other end has written towards this one, lost ones included.
  std::uint64_t bytes_to_server() const { return to_server_.sent; }
  std::uint64_t bytes_to_client() const { return to_client_.sent; }
  // Bytes that arrived and have not been taken by the receiver.
  std::size_t unread_at_server() const { return to_server_.unread(); }
  std::size_t unread_at_client() const { return to_client_.unread(); }
  // Steps done so far, over all runs.
  std::uint64_t steps() const { return steps_; }

 private:
  class ConnectionEnd;
  struct Segment {
    Time arrival;
    std::string bytes;
    bool end = false;
  };
  struct Direction {
    Endpoint* from = nullptr;
    Endpoint* to = nullptr;
    std::deque<Segment> flying;
    std::string arrived;
    std::size_t taken = 0;  // bytes at the front of `arrived` that the receiver has taken
    std::uint64_t sent = 0;
    std::uint64_t cut = 0;
    Time line_free;            // when the last byte handed over is on its way
    bool closed = false;       // no more is put into this direction
    bool end_arrived = false;  // the receiver is to be told of the end
    bool end_told = false;
    std::size_t unread() const { return arrived.size() - taken; }
  };

  Link(std::unique_ptr<ConnectionEnd> client, std::unique_ptr<ConnectionEnd> server,
       LinkOptions options, Time start);
  std::size_t chunk(std::size_t available);
  bool act();
  bool write(Direction& direction);
  bool deliver(Direction& direction);
  bool keep_deadlines();
  Time next_arrival() const;
  Time next_deadline() const;
  Duration transmission(std::size_t n) const;

  std::unique_ptr<ConnectionEnd> own_client_;
  std::unique_ptr<ConnectionEnd> own_server_;
  Endpoint* client_;
  Endpoint* server_;
  LinkOptions options_;
  Random random_;
  Time now_;
  Direction to_server_;
  Direction to_client_;
  std::uint64_t steps_ = 0;
};

}  // namespace h2::inline v0::testing

#endif  // H2_H2CORE_TESTING_LINK_H_
