// Two HTTP/2 endpoints joined in memory; see link.h.
#include "h2core/testing/link.h"

#include <algorithm>
#include <utility>

namespace h2::inline v0::testing {

// A Connection at one end, and who hears its events.
class Link::ConnectionEnd final : public Endpoint {
 public:
  explicit ConnectionEnd(Connection& connection) : connection_(connection) {}

  std::span<const Bytes> data_to_send() override { return connection_.data_to_send(); }
  void mark_sent(std::size_t n) override {
    connection_.mark_sent(n);
    // Handlers may give rise to more events (by resetting streams, say).
    for (auto events = connection_.poll_events(); !events.empty();
         events = connection_.poll_events()) {
      report(events);
    }
  }
  std::size_t receive(Bytes bytes, Time now) override {
    const Received received = connection_.receive_data(bytes, now);
    report(received.events);
    return received.consumed;
  }
  void receive_end(Time now) override { report(connection_.receive_end(now)); }
  bool want_read() const override { return connection_.want_read(); }
  Time next_deadline() const override { return connection_.next_deadline(); }
  void on_time(Time now) override { report(connection_.on_time(now)); }
  bool done() const override { return connection_.done(); }

  EventHandler handler;

 private:
  void report(std::span<const Event> events) {
    if (!handler) return;
    for (const Event& event : events) handler(connection_, event);
  }

  Connection& connection_;
};

Link::Link(Connection& client, Connection& server, LinkOptions options, Time start)
    : Link(std::make_unique<ConnectionEnd>(client), std::make_unique<ConnectionEnd>(server),
           options, start) {}

Link::Link(std::unique_ptr<ConnectionEnd> client, std::unique_ptr<ConnectionEnd> server,
           LinkOptions options, Time start)
    : Link(static_cast<Endpoint&>(*client), static_cast<Endpoint&>(*server), options, start) {
  own_client_ = std::move(client);
  own_server_ = std::move(server);
}

Link::Link(Endpoint& client, Endpoint& server, LinkOptions options, Time start)
    : client_(&client),
      server_(&server),
      options_(options),
      random_(options.chunks.seed),
      now_(start) {
  to_server_.from = &client;
  to_server_.to = &server;
  to_server_.cut = options.cut_to_server;
  to_server_.line_free = start;
  to_client_.from = &server;
  to_client_.to = &client;
  to_client_.cut = options.cut_to_client;
  to_client_.line_free = start;
}

Link::~Link() = default;

void Link::on_client_event(EventHandler handler) {
  if (own_client_) own_client_->handler = std::move(handler);
}

void Link::on_server_event(EventHandler handler) {
  if (own_server_) own_server_->handler = std::move(handler);
}

std::size_t Link::chunk(std::size_t available) {
  switch (options_.chunks.kind) {
    case Chunks::Kind::kWhole:
      return available;
    case Chunks::Kind::kFixed:
      return std::min(available, options_.chunks.size);
    case Chunks::Kind::kRandom: {
      // First the order of magnitude, then the size in it.
      std::size_t most = options_.chunks.size;
      std::size_t bits = 0;
      while ((most >> bits) > 1) ++bits;
      const std::size_t ceiling = std::min(most, std::size_t{2} << random_.below(bits + 1));
      return std::min(available, static_cast<std::size_t>(1 + random_.below(ceiling)));
    }
  }
  return available;
}

Duration Link::transmission(std::size_t n) const {
  if (options_.rate == 0) return {};
  return nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / static_cast<double>(options_.rate)));
}

