// The client: which connection serves a request, when one is dialled, and when a request is sent
// again.
#include "client/client.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <system_error>
#include <utility>

#include "client/exchange.h"
#include "client/url.h"

namespace h2::inline v0::client {

using transport::DialTarget;
using transport::TlsContext;
using transport::TransportErrc;
using transport::TransportError;

namespace {

// So often may a request meet a connection that closed or is going away, and move on to the next,
// before that is the answer. Servers that end a connection after some number of requests turn away
// those that were on their way, with as many in flight several times over.
constexpr int kMostMoves = 20;

// Splits "192.0.2.1:443" and "[2001:db8::1]:443".
void split_address(const std::string& address, std::string& ip, std::uint16_t& port) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return;
  ip = address.substr(0, colon);
  if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
}

// A dial that several threads wait for.
struct Dial {
  bool done = false;
  std::shared_ptr<PooledConnection> connection;  // null: see error
  std::optional<Error> error;
  std::condition_variable wake;
};

struct Origin {
  std::shared_ptr<PooledConnection> connection;
  std::shared_ptr<Dial> dial;  // under way
  // What the last connection's peer allowed; it is assumed of the next until its SETTINGS arrive,
  // so that a server with a low limit is not overrun again (RFC 9113 §5.1.2). None: not known.
  std::optional<std::uint32_t> stream_limit;
};

}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions given)
      : options(std::move(given)),
        clock(options.clock != nullptr ? *options.clock : transport::system_clock()) {
    if (options.dialer == nullptr) own_dialer = transport::make_dialer();
    dialer = options.dialer != nullptr ? options.dialer : own_dialer.get();
  }

  Result<std::unique_ptr<ResponseStream::Impl>, Error> open(Request request);
  Result<std::shared_ptr<PooledConnection>, Error> checkout(const Outgoing& outgoing,
                                                            const PooledConnection* avoided,
                                                            TransferInfo& info);
  Result<std::shared_ptr<PooledConnection>, Error> dial(const Outgoing& outgoing, Time deadline,
                                                        std::optional<std::uint32_t> stream_limit);
  Result<std::shared_ptr<const TlsContext>, TransportError> tls();
  Error error_of(const TransportError& cause, const Outgoing& outgoing) const;
  Error make_error(ErrorKind kind, Phase phase, const Outgoing& outgoing, std::string detail) const;

  const ClientOptions options;
  transport::Clock& clock;
  std::unique_ptr<transport::Dialer> own_dialer;
  transport::Dialer* dialer = nullptr;

  std::mutex mutex;  // guards what follows; never held while anything is waited for but a Dial
  std::map<std::string, Origin> origins;
  std::shared_ptr<const TlsContext> tls_context;  // made by the first https request
};

Error Client::Impl::make_error(ErrorKind kind, Phase phase, const Outgoing& outgoing,
                               std::string detail) const {
  Error error;
  error.kind = kind;
  error.phase = phase;
  error.host = outgoing.url.host_port();
  error.detail = std::move(detail);
  error.processed = Processed::kNo;
  error.info.method = outgoing.request.method;
  error.info.url = outgoing.url.to_string();
  error.info.scheme = outgoing.url.scheme;
  error.info.total = clock.now() - outgoing.start;
  return error;
}

// An error of dialling.
Error Client::Impl::error_of(const TransportError& cause, const Outgoing& outgoing) const {
  Phase phase = Phase::kConnect;
  ErrorKind kind = ErrorKind::kConnect;
  if (cause.phase == transport::Phase::kResolve) {
    phase = Phase::kResolve;
    kind = ErrorKind::kResolve;
  } else if (cause.phase != transport::Phase::kConnect) {
    phase = Phase::kTls;
    kind = ErrorKind::kTls;
  }
  if (cause.code == TransportErrc::kTimedOut) kind = ErrorKind::kTimeout;
  std::string detail(transport::describe(cause.code));
  if (cause.code == TransportErrc::kTlsAlpn) {
    kind = ErrorKind::kAlpn;
    detail = "the server did not agree to HTTP/2 (ALPN: h2 was offered, the server refused)";
  }
  if (cause.code == TransportErrc::kSystem)
    detail = std::generic_category().message(cause.sys_errno);
  if (!cause.detail.empty()) detail += " (" + cause.detail + ")";
  if (cause.phase == transport::Phase::kConfigure) detail += ": " + cause.peer;
  Error error = make_error(kind, phase, outgoing, std::move(detail));
  error.transport = cause;
  return error;
}

