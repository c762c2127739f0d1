// The connections' half of ours.
#include "bench/versus_ours.h"

#include <cstring>
#include <stdexcept>
#include <variant>

#include "h2core/connection.h"
#include "tests/support/counting_memory.h"

namespace h2::bench {
namespace {

using Fielded = std::vector<HeaderField>;

Fielded view(const Fields& fields) {
  Fielded list;
  for (const Field& field : fields) list.push_back({field.name, field.value});
  return list;
}

void must(bool right, const char* what) {
  if (!right) throw std::runtime_error(what);
}

std::uint64_t bytes_of(FieldsView fields) {
  std::uint64_t sum = 0;
  for (const HeaderField field : fields) sum += field.name.size() + field.value.size();
  return sum;
}

struct Setup {
  Config client = Config::client();
  Config server = Config::server();
  Delivery delivery = Delivery::kPieces;
};

// A client and a server that answers each request with the same response.
class Pair {
 public:
  Pair(Setup setup, std::size_t body)
      : delivery_(setup.delivery),
        client_(Role::kClient, seeded(setup.client, 1), Time{}),
        server_(Role::kServer, seeded(setup.server, 2), Time{}),
        response_(response_fields(body)),
        response_view_(view(response_)),
        body_(as_bytes(body_bytes()).first(body)) {
    exchange_all();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  Connection& client() { return client_; }
  Connection& server() { return server_; }
  // What both sides saw so far.
  std::uint64_t sum() const { return sum_; }
  int finished() const { return finished_; }
  void respond(bool yes) { respond_ = yes; }

  StreamId request(const Fielded& fields, EndStream end = EndStream::kYes) {
    const StreamId id = *client_.get_next_available_stream_id();
    must(client_.send_headers(id, fields, end).has_value(), "a request was refused");
    return id;
  }

  // Delivers until both have nothing left to say.
  void exchange_all() {
    while (deliver(client_, server_) || deliver(server_, client_)) {
    }
  }

  // The same where the server sends nothing but the frames of `image`, which the client is given.
  void exchange_image(Bytes image) {
    for (;;) {
      std::size_t sent = 0;
      for (const Bytes piece : server_.data_to_send()) sent += piece.size();
      if (sent == 0) return;
      server_.mark_sent(sent);
      (void)server_.poll_events();
      must(receive(client_, image.first(sent)) == sent, "frames were not taken");
      (void)deliver(client_, server_);
    }
  }

 private:
  static Config seeded(Config config, std::uint64_t seed) {
    config.hash_seed = seed;
    return config;
  }

  // Whether anything moved.
  bool deliver(Connection& from, Connection& to) {
    bool moved = false;
    for (;;) {
      std::size_t sent = 0;
      if (delivery_ == Delivery::kWireBuffer) {
        wire_.clear();
        for (const Bytes piece : from.data_to_send())
          wire_.insert(wire_.end(), piece.begin(), piece.end());
        sent = receive(to, wire_);
      } else {
        for (const Bytes piece : from.data_to_send()) {
          const std::size_t taken = receive(to, piece);
          sent += taken;
          if (taken < piece.size()) break;
        }
      }
      if (sent == 0) return moved;
      moved = true;
      from.mark_sent(sent);
      (void)from.poll_events();
    }
  }

  std::size_t receive(Connection& to, Bytes bytes) {
    const std::size_t size = bytes.size();
    while (!bytes.empty()) {
      const Received received = to.receive_data(bytes, Time{});
      for (const Event& event : received.events) handle(to, event);
      if (received.consumed == 0) break;  // it wants to send first
      bytes = bytes.subspan(received.consumed);
    }
    return size - bytes.size();
  }

  void handle(Connection& at, const Event& event) {
    if (const auto* data = std::get_if<DataReceived>(&event)) {
      sum_ += data->data.size();
      (void)at.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                         data->stream_id);
      finished_ += data->end_stream == EndStream::kYes ? 1 : 0;
    } else if (const auto* request = std::get_if<RequestReceived>(&event)) {
      sum_ += bytes_of(request->fields);
      if (respond_) answer(request->stream_id);
    } else if (const auto* response = std::get_if<ResponseReceived>(&event)) {
      sum_ += bytes_of(response->fields);
      finished_ += response->end_stream == EndStream::kYes ? 1 : 0;
    } else {
      must(!std::holds_alternative<ConnectionFailed>(event), "our connection failed");
      must(!std::holds_alternative<StreamReset>(event), "our stream was reset");
    }
  }

  void answer(StreamId id) {
    const EndStream end = body_.empty() ? EndStream::kYes : EndStream::kNo;
    must(server_.send_headers(id, response_view_, end).has_value(), "a response was refused");
    if (body_.empty()) return;
    must(server_.send_data(id, body_, EndStream::kYes).has_value(), "a body was refused");
  }