bool Link::write(Direction& direction) {
  if (direction.closed) return false;
  if (direction.line_free > now_) return false;
  const std::span<const Bytes> pieces = direction.from->data_to_send();
  std::size_t available = 0;
  for (const Bytes piece : pieces) available += piece.size();
  if (available == 0) {
    if (!direction.from->done()) return false;
    direction.closed = true;
    direction.flying.push_back({now_ + options_.round_trip / 2, {}, true});
    return true;
  }
  std::size_t n = chunk(available);
  if (options_.rate != 0) n = std::min(n, std::max<std::size_t>(options_.send_buffer, 1));
  std::string bytes;
  bytes.reserve(n);
  for (const Bytes piece : pieces) {
    const std::size_t take = std::min(piece.size(), n - bytes.size());
    bytes.append(reinterpret_cast<const char*>(piece.data()), take);
    if (bytes.size() == n) break;
  }
  direction.line_free = now_ + transmission(n);
  const Time arrival = direction.line_free + options_.round_trip / 2;
  const std::uint64_t room = direction.sent < direction.cut ? direction.cut - direction.sent : 0;
  direction.sent += n;
  if (bytes.size() >= room && direction.cut != std::numeric_limits<std::uint64_t>::max()) {
    bytes.resize(static_cast<std::size_t>(room));
    const bool first = !direction.end_told && !direction.end_arrived &&
                       (direction.flying.empty() || !direction.flying.back().end);
    if (!bytes.empty()) direction.flying.push_back({arrival, std::move(bytes), false});
    if (first) direction.flying.push_back({arrival, {}, true});
  } else {
    direction.flying.push_back({arrival, std::move(bytes), false});
  }
  direction.from->mark_sent(n);
  return true;
}

bool Link::deliver(Direction& direction) {
  bool moved = false;
  while (!direction.flying.empty() && direction.flying.front().arrival <= now_) {
    Segment& segment = direction.flying.front();
    if (segment.end) {
      direction.end_arrived = true;
    } else if (!direction.end_arrived) {
      if (direction.taken > direction.arrived.size() / 2) {
        direction.arrived.erase(0, direction.taken);
        direction.taken = 0;
      }
      direction.arrived += segment.bytes;
    }
    direction.flying.pop_front();
    moved = true;
  }
  if (moved) return true;
  if (direction.unread() > 0 && direction.to->want_read()) {
    const std::size_t n = chunk(direction.unread());
    const Bytes bytes(
        reinterpret_cast<const std::uint8_t*>(direction.arrived.data()) + direction.taken, n);
    direction.taken += std::min(direction.to->receive(bytes, now_), n);
    return true;
  }
  if (direction.end_arrived && !direction.end_told &&
      (direction.unread() == 0 || direction.to->done())) {
    direction.end_told = true;
    direction.to->receive_end(now_);
    return true;
  }
  return false;
}

bool Link::keep_deadlines() {
  bool kept = false;
  for (Endpoint* endpoint : {client_, server_}) {
    if (!endpoint->done() && endpoint->next_deadline() <= now_) {
      endpoint->on_time(now_);
      kept = true;
    }
  }
  return kept;
}

bool Link::act() {
  return write(to_server_) || write(to_client_) || deliver(to_server_) || deliver(to_client_) ||
         keep_deadlines();
}

Time Link::next_arrival() const {
  Time next = Time::never();
  for (const Direction* direction : {&to_server_, &to_client_}) {
    if (!direction->flying.empty()) next = std::min(next, direction->flying.front().arrival);
    if (!direction->closed && direction->line_free > now_)
      next = std::min(next, direction->line_free);
  }
  return next;
}

Time Link::next_deadline() const {
  Time next = Time::never();
  for (const Endpoint* endpoint : {client_, server_}) {
    if (!endpoint->done()) next = std::min(next, endpoint->next_deadline());
  }
  return next;
}

bool Link::step() {
  ++steps_;
  if (act()) return true;
  const Time next = next_arrival();
  if (next.is_never()) return false;
  now_ = std::max(now_, std::min(next, next_deadline()));
  return true;
}

bool Link::run_until_idle() {
  for (std::uint64_t i = 0; i < options_.max_steps; ++i) {
    if (!step()) return true;
  }
  return false;
}

bool Link::run_for(Duration duration) {
  const Time end = now_ + duration;
  for (std::uint64_t i = 0; i < options_.max_steps; ++i) {
    ++steps_;
    if (act()) continue;
    const Time next = std::min(next_arrival(), next_deadline());
    if (next > end) {
      now_ = std::max(now_, end);
      return true;
    }
    now_ = std::max(now_, next);
  }
  return false;
}

}  // namespace h2::inline v0::testing
