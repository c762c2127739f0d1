// TLS over another stream. See tls_stream.h.
#include "transport/tls_stream.h"

#include <array>
#include <utility>

namespace h2::inline v0::transport {

namespace {

std::string peer_name(std::string_view host, const StreamInfo& info) {
  if (host.empty()) return info.peer_address;
  if (info.peer_address.empty()) return std::string(host);
  return std::string(host) + " (" + info.peer_address + ")";
}

// Gives a flag back.
class Release {
 public:
  explicit Release(std::atomic<bool>& flag) : flag_(flag) {}
  ~Release() { flag_.store(false); }
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace

TlsStream::TlsStream(std::unique_ptr<ByteStream> below, std::unique_ptr<TlsEngine> engine,
                     std::string_view host)
    : below_(std::move(below)),
      peer_(peer_name(host, below_->info())),
      info_(below_->info()),
      engine_(std::move(engine)) {
  engine_->set_peer(peer_);
}

TlsStream::~TlsStream() { close(); }

Result<std::unique_ptr<TlsStream>, TransportError> TlsStream::client(
    std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context,
    std::string_view host) {
  auto engine = TlsEngine::client(std::move(context), host);
  if (!engine) return unexpected(std::move(engine).error());
  return std::unique_ptr<TlsStream>(new TlsStream(std::move(below), std::move(*engine), host));
}

Result<std::unique_ptr<TlsStream>, TransportError> TlsStream::server(
    std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context) {
  auto engine = TlsEngine::server(std::move(context));
  if (!engine) return unexpected(std::move(engine).error());
  return std::unique_ptr<TlsStream>(new TlsStream(std::move(below), std::move(*engine), {}));
}

TransportError TlsStream::closed_error(Phase phase) const {
  return TransportError{phase, TransportErrc::kClosed, 0, peer_, {}};
}

// ---- handshake
// ------------------------------------------------------------------------------------------

Result<TlsStream::Handshake, TransportError> TlsStream::try_handshake() {
  if (closed_) return unexpected(closed_error(Phase::kTls));
  const auto during_handshake = [this](TransportError error) {
    error.phase = Phase::kTls;
    error.peer = peer_;
    return unexpected(std::move(error));
  };
  for (;;) {
    auto step = engine_->handshake();
    if (!engine_->output().empty()) unsent_ = true;
    auto flushed = flush();
    if (!step) return unexpected(std::move(step).error());
    if (!flushed) return during_handshake(std::move(flushed).error());
    if (!*flushed) return Handshake::kWantsWrite;
    if (*step == TlsEngine::Step::kDone) {
      if (!established_) engine_->describe(info_);
      established_ = true;
      buffered_ = engine_->has_input();
      return Handshake::kDone;
    }
    auto in = below_->try_read(engine_->input_space());
    if (!in) return during_handshake(std::move(in).error());
    if (in->would_block()) return Handshake::kWantsRead;
    if (in->end()) {
      engine_->end_input();
    } else {
      engine_->commit_input(in->bytes);
    }
  }
}

Result<void, TransportError> TlsStream::handshake(Deadline deadline) {
  for (;;) {
    auto step = try_handshake();
    if (!step) return unexpected(std::move(step).error());
    if (*step == Handshake::kDone) return {};
    auto ready =
        below_->wait(*step == Handshake::kWantsRead, *step == Handshake::kWantsWrite, deadline);
    if (!ready) return unexpected(std::move(ready).error());
    if (ready->woken && woken_.exchange(false)) {
      return unexpected(TransportError{Phase::kTls, TransportErrc::kCancelled, 0, peer_, {}});
    }
    if (ready->timed_out)
      return unexpected(TransportError{Phase::kTls, TransportErrc::kTimedOut, 0, peer_, {}});
  }
}

// ---- bytes
// ----------------------------------------------------------------------------------------------

Result<bool, TransportError> TlsStream::flush() {
  if (!unsent_) return true;
  if (sending_.exchange(true)) return false;
  const Release release(sending_);
  return flush_as_sender();
}

Result<bool, TransportError> TlsStream::flush_as_sender() {
  for (;;) {
    if (sent_ == sent_buffer_.size()) {
      sent_buffer_.clear();
      sent_ = 0;
      const std::lock_guard lock(mutex_);
      engine_->take_output(sent_buffer_);
      if (sent_buffer_.empty()) {
        unsent_ = false;
        break;
      }
    }
    const std::array<Bytes, 1> piece{Bytes(sent_buffer_).subspan(sent_)};
    auto out = below_->try_write(piece);
    if (!out) {
      send_failed_ = true;
      return unexpected(std::move(out).error());
    }
    if (out->would_block()) return false;
    sent_ += out->bytes;
  }
  if (fin_pending_.exchange(false)) below_->shutdown_write();
  return true;
}

void TlsStream::tell_waiter() {
  // unsent_ was set before waiting_ is read here; wait() does these in the other order.
  if (unsent_ && waiting_) below_->wake();
}

Result<IoResult, TransportError> TlsStream::try_read(std::span<std::uint8_t> buffer) {
  if (closed_) return unexpected(closed_error(Phase::kReceive));
  if (buffer.empty()) return IoResult::of(0);
  std::size_t received = 0;
  for (;;) {
    bool answers = false;
    auto result = [&] {
      const std::lock_guard lock(mutex_);
      engine_->commit_input(received);
      if (input_ended_) engine_->end_input();
      auto read = engine_->read(buffer);
      buffered_ = engine_->has_input();
      answers = !engine_->output().empty();  // to a key update, or an alert
      if (answers) unsent_ = true;
      return read;
    }();
    if (answers) {
      if (!send_failed_) (void)flush();
      tell_waiter();
    }
    if (!result || !result->would_block()) return result;
    // No lock: only this thread touches the engine's input.
    auto in = below_->try_read(engine_->input_space());
    if (!in) return unexpected(std::move(in).error());
    if (in->would_block()) return IoResult::wants_to_read();
    received = in->bytes;
    input_ended_ = in->end();
  }
}

Result<IoResult, TransportError> TlsStream::try_write(std::span<const Bytes> pieces) {
  if (closed_) return unexpected(closed_error(Phase::kSend));
  std::size_t taken = 0;
  {
    // Another thread is flushing just now: there will be room at once.
    if (sending_.exchange(true)) return IoResult::wants_to_write();
    const Release release(sending_);
    bool empty = true;
    for (const Bytes piece : pieces) empty = empty && piece.empty();
    if (unsent_) {
      auto flushed = flush_as_sender();
      if (!flushed) return unexpected(std::move(flushed).error());
      if (!*flushed) return IoResult::wants_to_write();
    }
    if (empty) return IoResult::of(0);
    auto result = [&] {
      const std::lock_guard lock(mutex_);
      auto written = engine_->write(pieces);
      if (!engine_->output().empty()) unsent_ = true;
      return written;
    }();
    if (!result) {
      (void)flush_as_sender();  // perhaps an alert
      return result;
    }
    taken = result->bytes;
    auto flushed = flush_as_sender();
    if (!flushed) return unexpected(std::move(flushed).error());
  }
  tell_waiter();
  return IoResult::of(taken);
}

// ---- waiting and closing
// --------------------------------------------------------------------------------

Result<Ready, TransportError> TlsStream::wait(bool want_read, bool want_write, Deadline deadline) {
  if (closed_) return unexpected(closed_error(Phase::kWait));
  waiting_ = true;
  const Release release(waiting_);
  for (;;) {
    bool flushing = unsent_ && !send_failed_;
    if (flushing) {
      auto flushed = flush();
      flushing = flushed && !*flushed;
    }
    Ready ready;
    ready.woken = woken_.exchange(false);
    ready.readable = want_read && buffered_;
    ready.writable = want_write && send_failed_;
    if (ready.woken || ready.readable || ready.writable) return ready;

    auto below = below_->wait(want_read, want_write || flushing, deadline);
    if (!below) return below;
    ready.readable = want_read && below->readable;
    ready.writable = want_write && below->writable;
    ready.woken = below->woken && woken_.exchange(false);
    ready.timed_out = below->timed_out;
    if (ready.readable || ready.writable || ready.woken || ready.timed_out) return ready;
  }
}

void TlsStream::wake() noexcept {
  woken_ = true;
  below_->wake();
}

void TlsStream::shutdown_write() noexcept {
  if (closed_ || !established_) return;
  {
    const std::lock_guard lock(mutex_);
    engine_->close_notify();
    unsent_ = true;
  }
  fin_pending_ = true;
  (void)flush();
  tell_waiter();
}

void TlsStream::close() noexcept {
  if (closed_.exchange(true)) return;
  if (established_) {
    {
      const std::lock_guard lock(mutex_);
      engine_->close_notify();
      unsent_ = true;
    }
    (void)flush();
  }
  below_->close();
}

}  // namespace h2::inline v0::transport