  Delivery delivery_;
  Connection client_;
  Connection server_;
  Fields response_;
  Fielded response_view_;
  Bytes body_;
  std::vector<std::uint8_t> wire_;
  bool respond_ = true;
  std::uint64_t sum_ = 0;
  int finished_ = 0;
};

// Requests of an Exchange, a batch at a time.
class Requests {
 public:
  Requests(const Exchange& exchange, const Setup& setup)
      : exchange_(exchange), pair_(setup, exchange.body) {
    for (std::size_t i = 0; i < 1'000; ++i) views_.push_back(view(request_fields(exchange, i)));
  }

  // 100 requests.
  std::uint64_t batch() {
    const std::uint64_t before = pair_.sum();
    const int finished = pair_.finished();
    for (int i = 0; i < kRequests; i += exchange_.streams) {
      for (int j = 0; j < exchange_.streams; ++j) (void)pair_.request(views_[next_++ % 1'000]);
      pair_.exchange_all();
    }
    must(pair_.finished() - finished == kRequests, "our requests were lost");
    return pair_.sum() - before;
  }

  static constexpr int kRequests = 100;

 private:
  Exchange exchange_;
  Pair pair_;
  std::vector<Fielded> views_;
  std::size_t next_ = 0;
};

// Gives frames until the batch is full.
class FrameSource final : public BodySource {
 public:
  explicit FrameSource(std::size_t frame) : frame_(frame) {}
  void refill(int frames) { left_ = frames; }

  Read read(std::span<std::uint8_t> buffer) noexcept override {
    if (left_ == 0 || buffer.size() < frame_) return {0, State::kMore};
    --left_;
    std::memcpy(buffer.data(), body_bytes().data(), frame_);
    return {frame_, State::kMore};
  }

 private:
  std::size_t frame_;
  int left_ = 0;
};

// DATA frames of a Flow.
class Frames {
 public:
  explicit Frames(const Flow& flow) : flow_(flow), source_(flow.frame), pair_(setup(flow), 0) {
    pair_.respond(false);
    const Fields request = request_fields({}, 0);
    id_ = pair_.request(view(request));
    pair_.exchange_all();
    const Fields response = {{":status", "200"}};
    must(pair_.server().send_headers(id_, view(response), EndStream::kNo).has_value(),
         "a response was refused");
    pair_.exchange_all();
    image_ = frame_image(flow, id_.value);
    if (flow.from_source) {
      must(pair_.server().send_body(id_, source_, EndStream::kNo).has_value(),
           "a source was refused");
    }
  }

  std::uint64_t batch() {
    const std::uint64_t before = pair_.sum();
    queue();
    if (flow_.delivery) {
      pair_.exchange_all();
    } else {
      pair_.exchange_image(image_);
    }
    return pair_.sum() - before;
  }

 private:
  void queue() {
    if (flow_.from_source) {
      source_.refill(flow_.frames);
      must(pair_.server().resume_body(id_).has_value(), "a source was not resumed");
      return;
    }
    const Bytes body = as_bytes(body_bytes()).first(flow_.frame);
    for (int i = 0; i < flow_.frames; ++i) {
      must(pair_.server().send_data(id_, body, EndStream::kNo).has_value(), "data was refused");
    }
  }

  static Setup setup(const Flow& flow) {
    Setup s;
    s.delivery = flow.delivery.value_or(Delivery::kPieces);
    s.client.initial_window_size = 1 << 20;
    s.client.connection_window_size = 1 << 20;
    return s;
  }

  Flow flow_;
  FrameSource source_;
  Pair pair_;
  StreamId id_;
  std::vector<std::uint8_t> image_;
};

class Ours final : public Library {
 public:
  Work decode(const Stories& from) override { return our_side::decode(from); }
  Work encode(const Stories& from) override { return our_side::encode(from); }
  double wire_per_plain(const Stories& from) override { return our_side::wire_per_plain(from); }
  Work encode_literals(const Story& from) override { return our_side::encode_literals(from); }
  Work decode_literals(const Story& from) override { return our_side::decode_literals(from); }

  Work requests(const Exchange& exchange) override {
    Setup setup;
    setup.delivery = exchange.delivery;
    auto requests = std::make_shared<Requests>(exchange, setup);
    return {[requests] { return requests->batch(); }, Requests::kRequests};
  }

  Work data_frames(const Flow& flow) override {
    auto frames = std::make_shared<Frames>(flow);
    return {[frames] { return frames->batch(); }, static_cast<std::uint64_t>(flow.frames)};
  }

  double allocations_per_request(const Exchange& exchange) override {
    tests::CountingMemory memory;
    Requests requests(exchange, with_memory(memory));
    for (int i = 0; i < 20; ++i) (void)requests.batch();
    const std::uint64_t before = memory.allocations;
    for (int i = 0; i < 10; ++i) (void)requests.batch();
    return static_cast<double>(memory.allocations - before) / (10 * Requests::kRequests);
  }

  double idle_connection_bytes() override {
    tests::CountingMemory memory;
    Pair pair(with_memory(memory), 100);
    (void)pair.request(view(request_fields({}, 0)));
    pair.exchange_all();
    must(pair.finished() == 1, "our request was lost");
    return static_cast<double>(memory.in_use) / 2;
  }

  double idle_stream_bytes(int streams) override {
    tests::CountingMemory memory;
    Setup setup = with_memory(memory);
    setup.server.max_concurrent_streams = static_cast<std::uint32_t>(streams);
    Pair pair(setup, 100);
    (void)pair.request(view(request_fields({}, 0)));
    pair.exchange_all();
    pair.respond(false);
    const std::size_t before = memory.in_use;
    for (int i = 0; i < streams; ++i) {
      (void)pair.request(view(request_fields({}, 0)), EndStream::kNo);
      pair.exchange_all();
    }
    must(pair.server().stream_counts().active_remote == static_cast<std::uint32_t>(streams),
         "our streams are not open");
    return static_cast<double>(memory.in_use - before) / streams / 2;
  }

 private:
  static Setup with_memory(MemoryResource& memory) {
    Setup setup;
    setup.client.memory = &memory;
    setup.server.memory = &memory;
    return setup;
  }
};

}  // namespace

std::unique_ptr<Library> ours() { return std::make_unique<Ours>(); }

}  // namespace h2::bench
