// One request on one connection, seen by the client; not installed for users. See exchange.cc.
#ifndef H2_CLIENT_EXCHANGE_H_
#define H2_CLIENT_EXCHANGE_H_

#include <memory>
#include <string>
#include <vector>

#include "client/error.h"
#include "client/request.h"
#include "client/response.h"
#include "client/transfer.h"
#include "client/url.h"
#include "h2core/frame_trace.h"
#include "h2core/recorder.h"
#include "transport/clock.h"
#include "transport/driver.h"

namespace h2::inline v0::client {

// A connection of the pool, with what is known of it. Its driver may be used by many threads.
struct PooledConnection {
  std::unique_ptr<FrameTrace> trace;  // before the driver, which uses them until its end
  std::unique_ptr<RecordSink> record;
  std::unique_ptr<transport::Driver> driver;
  TransferInfo facts;  // addresses, TLS; times from the call that dialled
};

// A request while it is under way: what can be sent again if the server did not act on it.
struct Outgoing {
  Request request;
  Url url;
  std::shared_ptr<const std::string> body;  // unless request.read_body
  bool body_begun = false;                  // read_body was called: the request cannot be repeated
  Duration expect_continue_timeout;
  Time start;
  Time deadline;
};

struct ResponseStream::Impl {
  // Sends the request on `connection`; `info` has what is known so far.
  static Result<std::unique_ptr<Impl>, Error> start(std::shared_ptr<PooledConnection> connection,
                                                    Outgoing& outgoing, TransferInfo info,
                                                    transport::Clock& clock);

  // Waits for the final header section.
  Result<void, Error> wait_headers();
  Result<transport::BodyChunk, Error> read_chunk();
  Result<std::size_t, Error> read(std::span<std::uint8_t> buffer);

  Result<void, Error> wait(unsigned wanted);
  Result<void, Error> wait_for_continue();
  Result<void, Error> send_whole();
  Result<void, Error> send_some();
  Result<void, Error> send_trailers();
  bool take_informational();
  Error failed(const transport::DriverError& error);
  Error failed(ErrorKind kind, std::string detail);
  void finish();

  std::shared_ptr<PooledConnection> connection;  // before the stream, which uses it until its end
  transport::ClientStream stream;
  transport::Clock* clock = nullptr;
  std::string host;
  Time start_time;
  Time deadline;
  TransferInfo info;
  Headers headers;
  std::vector<Informational> informational;

  bool body_held = false;  // until the server says 100, or this:
  Time held_until;
  std::shared_ptr<const std::string> body;  // not sent yet; or
  BodyReader read_body;                     // what is left of it; null: nothing
  Headers trailers_to_send;
  std::optional<std::uint64_t> body_left;
  bool* body_begun = nullptr;  // the Outgoing's, until the headers have come
};

// The sentence's cause for a driver's error.
std::string describe(const transport::DriverError& error);

}  // namespace h2::inline v0::client

#endif  // H2_CLIENT_EXCHANGE_H_
