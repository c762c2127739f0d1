// TLS by BoringSSL: what to trust, what to show, what to speak (RFC 9113 §9.2), and the machine
// that turns plaintext into records and back without any I/O.
//
// TLS 1.2 at least; of TLS 1.2 only ephemeral key exchange with AEAD ciphers (RFC 9113 §9.2.2), no
// compression and no renegotiation (RFC 9113 §9.2.1). Tested by tests/transport/tls_engine_test.cc
// and tls_stream_test.cc.
#ifndef H2_TRANSPORT_TLS_H_
#define H2_TRANSPORT_TLS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hpack/bytes.h"
#include "hpack/result.h"
#include "transport/byte_stream.h"
#include "transport/error.h"

namespace h2::inline v0::transport {

enum class TlsVersion : std::uint8_t { k1_2, k1_3 };

// Whether the server's certificate is checked.
enum class Verify : std::uint8_t { kYes, kNo };

struct TlsClientConfig {
  Verify verify = Verify::kYes;
  // Roots: these replace the system's. If both are empty, the system's bundle is looked for; see
  // system_roots().
  std::string ca_file{};  // PEM
  std::string ca_pem{};   // PEM, in memory
  // To be shown if the server asks; the key may be in the same file (key_file empty).
  std::string cert_file{};  // PEM, leaf first
  std::string key_file{};
  std::string cert_pem{};  // in memory, instead of the files
  std::string key_pem{};
  std::vector<std::string> alpn{"h2", "http/1.1"};  // most wanted first; empty: ALPN is not sent
  std::string server_name{};  // instead of the host, for SNI and for the check of the certificate
  TlsVersion min_version = TlsVersion::k1_2;
  TlsVersion max_version = TlsVersion::k1_3;
  std::string key_log_file{};  // appended to, in NSS key log format; whoever reads it can decrypt
                               // the traffic
};

// What a server asks of its clients.
enum class ClientCertificate : std::uint8_t { kNotAsked, kOptional, kRequired };

struct TlsServerConfig {
  std::string cert_file{};  // PEM, leaf first
  std::string key_file{};   // PEM; empty: in cert_file
  std::string cert_pem{};   // in memory, instead of the files
  std::string key_pem{};
  // Most wanted first; empty: ALPN is not answered. A client that offers ALPN and none of these is
  // refused (RFC 7301 §3.2); a client that offers no ALPN is not.
  std::vector<std::string> alpn{"h2", "http/1.1"};
  ClientCertificate client_certificate = ClientCertificate::kNotAsked;
  std::string client_ca_file{};  // what client certificates are checked against
  std::string client_ca_pem{};
  TlsVersion min_version = TlsVersion::k1_2;
  TlsVersion max_version = TlsVersion::k1_3;
  std::string key_log_file{};
};

// The configuration, loaded once and shared by connections. Immutable and thread-safe.
class TlsContext {
 public:
  // Errors: kBadCaFile, kBadCertificateFile, kBadKeyFile, kBadConfiguration, all with
  // Phase::kConfigure and the file's name as `peer`. If the system has no roots, a client verifies
  // against none, and handshakes fail with kCertificateUntrusted.
  static Result<std::shared_ptr<TlsContext>, TransportError> client(
      const TlsClientConfig& config = {});
  static Result<std::shared_ptr<TlsContext>, TransportError> server(const TlsServerConfig& config);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  struct Impl;  // of tls.cc
  const Impl& impl() const { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Where the system's roots are: $SSL_CERT_FILE and $SSL_CERT_DIR if they are set, else the first
// bundle that exists where the known systems keep theirs. Both empty if there are none. Reads the
// environment.
struct SystemRoots {
  std::string file{};
  std::string directory{};
};
SystemRoots system_roots();

// One end of one TLS connection over memory. Feed ciphertext into input_space(), send what output()
// shows.
//
// Not thread-safe, with one exception: input_space() may be filled while another thread is in
// write(), output(), take_output() or consume_output(); all calls themselves need a lock.
class TlsEngine {
 public:
  enum class Step : std::uint8_t {
    kDone,        // the handshake is complete; output() may still hold its last bytes
    kWantsInput,  // send output(), then feed input
  };

  // `context` must be a client's. `host` is what the certificate must be for: a DNS name or an IP
  // literal (brackets allowed); it becomes SNI if it is a name. TlsClientConfig::server_name takes
  // precedence. kBadConfiguration if there is no host.
  static Result<std::unique_ptr<TlsEngine>, TransportError> client(
      std::shared_ptr<const TlsContext> context, std::string_view host);
  static Result<std::unique_ptr<TlsEngine>, TransportError> server(
      std::shared_ptr<const TlsContext> context);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  // For messages of errors; "host (address)".
  void set_peer(std::string peer);

  // Goes on with the handshake. After an error output() may hold an alert that should be sent.
  Result<Step, TransportError> handshake();

  // Room for ciphertext that the caller received; commit_input says how much came. 64 KiB when all
  // input has been used, which is so after a kWantsInput or kWouldBlock. The room is where it is
  // until the next input_space() or release_memory().
  std::span<std::uint8_t> input_space();
  void commit_input(std::size_t n);
  // Copies from the front of `ciphertext` into that room; returns how much fitted.
  std::size_t feed(Bytes ciphertext);
  // The connection below ended. read() then gives what is complete, then kEnd or kTruncated.
  void end_input();
  // read() may have something to say without more input.
  bool has_input() const;

  // Decrypts as many records as fit. kWouldBlock (wants_read) means that all input was used.
  Result<IoResult, TransportError> read(std::span<std::uint8_t> plaintext);

  // Encrypts from the front of the pieces, small ones together in a record, until all is taken or
  // output() has reached 128 KiB. kWouldBlock (wants_write) only if output() was that full before.
  // Only after the handshake.
  Result<IoResult, TransportError> write(std::span<const Bytes> pieces);

  // Ciphertext to be sent; lives until the next call that is not const.
  Bytes output() const;
  void consume_output(std::size_t n);
  // Moves all output into `into`, which must be empty; its memory is reused for the next output.
  void take_output(std::vector<std::uint8_t>& into);

  // Adds close_notify to the output (RFC 8446 §6.1), once; no write() after that.
  void close_notify();

  // After the handshake: fills alpn, tls_version, tls_cipher, server_name,
  // peer_certificate_subject.
  void describe(StreamInfo& info) const;

  // Frees buffers that are empty; for servers with many idle connections.
  void release_memory();

  struct Impl;  // of tls.cc

 private:
  explicit TlsEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_TLS_H_
