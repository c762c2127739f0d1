// See scripted_server.h.
#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace h2::tests {
namespace {

std::string pem_text(BIO* bio) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio, &data, &size);
  std::string out(reinterpret_cast<const char*>(data), size);
  BIO_free(bio);
  return out;
}

Time now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::steady_clock::now().time_since_epoch())
              .count()};
}

void send_fields(Connection& conn, StreamId id, const Fields& fields, EndStream end) {
  std::vector<HeaderField> views;
  for (const auto& [name, value] : fields) {
    HeaderField field;
    field.name = name;
    field.value = value;
    views.push_back(field);
  }
  (void)conn.send_headers(id, views, end);
}

Fields copied(const FieldsView& fields) {
  Fields out;
  for (const HeaderField f : fields) out.emplace_back(std::string(f.name), std::string(f.value));
  return out;
}

}  // namespace

TestCertificate make_test_certificate(const std::string& name, bool expired) {
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  const bssl::UniquePtr<X509> cert(X509_new());
  if (!EC_KEY_generate_key(ec.get()) || !EVP_PKEY_set1_EC_KEY(key.get(), ec.get()))
    throw std::runtime_error("no key");
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), 1);
  constexpr long kDay = 24 * 3600;
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), expired ? -20 * kDay : -kDay);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), expired ? -10 * kDay : 10 * kDay);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const std::uint8_t*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert.get(), subject);
  const std::string names = "DNS:" + name + (name == "localhost" ? ",IP:127.0.0.1" : "");
  X509V3_CTX context;
  X509V3_set_ctx(&context, cert.get(), cert.get(), nullptr, nullptr, 0);
  for (const auto& [nid, value] : std::initializer_list<std::pair<int, std::string>>{
           {NID_subject_alt_name, names}, {NID_basic_constraints, "critical,CA:TRUE"}}) {
    const bssl::UniquePtr<X509_EXTENSION> extension(
        X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
    if (!extension || !X509_add_ext(cert.get(), extension.get(), -1))
      throw std::runtime_error("no extension");
  }
  if (!X509_sign(cert.get(), key.get(), EVP_sha256())) throw std::runtime_error("no signature");
  TestCertificate out;
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, cert.get());
  out.certificate = pem_text(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  out.key = pem_text(bio);
  return out;
}

std::string ServedRequest::field(std::string_view name) const {
  for (const auto& [n, value] : fields) {
    if (n == name) return value;
  }
  return "";
}

// ---- one connection
// ------------------------------------------------------------------------------------

struct ScriptedServer::Served final : ServedConnection {
  Served(int descriptor, int number, SSL_CTX* context, const Options& options)
      : fd(descriptor), id(number) {
    if (context != nullptr) {
      ssl.reset(SSL_new(context));
      SSL_set_fd(ssl.get(), fd);
      SSL_set_accept_state(ssl.get());
    }
    if (!options.on_bytes)
      conn = std::make_unique<Connection>(Role::kServer, options.config, now());
  }
  ~Served() override {
    if (abrupt) {
      const linger no{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &no, sizeof no);
    } else if (ssl && !broken) {
      SSL_shutdown(ssl.get());
    }
    ssl.reset();
    ::close(fd);
  }

  int index() const override { return id; }
  Connection& http2() override { return *conn; }
  void write_raw(std::string_view bytes) override {
    gather();
    out += bytes;
  }
  void close(bool abruptly) override {
    closing = true;
    abrupt = abruptly;
  }

  // -1: not now; 0: the end or an error; else bytes.
  long read(char* buffer, std::size_t size) {
    if (ssl) {
      const int n = SSL_read(ssl.get(), buffer, static_cast<int>(size));
      if (n > 0) return n;
      const int why = SSL_get_error(ssl.get(), n);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -1;
      broken = why != SSL_ERROR_ZERO_RETURN;
      return 0;
    }
    const ssize_t n = recv(fd, buffer, size, 0);
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
  }
  long write(const char* data, std::size_t size) {
    if (ssl) {
      const int n = SSL_write(ssl.get(), data, static_cast<int>(size));
      if (n > 0) return n;
      const int why = SSL_get_error(ssl.get(), n);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -1;
      broken = true;
      return 0;
    }
    const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
  }
  // The connection's output behind the raw bytes, bounded.
  void gather() {
    if (!conn) return;
    while (out.size() - written < 256 * 1024 && conn->want_write()) {
      std::size_t n = 0;
      for (const Bytes piece : conn->data_to_send()) {
        out += as_string_view(piece);
        n += piece.size();
      }
      if (n == 0) break;
      conn->mark_sent(n);
    }
  }
  bool has_output() const { return written < out.size(); }
  // False: the connection is over.
  bool flush() {
    while (true) {
      gather();
      if (!has_output()) break;
      const long n = write(out.data() + written, out.size() - written);
      if (n == 0) return false;
      if (n < 0) return true;
      written += static_cast<std::size_t>(n);
      if (written == out.size()) {
        out.clear();
        written = 0;
      }
    }
    if (!closing && !(conn && conn->done())) return true;
    if (abrupt) return false;
    // Sends FIN and waits for the peer to close, lest an RST for what it still sends takes our last
    // bytes away.
    if (!finished) {
      finished = true;
      if (ssl) SSL_shutdown(ssl.get());
      shutdown(fd, SHUT_WR);
    }
    return true;
  }

