// What `h2 serve` answers to which request: from a request's head to a reply, without any I/O but
// opening files. Tested by tests/tools/server_test.cc.
#ifndef H2_TOOLS_H2_SERVE_ROUTES_H_
#define H2_TOOLS_H2_SERVE_ROUTES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2core/body_source.h"
#include "h2core/time.h"
#include "tools/h2/serve_bodies.h"
#include "tools/h2/serve_files.h"

namespace h2::inline v0::tools {

using FieldPairs = std::vector<std::pair<std::string, std::string>>;

// A request's head.
struct ServeRequest {
  std::string method;
  std::string path;   // as sent; empty for CONNECT
  FieldPairs fields;  // all, pseudo-fields first
  // The first field of that name, or "".
  std::string_view field(std::string_view name) const;
};

// The answer to come.
struct ServeReply {
  int early_status = 0;     // of an informational response before it, such as 103; 0: none
  FieldPairs early_fields;  // its fields
  int status = 200;
  FieldPairs fields;      // without :status; with content-length where it is known
  bool send_body = true;  // false: HEAD, or a status without a body
  std::string text;       // the body, unless there is a source
  std::unique_ptr<BodySource> source;
  FieldPairs trailers;

  Duration delay;            // to wait before it is sent
  DripBody* drip = nullptr;  // `source`, if its bytes are to be allowed one by one ...
  Duration drip_interval;    // ... at this interval
  bool echo = false;         // the request's body becomes `text`
  bool at_once = false;      // sent without reading the request's body
  bool hold = false;         // never to be sent
};

// Longest waits that /delay and /drip take.
inline constexpr std::uint64_t kMostMilliseconds = 3'600'000;

// Chooses the reply. `files` may be null. Thread-safe.
ServeReply choose_reply(const ServeRequest& request, const FileRoot* files);

// A reply of one line of text, such as an error.
ServeReply text_reply(const ServeRequest& request, int status, std::string text);

// Makes `body` the reply's text, with its content-length.
void set_echo_body(ServeReply& reply, std::string body);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVE_ROUTES_H_
