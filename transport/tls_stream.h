// A ByteStream that speaks TLS over another ByteStream. A mutex covers encrypting and decrypting
// only, never a call of the stream below, so that one thread can read while another writes. Tested
// by tests/transport/tls_stream_test.cc.
#ifndef H2_TRANSPORT_TLS_STREAM_H_
#define H2_TRANSPORT_TLS_STREAM_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "transport/byte_stream.h"
#include "transport/tls.h"

namespace h2::inline v0::transport {

class TlsStream final : public ByteStream {
 public:
  // Where a handshake stands. kWantsRead and kWantsWrite are what to wait for on the descriptor.
  enum class Handshake : std::uint8_t { kDone, kWantsRead, kWantsWrite };

  // `host`: see TlsEngine::client. The handshake has not begun yet.
  static Result<std::unique_ptr<TlsStream>, TransportError> client(
      std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context,
      std::string_view host);
  static Result<std::unique_ptr<TlsStream>, TransportError> server(
      std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context);
  ~TlsStream() override;

  // Goes on with the handshake as far as it can without blocking. For event loops.
  Result<Handshake, TransportError> try_handshake();
  // Blocks until the handshake is done or the deadline passes (kTimedOut). wake() makes it return
  // kCancelled.
  Result<void, TransportError> handshake(Deadline deadline);

  // Only after the handshake.
  Result<IoResult, TransportError> try_read(std::span<std::uint8_t> buffer) override;
  Result<IoResult, TransportError> try_write(std::span<const Bytes> pieces) override;
  bool needs_flush() const override { return unsent_.load(); }
  bool has_buffered_input() const override { return buffered_.load(); }
  Result<Ready, TransportError> wait(bool want_read, bool want_write, Deadline deadline) override;
  void wake() noexcept override;
  void shutdown_write() noexcept override;
  void close() noexcept override;
  int descriptor() const override { return below_->descriptor(); }
  const StreamInfo& info() const override { return info_; }

 private:
  TlsStream(std::unique_ptr<ByteStream> below, std::unique_ptr<TlsEngine> engine,
            std::string_view host);
  // Hands ciphertext to the stream below: true if all went, false if some waits or another thread
  // is at it.
  Result<bool, TransportError> flush();
  Result<bool, TransportError> flush_as_sender();  // holding sending_
  // After ciphertext was left behind: a wait() under way must also wait for room.
  void tell_waiter();
  TransportError closed_error(Phase phase) const;

  std::unique_ptr<ByteStream> below_;
  std::string peer_;
  StreamInfo info_;
  std::mutex mutex_;  // guards engine_
  std::unique_ptr<TlsEngine> engine_;
  std::atomic<bool> sending_{
      false};  // who holds it may use sent_buffer_ and below_->try_write; never waited for
  std::vector<std::uint8_t> sent_buffer_;  // ciphertext on its way
  std::size_t sent_ = 0;                   // of sent_buffer_
  std::atomic<bool> unsent_{false};        // ciphertext is in sent_buffer_ or the engine
  std::atomic<bool> buffered_{false};      // the engine may have input
  std::atomic<bool> waiting_{false};       // a thread is in wait()
  std::atomic<bool> woken_{false};
  std::atomic<bool> closed_{false};
  std::atomic<bool> send_failed_{false};  // flushing is over; try_write says why
  std::atomic<bool> fin_pending_{false};  // shut the stream below when all is flushed
  bool input_ended_ = false;              // by the reader
  bool established_ = false;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_TLS_STREAM_H_
