// Sending one request, with its body as the peer takes it, and reading the response meanwhile; and
// the words for what goes wrong.
#include "client/exchange.h"

#include <algorithm>
#include <utility>

namespace h2::inline v0::client {

using hpack::HeaderField;
using transport::BodyChunk;
using transport::ClientStream;
using transport::DriverError;

namespace {

constexpr std::size_t kUploadPiece = 64 * 1024;
constexpr std::size_t kMostReserved = 16u << 20;  // on the word of a content-length

// Text of a peer for a message: its first line, without what could steer a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, text.find_first_of("\r\n"))) {
    out += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return out;
}

std::string with_rule(ErrorCode code, Errc cause) {
  std::string out(h2::to_string(code));
  if (cause != Errc::kNone) {
    out += ": ";
    out += h2::describe(cause);
  }
  return out;
}

// The side that cannot go on by itself: ours while it waits for the peer's leave, else the peer's.
std::string_view what_was_missing(const Why& why) {
  switch (why.sending) {
    case SendingWaitsFor::kStreamLimit:
    case SendingWaitsFor::kStreamWindow:
    case SendingWaitsFor::kConnectionWindow:
      return h2::describe(why.sending);
    default:
      return h2::describe(why.receiving);
  }
}

bool is_100_continue(std::string_view value) {
  constexpr std::string_view kExpectation = "100-continue";  // compared without regard to case
  return std::equal(value.begin(), value.end(), kExpectation.begin(), kExpectation.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 'a' - 'A' : a) == b; });
}

