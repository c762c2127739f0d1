// The URLs that the client takes: http and https with an authority (RFC 3986, RFC 9110 §4.2).
// Tested by tests/client/url_test.cc.
#ifndef H2_CLIENT_URL_H_
#define H2_CLIENT_URL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "hpack/result.h"

namespace h2::inline v0::client {

// What is wrong with a URL.
enum class UrlErrc : std::uint8_t {
  kSchemeMissing,      // no "scheme://"
  kSchemeUnsupported,  // neither http nor https
  kHostMissing,
  kHostInvalid,
  kUserinfo,          // "user:password@": credentials do not belong in a URL (RFC 9110 §4.2.4)
  kPortInvalid,       // not a number from 1 to 65535
  kCharacterInvalid,  // a control, a space or a non-ASCII byte; must be percent-encoded
};

struct UrlError {
  UrlErrc code{};
  std::string message;  // one sentence that quotes the offending value
};

// A URL taken apart. Owns its text.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string path;   // path and query, begins with "/"; no fragment
  bool bare = false;  // the URL had neither

  bool is_https() const { return scheme == "https"; }
  // What ":authority" carries: the host, in brackets if it is an IPv6 address, and the port unless
  // it is the scheme's own (RFC 9110 §4.2).
  std::string authority() const;
  // Host and port, always both: "example.com:443", "[::1]:8080".
  std::string host_port() const;
  // "https://example.com:443": what connections are shared by (RFC 9110 §4.3.1).
  std::string origin() const;
  // The whole URL, with its port only if that is not the scheme's own.
  std::string to_string() const;

  // Whether both mean the same; `bare` is a way to write it.
  friend bool operator==(const Url& a, const Url& b) {
    return a.scheme == b.scheme && a.host == b.host && a.port == b.port && a.path == b.path;
  }
};

// Takes a URL apart. Scheme and host are lower-cased, the fragment is dropped, an empty path
// becomes "/". Nothing is percent-encoded or -decoded.
Result<Url, UrlError> parse_url(std::string_view text);

}  // namespace h2::inline v0::client

#endif  // H2_CLIENT_URL_H_
