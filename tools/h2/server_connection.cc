// One socket of the server: phases, timeouts, bytes in and out. See server_connection.h.
#include "tools/h2/server_connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "transport/tcp_stream.h"

namespace h2::inline v0::tools {

namespace {

constexpr Duration kDrainStep = seconds(1);    // the longest wait between the two GOAWAYs
constexpr Duration kClosingWait = seconds(1);  // for the peer's FIN
constexpr std::size_t kFlushBudget =
    1U << 20U;  // bytes written before other connections get their turn
constexpr int kReadsAtOnce = 8;

}  // namespace

ServerConnection::ServerConnection(int fd, ServerShared& shared, Time now)
    : fd_(fd), shared_(shared), streams_(shared, now), opened_(now), last_progress_(now) {
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  shared_.active.fetch_add(1, std::memory_order_relaxed);
  transport::TcpOptions tcp;
  tcp.user_timeout = {};  // a client may take its time to read; see ServerOptions::idle_timeout
  stream_ = std::make_unique<transport::TcpStream>(fd, tcp);
  if (!shared.tls) return;
  auto secured = transport::TlsStream::server(std::move(stream_), shared.tls);
  if (!secured) {
    phase_ = Phase::kFinished;
    return;
  }
  tls_ = secured->get();
  stream_ = std::move(*secured);
  phase_ = Phase::kHandshake;
}

ServerConnection::~ServerConnection() {
  shared_.active.fetch_sub(1, std::memory_order_relaxed);
  std::uint64_t most = shared_.most_buffered.load(std::memory_order_relaxed);
  while (most < streams_.most_buffered() &&
         !shared_.most_buffered.compare_exchange_weak(most, streams_.most_buffered())) {
  }
  if (!shared_.options.on_connection_end) return;
  const Connection& connection = streams_.connection();
  ConnectionReport report;
  if (stream_) {
    report.tls_version = stream_->info().tls_version;
    report.cipher = stream_->info().tls_cipher;
    report.alpn = stream_->info().alpn;
  }
  report.ours = connection.local_settings();
  report.theirs = connection.remote_settings();
  report.fields_received = connection.fields_received();
  report.fields_sent = connection.fields_sent();
  report.requests = streams_.requests();
  report.bytes_received = bytes_received_;
  report.bytes_sent = bytes_sent_;
  report.most_buffered = streams_.most_buffered();
  shared_.options.on_connection_end(report);
}

// ---- bytes in
// --------------------------------------------------------------------------------------------

void ServerConnection::on_ready(std::uint32_t events, std::span<std::uint8_t> scratch, Time now) {
  const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  pump(broken || (events & EPOLLIN) != 0, scratch, now);
}

// Reads and writes until it has to wait, or others should have their turn.
void ServerConnection::pump(bool readable, std::span<std::uint8_t> scratch, Time now) {
  if (phase_ == Phase::kHandshake) go_on_with_handshake();
  if (phase_ == Phase::kHandshake || phase_ == Phase::kFinished) return;
  input_left_ = false;
  bool again = readable || stream_->has_buffered_input();
  for (int i = 0; again && i < kReadsAtOnce; ++i) {
    again = read_stream(scratch, now);
    flush(now);
    // Beyond its first read, only what epoll cannot see is read: TLS records that were decrypted
    // already.
    again = again && can_read() && stream_->has_buffered_input();
  }
  input_left_ = again;
  flush(now);
  if (phase_ == Phase::kFinished || !output_waits()) {
    stalled_since_ = Time::never();
  } else if (stalled_since_.is_never()) {
    stalled_since_ = now;
  }
  settle(now);
}

void ServerConnection::go_on_with_handshake() {
  const auto stands = tls_->try_handshake();
  if (!stands) {
    phase_ = Phase::kFinished;
    return;
  }
  handshake_writes_ = *stands == transport::TlsStream::Handshake::kWantsWrite;
  if (*stands != transport::TlsStream::Handshake::kDone) return;
  // RFC 9113 §3.2: over TLS, HTTP/2 is spoken only where ALPN agreed on "h2".
  phase_ = stream_->info().alpn == "h2" ? Phase::kOpen : Phase::kFinished;
}

bool ServerConnection::can_read() const {
  if (phase_ == Phase::kFinished) return false;
  return phase_ != Phase::kOpen || (unread_.empty() && streams_.connection().want_read());
}

bool ServerConnection::read_stream(std::span<std::uint8_t> scratch, Time now) {
  const auto read = stream_->try_read(scratch);
  if (!read) {
    lose(now);
    return false;
  }
  if (read->would_block()) return false;
  if (read->end()) {
    if (phase_ == Phase::kOpen) streams_.handle(streams_.connection().receive_end(now), now);
    if (phase_ == Phase::kOpen) stream_->shutdown_write();
    phase_ = Phase::kFinished;
    return false;
  }
  bytes_received_ += read->bytes;
  shared_.bytes_received.fetch_add(read->bytes, std::memory_order_relaxed);
  last_progress_ = now;
  // In the other phases it is read only to see its end.
  if (phase_ == Phase::kOpen) process(scratch.first(read->bytes), now);
  return true;
}

// Plaintext to the connection; what it does not take yet stays in unread_.
void ServerConnection::process(Bytes bytes, Time now) {
  Connection& connection = streams_.connection();
  std::vector<std::uint8_t> joined;
  if (!unread_.empty()) {
    joined.swap(unread_);
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    bytes = joined;
  }
  while (!bytes.empty() && connection.want_read()) {
    const Received received = connection.receive_data(bytes, now);
    streams_.handle(received.events, now);
    bytes = bytes.subspan(received.consumed);
    if (received.consumed == 0) break;
  }
  if (!connection.done()) unread_.assign(bytes.begin(), bytes.end());
}

// The socket is broken: nothing can be written any more.
void ServerConnection::lose(Time now) {
  if (phase_ == Phase::kOpen) streams_.handle(streams_.connection().receive_end(now), now);
  phase_ = Phase::kFinished;
}

// ---- bytes out
// -------------------------------------------------------------------------------------------

void ServerConnection::flush(Time now) {
  if (phase_ == Phase::kFinished) return;
  std::size_t budget = kFlushBudget;
  for (;;) {
    const bool more = write_stream(budget, now);
    if (phase_ == Phase::kFinished) return;
    Connection& connection = streams_.connection();
    for (auto events = connection.poll_events(); !events.empty();
         events = connection.poll_events()) {
      streams_.handle(events, now);
    }
    // Answers that went out make room for the rest of the input.
    if (phase_ == Phase::kOpen && !unread_.empty() && connection.want_read()) {
      const std::size_t before = unread_.size();
      process({}, now);
      if (unread_.size() != before) continue;
    }
    if (!more || budget == 0) return;
  }
}

bool ServerConnection::write_stream(std::size_t& budget, Time now) {
  Connection& connection = streams_.connection();
  std::span<const Bytes> pieces;
  if (phase_ == Phase::kOpen) pieces = connection.data_to_send();
  if (pieces.empty() && !stream_->needs_flush()) return false;
  const auto written = stream_->try_write(pieces);
  if (!written) {
    lose(now);
    return false;
  }
  if (written->would_block() || written->bytes == 0) return false;
  connection.mark_sent(written->bytes);
  bytes_sent_ += written->bytes;
  shared_.bytes_sent.fetch_add(written->bytes, std::memory_order_relaxed);
  last_progress_ = now;
  stalled_since_ = Time::never();
  budget -= std::min(budget, written->bytes);
  return true;
}

bool ServerConnection::output_waits() const {
  return stream_->needs_flush() || (phase_ == Phase::kOpen && streams_.connection().want_write());
}

// ---- life
// ------------------------------------------------------------------------------------------------

// Moves on when HTTP/2 is over.
void ServerConnection::settle(Time now) {
  if (phase_ != Phase::kOpen || !streams_.connection().done() || output_waits()) return;
  if (shared_.options.linger > Duration{}) {
    phase_ = Phase::kLingering;
    phase_ends_ = now + shared_.options.linger;
    return;
  }
  begin_closing(now);
}

// Shuts our side and reads to the peer's end: closing with bytes unread would throw away what is on
// its way to the peer.
void ServerConnection::begin_closing(Time now) {
  stream_->shutdown_write();
  phase_ = Phase::kClosing;
  phase_ends_ = now + kClosingWait;
}

std::uint32_t ServerConnection::wanted_events() const {
  if (phase_ == Phase::kHandshake) return handshake_writes_ ? EPOLLOUT : EPOLLIN;
  std::uint32_t events = 0;
  if (can_read()) events |= EPOLLIN;
  if (output_waits()) events |= EPOLLOUT;
  return events;
}

Time ServerConnection::next_deadline() const {
  switch (phase_) {
    case Phase::kHandshake:
      return opened_ + shared_.options.handshake_timeout;
    case Phase::kLingering:
    case Phase::kClosing:
      return phase_ends_;
    case Phase::kFinished:
      return Time::never();
    case Phase::kOpen:
      break;
  }
  Time at = streams_.next_deadline();
  if (!streams_.connection().remote_settings_received()) {
    at = std::min(at, opened_ + shared_.options.handshake_timeout);
  }
  if (input_left_) return Time{};  // at once
  if (streams_.empty()) at = std::min(at, last_progress_ + shared_.options.idle_timeout);
  at = std::min(at, stalled_since_ + shared_.options.idle_timeout);
  return at;
}

void ServerConnection::on_time(std::span<std::uint8_t> scratch, Time now) {
  if (phase_ == Phase::kHandshake && opened_ + shared_.options.handshake_timeout <= now) {
    phase_ = Phase::kFinished;
  } else if (phase_ == Phase::kLingering && phase_ends_ <= now) {
    begin_closing(now);
  } else if (phase_ == Phase::kClosing && phase_ends_ <= now) {
    phase_ = Phase::kFinished;
  }
  if (phase_ != Phase::kOpen) return;

  if (stalled_since_ + shared_.options.idle_timeout <= now) {
    phase_ = Phase::kFinished;  // the peer takes nothing: GOAWAY would not reach it either
    return;
  }
  streams_.on_time(now);
  Connection& connection = streams_.connection();
  if (!connection.remote_settings_received() &&
      opened_ + shared_.options.handshake_timeout <= now) {
    connection.terminate(ErrorCode::kSettingsTimeout);
  } else if (streams_.empty() && last_progress_ + shared_.options.idle_timeout <= now) {
    connection.close_connection();
  }
  pump(false, scratch, now);
}

void ServerConnection::begin_drain(Time now) {
  if (draining_) return;
  draining_ = true;
  if (phase_ == Phase::kHandshake) {
    phase_ = Phase::kFinished;
    return;
  }
  if (phase_ != Phase::kOpen) return;
  streams_.begin_drain(now, kDrainStep);
  flush(now);
  settle(now);
}

void ServerConnection::cut(Time now) {
  if (phase_ == Phase::kOpen) {
    streams_.connection().terminate(ErrorCode::kCancel);
    flush(now);
  }
  phase_ = Phase::kFinished;
}

}  // namespace h2::inline v0::tools
