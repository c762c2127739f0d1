// TLS by BoringSSL. See tls.h.
#include "transport/tls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include "transport/address.h"
#include "transport/boringssl.h"

namespace h2::inline v0::transport {

namespace {

constexpr std::size_t kInputRoom = std::size_t{64} << 10;
constexpr std::size_t kOutputMost = std::size_t{128} << 10;
constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;

// What TLS 1.2 has left without the suites of RFC 9113 §A; those of TLS 1.3 are not configurable.
constexpr const char* kTls12Ciphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|"
    "ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

constexpr std::array<const char*, 7> kRootFiles{
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",                   // older ones of these
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/ssl/cert.pem",                                  // Alpine, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD
    "/etc/pki/tls/cacert.pem",                            // OpenELEC
};

// What the library says of its last failure; empties its queue.
std::string last_reason() {
  const std::uint32_t error = ERR_peek_last_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  std::string text = reason != nullptr ? reason : "";
  ERR_clear_error();
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c == '_' ? ' ' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

Unexpected<TransportError> bad(TransportErrc code, std::string where, std::string detail) {
  ERR_clear_error();
  return unexpected(
      TransportError{Phase::kConfigure, code, 0, std::move(where), std::move(detail)});
}

// The text of `file`, or `pem` if no file is named.
Result<std::string, TransportError> text_of(const std::string& file, const std::string& pem,
                                            TransportErrc code) {
  if (file.empty()) return pem;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "rbe"), &std::fclose);
  if (!in) {
    const int error = errno;
    return unexpected(TransportError{Phase::kConfigure, code, error, file, std::strerror(error)});
  }
  std::string text;
  std::array<char, 16384> part;
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), in.get()))
    text.append(part.data(), n);
  if (std::ferror(in.get()) != 0) {
    return unexpected(TransportError{Phase::kConfigure, code, EIO, file, "it cannot be read"});
  }
  return text;
}

bssl::UniquePtr<BIO> reader_of(const std::string& text) {
  return bssl::UniquePtr<BIO>(
      BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), INT_MAX))));
}

// An end without a further PEM block is no error.
bool ended_well() {
  const std::uint32_t error = ERR_peek_last_error();
  const bool well = error == 0 || (ERR_GET_LIB(error) == ERR_LIB_PEM &&
                                   ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
  if (well) ERR_clear_error();
  return well;
}

Result<void, TransportError> trust(SSL_CTX* ctx, const std::string& file, const std::string& pem) {
  const std::string where = file.empty() ? "CA certificates in memory" : file;
  auto text = text_of(file, pem, TransportErrc::kBadCaFile);
  if (!text) return unexpected(std::move(text).error());
  const auto in = reader_of(*text);
  std::size_t count = 0;
  ERR_clear_error();
  while (
      const bssl::UniquePtr<X509> one{PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr)}) {
    (void)X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
                              one.get());  // twice the same is none of our business
    ERR_clear_error();
    ++count;
  }
  if (!ended_well()) return bad(TransportErrc::kBadCaFile, where, last_reason());
  if (count == 0) return bad(TransportErrc::kBadCaFile, where, "it holds no certificate in PEM");
  return {};
}

// Asked for the passphrase of an encrypted key: we have none, and must not ask at the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

Result<void, TransportError> show(SSL_CTX* ctx, const std::string& cert_file,
                                  const std::string& key_file, const std::string& cert_pem,
                                  const std::string& key_pem) {
  const std::string cert_where = cert_file.empty() ? "certificate in memory" : cert_file;
  auto certs = text_of(cert_file, cert_pem, TransportErrc::kBadCertificateFile);
  if (!certs) return unexpected(std::move(certs).error());
  ERR_clear_error();
  const auto in = reader_of(*certs);
  const bssl::UniquePtr<X509> leaf(PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr));
  if (!leaf) {
    const bool empty = ended_well();
    return bad(TransportErrc::kBadCertificateFile, cert_where,
               empty ? "it holds no certificate in PEM" : last_reason());
  }
  if (SSL_CTX_use_certificate(ctx, leaf.get()) != 1) {
    return bad(TransportErrc::kBadCertificateFile, cert_where, last_reason());
  }
  while (const bssl::UniquePtr<X509> more{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(ctx, more.get()) != 1) {
      return bad(TransportErrc::kBadCertificateFile, cert_where, last_reason());
    }
  }
  if (!ended_well()) return bad(TransportErrc::kBadCertificateFile, cert_where, last_reason());

  const bool beside = cert_file.empty() ? key_pem.empty() : key_file.empty();
  const std::string key_where = !key_file.empty() ? key_file
                                : beside          ? cert_where
                                                  : "private key in memory";
  auto keys = beside ? certs : text_of(key_file, key_pem, TransportErrc::kBadKeyFile);
  if (!keys) return unexpected(std::move(keys).error());
  const auto key_in = reader_of(*keys);
  const bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(key_in.get(), nullptr, &no_passphrase, nullptr));
  if (!key) {
    const bool empty = ended_well();
    return bad(TransportErrc::kBadKeyFile, key_where,
               empty ? "it holds no private key in PEM" : last_reason());
  }
  if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1) {  // compares with the certificate
    return bad(TransportErrc::kBadKeyFile, key_where,
               last_reason() + "; certificate: " + cert_where);
  }
  return {};
}

