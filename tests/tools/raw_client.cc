// See raw_client.h.
#include "tests/tools/raw_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>

namespace h2::inline v0::testing {

namespace {

Time now() {
  return Time{std::chrono::duration_cast<std::chrono::nanoseconds>(
                  std::chrono::steady_clock::now().time_since_epoch())
                  .count()};
}

Pairs copy(const FieldsView& fields) {
  Pairs pairs;
  for (const HeaderField field : fields) pairs.emplace_back(field.name, field.value);
  return pairs;
}

}  // namespace

std::string Answer::field(std::string_view name) const {
  for (const auto& [n, value] : fields) {
    if (n == name) return value;
  }
  return {};
}

Config RawClient::big_windows() {
  Config config = Config::client();
  config.initial_window_size = config.connection_window_size = 16U << 20U;
  return config;
}

RawClient::RawClient(std::uint16_t port, const Config& config)
    : connection_(Role::kClient, config, now()) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

RawClient::~RawClient() { ::close(fd_); }

std::uint32_t RawClient::start(const std::string& method, const std::string& path,
                               const Pairs& fields, EndStream end) {
  std::vector<HeaderField> list = {
      {":method", method}, {":scheme", "http"}, {":authority", "127.0.0.1"}, {":path", path}};
  for (const auto& [name, value] : fields) list.push_back({name, value});
  const auto id = connection_.get_next_available_stream_id();
  EXPECT_TRUE(id.has_value());
  if (!id) return 0;
  const auto sent = connection_.send_headers(*id, list, end);
  EXPECT_TRUE(sent.has_value()) << (sent ? "" : std::string(to_string(sent.error().cause)));
  return id->value;
}

void RawClient::send(std::uint32_t id, std::string body, EndStream end) {
  bodies_.push_back(std::move(body));  // kept for as long as this object: small enough for tests
  (void)connection_.send_data(StreamId{id}, as_bytes(bodies_.back()), end);
}

void RawClient::reset(std::uint32_t id) {
  (void)connection_.reset_stream(StreamId{id}, ErrorCode::kCancel);
}

void RawClient::handle(std::span<const Event> events) {
  for (const Event& any : events) {
    if (const auto* response = std::get_if<ResponseReceived>(&any)) {
      Answer& a = answers_[response->stream_id.value];
      a.status = response->status;
      a.fields = copy(response->fields);
      a.ended = response->end_stream == EndStream::kYes;
    } else if (const auto* informational = std::get_if<InformationalResponseReceived>(&any)) {
      answers_[informational->stream_id.value].informational.push_back(informational->status);
    } else if (const auto* data = std::get_if<DataReceived>(&any)) {
      Answer& a = answers_[data->stream_id.value];
      a.body += as_string_view(data->data);
      ++a.data_frames;
      if (data->end_stream == EndStream::kYes) a.ended = true;
      if (acknowledge_) {
        (void)connection_.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                                    data->stream_id);
      }
    } else if (const auto* trailers = std::get_if<TrailersReceived>(&any)) {
      Answer& a = answers_[trailers->stream_id.value];
      a.trailers = copy(trailers->fields);
      a.ended = true;
    } else if (const auto* reset = std::get_if<StreamReset>(&any)) {
      answers_[reset->stream_id.value].reset = reset->error_code;
    } else if (const auto* goaway = std::get_if<ConnectionTerminated>(&any)) {
      goaways_.push_back(goaway->last_stream_id.value);
    }
  }
}

void RawClient::write_some() {
  const std::span<const Bytes> pieces = connection_.data_to_send();
  if (pieces.empty()) return;
  const ssize_t n = ::send(fd_, pieces[0].data(), pieces[0].size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0) connection_.mark_sent(static_cast<std::size_t>(n));
}

void RawClient::write_only() {
  for (int i = 0; i < 1000 && connection_.want_write(); ++i) write_some();
}

bool RawClient::pump() {
  pollfd poll{fd_, POLLIN, 0};
  if (connection_.want_write()) poll.events |= POLLOUT;
  if (::poll(&poll, 1, 1000) <= 0) return true;
  if ((poll.revents & POLLOUT) != 0) write_some();
  if ((poll.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    std::uint8_t buffer[65'536];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
      closed_ = true;
      handle(connection_.receive_end(now()));
      return false;
    }
    Bytes bytes(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!bytes.empty()) {
      const Received received = connection_.receive_data(bytes, now());
      handle(received.events);
      bytes = bytes.subspan(received.consumed);
      if (received.consumed == 0) {
        if (!connection_.want_write()) break;
        write_some();
      }
    }
  }
  handle(connection_.poll_events());
  return true;
}

bool RawClient::until(const std::function<bool()>& done) {
  const Time end = now() + seconds(30);
  while (!done()) {
    if (now() > end) return false;
    if (!pump()) return done();
  }
  return true;
}

const Answer& RawClient::wait(std::uint32_t id) {
  EXPECT_TRUE(until([&] { return answers_[id].over(); })) << "stream " << id << " did not end";
  return answers_[id];
}

const Answer& RawClient::fetch(const std::string& method, const std::string& path,
                               const Pairs& fields, const std::string& body) {
  const std::uint32_t id =
      start(method, path, fields, body.empty() ? EndStream::kYes : EndStream::kNo);
  if (!body.empty()) send(id, body);
  return wait(id);
}

}  // namespace h2::inline v0::testing
