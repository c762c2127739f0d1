// The routes of `h2 serve`, one function each. See serve_routes.h.
#include "tools/h2/serve_routes.h"

#include <unistd.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/h2/serve_numbers.h"

namespace h2::inline v0::tools {

namespace {

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>h2 serve</title>
<style>
body { font: 16px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #222; }
code { background: #f2f2f2; padding: 0 .25em; }
td { padding: .2em 1em .2em 0; vertical-align: top; }
</style>
</head>
<body>
<h1>h2 serve</h1>
<p>This server speaks HTTP/2 (RFC 9113) and nothing else: over TLS with ALPN "h2", or in cleartext with prior
knowledge. Its protocol core does no I/O; an epoll loop moves the bytes. It is meant for trying out clients: each
route below makes the server behave in one particular way.</p>
<table>
<tr><td><code>/</code></td><td>this page</td></tr>
<tr><td><code>/bytes/N</code></td><td>N bytes, always the same: lines of 64 bytes that begin with their own offset.
They are made while they are sent, so N may be large.</td></tr>
<tr><td><code>/echo</code></td><td>the request's body, with the request's content-type</td></tr>
<tr><td><code>/delay/MS</code></td><td>an answer after MS milliseconds</td></tr>
<tr><td><code>/status/N</code></td><td>an answer with the status N, from 200 to 599</td></tr>
<tr><td><code>/headers</code></td><td>the request's fields as JSON, in the order in which they came</td></tr>
<tr><td><code>/trailers</code></td><td>a short body and trailer fields after it</td></tr>
<tr><td><code>/early-hints</code></td><td>103 with a link field (RFC 8297), and then an answer</td></tr>
<tr><td><code>/early/N</code></td><td>an answer with the status N at once: the request's body is not read, and what is
left of it is stopped with RST_STREAM(NO_ERROR)</td></tr>
<tr><td><code>/drip/N/MS</code></td><td>N bytes, one each MS milliseconds</td></tr>
<tr><td><code>/hold</code></td><td>nothing: the request's body is not read and no answer ever comes</td></tr>
</table>
<h2>What else to know</h2>
<ul>
<li>GET and HEAD work on every route; a method that makes no sense is answered with 405 and an allow field.</li>
<li>A number that is none is answered with 400, and the answer names it.</li>
<li>A request's body is read whole before the answer. One that is longer than <code>--max-body</code> is answered
with 413, and the upload is stopped with RST_STREAM(NO_ERROR).</li>
<li><code>expect: 100-continue</code> is answered with 100, or at once with the final status if that is an error.</li>
<li>With <code>-d DIR</code> the files of DIR come first, with single ranges (206, 416), last-modified and
if-modified-since. Nothing outside of DIR can be reached, by ".." or by symbolic links.</li>
<li>SIGINT or SIGTERM lets open streams finish: a first GOAWAY announces the end, a second one names the last stream.
A second signal ends the server at once.</li>
</ul>
<p>Try:</p>
<pre>
h2 get --insecure https://127.0.0.1:PORT/bytes/100
h2 get --insecure -d 'some text' https://127.0.0.1:PORT/echo
curl --http2 -k https://127.0.0.1:PORT/headers
nghttp -nv https://127.0.0.1:PORT/bytes/1000000 https://127.0.0.1:PORT/delay/100
</pre>
</body>
</html>
)";

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kReadMethods = "GET, HEAD";

bool has_no_body(int status) { return status == 204 || status == 205 || status == 304; }

ServeReply make_reply(const ServeRequest& request, int status, std::string_view type) {
  ServeReply reply;
  reply.status = status;
  reply.send_body = request.method != "HEAD" && !has_no_body(status);
  if (!has_no_body(status)) reply.fields.emplace_back("content-type", type);
  return reply;
}

void set_length(ServeReply& reply, std::uint64_t length) {
  if (!has_no_body(reply.status))
    reply.fields.emplace_back("content-length", std::to_string(length));
}

ServeReply with_text(const ServeRequest& request, int status, std::string_view type,
                     std::string text) {
  ServeReply reply = make_reply(request, status, type);
  set_length(reply, text.size());
  if (reply.send_body) reply.text = std::move(text);
  return reply;
}

ServeReply bad_number(const ServeRequest& request, std::string_view value,
                      std::string_view expected) {
  return text_reply(request, 400, "'" + std::string(value) + "' is not " + std::string(expected));
}

ServeReply not_allowed(const ServeRequest& request, std::string_view allowed) {
  ServeReply reply =
      text_reply(request, 405, "the method " + request.method + " makes no sense here");
  reply.fields.emplace_back("allow", allowed);
  return reply;
}

bool reads(const ServeRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

// ---- routes: `rest` is what follows the route's name in the path
// ---------------------------------------

ServeReply index_page(const ServeRequest& request, std::string_view) {
  return with_text(request, 200, "text/html; charset=utf-8", std::string(kPage));
}

ServeReply pattern(const ServeRequest& request, std::string_view rest) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 50U;
  const auto size = parse_number(rest, kMost);
  if (!size)
    return bad_number(request, rest, "a number of bytes from 0 to " + std::to_string(kMost));
  ServeReply reply = make_reply(request, 200, kText);
  set_length(reply, *size);
  if (*size > 0 && reply.send_body) reply.source = std::make_unique<PatternBody>(*size);
  return reply;
}

ServeReply echo(const ServeRequest& request, std::string_view) {
  const std::string_view type = request.field("content-type");
  ServeReply reply = make_reply(request, 200, type.empty() ? "application/octet-stream" : type);
  reply.echo = true;
  return reply;
}

ServeReply delay(const ServeRequest& request, std::string_view rest) {
  const auto wait = parse_number(rest, kMostMilliseconds);
  if (!wait) {
    return bad_number(request, rest,
                      "a number of milliseconds from 0 to " + std::to_string(kMostMilliseconds));
  }
  ServeReply reply = text_reply(request, 200, "after " + std::to_string(*wait) + " ms");
  reply.delay = milliseconds(static_cast<std::int64_t>(*wait));
  return reply;
}

ServeReply status(const ServeRequest& request, std::string_view rest) {
  const auto code = parse_number(rest, 599);
  if (!code || *code < 200) return bad_number(request, rest, "a status from 200 to 599");
  return text_reply(request, static_cast<int>(*code), "status " + std::to_string(*code));
}

ServeReply headers(const ServeRequest& request, std::string_view) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [name, value] : request.fields) {
    list.push_back(nlohmann::ordered_json{{"name", name}, {"value", value}});
  }
  nlohmann::ordered_json object;
  object["fields"] = std::move(list);
  // Values need not be UTF-8.
  return with_text(
      request, 200, "application/json",
      object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

ServeReply trailers(const ServeRequest& request, std::string_view) {
  ServeReply reply = make_reply(request, 200, kText);
  reply.fields.emplace_back("trailer", "x-body-lines, x-note");
  if (reply.send_body) {
    reply.text = "trailer fields follow this line\n";
    reply.trailers = {{"x-body-lines", "1"}, {"x-note", "sent after the body"}};
  }
  return reply;
}

ServeReply early_hints(const ServeRequest& request, std::string_view) {
  ServeReply reply = text_reply(request, 200, "a 103 with a link field came before this");
  reply.early_status = 103;
  reply.early_fields = {{"link", "</style.css>; rel=preload; as=style"}};
  return reply;
}

ServeReply early(const ServeRequest& request, std::string_view rest) {
  ServeReply reply = status(request, rest);
  reply.at_once = true;
  return reply;
}

ServeReply drip(const ServeRequest& request, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  const std::string_view second =
      slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  constexpr std::uint64_t kMost = 1'000'000;
  const auto size = parse_number(first, kMost);
  if (!size)
    return bad_number(request, first, "a number of bytes from 0 to " + std::to_string(kMost));
  const auto wait = parse_number(second, kMostMilliseconds);
  if (!wait) {
    return bad_number(request, second,
                      "a number of milliseconds from 0 to " + std::to_string(kMostMilliseconds));
  }
  ServeReply reply = make_reply(request, 200, kText);
  set_length(reply, *size);
  if (*size > 0 && reply.send_body) {
    auto body = std::make_unique<DripBody>(*size);
    reply.drip = body.get();
    reply.drip_interval = milliseconds(static_cast<std::int64_t>(*wait));
    reply.source = std::move(body);
  }
  return reply;
}

ServeReply hold(const ServeRequest&, std::string_view) {
  ServeReply reply;
  reply.hold = true;
  return reply;
}

struct Route {
  std::string_view name;  // ends in "/" if something must follow
  bool any_method;
  ServeReply (*make)(const ServeRequest&, std::string_view rest);
};
constexpr Route kRoutes[] = {
    {"/", false, index_page},       {"/bytes/", false, pattern},
    {"/echo", true, echo},          {"/delay/", true, delay},
    {"/status/", true, status},     {"/headers", true, headers},
    {"/trailers", false, trailers}, {"/early-hints", false, early_hints},
    {"/early/", true, early},       {"/drip/", false, drip},
    {"/hold", true, hold},
};

ServeReply choose_route(const ServeRequest& request) {
  const std::string_view path = std::string_view(request.path).substr(0, request.path.find('?'));
  for (const Route& route : kRoutes) {
    const bool takes_rest = route.name.size() > 1 && route.name.ends_with('/');
    if (takes_rest ? !path.starts_with(route.name) : path != route.name) continue;
    if (!route.any_method && !reads(request)) return not_allowed(request, kReadMethods);
    return route.make(request, path.substr(route.name.size()));
  }
  return text_reply(request, 404,
                    "nothing is at '" + std::string(path) + "'; '/' lists the routes");
}

// ---- files
// ------------------------------------------------------------------------------------------------

ServeReply file_reply(const ServeRequest& request, const FoundFile& found, std::string_view name) {
  const std::string modified = http_date(found.modified);
  if (const auto since = parse_http_date(request.field("if-modified-since"));
      since && found.modified <= *since) {
    ::close(found.fd);
    ServeReply reply = make_reply(request, 304, {});
    reply.fields.emplace_back("last-modified", modified);
    return reply;
  }
  RangeChoice range;
  const std::string_view condition = request.field("if-range");
  // RFC 9110 §13.1.5: a range counts only if the condition holds. RFC 9110 §14.2: it counts only
  // for GET.
  if (request.method == "GET" && (condition.empty() || condition == modified)) {
    range = choose_range(request.field("range"), found.size);
  }
  if (range.kind == RangeChoice::Kind::kUnsatisfiable) {
    ::close(found.fd);
    ServeReply reply =
        text_reply(request, 416, "the file has " + std::to_string(found.size) + " bytes");
    reply.fields.emplace_back("content-range", "bytes */" + std::to_string(found.size));
    return reply;
  }
  const bool part = range.kind == RangeChoice::Kind::kPart;
  if (!part) range.length = found.size;
  ServeReply reply = make_reply(request, part ? 206 : 200, content_type_of(name));
  set_length(reply, range.length);
  reply.fields.emplace_back("accept-ranges", "bytes");
  reply.fields.emplace_back("last-modified", modified);
  if (part) {
    reply.fields.emplace_back("content-range", "bytes " + std::to_string(range.first) + "-" +
                                                   std::to_string(range.first + range.length - 1) +
                                                   "/" + std::to_string(found.size));
  }
  if (reply.send_body && range.length > 0) {
    reply.source = std::make_unique<FileBody>(found.fd, range.first, range.length);
  } else {
    ::close(found.fd);
  }
  return reply;
}

// index.html, else a list of what is there.
ServeReply directory_reply(const ServeRequest& request, const FileRoot& files,
                           const FoundFile& found, const std::string& relative) {
  const std::size_t end = request.path.find('?');
  const std::string path = request.path.substr(0, end);
  if (!path.ends_with('/')) {
    ::close(found.fd);
    ServeReply reply = text_reply(request, 301, "this is a directory: its path ends in '/'");
    // The last segment only: a path that begins with "//" would name another host.
    reply.fields.emplace_back("location", "./" + path.substr(path.rfind('/') + 1) + "/");
    return reply;
  }
  const std::string index =
      relative + (relative.empty() || relative.ends_with('/') ? "" : "/") + "index.html";
  if (FoundFile page = files.find(index); page.kind == FoundFile::Kind::kFile) {
    ::close(found.fd);
    return file_reply(request, page, index);
  } else if (page.fd >= 0) {
    ::close(page.fd);
  }
  return with_text(request, 200, "text/html; charset=utf-8",
                   list_directory(found.fd, "/" + relative));
}

std::optional<ServeReply> choose_file(const ServeRequest& request, const FileRoot& files) {
  const auto relative = decode_path(request.path);
  if (!relative) return text_reply(request, 404, "no file can be at '" + request.path + "'");
  const FoundFile found = files.find(*relative);
  if (found.kind == FoundFile::Kind::kNothing) return std::nullopt;
  if (!reads(request)) {
    ::close(found.fd);
    return not_allowed(request, kReadMethods);
  }
  if (found.kind == FoundFile::Kind::kDirectory)
    return directory_reply(request, files, found, *relative);
  return file_reply(request, found, *relative);
}

}  // namespace

std::string_view ServeRequest::field(std::string_view name) const {
  for (const auto& [n, value] : fields) {
    if (n == name) return value;
  }
  return {};
}

ServeReply text_reply(const ServeRequest& request, int status, std::string text) {
  return with_text(request, status, kText, std::move(text) + "\n");
}

void set_echo_body(ServeReply& reply, std::string body) {
  if (!reply.send_body) return;  // HEAD: what GET would have sent is not known
  set_length(reply, body.size());
  reply.text = std::move(body);
}

ServeReply choose_reply(const ServeRequest& request, const FileRoot* files) {
  if (request.method == "CONNECT" || request.method == "TRACE" || request.method == "OPTIONS") {
    return not_allowed(request, "GET, HEAD, POST, PUT, PATCH, DELETE");
  }
  if (files != nullptr) {
    if (auto reply = choose_file(request, *files)) return std::move(*reply);
  }
  return choose_route(request);
}

}  // namespace h2::inline v0::tools