bool is_token_method(std::string_view method) {
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return !method.empty() && std::all_of(method.begin(), method.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOther.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string describe(const DriverError& e) {
  std::string out;
  switch (e.kind) {
    case DriverError::Kind::kTimedOut:
      return "timed out: " + std::string(what_was_missing(e.why));
    case DriverError::Kind::kUsage:
      return std::string(h2::describe(e.cause));
    case DriverError::Kind::kNotOpen:
      out = "the connection takes no new requests";
      break;
    case DriverError::Kind::kStream:
      if (!e.reset_by) return "cancelled";
      if (*e.reset_by == ResetBy::kPeer) {
        out = "the server reset the stream with " + std::string(h2::to_string(e.code));
      } else if (*e.reset_by == ResetBy::kGoAway) {
        out = "the server is going away and did not process the request";
      } else {
        out = "the server's response is not valid HTTP/2, " + with_rule(e.code, e.cause);
      }
      break;
    case DriverError::Kind::kConnection:
      if (e.cause == Errc::kNotHttp2) {
        return "the server does not speak HTTP/2; it answered \"" + printable(e.excerpt) + "\"";
      } else if (is_connection_lost(e.cause) || e.cause == Errc::kConnectionClosed) {
        out = "the connection was closed by the server";
        if (e.cause == Errc::kLostInFrame) out += " in the middle of a frame";
        if (e.cause == Errc::kLostInFieldBlock) out += " in the middle of a header section";
        if (e.io && e.io->code != transport::TransportErrc::kClosed)
          out += " (" + std::string(transport::describe(e.io->code)) + ")";
      } else {
        out = "the server broke the HTTP/2 protocol, " + with_rule(e.code, e.cause);
      }
      break;
  }
  if (e.goaway && (e.goaway->code != ErrorCode::kNoError || !e.goaway->debug_data.empty())) {
    out += "; it sent GOAWAY with " + std::string(h2::to_string(e.goaway->code));
    if (!e.goaway->debug_data.empty()) out += " (\"" + printable(e.goaway->debug_data) + "\")";
  }
  return out;
}

// ---- the exchange
// -----------------------------------------------------------------------------------

Error ResponseStream::Impl::failed(ErrorKind kind, std::string detail) {
  finish();
  Error error;
  error.kind = kind;
  error.phase = info.status != 0 ? Phase::kReceive : read_body ? Phase::kSend : Phase::kWait;
  error.host = host;
  error.detail = std::move(detail);
  error.info = info;
  return error;
}

Error ResponseStream::Impl::failed(const DriverError& e) {
  ErrorKind kind{};
  switch (e.kind) {
    case DriverError::Kind::kTimedOut:
      kind = ErrorKind::kTimeout;
      break;
    case DriverError::Kind::kUsage:
      kind = ErrorKind::kRequest;
      break;
    case DriverError::Kind::kNotOpen:
      kind = ErrorKind::kConnectionLost;
      break;
    case DriverError::Kind::kStream:
      kind = !e.reset_by                           ? ErrorKind::kCancelled
             : *e.reset_by == ResetBy::kLocalError ? ErrorKind::kProtocol
                                                   : ErrorKind::kStreamReset;
      break;
    case DriverError::Kind::kConnection:
      kind = is_connection_lost(e.cause) || e.cause == Errc::kConnectionClosed
                 ? ErrorKind::kConnectionLost
                 : ErrorKind::kProtocol;
      break;
  }
  Error error = failed(kind, describe(e));
  if (e.kind == DriverError::Kind::kUsage) error.phase = Phase::kRequest;
  if (e.code != ErrorCode::kNoError) {
    error.code = e.code;
  } else if (e.goaway && e.kind == DriverError::Kind::kConnection) {
    error.code = e.goaway->code;
  }
  error.cause = e.cause;
  error.processed = e.processed;
  error.transport = e.io;
  return error;
}

void ResponseStream::Impl::finish() {
  if (info.total == Duration{}) info.total = std::max(clock->now() - start_time, nanoseconds(1));
}

Result<std::unique_ptr<ResponseStream::Impl>, Error> ResponseStream::Impl::start(
    std::shared_ptr<PooledConnection> connection, Outgoing& outgoing, TransferInfo info,
    transport::Clock& clock) {
  const Request& request = outgoing.request;
  auto self = std::make_unique<Impl>();
  self->connection = std::move(connection);
  self->clock = &clock;
  self->host = outgoing.url.host_port();
  self->start_time = outgoing.start;
  self->deadline = outgoing.deadline;
  self->info = std::move(info);

  const bool streamed = static_cast<bool>(request.read_body);
  const bool trailers = !request.trailers.empty();
  const bool has_body = streamed || trailers || !outgoing.body->empty();
  const bool expects_body =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  std::string length;  // empty: not said
  if (streamed) {
    if (request.body_length.has_value()) length = std::to_string(request.body_length.value());
  } else if (has_body || expects_body) {
    length = std::to_string(outgoing.body->size());
  }

  if (!is_token_method(request.method)) {
    Error error = self->failed(ErrorKind::kRequest,
                               "the method \"" + printable(request.method) + "\" is not a token");
    error.phase = Phase::kRequest;
    error.processed = Processed::kNo;
    return unexpected(std::move(error));
  }

  std::vector<HeaderField> fields;
  fields.reserve(request.headers.size() + 6);
  const auto add = [&](std::string_view name, std::string_view value, bool sensitive = false) {
    HeaderField field;
    field.name = name;
    field.value = value;
    field.sensitive = sensitive;
    fields.push_back(field);
  };
  const std::string authority(request.headers.find("host").value_or(outgoing.url.authority()));
  add(":method", request.method);
  add(":scheme", outgoing.url.scheme);
  add(":authority", authority);
  // RFC 9113 §8.3.1: OPTIONS of the server as a whole.
  const bool whole_server = outgoing.url.bare && request.method == "OPTIONS";
  add(":path", whole_server ? std::string_view("*") : std::string_view(outgoing.url.path));
  for (const HeaderField field : request.headers) {
    if (field.name != "host")
      add(field.name, field.value, field.sensitive || field.name == "authorization");
  }
  if (!length.empty() && !request.headers.contains("content-length")) add("content-length", length);

  self->info.pretransfer = clock.now() - outgoing.start;
  auto opened = self->connection->driver->open(fields, has_body ? EndStream::kNo : EndStream::kYes);
  if (!opened) return unexpected(self->failed(opened.error()));
  self->stream = std::move(*opened);
  self->info.stream_id = self->stream.id().value;

  if (!has_body) return self;
  self->trailers_to_send = request.trailers;
  if (streamed) {
    self->read_body = request.read_body;
    self->body_left = request.body_length;
    self->body_begun = &outgoing.body_begun;
  } else {
    self->body = outgoing.body;
  }
  if (is_100_continue(request.headers.get("expect"))) {
    self->body_held = true;
    self->held_until = clock.now() + outgoing.expect_continue_timeout;
  } else if (!streamed) {
    if (auto sent = self->send_whole(); !sent) return unexpected(std::move(sent).error());
  }
  return self;
}

// Hands over the body in one piece: the connection takes from it what the peer's windows allow.
Result<void, Error> ResponseStream::Impl::send_whole() {
  const auto whole = std::exchange(body, nullptr);
  if (!whole->empty() || trailers_to_send.empty()) {
    const auto sent = stream.send_data(whole, as_bytes(*whole),
                                       trailers_to_send.empty() ? EndStream::kYes : EndStream::kNo);
    // An error of the stream shows when the response is waited for, after what came before it.
    if (!sent && sent.error().kind == DriverError::Kind::kUsage)
      return unexpected(failed(sent.error()));
    if (sent) info.body_bytes_sent = whole->size();
  }
  return send_trailers();
}

Result<void, Error> ResponseStream::Impl::send_trailers() {
  if (trailers_to_send.empty()) return {};
  const Headers trailers = std::exchange(trailers_to_send, {});
  const std::vector<HeaderField> fields(trailers.begin(), trailers.end());
  const auto sent = stream.send_trailers(fields);
  if (!sent && sent.error().kind == DriverError::Kind::kUsage) {
    stream.reset();
    return unexpected(failed(sent.error()));
  }
  return {};
}

// Takes the 1xx responses that have come; whether there was a 100.
bool ResponseStream::Impl::take_informational() {
  bool go_on = false;
  for (transport::ResponseHead& one : stream.take_informational()) {
    go_on |= one.status == 100;
    info.header_bytes_received += one.fields.text_size();
    informational.push_back({one.status, std::move(one.fields)});
  }
  return go_on;
}

// Lets the body go once the server has asked for it, or has been silent for long enough; drops it
// when the final status says that it is not wanted (RFC 9110 §10.1.1).
Result<void, Error> ResponseStream::Impl::wait_for_continue() {
  for (bool go_on = false; !go_on;) {
    const Time until = std::min(deadline, held_until);
    const auto ready =
        stream.wait(ClientStream::kHeadersReady | ClientStream::kInformationalReady, until);
    if (!ready) {
      if (ready.error().kind != DriverError::Kind::kTimedOut || until == deadline)
        return unexpected(failed(ready.error()));
      break;
    }
    if ((*ready & ClientStream::kHeadersReady) != 0) {
      const auto head = stream.wait_headers(deadline);
      if (!head) return unexpected(failed(head.error()));
      body_held = false;
      if ((*head)->status < 400) break;
      body = nullptr;
      read_body = nullptr;
      return {};
    }
    go_on = take_informational();
  }
  body_held = false;
  return body ? send_whole() : Result<void, Error>{};
}

// Hands over the next piece of the request's body.
Result<void, Error> ResponseStream::Impl::send_some() {
  auto piece = std::make_shared<std::vector<std::uint8_t>>(kUploadPiece);
  if (body_begun != nullptr) *body_begun = true;
  const auto got = read_body(*piece);
  if (!got) {
    stream.reset();
    return unexpected(
        failed(ErrorKind::kRequestBody, "the request's body cannot be read: " + got.error()));
  }
  bool last = *got == 0;
  if (body_left) {
    if (*got > *body_left || (last && *body_left > 0)) {
      stream.reset();
      return unexpected(failed(ErrorKind::kRequestBody,
                               *got > *body_left ? "the request's body is longer than announced"
                                                 : "the request's body is shorter than announced"));
    }
    *body_left -= *got;
    last = *body_left == 0;
  }
  const Bytes bytes(piece->data(), std::min(*got, piece->size()));
  const bool ends = last && trailers_to_send.empty();
  const auto sent =
      bytes.empty() && !ends
          ? Result<ClientStream::Sent, DriverError>(ClientStream::Sent::kQueued)
          : stream.send_data(std::move(piece), bytes, ends ? EndStream::kYes : EndStream::kNo);
  if (!sent && sent.error().kind == DriverError::Kind::kUsage)
    return unexpected(failed(sent.error()));
  if (sent && *sent == ClientStream::Sent::kQueued) info.body_bytes_sent += bytes.size();
  // Not wanted, or failed: reading the response shows what there is to it.
  if (last || !sent || *sent == ClientStream::Sent::kNotWanted) read_body = nullptr;
  if (last && sent && *sent == ClientStream::Sent::kQueued) return send_trailers();
  return {};
}

// Waits for one of `wanted`, sending what is left of the request's body as room comes.
Result<void, Error> ResponseStream::Impl::wait(unsigned wanted) {
  if (body_held) {
    if (auto released = wait_for_continue(); !released) return released;
  }
  while (true) {
    const unsigned all = wanted | (read_body ? ClientStream::kSendReady : 0U);
    const auto ready = stream.wait(all, deadline);
    if (!ready) return unexpected(failed(ready.error()));
    if ((*ready & wanted) != 0) return {};
    if (auto sent = send_some(); !sent) return sent;
  }
}

Result<void, Error> ResponseStream::Impl::wait_headers() {
  if (auto ready = wait(ClientStream::kHeadersReady); !ready) return ready;
  const auto head = stream.wait_headers(deadline);
  if (!head) return unexpected(failed(head.error()));
  take_informational();
  headers = (*head)->fields;
  info.status = (*head)->status;
  info.http_version = "2";
  info.start_transfer = (*head)->at - start_time;
  info.header_bytes_received += headers.text_size();
  body_begun = nullptr;
  return {};
}

Result<BodyChunk, Error> ResponseStream::Impl::read_chunk() {
  if (auto ready = wait(ClientStream::kBodyReady); !ready)
    return unexpected(std::move(ready).error());
  auto chunk = stream.read_chunk(deadline);
  if (!chunk) return unexpected(failed(chunk.error()));
  info.body_bytes_received += chunk->bytes().size();
  if (chunk->empty()) finish();
  return std::move(*chunk);
}

Result<std::size_t, Error> ResponseStream::Impl::read(std::span<std::uint8_t> buffer) {
  if (buffer.empty()) return std::size_t{0};
  if (auto ready = wait(ClientStream::kBodyReady); !ready)
    return unexpected(std::move(ready).error());
  const auto n = stream.read(buffer, deadline);
  if (!n) return unexpected(failed(n.error()));
  info.body_bytes_received += *n;
  if (*n == 0) finish();
  return *n;
}

// ---- what users hold
// ------------------------------------------------------------------------------------

ResponseStream::ResponseStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResponseStream::~ResponseStream() = default;
ResponseStream::ResponseStream(ResponseStream&& other) noexcept = default;
ResponseStream& ResponseStream::operator=(ResponseStream&& other) noexcept = default;

int ResponseStream::status() const { return impl_->info.status; }
const Headers& ResponseStream::headers() const { return impl_->headers; }
const std::vector<Informational>& ResponseStream::informational() const {
  return impl_->informational;
}
const Headers& ResponseStream::trailers() const { return impl_->stream.trailers(); }
const TransferInfo& ResponseStream::info() const { return impl_->info; }
void ResponseStream::cancel() { impl_->stream.reset(); }
Result<std::size_t, Error> ResponseStream::read(std::span<std::uint8_t> buffer) {
  return impl_->read(buffer);
}
Result<BodyChunk, Error> ResponseStream::read_chunk() { return impl_->read_chunk(); }

Result<std::string, Error> ResponseStream::read_all() {
  std::string body;
  std::size_t announced = 0;
  for (const char c : header("content-length")) {
    if (c < '0' || c > '9' || announced > kMostReserved) break;
    announced = announced * 10 + static_cast<std::size_t>(c - '0');
  }
  body.reserve(std::min(announced, kMostReserved));
  while (true) {
    const auto chunk = impl_->read_chunk();
    if (!chunk) return unexpected(chunk.error());
    if (chunk->empty()) return body;
    body += as_string_view(chunk->bytes());
  }
}

Result<Response, Error> ResponseStream::collect() {
  auto body = read_all();
  if (!body) return unexpected(std::move(body).error());
  Response response;
  response.status = status();
  response.headers = headers();
  response.body = std::move(*body);
  response.trailers = trailers();
  response.informational = informational();
  response.info = info();
  return response;
}

}  // namespace h2::inline v0::client
