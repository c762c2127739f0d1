#include "tests/tools/loopback_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <map>

#include "h2core/connection.h"

namespace h2::inline v0::testing {
namespace {

int choose_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_length, const std::uint8_t* in,
                unsigned in_length, void* wanted) {
  const std::string& alpn = *static_cast<const std::string*>(wanted);
  for (unsigned i = 0; i < in_length; i += in[i] + 1U) {
    if (std::string_view(reinterpret_cast<const char*>(in + i + 1), in[i]) != alpn) continue;
    *out = in + i + 1;
    *out_length = in[i];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

SSL_CTX* make_context(const LoopbackTls& tls, std::string* alpn) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context, tls.certificate_file.c_str()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM), 1);
  *alpn = tls.alpn;
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, alpn);
  return context;
}

Time monotonic_now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::steady_clock::now().time_since_epoch())
              .count()};
}

// Joins one LoopbackStream to a Connection.
class Conversation {
 public:
  Conversation(LoopbackStream& stream,
               const std::function<LoopbackResponse(const LoopbackRequest&)>& answer)
      : stream_(stream),
        answer_(answer),
        connection_(Role::kServer, Config::server(), monotonic_now()) {}

  void run() {
    flush();
    while (!connection_.done()) {
      std::string input = stream_.read();
      if (input.empty()) return;
      while (!input.empty()) {
        const Received received = connection_.receive_data(as_bytes(input), monotonic_now());
        for (const Event& event : received.events) handle(event);
        input.erase(0, received.consumed);
        flush();
        if (connection_.done()) return;
      }
    }
  }

 private:
  void flush() {
    while (connection_.want_write()) {
      std::string output;
      for (const Bytes piece : connection_.data_to_send()) {
        output.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      }
      if (output.empty()) return;
      stream_.write(output);
      connection_.mark_sent(output.size());
    }
  }

  void handle(const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      LoopbackRequest& open = requests_[request->stream_id.value];
      for (const HeaderField& field : request->fields)
        open.fields.emplace_back(field.name, field.value);
      if (request->end_stream == EndStream::kYes) respond(request->stream_id);
    } else if (const auto* data = std::get_if<DataReceived>(&event)) {
      requests_[data->stream_id.value].body.append(reinterpret_cast<const char*>(data->data.data()),
                                                   data->data.size());
      (void)connection_.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                                  data->stream_id);
      if (data->end_stream == EndStream::kYes) respond(data->stream_id);
    } else if (const auto* trailers = std::get_if<TrailersReceived>(&event)) {
      respond(trailers->stream_id);
    }
  }

  void respond(StreamId id) {
    const LoopbackResponse response = answer_(requests_[id.value]);
    const std::string status = std::to_string(response.status);
    std::vector<HeaderField> fields;
    fields.push_back({":status", status});
    for (const auto& [name, value] : response.fields) fields.push_back({name, value});
    const bool head = requests_[id.value].field(":method") == "HEAD";
    requests_.erase(id.value);
    const bool bodiless = head || response.body.empty();
    (void)connection_.send_headers(id, fields, bodiless ? EndStream::kYes : EndStream::kNo);
    if (!bodiless) {
      const std::string& body = bodies_.emplace_back(response.body);
      EXPECT_TRUE(connection_.send_data(id, as_bytes(body), EndStream::kYes).has_value());
    }
    connection_.release_stream(id);
  }

  LoopbackStream& stream_;
  const std::function<LoopbackResponse(const LoopbackRequest&)>& answer_;
  std::deque<std::string> bodies_;  // referred to by the connection
  Connection connection_;
  std::map<std::uint32_t, LoopbackRequest> requests_;
};

}  // namespace

LoopbackStream::LoopbackStream(int fd, SSL_CTX* context) : fd_(fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (context == nullptr) return;
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd);
  ok_ = SSL_accept(ssl_) == 1;
}

LoopbackStream::~LoopbackStream() {
  if (ssl_ != nullptr) SSL_free(ssl_);
}

std::string LoopbackStream::read() {
  std::array<char, 65'536> buffer;
  ssize_t n = 0;
  do {
    n = ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), buffer.size())
                        : ::recv(fd_, buffer.data(), buffer.size(), 0);
  } while (ssl_ == nullptr && n < 0 && errno == EINTR);
  if (n <= 0) return {};
  received_ += static_cast<std::size_t>(n);
  return {buffer.data(), static_cast<std::size_t>(n)};
}

void LoopbackStream::read_until(std::size_t n) {
  while (received_ < n && !read().empty()) {
  }
}

void LoopbackStream::read_to_end() { read_until(SIZE_MAX); }

void LoopbackStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ssl_ != nullptr
                          ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void LoopbackStream::reset() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

LoopbackServer::LoopbackServer(Handler handler, const std::optional<LoopbackTls>& tls)
    : handler_(std::move(handler)), context_(nullptr, SSL_CTX_free) {
  signal(SIGPIPE, SIG_IGN);
  if (tls) {
    alpn_ = std::make_unique<std::string>();
    context_.reset(make_context(*tls, alpn_.get()));
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(listener_, 64), 0);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

LoopbackServer::~LoopbackServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& worker : workers_) worker.join();
  close(listener_);
}

std::string LoopbackServer::origin() const {
  return (context_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_);
}

void LoopbackServer::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    workers_.emplace_back([this, fd] {
      {
        LoopbackStream stream(fd, context_.get());
        if (stream.ok()) handler_(stream);
      }
      const std::lock_guard inner(mutex_);
      std::erase(open_, fd);
      close(fd);
    });
  }
}

std::string frame_bytes(int type, int flags, std::uint32_t stream, std::string_view payload,
                        std::optional<std::uint32_t> length) {
  const std::uint32_t n = length.value_or(static_cast<std::uint32_t>(payload.size()));
  std::string bytes;
  for (const std::uint32_t b :
       {n >> 16U, n >> 8U, n, static_cast<std::uint32_t>(type), static_cast<std::uint32_t>(flags),
        stream >> 24U, stream >> 16U, stream >> 8U, stream}) {
    bytes.push_back(static_cast<char>(b & 0xffU));
  }
  return bytes.append(payload);
}

std::string LoopbackRequest::field(std::string_view name) const {
  for (const auto& [field_name, value] : fields) {
    if (field_name == name) return value;
  }
  return {};
}

LoopbackServer::Handler answer_requests(
    std::function<LoopbackResponse(const LoopbackRequest&)> answer) {
  return
      [answer = std::move(answer)](LoopbackStream& stream) { Conversation(stream, answer).run(); };
}

}  // namespace h2::inline v0::testing