  int fd;
  int id;
  bssl::UniquePtr<SSL> ssl;
  std::unique_ptr<Connection> conn;
  std::string received;  // raw servers
  std::string unread;    // what the connection did not take yet
  std::string out;
  std::size_t written = 0;
  bool closing = false;
  bool abrupt = false;
  bool finished = false;
  bool broken = false;
  bool greeted = false;
};

// ---- the server
// -----------------------------------------------------------------------------------------

ScriptedServer::ScriptedServer(Options options) : options_(std::move(options)) {
  std::signal(SIGPIPE, SIG_IGN);
  if (options_.tls != nullptr) {
    tls_ = *options_.tls;
    SSL_CTX* context = SSL_CTX_new(TLS_method());
    tls_context_ =
        std::shared_ptr<void>(context, [](void* c) { SSL_CTX_free(static_cast<SSL_CTX*>(c)); });
    const bssl::UniquePtr<BIO> cert_bio(
        BIO_new_mem_buf(tls_.certificate.data(), static_cast<int>(tls_.certificate.size())));
    const bssl::UniquePtr<BIO> key_bio(
        BIO_new_mem_buf(tls_.key.data(), static_cast<int>(tls_.key.size())));
    const bssl::UniquePtr<X509> cert(PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
    const bssl::UniquePtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
    if (!SSL_CTX_use_certificate(context, cert.get()) ||
        !SSL_CTX_use_PrivateKey(context, key.get()))
      throw std::runtime_error("bad certificate");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(
        context,
        [](SSL*, const std::uint8_t** chosen, std::uint8_t* chosen_size,
           const std::uint8_t* offered, unsigned size, void* arg) {
          const std::string& want = static_cast<Options*>(arg)->alpn;
          for (unsigned i = 0; i < size; i += offered[i] + 1U) {
            if (!want.empty() && want.size() == offered[i] &&
                std::memcmp(offered + i + 1, want.data(), want.size()) == 0) {
              *chosen = offered + i + 1;
              *chosen_size = offered[i];
              return SSL_TLSEXT_ERR_OK;
            }
          }
          return SSL_TLSEXT_ERR_NOACK;
        },
        &options_);
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 128) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::runtime_error("no listener");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
  stop_ = true;
  (void)!write(wake_[1], "x", 1);
  thread_.join();
  served_.clear();
  ::close(listener_);
  ::close(wake_[0]);
  ::close(wake_[1]);
}

std::string ScriptedServer::url(std::string_view path) const {
  return (tls_context_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_) +
         std::string(path);
}

void ScriptedServer::each_connection(std::function<void(ServedConnection&)> action) {
  {
    const std::lock_guard lock(mutex_);
    actions_.push_back(std::move(action));
  }
  (void)!write(wake_[1], "x", 1);
}

void ScriptedServer::run() {
  const auto tell = [&](Served& one, std::span<const Event> events) {
    if (!options_.on_event) return;
    for (const Event& event : events) options_.on_event(one, event);
  };
  // False: the connection is over.
  const auto take = [&](Served& one) {
    char buffer[64 * 1024];
    while (true) {
      if (one.unread.empty()) {
        const long n = one.read(buffer, sizeof buffer);
        if (n == 0) {
          if (one.conn) tell(one, one.conn->receive_end(now()));
          return false;
        }
        if (n < 0) break;
        const std::string_view bytes(buffer, static_cast<std::size_t>(n));
        if (one.conn) {
          one.unread += bytes;
        } else {
          one.received += bytes;
          options_.on_bytes(one, one.received);
        }
      }
      if (!one.conn) continue;
      if (!one.conn->want_read()) break;
      const Received r = one.conn->receive_data(as_bytes(one.unread), now());
      tell(one, r.events);
      one.unread.erase(0, r.consumed);
      if (!one.flush()) return false;
      if (r.consumed == 0 && r.events.empty()) break;
    }
    return true;
  };

  while (!stop_) {
    std::vector<pollfd> fds{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    for (const auto& one : served_) {
      const bool reads = one->conn ? one->unread.empty() : true;
      fds.push_back({one->fd,
                     static_cast<short>((reads ? POLLIN : 0) | (one->has_output() ? POLLOUT : 0)),
                     0});
    }
    poll(fds.data(), fds.size(), -1);

    std::vector<std::function<void(ServedConnection&)>> actions;
    if (fds[1].revents != 0) {
      char drop[64];
      (void)!::read(wake_[0], drop, sizeof drop);
      const std::lock_guard lock(mutex_);
      actions.swap(actions_);
    }
    for (std::size_t i = served_.size(); i-- > 0;) {
      Served& one = *served_[i];
      bool open = true;
      for (const auto& action : actions) action(one);
      if ((fds[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) != 0 || !one.unread.empty())
        open = take(one);
      if (!one.greeted && options_.on_bytes) {
        one.greeted = true;
        options_.on_bytes(one, one.received);
      }
      if (open) open = one.flush();
      if (open && one.conn && !one.unread.empty() && one.conn->want_read())
        open = take(one) && one.flush();
      if (!open) served_.erase(served_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (fds[0].revents != 0) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) {
        const int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        served_.push_back(std::make_unique<Served>(
            fd, accepted_++, static_cast<SSL_CTX*>(tls_context_.get()), options_));
        Served& one = *served_.back();
        bool open = take(one);
        if (options_.on_bytes && !one.greeted) {
          one.greeted = true;
          options_.on_bytes(one, one.received);
        }
        if (open) open = one.flush();
        if (!open) served_.pop_back();
      }
    }
  }
}

// ---- ready-made behaviours
// ---------------------------------------------------------------------------------

ScriptedServer::Options ScriptedServer::answering(Answer answer) {
  using Key = std::pair<int, std::uint32_t>;
  auto requests = std::make_shared<std::map<Key, ServedRequest>>();
  Options options;
  options.config.initial_window_size = 1u << 20;
  options.config.connection_window_size = 4u << 20;
  options.config.max_concurrent_streams = 1'000;
  options.on_event = [requests, answer = std::move(answer)](ServedConnection& peer,
                                                            const Event& event) {
    Connection& conn = peer.http2();
    const auto complete = [&](StreamId id) {
      const auto found = requests->find({peer.index(), id.value});
      if (found == requests->end()) return;
      found->second.complete = true;
      const ServedAnswer a = answer(found->second);
      requests->erase(found);
      if (a.status == 0) return;  // the test answers by other means
      Fields fields = a.fields;
      fields.insert(fields.begin(), {":status", std::to_string(a.status)});
      const bool more = !a.trailers.empty();
      send_fields(conn, id, fields, a.body.empty() && !more ? EndStream::kYes : EndStream::kNo);
      if (!a.body.empty())
        (void)conn.send_data_copy(id, as_bytes(a.body), more ? EndStream::kNo : EndStream::kYes);
      if (more) send_fields(conn, id, a.trailers, EndStream::kYes);
    };
    if (const auto* e = std::get_if<RequestReceived>(&event)) {
      ServedRequest request;
      request.id = e->stream_id;
      request.fields = copied(e->fields);
      requests->insert_or_assign({peer.index(), e->stream_id.value}, std::move(request));
      if (e->end_stream == EndStream::kYes) complete(e->stream_id);
    } else if (const auto* d = std::get_if<DataReceived>(&event)) {
      const auto found = requests->find({peer.index(), d->stream_id.value});
      if (found != requests->end()) found->second.body += as_string_view(d->data);
      (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(d->data.size()),
                                           d->stream_id);
      if (d->end_stream == EndStream::kYes) complete(d->stream_id);
    } else if (const auto* t = std::get_if<TrailersReceived>(&event)) {
      complete(t->stream_id);
    } else if (const auto* r = std::get_if<StreamReset>(&event)) {
      requests->erase({peer.index(), r->stream_id.value});
      conn.release_stream(r->stream_id);
    }
  };
  return options;
}

ScriptedServer::Options ScriptedServer::echo() {
  Options options;
  options.config.initial_window_size = 1u << 20;
  options.config.connection_window_size = 4u << 20;
  options.config.max_concurrent_streams = 1'000;
  options.on_event = [](ServedConnection& peer, const Event& event) {
    Connection& conn = peer.http2();
    if (const auto* e = std::get_if<RequestReceived>(&event)) {
      send_fields(conn, e->stream_id, {{":status", "200"}, {"content-type", "text/plain"}},
                  EndStream::kNo);
      if (e->end_stream == EndStream::kNo) return;
      const std::string text = std::string(e->fields.find(":method").value_or("")) + " " +
                               std::string(e->fields.find(":path").value_or(""));
      (void)conn.send_data_copy(e->stream_id, as_bytes(text), EndStream::kYes);
    } else if (const auto* d = std::get_if<DataReceived>(&event)) {
      (void)conn.send_data_copy(d->stream_id, d->data, d->end_stream);
      (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(d->data.size()),
                                           d->stream_id);
    } else if (const auto* r = std::get_if<StreamReset>(&event)) {
      conn.release_stream(r->stream_id);
    }
  };
  return options;
}

ScriptedServer::Options ScriptedServer::sending(std::string bytes, std::size_t after,
                                                bool then_close) {
  auto sent = std::make_shared<std::map<int, bool>>();
  Options options;
  options.on_bytes = [sent, bytes = std::move(bytes), after, then_close](
                         ServedConnection& peer, std::string_view received) {
    if (received.size() < after || (*sent)[peer.index()]) return;
    (*sent)[peer.index()] = true;
    peer.write_raw(bytes);
    if (then_close) peer.close();
  };
  return options;
}

}  // namespace h2::tests