// RFC 7301 §3.1: each name after its length.
Result<std::string, TransportError> alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) {
      return unexpected(TransportError{Phase::kConfigure,
                                       TransportErrc::kBadConfiguration,
                                       0,
                                       {},
                                       "ALPN names have 1 to 255 bytes"});
    }
    wire.push_back(static_cast<char>(protocol.size()));
    wire += protocol;
  }
  return wire;
}

const std::uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::string without_brackets(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return std::string(host);
}

}  // namespace

// ---- contexts
// -------------------------------------------------------------------------------------------

struct TlsContext::Impl {
  bssl::UniquePtr<SSL_CTX> ctx;
  bool is_server = false;
  Verify verify = Verify::kYes;  // of a client
  std::string server_name;
  std::string alpn;  // on the wire
  std::mutex key_log_mutex;
  std::FILE* key_log = nullptr;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (key_log != nullptr) (void)std::fclose(key_log);
  }

  static Impl& of(const SSL* ssl) {
    return *static_cast<Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }

  static int select_alpn(SSL* ssl, const std::uint8_t** out, std::uint8_t* out_size,
                         const std::uint8_t* in, unsigned in_size, void*) {
    const std::string& ours = of(ssl).alpn;
    std::uint8_t* selected = nullptr;
    if (SSL_select_next_proto(&selected, out_size, bytes_of(ours),
                              static_cast<unsigned>(ours.size()), in,
                              in_size) != OPENSSL_NPN_NEGOTIATED) {
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
  }

  static void log_key(const SSL* ssl, const char* line) {
    Impl& self = of(ssl);
    const std::lock_guard lock(self.key_log_mutex);
    (void)std::fprintf(self.key_log, "%s\n", line);
    (void)std::fflush(self.key_log);
  }

  static Result<std::unique_ptr<Impl>, TransportError> make(
      bool server, TlsVersion least, TlsVersion most, const std::vector<std::string>& protocols,
      const std::string& key_log_file) {
    auto impl = std::make_unique<Impl>();
    impl->is_server = server;
    impl->ctx.reset(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
    SSL_CTX* ctx = impl->ctx.get();
    const auto version = [](TlsVersion v) -> std::uint16_t {
      return v == TlsVersion::k1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    };
    if (ctx == nullptr || least > most || SSL_CTX_set_min_proto_version(ctx, version(least)) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version(most)) != 1 ||
        SSL_CTX_set_strict_cipher_list(ctx, kTls12Ciphers) != 1) {
      return bad(TransportErrc::kBadConfiguration, {},
                 least > most ? "min_version is above max_version" : last_reason());
    }
    (void)SSL_CTX_set_app_data(ctx, impl.get());
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    auto wire = alpn_wire(protocols);
    if (!wire) return unexpected(std::move(wire).error());
    impl->alpn = std::move(*wire);
    if (!key_log_file.empty()) {
      impl->key_log = std::fopen(key_log_file.c_str(), "ae");
      if (impl->key_log == nullptr) {
        const int error = errno;
        return unexpected(TransportError{Phase::kConfigure, TransportErrc::kBadConfiguration, error,
                                         key_log_file, "the key log cannot be written"});
      }
      SSL_CTX_set_keylog_callback(ctx, &log_key);
    }
    return impl;
  }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

SystemRoots system_roots() {
  SystemRoots roots;
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr) roots.file = file;
  if (const char* directory = std::getenv("SSL_CERT_DIR"); directory != nullptr)
    roots.directory = directory;
  if (!roots.file.empty() || !roots.directory.empty()) return roots;
  for (const char* known : kRootFiles) {
    if (std::FILE* file = std::fopen(known, "re")) {
      (void)std::fclose(file);
      roots.file = known;
      break;
    }
  }
  return roots;
}

