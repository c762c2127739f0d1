#include "tools/h2/server_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace h2::inline v0::tools {

namespace {

constexpr Duration kDrainStep = seconds(1);    // the longest wait between the two GOAWAYs
constexpr Duration kClosingWait = seconds(1);  // for the peer's FIN
constexpr std::size_t kFlushBudget = 1U << 20U;  // bytes written before other connections get their turn
constexpr std::size_t kSealAtOnce = 64U << 10U;

}  // namespace

ServerConnection::ServerConnection(int fd, ServerShared& shared, Time now)
    : fd_(fd),
      shared_(shared),
      streams_(shared, now),
      phase_(shared.tls ? Phase::kHandshake : Phase::kOpen),
      opened_(now),
      last_progress_(now),
      last_written_(now) {
  if (shared.tls) tls_ = make_engine(shared);
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  shared_.active.fetch_add(1, std::memory_order_relaxed);
}

ServerConnection::~ServerConnection() {
  ::close(fd_);
  shared_.active.fetch_sub(1, std::memory_order_relaxed);
  std::uint64_t most = shared_.most_buffered.load(std::memory_order_relaxed);
  while (most < streams_.most_buffered() &&
         !shared_.most_buffered.compare_exchange_weak(most, streams_.most_buffered())) {
  }
  if (!shared_.options.on_connection_end) return;
  const Connection& connection = streams_.connection();
  ConnectionReport report;
  if (tls_) describe_tls(report);
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

// ---- bytes in --------------------------------------------------------------------------------------------

void ServerConnection::on_ready(std::uint32_t events, std::span<std::uint8_t> scratch, Time now) {
  const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (broken || (events & EPOLLIN) != 0) read_socket(scratch, now);
  flush(now);
  settle(now);
}

void ServerConnection::read_socket(std::span<std::uint8_t> scratch, Time now) {
  if (phase_ == Phase::kFinished) return;
  const ssize_t n = ::recv(fd_, scratch.data(), scratch.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n < 0) return lose(now);
  if (n == 0) {
    peer_ended_ = true;
    if (phase_ == Phase::kOpen) streams_.handle(streams_.connection().receive_end(now), now);
    // A client that has shut its side is not waiting for anything (RFC 9113 §5.4.1 lets us close as well).
    begin_closing(now);
    return;
  }
  const auto size = static_cast<std::size_t>(n);
  bytes_received_ += size;
  shared_.bytes_received.fetch_add(size, std::memory_order_relaxed);
  last_progress_ = now;
  take_bytes(scratch.first(size), now);
}

void ServerConnection::take_bytes(Bytes bytes, Time now) {
  if (phase_ == Phase::kLingering || phase_ == Phase::kClosing) return;  // read only to see its end
  if (tls_) {
    take_tls(bytes, now);
  } else {
    process(bytes, now);
  }
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
  peer_ended_ = true;
  if (phase_ == Phase::kOpen) streams_.handle(streams_.connection().receive_end(now), now);
  phase_ = Phase::kFinished;
}

// ---- bytes out -------------------------------------------------------------------------------------------

void ServerConnection::flush(Time now) {
  if (phase_ == Phase::kFinished) return;
  std::size_t budget = kFlushBudget;
  for (;;) {
    const bool more = tls_ ? flush_tls(budget, now) : flush_plain(budget, now);
    if (phase_ == Phase::kFinished) return;
    Connection& connection = streams_.connection();
    for (auto events = connection.poll_events(); !events.empty(); events = connection.poll_events()) {
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

// Writes once; whether it makes sense to go on.
bool ServerConnection::flush_plain(std::size_t& budget, Time now) {
  Connection& connection = streams_.connection();
  const std::span<const Bytes> pieces = connection.data_to_send();
  if (pieces.empty()) return false;
  std::array<iovec, 64> vectors{};
  const std::size_t count = std::min(pieces.size(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
  if (n < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) lose(now);
    return false;
  }
  const auto size = static_cast<std::size_t>(n);
  connection.mark_sent(size);
  bytes_sent_ += size;
  shared_.bytes_sent.fetch_add(size, std::memory_order_relaxed);
  last_progress_ = last_written_ = now;
  budget -= std::min(budget, size);
  return true;
}

bool ServerConnection::output_waits() const {
  return (tls_ && tls_output_waits()) || (phase_ == Phase::kOpen && streams_.connection().want_write());
}

// ---- life ------------------------------------------------------------------------------------------------

// Moves on when HTTP/2 is over.
void ServerConnection::settle(Time now) {
  if (phase_ != Phase::kOpen || !streams_.connection().done() || output_waits()) return;
  if (shared_.options.linger > Duration{} && !peer_ended_) {
    phase_ = Phase::kLingering;
    phase_ends_ = now + shared_.options.linger;
    return;
  }
  begin_closing(now);
}

// Shuts our side and reads to the peer's end: closing with bytes unread would throw away what is on its way
// to the peer.
void ServerConnection::begin_closing(Time now) {
  if (phase_ == Phase::kFinished) return;
  if (tls_ && phase_ != Phase::kHandshake) shut_tls(now);
  if (phase_ == Phase::kFinished || peer_ended_) {
    phase_ = Phase::kFinished;
    return;
  }
  ::shutdown(fd_, SHUT_WR);
  phase_ = Phase::kClosing;
  phase_ends_ = now + kClosingWait;
}

std::uint32_t ServerConnection::wanted_events() const {
  std::uint32_t events = 0;
  const bool takes_input = phase_ != Phase::kOpen || (unread_.empty() && streams_.connection().want_read());
  if (takes_input) events |= EPOLLIN;
  if (output_waits()) events |= EPOLLOUT;
  return events;
}

Time ServerConnection::next_deadline() const {
  switch (phase_) {
    case Phase::kHandshake: return opened_ + shared_.options.handshake_timeout;
    case Phase::kLingering:
    case Phase::kClosing: return phase_ends_;
    case Phase::kFinished: return Time::never();
    case Phase::kOpen: break;
  }
  Time at = streams_.next_deadline();
  if (!streams_.connection().remote_settings_received()) {
    at = std::min(at, opened_ + shared_.options.handshake_timeout);
  }
  if (streams_.empty()) at = std::min(at, last_progress_ + shared_.options.idle_timeout);
  if (output_waits()) at = std::min(at, last_written_ + shared_.options.idle_timeout);
  return at;
}

void ServerConnection::on_time(Time now) {
  if (phase_ == Phase::kHandshake && opened_ + shared_.options.handshake_timeout <= now) {
    phase_ = Phase::kFinished;
  } else if (phase_ == Phase::kLingering && phase_ends_ <= now) {
    begin_closing(now);
  } else if (phase_ == Phase::kClosing && phase_ends_ <= now) {
    phase_ = Phase::kFinished;
  }
  if (phase_ != Phase::kOpen) return;

  streams_.on_time(now);
  Connection& connection = streams_.connection();
  if (output_waits() && last_written_ + shared_.options.idle_timeout <= now) {
    phase_ = Phase::kFinished;  // the peer takes nothing: GOAWAY would not reach it either
    return;
  }
  if (!connection.remote_settings_received() && opened_ + shared_.options.handshake_timeout <= now) {
    connection.terminate(ErrorCode::kSettingsTimeout);
  } else if (streams_.empty() && last_progress_ + shared_.options.idle_timeout <= now) {
    connection.close_connection();
  }
  flush(now);
  settle(now);
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