Result<std::shared_ptr<const TlsContext>, TransportError> Client::Impl::tls() {
  const std::lock_guard lock(mutex);
  if (tls_context) return tls_context;
  transport::TlsClientConfig config;
  config.verify = options.verify ? transport::Verify::kYes : transport::Verify::kNo;
  config.ca_file = options.ca_file;
  config.cert_file = options.cert_file;
  config.key_file = options.key_file;
  config.alpn = options.alpn;
  auto made = TlsContext::client(config);
  if (!made) return unexpected(std::move(made).error());
  tls_context = std::move(*made);
  return tls_context;
}

Result<std::shared_ptr<PooledConnection>, Error> Client::Impl::dial(
    const Outgoing& outgoing, Time deadline, std::optional<std::uint32_t> stream_limit) {
  const Url& url = outgoing.url;
  DialTarget target;
  target.host = url.host;
  target.port = url.port;
  if (url.is_https()) {
    auto context = tls();
    if (!context) return unexpected(error_of(context.error(), outgoing));
    target.tls = std::move(*context);
  }
  for (const ClientOptions::Resolve& r : options.resolve)
    target.overrides.push_back({r.host, r.port, r.address, 0});

  auto dialed = dialer->dial(target, deadline);
  if (!dialed) return unexpected(error_of(dialed.error(), outgoing));

  auto connection = std::make_shared<PooledConnection>();
  TransferInfo& facts = connection->facts;
  split_address(dialed->info.peer_address, facts.remote_ip, facts.remote_port);
  split_address(dialed->info.local_address, facts.local_ip, facts.local_port);
  facts.tls_version = dialed->info.tls_version;
  facts.tls_cipher = dialed->info.tls_cipher;
  facts.alpn = dialed->alpn;
  facts.connections_opened = 1;
  const auto since_start = [&](Time at) { return std::max(at - outgoing.start, Duration{}); };
  facts.name_lookup = since_start(dialed->timings.resolved);
  facts.connect = since_start(dialed->timings.connected);
  if (url.is_https()) facts.tls_handshake = since_start(dialed->timings.secured);

  // RFC 9113 §3.2: over TLS, HTTP/2 is what ALPN says.
  if (url.is_https() && dialed->alpn != "h2") {
    std::string offered;
    for (const std::string& one : options.alpn) offered += (offered.empty() ? "" : ", ") + one;
    Error error = make_error(ErrorKind::kAlpn, Phase::kTls, outgoing,
                             "the server did not agree to HTTP/2 (ALPN: " + offered +
                                 " was offered, the server chose " +
                                 (dialed->alpn.empty() ? "nothing" : dialed->alpn) + ")");
    error.info.remote_ip = facts.remote_ip;
    error.info.remote_port = facts.remote_port;
    return unexpected(std::move(error));
  }

  if (options.observe) {
    ConnectionObservers observers = options.observe(url.host_port());
    connection->trace = std::move(observers.trace);
    connection->record = std::move(observers.record);
  }
  if (options.frame_trace && connection->trace == nullptr)
    connection->trace = options.frame_trace(url.host_port());
  Config config = options.http2;
  std::random_device entropy;
  if (stream_limit) config.assumed_max_concurrent_streams = std::max(1U, *stream_limit);
  config.hash_seed = (std::uint64_t{entropy()} << 32) | entropy();
  config.memory = nullptr;
  config.trace = connection->trace.get();
  config.record = connection->record.get();
  connection->driver =
      std::make_unique<transport::Driver>(std::move(dialed->stream), config, clock);
  return connection;
}

