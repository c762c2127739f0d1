// What a user asks for.
#ifndef H2_CLIENT_REQUEST_H_
#define H2_CLIENT_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "h2core/time.h"
#include "hpack/result.h"
#include "transport/headers.h"

namespace h2::inline v0::client {

using transport::Headers;

// Gives a request's body piece by piece: fills the front of `buffer` and returns how much; 0 is the
// end. The error is a phrase for people. Called on the thread that makes the request or reads the
// response; may block.
using BodyReader = std::function<Result<std::size_t, std::string>(std::span<std::uint8_t> buffer)>;

struct Request {
  std::string method = "GET";
  std::string url;  // http or https; see parse_url
  // "host" becomes :authority (RFC 9113 §8.3.1). user-agent and content-length are added if absent.
  // With "expect: 100-continue" the body waits until the server asks for it with 100, or
  // ClientOptions::expect_continue_timeout has passed; it is not sent at all when the final status
  // comes before and is 400 or more (RFC 9110 §10.1.1).
  Headers headers;
  // The body: either text, or, if `read_body` is set, what that gives.
  std::string body;
  BodyReader read_body;
  std::optional<std::uint64_t>
      body_length;  // of read_body, if known: sent as content-length and checked
  // Sent after the body (RFC 9113 §8.1); no pseudo-fields. With trailers, a request without a body
  // is sent with an empty one.
  Headers trailers;
  // For the whole request, up to the body's last byte; none: ClientOptions::timeout.
  std::optional<Duration> timeout;
  // For name, connection and TLS; none: ClientOptions::connect_timeout.
  std::optional<Duration> connect_timeout;
};

}  // namespace h2::inline v0::client

#endif  // H2_CLIENT_REQUEST_H_
