// The server's side of one HTTP/2 connection without its socket: takes events, gives replies.
// Part of tools/h2/server.h's inside; tested by tests/tools/server_test.cc.
#ifndef H2_TOOLS_H2_SERVER_STREAMS_H_
#define H2_TOOLS_H2_SERVER_STREAMS_H_

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "h2core/connection.h"
#include "tools/h2/serve_routes.h"
#include "tools/h2/server_shared.h"

namespace h2::inline v0::tools {

class ServerStreams {
 public:
  ServerStreams(ServerShared& shared, Time now);

  Connection& connection() { return connection_; }
  const Connection& connection() const { return connection_; }

  // Acts on events of the connection.
  void handle(std::span<const Event> events, Time now);
  // Sends the replies and the bytes whose time has come.
  void on_time(Time now);
  // When on_time wants to be called.
  Time next_deadline() const;

  bool empty() const { return streams_.empty(); }
  // The first step of a graceful end: GOAWAY and a PING; the second follows its answer or `at_most`
  // later.
  void begin_drain(Time now, Duration at_most);

  std::uint64_t requests() const { return requests_; }
  std::size_t most_buffered() const { return most_buffered_; }

 private:
  struct Stream {
    ServeReply reply;
    ServeRequest request;        // emptied once the reply does not need it
    std::string body;            // of an upload to be echoed
    std::uint64_t received = 0;  // of the request's body
    std::uint32_t withheld = 0;  // credit not given back yet
    bool request_ended = false;
    bool replied = false;    // the head of the reply is out
    bool body_held = false;  // the connection refers to the reply's body
    bool dead = false;       // reset; kept only for the body that the connection refers to
    Time timer = Time::never();
  };
  using Streams = std::map<std::uint32_t, Stream>;

  void on_request(const RequestReceived& event, Time now);
  void on_data(const DataReceived& event, Time now);
  void on_reset(const StreamReset& event);
  void on_released(const BodyReleased& event);
  void request_ended(std::uint32_t id, Stream& stream, Time now);
  void refuse_body(std::uint32_t id, Stream& stream);
  void send_reply(std::uint32_t id, Stream& stream, Time now);
  void drip(std::uint32_t id, Stream& stream, Time now);
  void reply_done(std::uint32_t id, Stream& stream);
  void erase(std::uint32_t id);
  void set_timer(std::uint32_t id, Stream& stream, Time at);
  // Gives credit for what `stream` has received, or keeps it back while much is held.
  void give_credit(std::uint32_t id, Stream& stream);
  void give_withheld();
  void note_buffered(std::size_t added);

  ServerShared& shared_;
  Streams streams_;  // before connection_, which refers to the bodies in it
  std::set<std::pair<std::int64_t, std::uint32_t>> timers_;
  std::size_t buffered_ = 0;
  std::size_t most_buffered_ = 0;
  bool any_withheld_ = false;
  std::uint64_t requests_ = 0;
  ServerObservers observers_;  // before connection_, which uses them until its end
  Connection connection_;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVER_STREAMS_H_