// A connection that takes a new request: the origin's, or a new one that this thread dials, or that
// another one is dialling.
Result<std::shared_ptr<PooledConnection>, Error> Client::Impl::checkout(
    const Outgoing& outgoing, const PooledConnection* avoided, TransferInfo& info) {
  const std::string key = outgoing.url.origin();
  const Duration connect_timeout =
      outgoing.request.connect_timeout.value_or(options.connect_timeout);
  const Time deadline = std::min(outgoing.deadline, clock.now() + connect_timeout);
  const auto take = [&](std::shared_ptr<PooledConnection> connection, bool reused) {
    TransferInfo facts = connection->facts;
    facts.method = info.method;
    facts.url = info.url;
    facts.scheme = info.scheme;
    facts.retries = info.retries;
    facts.connection_reused = reused;
    facts.connections_opened = info.connections_opened;
    if (reused) {
      facts.name_lookup = facts.connect = facts.tls_handshake = Duration{};
    } else {
      ++facts.connections_opened;
    }
    info = std::move(facts);
    return connection;
  };

  while (true) {
    std::unique_lock lock(mutex);
    Origin& origin = origins[key];
    if (const auto connection = origin.connection; connection && connection.get() != avoided) {
      lock.unlock();
      // What came while it idled is looked at before a request is lost on it.
      connection->driver->pump_nonblocking();
      if (connection->driver->accepts_new_streams()) return take(connection, true);
      lock.lock();
      if (origin.connection == connection) {
        origin.stream_limit = connection->driver->max_streams();
        origin.connection = nullptr;
      }
      continue;
    }
    if (origin.connection != nullptr)
      origin.stream_limit = origin.connection->driver->max_streams();
    origin.connection = nullptr;

    if (const auto dial_under_way = origin.dial) {
      const auto done = [&] { return dial_under_way->done; };
      if (deadline.is_never()) {
        dial_under_way->wake.wait(lock, done);
      } else if (const Duration left = deadline - clock.now();
                 !dial_under_way->wake.wait_for(lock, std::chrono::nanoseconds(left.ns), done)) {
        return unexpected(make_error(ErrorKind::kTimeout, Phase::kConnect, outgoing, "timed out"));
      }
      if (dial_under_way->connection) continue;
      // Their time may have been up, and ours not.
      if (dial_under_way->error->kind == ErrorKind::kTimeout && clock.now() < deadline) continue;
      Error error = *dial_under_way->error;
      error.info.method = info.method;
      error.info.url = info.url;
      return unexpected(std::move(error));
    }

    const auto mine = std::make_shared<Dial>();
    origin.dial = mine;
    const auto stream_limit = origin.stream_limit;
    lock.unlock();
    auto dialed = dial(outgoing, deadline, stream_limit);
    lock.lock();
    origin.dial = nullptr;
    mine->done = true;
    if (dialed) {
      origin.connection = mine->connection = *dialed;
    } else {
      mine->error = dialed.error();
    }
    mine->wake.notify_all();
    lock.unlock();
    if (!dialed) return unexpected(std::move(dialed).error());
    return take(std::move(*dialed), false);
  }
}

