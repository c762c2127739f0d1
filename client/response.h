// What comes back: collected, or as a stream.
#ifndef H2_CLIENT_RESPONSE_H_
#define H2_CLIENT_RESPONSE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/error.h"
#include "client/transfer.h"
#include "hpack/result.h"
#include "transport/driver.h"
#include "transport/headers.h"

namespace h2::inline v0::client {

using transport::Headers;

// A 1xx response that came before the final one (RFC 9110 §15.2).
struct Informational {
  int status = 0;
  Headers headers;
};

// A whole response.
struct Response {
  int status = 0;
  Headers headers;
  std::string body;
  Headers trailers;
  std::vector<Informational> informational;
  TransferInfo info;

  // Whether the status is 2xx.
  bool ok() const { return status >= 200 && status < 300; }
  // The value of the first header field of that name, any case; "" if there is none. Lives as long
  // as `headers`.
  std::string_view header(std::string_view name) const { return headers.get(name); }
};

// A response whose body is read piece by piece. What is left of the request's body is sent
// meanwhile. Movable; used by one thread at a time, except cancel(). Destroying it early cancels
// the rest (RST_STREAM). Keeps its connection alive, also when the Client is gone.
class ResponseStream {
 public:
  ~ResponseStream();
  ResponseStream(ResponseStream&& other) noexcept;
  ResponseStream& operator=(ResponseStream&& other) noexcept;

  int status() const;
  bool ok() const { return status() >= 200 && status() < 300; }
  const Headers& headers() const;
  std::string_view header(std::string_view name) const { return headers().get(name); }
  // The 1xx responses that came before.
  const std::vector<Informational>& informational() const;

  // Waits for body bytes and copies some into `buffer`; 0: the body has ended.
  Result<std::size_t, Error> read(std::span<std::uint8_t> buffer);
  // Waits for a piece of the body and hands it over without a copy; empty: the body has ended.
  Result<transport::BodyChunk, Error> read_chunk();
  // The rest of the body.
  Result<std::string, Error> read_all();
  // The rest of the body, with all that was known before.
  Result<Response, Error> collect();
  // The trailers; empty before the body's end, and if there were none.
  const Headers& trailers() const;

  // Ends the exchange at once; from any thread. A read that waits fails with ErrorKind::kCancelled.
  void cancel();

  // So far; complete once read has returned 0 or an error.
  const TransferInfo& info() const;

  struct Impl;
  explicit ResponseStream(std::unique_ptr<Impl> impl);  // the client's

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace h2::inline v0::client

#endif  // H2_CLIENT_RESPONSE_H_