Result<std::shared_ptr<TlsContext>, TransportError> TlsContext::client(
    const TlsClientConfig& config) {
  auto made =
      Impl::make(false, config.min_version, config.max_version, config.alpn, config.key_log_file);
  if (!made) return unexpected(std::move(made).error());
  std::unique_ptr<Impl> impl = std::move(*made);
  SSL_CTX* ctx = impl->ctx.get();
  impl->verify = config.verify;
  impl->server_name = config.server_name;
  SSL_CTX_set_verify(ctx, config.verify == Verify::kYes ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     nullptr);
  if (!impl->alpn.empty()) {
    (void)SSL_CTX_set_alpn_protos(ctx, bytes_of(impl->alpn),
                                  static_cast<unsigned>(impl->alpn.size()));
  }
  // A bad file is told even if nothing is verified.
  if (!config.ca_file.empty()) {
    if (auto done = trust(ctx, config.ca_file, {}); !done)
      return unexpected(std::move(done).error());
  }
  if (!config.ca_pem.empty()) {
    if (auto done = trust(ctx, {}, config.ca_pem); !done)
      return unexpected(std::move(done).error());
  }
  if (config.ca_file.empty() && config.ca_pem.empty() && config.verify == Verify::kYes) {
    const SystemRoots roots = system_roots();
    if (!roots.file.empty()) {
      if (auto done = trust(ctx, roots.file, {}); !done) return unexpected(std::move(done).error());
    }
    if (!roots.directory.empty())
      (void)SSL_CTX_load_verify_locations(ctx, nullptr, roots.directory.c_str());
    ERR_clear_error();
  }
  if (!config.cert_file.empty() || !config.cert_pem.empty()) {
    if (auto done = show(ctx, config.cert_file, config.key_file, config.cert_pem, config.key_pem);
        !done) {
      return unexpected(std::move(done).error());
    }
  } else if (!config.key_file.empty() || !config.key_pem.empty()) {
    return bad(TransportErrc::kBadConfiguration, config.key_file,
               "a private key without a certificate");
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

Result<std::shared_ptr<TlsContext>, TransportError> TlsContext::server(
    const TlsServerConfig& config) {
  auto made =
      Impl::make(true, config.min_version, config.max_version, config.alpn, config.key_log_file);
  if (!made) return unexpected(std::move(made).error());
  std::unique_ptr<Impl> impl = std::move(*made);
  SSL_CTX* ctx = impl->ctx.get();
  if (auto done = show(ctx, config.cert_file, config.key_file, config.cert_pem, config.key_pem);
      !done) {
    return unexpected(std::move(done).error());
  }
  if (!impl->alpn.empty()) SSL_CTX_set_alpn_select_cb(ctx, &Impl::select_alpn, nullptr);
  if (!config.client_ca_file.empty()) {
    if (auto done = trust(ctx, config.client_ca_file, {}); !done)
      return unexpected(std::move(done).error());
  }
  if (!config.client_ca_pem.empty()) {
    if (auto done = trust(ctx, {}, config.client_ca_pem); !done)
      return unexpected(std::move(done).error());
  }
  switch (config.client_certificate) {
    case ClientCertificate::kNotAsked:
      break;
    case ClientCertificate::kOptional:
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
      break;
    case ClientCertificate::kRequired:
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      break;
  }
  if (config.client_certificate != ClientCertificate::kNotAsked) {
    // Resuming a session of another configuration would skip the check.
    static constexpr std::uint8_t kSessionContext[] = {'h', '2'};
    (void)SSL_CTX_set_session_id_context(ctx, kSessionContext, sizeof kSessionContext);
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

// ---- engine
// ---------------------------------------------------------------------------------------------

struct TlsEngine::Impl {
  std::shared_ptr<const TlsContext> context;
  bssl::UniquePtr<SSL> ssl;
  std::string peer;
  std::string server_name;
  std::unique_ptr<std::uint8_t[]> input;  // kInputRoom
  std::size_t input_begin = 0;
  std::size_t input_end = 0;
  bool ended = false;     // the peer's bytes
  bool finished = false;  // read() has said kEnd or an error
  bool notified = false;  // close_notify was added
  std::vector<std::uint8_t> output;
  std::size_t output_begin = 0;

  bool is_server() const { return context->impl().is_server; }
  std::size_t output_size() const { return output.size() - output_begin; }

  // BoringSSL's way to our buffers.
  static int bio_write(BIO* bio, const char* data, int size) {
    auto& self = *static_cast<Impl*>(BIO_get_data(bio));
    const auto* begin = reinterpret_cast<const std::uint8_t*>(data);
    self.output.insert(self.output.end(), begin, begin + size);
    return size;
  }
  static int bio_read(BIO* bio, char* data, int size) {
    auto& self = *static_cast<Impl*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t n =
        std::min(static_cast<std::size_t>(size), self.input_end - self.input_begin);
    if (n > 0) {
      std::memcpy(data, self.input.get() + self.input_begin, n);
      self.input_begin += n;
      return static_cast<int>(n);
    }
    if (self.ended) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  static long bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static const BIO_METHOD* bio_method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(0, "h2cpp");
      if (made == nullptr) return made;
      BIO_meth_set_write(made, &bio_write);
      BIO_meth_set_read(made, &bio_read);
      BIO_meth_set_ctrl(made, &bio_control);
      return made;
    }();
    return method;
  }

  static Result<std::unique_ptr<Impl>, TransportError> make(
      std::shared_ptr<const TlsContext> context, bool server) {
    if (!context || context->impl().is_server != server) {
      return bad(TransportErrc::kBadConfiguration, {},
                 server ? "not a server's TLS context" : "not a client's TLS context");
    }
    auto impl = std::make_unique<Impl>();
    impl->context = std::move(context);
    impl->ssl.reset(SSL_new(impl->context->impl().ctx.get()));
    BIO* bio = BIO_new(bio_method());
    if (!impl->ssl || bio == nullptr) {
      BIO_free(bio);
      return bad(TransportErrc::kBadConfiguration, {}, last_reason());
    }
    BIO_set_data(bio, impl.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(impl->ssl.get(), bio, bio);
    if (server) {
      SSL_set_accept_state(impl->ssl.get());
    } else {
      SSL_set_connect_state(impl->ssl.get());
    }
    return impl;
  }

  // The certificate must be for `host`; it also becomes SNI, which is for names only (RFC 6066 §3).
  bool expect_host(std::string host) {
    const bool literal = Address::from_literal(host, 0).has_value();
    if (!literal && !host.empty() && host.back() == '.') host.pop_back();
    if (host.empty() || host.find('\0') != std::string::npos) return false;
    server_name = host;
    if (!literal && SSL_set_tlsext_host_name(ssl.get(), host.c_str()) != 1) return false;
    if (context->impl().verify == Verify::kNo) return true;
    if (literal) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) == 1;
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl.get(), host.c_str()) == 1;
  }

  TransportError error(Phase phase, TransportErrc code, std::string detail) const {
    return TransportError{phase, code, 0, peer.empty() ? server_name : peer, std::move(detail)};
  }

  // Of the library's last failure.
  TransportError failure(Phase phase) const {
    const std::uint32_t code =
        ERR_peek_last_error();  // the first may be a signature's, deep inside
    const bool ours = code != 0 && ERR_GET_LIB(code) == ERR_LIB_SSL;
    const int reason = ours ? ERR_GET_REASON(code) : 0;
    TransportErrc errc =
        phase == Phase::kTls ? TransportErrc::kTlsHandshake : TransportErrc::kTlsProtocol;
    std::string detail = last_reason();
    switch (reason) {
      case SSL_R_CERTIFICATE_VERIFY_FAILED: {
        const long verdict = SSL_get_verify_result(ssl.get());
        errc = of_certificate(verdict);
        if (verdict != X509_V_OK) detail = X509_verify_cert_error_string(verdict);
        break;
      }
      case SSL_R_NO_APPLICATION_PROTOCOL:
      case SSL_R_INVALID_ALPN_PROTOCOL:
      case SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL:
        errc = TransportErrc::kTlsAlpn;
        break;
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED:
        errc = TransportErrc::kCertificateRequired;
        break;
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_HTTPS_PROXY_REQUEST:
        if (phase == Phase::kTls) detail = "the peer does not speak TLS: " + detail;
        break;
      default:
        break;
    }
    return error(phase, errc, std::move(detail));
  }

  static TransportErrc of_certificate(long verdict) {
    switch (verdict) {
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return TransportErrc::kCertificateExpired;
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return TransportErrc::kCertificateNotYetValid;
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TransportErrc::kCertificateWrongHost;
      default:
        return TransportErrc::kCertificateUntrusted;
    }
  }
};

TlsEngine::TlsEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsEngine::~TlsEngine() = default;

Result<std::unique_ptr<TlsEngine>, TransportError> TlsEngine::client(
    std::shared_ptr<const TlsContext> context, std::string_view host) {
  auto impl = Impl::make(std::move(context), false);
  if (!impl) return unexpected(std::move(impl).error());
  const std::string& other = (*impl)->context->impl().server_name;
  if (!(*impl)->expect_host(without_brackets(other.empty() ? host : std::string_view(other)))) {
    return bad(TransportErrc::kBadConfiguration, std::string(host),
               "not a host name that TLS can check");
  }
  return std::unique_ptr<TlsEngine>(new TlsEngine(std::move(*impl)));
}

Result<std::unique_ptr<TlsEngine>, TransportError> TlsEngine::server(
    std::shared_ptr<const TlsContext> context) {
  auto impl = Impl::make(std::move(context), true);
  if (!impl) return unexpected(std::move(impl).error());
  return std::unique_ptr<TlsEngine>(new TlsEngine(std::move(*impl)));
}

void TlsEngine::set_peer(std::string peer) { impl_->peer = std::move(peer); }

Result<TlsEngine::Step, TransportError> TlsEngine::handshake() {
  SSL* ssl = impl_->ssl.get();
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl);
  if (result == 1) return Step::kDone;
  const int why = SSL_get_error(ssl, result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Step::kWantsInput;
  if (impl_->ended && ERR_peek_error() == 0) {
    return unexpected(
        impl_->error(Phase::kTls, TransportErrc::kTlsHandshake, "the peer closed the connection"));
  }
  return unexpected(impl_->failure(Phase::kTls));
}

std::span<std::uint8_t> TlsEngine::input_space() {
  Impl& self = *impl_;
  if (!self.input) self.input.reset(new std::uint8_t[kInputRoom]);
  if (self.input_begin == self.input_end) {
    self.input_begin = self.input_end = 0;
  } else if (self.input_begin > 0 && self.input_end == kInputRoom) {
    std::memmove(self.input.get(), self.input.get() + self.input_begin,
                 self.input_end - self.input_begin);
    self.input_end -= self.input_begin;
    self.input_begin = 0;
  }
  return {self.input.get() + self.input_end, kInputRoom - self.input_end};
}

void TlsEngine::commit_input(std::size_t n) { impl_->input_end += n; }

std::size_t TlsEngine::feed(Bytes ciphertext) {
  const std::span<std::uint8_t> room = input_space();
  const std::size_t n = std::min(room.size(), ciphertext.size());
  std::copy_n(ciphertext.begin(), n, room.begin());
  commit_input(n);
  return n;
}

void TlsEngine::end_input() { impl_->ended = true; }

bool TlsEngine::has_input() const {
  const Impl& self = *impl_;
  return !self.finished &&
         (self.input_begin != self.input_end || self.ended || SSL_pending(self.ssl.get()) > 0);
}

Result<IoResult, TransportError> TlsEngine::read(std::span<std::uint8_t> plaintext) {
  Impl& self = *impl_;
  SSL* ssl = self.ssl.get();
  std::size_t filled = 0;
  while (filled < plaintext.size()) {
    ERR_clear_error();
    const std::size_t room = std::min<std::size_t>(plaintext.size() - filled, INT_MAX);
    const int n = SSL_read(ssl, plaintext.data() + filled, static_cast<int>(room));
    if (n > 0) {
      filled += static_cast<std::size_t>(n);
      continue;
    }
    // What comes after bytes is said by the next call; the library remembers it.
    if (filled > 0) break;
    const int why = SSL_get_error(ssl, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return IoResult::wants_to_read();
    self.finished = true;
    if (why == SSL_ERROR_ZERO_RETURN) return IoResult::at_end();
    if (self.ended && ERR_peek_error() == 0)
      return unexpected(self.error(Phase::kReceive, TransportErrc::kTruncated, {}));
    return unexpected(self.failure(Phase::kReceive));
  }
  ERR_clear_error();
  return IoResult::of(filled);
}

Result<IoResult, TransportError> TlsEngine::write(std::span<const Bytes> pieces) {
  Impl& self = *impl_;
  if (self.notified) return unexpected(self.error(Phase::kSend, TransportErrc::kClosed, {}));
  if (self.output_size() >= kOutputMost) return IoResult::wants_to_write();
  std::size_t taken = 0;
  std::array<std::uint8_t, kRecord> joined;
  std::size_t piece = 0;
  std::size_t offset = 0;  // in pieces[piece]
  while (self.output_size() < kOutputMost) {
    while (piece < pieces.size() && offset == pieces[piece].size()) {
      ++piece;
      offset = 0;
    }
    if (piece == pieces.size()) break;
    // A record from one piece if that fills it or is all there is, else from several.
    Bytes record = pieces[piece].subspan(offset);
    if (record.size() < kRecord && piece + 1 < pieces.size()) {
      std::size_t size = 0;
      std::size_t from = offset;
      for (std::size_t i = piece; i < pieces.size() && size < kRecord; ++i, from = 0) {
        const std::size_t n = std::min(kRecord - size, pieces[i].size() - from);
        std::copy_n(pieces[i].begin() + static_cast<std::ptrdiff_t>(from), n,
                    joined.begin() + static_cast<std::ptrdiff_t>(size));
        size += n;
      }
      record = Bytes(joined.data(), size);
    }
    record = record.first(std::min(record.size(), kRecord));
    ERR_clear_error();
    const int n = SSL_write(self.ssl.get(), record.data(), static_cast<int>(record.size()));
    if (n <= 0) return unexpected(self.failure(Phase::kSend));
    taken += static_cast<std::size_t>(n);
    for (std::size_t left = static_cast<std::size_t>(n); left > 0;) {
      const std::size_t step = std::min(left, pieces[piece].size() - offset);
      left -= step;
      offset += step;
      if (left > 0) {
        ++piece;
        offset = 0;
      }
    }
  }
  return IoResult::of(taken);
}

Bytes TlsEngine::output() const { return Bytes(impl_->output).subspan(impl_->output_begin); }

void TlsEngine::consume_output(std::size_t n) {
  impl_->output_begin += n;
  if (impl_->output_begin < impl_->output.size()) return;
  impl_->output.clear();
  impl_->output_begin = 0;
}

void TlsEngine::take_output(std::vector<std::uint8_t>& into) {
  if (impl_->output_begin > 0) {
    impl_->output.erase(impl_->output.begin(),
                        impl_->output.begin() + static_cast<std::ptrdiff_t>(impl_->output_begin));
    impl_->output_begin = 0;
  }
  into.swap(impl_->output);
}

void TlsEngine::close_notify() {
  if (impl_->notified) return;
  impl_->notified = true;
  ERR_clear_error();
  if (SSL_in_init(impl_->ssl.get()) == 0) (void)SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

void TlsEngine::describe(StreamInfo& info) const {
  const SSL* ssl = impl_->ssl.get();
  const std::uint8_t* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  info.tls_version = SSL_get_version(ssl);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl))
    info.tls_cipher = SSL_CIPHER_standard_name(cipher);
  info.server_name = impl_->server_name;
  if (impl_->is_server()) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    info.server_name = name != nullptr ? name : "";
  }
  if (const bssl::UniquePtr<X509> leaf{SSL_get_peer_certificate(ssl)}) {
    const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
    const std::uint8_t* text = nullptr;
    std::size_t size = 0;
    if (out &&
        X509_NAME_print_ex(out.get(), X509_get_subject_name(leaf.get()), 0, XN_FLAG_RFC2253) >= 0 &&
        BIO_mem_contents(out.get(), &text, &size) == 1) {
      info.peer_certificate_subject.assign(reinterpret_cast<const char*>(text), size);
    }
  }
  ERR_clear_error();
}

void TlsEngine::release_memory() {
  Impl& self = *impl_;
  if (self.input_begin == self.input_end) {
    self.input.reset();
    self.input_begin = self.input_end = 0;
  }
  if (self.output_size() == 0) {
    std::vector<std::uint8_t>().swap(self.output);
    self.output_begin = 0;
  }
}

}  // namespace h2::inline v0::transport