Result<std::unique_ptr<ResponseStream::Impl>, Error> Client::Impl::open(Request request) {
  Outgoing outgoing;
  outgoing.start = clock.now();
  outgoing.deadline = Time::never();
  if (const auto timeout = request.timeout ? request.timeout : options.timeout)
    outgoing.deadline = outgoing.start + *timeout;

  auto url = parse_url(request.url);
  if (!url) {
    Error error;
    error.kind = ErrorKind::kUrl;
    error.phase = Phase::kRequest;
    error.detail = url.error().message;
    error.processed = Processed::kNo;
    error.info.method = request.method;
    error.info.url = request.url;
    return unexpected(std::move(error));
  }
  outgoing.url = std::move(*url);
  outgoing.expect_continue_timeout = options.expect_continue_timeout;
  if (!request.read_body)
    outgoing.body = std::make_shared<const std::string>(std::move(request.body));
  if (!options.user_agent.empty() && !request.headers.contains("user-agent"))
    request.headers.add("user-agent", options.user_agent);
  outgoing.request = std::move(request);
  if (!outgoing.url.is_https() && !options.http2_prior_knowledge)
    return unexpected(make_error(
        ErrorKind::kUnsupported, Phase::kRequest, outgoing,
        "http:// is spoken only with prior knowledge of HTTP/2; use https:// or turn it on"));

  TransferInfo info;
  info.method = outgoing.request.method;
  info.url = outgoing.url.to_string();
  info.scheme = outgoing.url.scheme;
  std::shared_ptr<PooledConnection> avoided;
  int moves = 0;
  while (true) {
    auto connection = checkout(outgoing, avoided.get(), info);
    if (!connection) {
      Error error = std::move(connection).error();
      error.info.retries = info.retries;
      return unexpected(std::move(error));
    }
    Result<void, Error> headers;
    auto exchange = ResponseStream::Impl::start(*connection, outgoing, info, clock);
    if (exchange) {
      headers = (*exchange)->wait_headers();
      if (headers) return exchange;
    }
    Error error = exchange ? std::move(headers).error() : std::move(exchange).error();
    const bool not_open = !exchange && error.kind == ErrorKind::kConnectionLost;
    const bool may_repeat =
        error.processed == Processed::kNo && !outgoing.body_begun &&
        (error.kind == ErrorKind::kStreamReset || error.kind == ErrorKind::kConnectionLost ||
         error.kind == ErrorKind::kProtocol) &&
        clock.now() < outgoing.deadline;
    if (!may_repeat) return unexpected(std::move(error));
    // A connection that closed between being chosen and being used, or that the server ends in good
    // order, costs no retry (RFC 9113 §6.8).
    const auto goaway = (*connection)->driver->goaway();
    const bool moved = not_open || (goaway && goaway->code == ErrorCode::kNoError);
    if (moved ? ++moves > kMostMoves : info.retries >= options.max_retries)
      return unexpected(std::move(error));
    if (!moved) ++info.retries;
    // A stream that was refused says nothing against the connection: most servers refuse what was
    // sent before their SETTINGS had come, and now its limit is known (RFC 9113 §5.1.2).
    const bool only_refused = error.kind == ErrorKind::kStreamReset &&
                              error.code == ErrorCode::kRefusedStream &&
                              (*connection)->driver->accepts_new_streams();
    avoided = only_refused ? nullptr : std::move(*connection);
  }
}

// ---- what users hold
// --------------------------------------------------------------------------------------

Client::Client(ClientOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}

Result<ResponseStream, Error> Client::open(Request request) const {
  auto exchange = impl_->open(std::move(request));
  if (!exchange) return unexpected(std::move(exchange).error());
  return ResponseStream(std::move(*exchange));
}

Result<Response, Error> Client::request(Request request) const {
  auto stream = open(std::move(request));
  if (!stream) return unexpected(std::move(stream).error());
  return stream->collect();
}

Result<Response, Error> Client::get(std::string_view url) const {
  Request request;
  request.url = url;
  return this->request(std::move(request));
}

Result<Response, Error> Client::post(std::string_view url, std::string body,
                                     std::string_view content_type) const {
  Request request;
  request.method = "POST";
  request.url = url;
  request.body = std::move(body);
  if (!content_type.empty()) request.headers.add("content-type", content_type);
  return this->request(std::move(request));
}

void Client::close_idle() const {
  std::vector<std::shared_ptr<PooledConnection>> idle;  // outlives the lock: closed without it
  const std::lock_guard lock(impl_->mutex);
  for (auto& [key, origin] : impl_->origins) {
    if (origin.connection && origin.connection->driver->active_streams() == 0)
      idle.push_back(std::exchange(origin.connection, nullptr));
  }
}

}  // namespace h2::inline v0::client
