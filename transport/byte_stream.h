// A bidirectional stream of bytes: TCP, TLS over another stream, or memory.
//
// Calls never block, except wait(). Usual loop:
//
//   auto got = stream.try_read(buffer);              // error, bytes, end, or would block
//   if (got && got->would_block()) stream.wait(true, false, deadline);
//
// Which calls may run at the same time in different threads: at most one try_read, at most one of
// {try_write, shutdown_write}, at most one wait, and any number of wake. close() and the destructor
// run alone, but for wake() beside close(). No implementation holds a lock across a system call or
// a wait. Tested by tests/transport/tcp_stream_test.cc, tls_stream_test.cc and
// memory_stream_test.cc.
#ifndef H2_TRANSPORT_BYTE_STREAM_H_
#define H2_TRANSPORT_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "hpack/bytes.h"
#include "hpack/result.h"
#include "transport/deadline.h"
#include "transport/error.h"

namespace h2::inline v0::transport {

// What try_read and try_write came to.
struct IoResult {
  enum class Status : std::uint8_t {
    kBytes,       // `bytes` were read, or taken for sending
    kWouldBlock,  // nothing now: wait for what wants_read and wants_write say
    kEnd,         // try_read only: the peer ended the stream in order; stays so
  };
  Status status = Status::kWouldBlock;
  std::size_t bytes = 0;
  bool wants_read = false;   // with kWouldBlock only
  bool wants_write = false;  // with kWouldBlock only

  bool would_block() const { return status == Status::kWouldBlock; }
  bool end() const { return status == Status::kEnd; }

  static IoResult of(std::size_t n) { return {Status::kBytes, n, false, false}; }
  static IoResult at_end() { return {Status::kEnd, 0, false, false}; }
  static IoResult wants_to_read() { return {Status::kWouldBlock, 0, true, false}; }
  static IoResult wants_to_write() { return {Status::kWouldBlock, 0, false, true}; }
};

// Why wait() returned; at least one is true. Readiness is a hint: the try_ call may still block.
struct Ready {
  bool readable = false;  // data, the end or an error is there for try_read
  bool writable = false;
  bool woken = false;      // wake() was called since the last wait that said so
  bool timed_out = false;  // the deadline passed, and nothing else is true
};

// What is known about a stream; empty strings where it does not apply. Fixed once the stream is
// established.
struct StreamInfo {
  std::string peer_address{};  // "192.0.2.1:443", "[2001:db8::1]:443"
  std::string local_address{};
  std::string alpn{};                      // the protocol agreed by ALPN (RFC 7301), such as "h2"
  std::string tls_version{};               // "TLSv1.3"; empty without TLS
  std::string tls_cipher{};                // "TLS_AES_128_GCM_SHA256"
  std::string server_name{};               // SNI: as sent (client) or received (server)
  std::string peer_certificate_subject{};  // of the leaf, "CN=example.com"; empty if none was shown
};

class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  // Reads at most buffer.size() bytes. An empty buffer reads 0 bytes. After an error, further calls
  // return errors. kTruncated: TLS only, the connection ended without close_notify; what came
  // before was delivered.
  virtual Result<IoResult, TransportError> try_read(std::span<std::uint8_t> buffer) = 0;

  // Takes bytes from the front of the pieces, in order, as many as it can; the pieces are not kept.
  // TLS may still hold a bounded part of what it took; that goes out with any later try_read,
  // try_write (also of no pieces) or wait.
  virtual Result<IoResult, TransportError> try_write(std::span<const Bytes> pieces) = 0;

  // True while try_write has taken bytes that are not yet handed to the system. Whoever uses an
  // event loop of their own instead of wait() calls try_write({}) when the descriptor is writable
  // until this is false.
  virtual bool needs_flush() const { return false; }

  // True if try_read has bytes without the descriptor being readable. For event loops; wait()
  // knows.
  virtual bool has_buffered_input() const { return false; }

  // Blocks until the stream is ready for one of what is wanted, or wake() is called, or the
  // deadline passes. With nothing wanted it waits for wake() or the deadline. A failure of the
  // connection makes it ready, and the next try_ call says what it is.
  virtual Result<Ready, TransportError> wait(bool want_read, bool want_write,
                                             Deadline deadline) = 0;

  // Makes the wait() under way, or else the next one, return with `woken`. Any thread, any time in
  // the stream's life.
  virtual void wake() noexcept = 0;

  // Says that nothing more will be written (FIN; TLS: close_notify first). Best effort, does not
  // block.
  virtual void shutdown_write() noexcept {}

  // Ends both directions (TLS: close_notify first, if the socket takes it at once). Idempotent; the
  // destructor closes too. try_ calls and wait() return kClosed from then on.
  virtual void close() noexcept = 0;

  // For event loops; -1 if there is none or after close().
  virtual int descriptor() const { return -1; }

  // Lives as long as the stream.
  virtual const StreamInfo& info() const = 0;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_BYTE_STREAM_H_
