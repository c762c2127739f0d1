// The sessions' half of libnghttp2.
#include "bench/versus_nghttp2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "bench/nghttp2_memory.h"

namespace h2::bench {
namespace {

using View = std::vector<nghttp2_nv>;

View view(const Fields& fields) {
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  View list;
  for (const Field& field : fields) {
    list.push_back({bytes(field.name), bytes(field.value), field.name.size(), field.value.size(),
                    NGHTTP2_NV_FLAG_NONE});
  }
  return list;
}

void must(bool right, const char* what) {
  if (!right) throw std::runtime_error(what);
}

struct Setup {
  nghttp2_mem* mem = nullptr;
  std::uint32_t max_concurrent_streams = 100;
  std::uint32_t window = 0;  // of the client, for streams and connection; 0: the default
  Delivery delivery = Delivery::kPieces;
};

// A client and a server that answers each request with the same response.
class Pair {
 public:
  Pair(const Setup& setup, std::size_t body)
      : delivery_(setup.delivery),
        response_(response_fields(body)),
        response_view_(view(response_)),
        bodies_(std::max<std::size_t>(setup.max_concurrent_streams, 1)),
        body_(body) {
    nghttp2_session_callbacks* callbacks = nullptr;
    must(nghttp2_session_callbacks_new(&callbacks) == 0, "no memory");
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data);
    nghttp2_session_client_new3(&client_, callbacks, this, nullptr, setup.mem);
    nghttp2_session_server_new3(&server_, callbacks, this, nullptr, setup.mem);
    nghttp2_session_callbacks_del(callbacks);
    must(client_ != nullptr && server_ != nullptr, "no memory");
    const nghttp2_settings_entry windows[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, setup.window}};
    const nghttp2_settings_entry streams[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, setup.max_concurrent_streams}};
    nghttp2_submit_settings(client_, NGHTTP2_FLAG_NONE, windows, setup.window > 0 ? 1 : 0);
    nghttp2_submit_settings(server_, NGHTTP2_FLAG_NONE, streams, 1);
    if (setup.window > 0) {
      nghttp2_session_set_local_window_size(client_, NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(setup.window));
    }
    exchange_all();
  }
  ~Pair() {
    nghttp2_session_del(client_);
    nghttp2_session_del(server_);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  nghttp2_session* server() { return server_; }
  std::uint64_t sum() const { return sum_; }
  int finished() const { return finished_; }
  int requests() const { return requests_; }
  void respond(bool yes) { respond_ = yes; }

  std::int32_t request(const View& fields, bool end = true) {
    const std::int32_t id = end ? nghttp2_submit_request(client_, nullptr, fields.data(),
                                                         fields.size(), nullptr, nullptr)
                                : nghttp2_submit_headers(client_, NGHTTP2_FLAG_NONE, -1, nullptr,
                                                         fields.data(), fields.size(), nullptr);
    must(id > 0, "libnghttp2 refused a request");
    return id;
  }

  void exchange_all() {
    while (deliver(client_, server_) || deliver(server_, client_)) {
    }
  }

  // The same where the server sends nothing but the frames of `image`, which the client is given.
  void exchange_image(const std::vector<std::uint8_t>& image) {
    const std::uint8_t* data = nullptr;
    std::size_t sent = 0;
    for (;;) {
      const ssize_t n = nghttp2_session_mem_send(server_, &data);
      must(n >= 0, "libnghttp2 does not send");
      sent += static_cast<std::size_t>(n);
      if (n > 0 && sent < 65'536) continue;
      if (sent == 0) return;
      receive(client_, image.data(), sent);
      sent = 0;
      (void)deliver(client_, server_);
    }
  }

 private:
  struct Body {
    std::size_t left = 0;
  };

  bool deliver(nghttp2_session* from, nghttp2_session* to) {
    bool moved = false;
    const std::uint8_t* data = nullptr;
    for (;;) {
      const ssize_t n = nghttp2_session_mem_send(from, &data);
      must(n >= 0, "libnghttp2 does not send");
      if (n > 0) moved = true;
      if (delivery_ == Delivery::kPieces) {
        if (n == 0) return moved;
        receive(to, data, static_cast<std::size_t>(n));
        continue;
      }
      wire_.insert(wire_.end(), data, data + n);
      if (n == 0 || wire_.size() >= 65'536) {
        receive(to, wire_.data(), wire_.size());
        wire_.clear();
        if (n == 0) return moved;
      }
    }
  }

  static void receive(nghttp2_session* to, const std::uint8_t* data, std::size_t size) {
    if (size == 0) return;
    must(nghttp2_session_mem_recv(to, data, size) == static_cast<ssize_t>(size),
         "libnghttp2 does not receive");
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto* body = static_cast<Body*>(source->ptr);
    const std::size_t n = std::min(size, body->left);
    std::memcpy(buffer, body_bytes().data(), n);
    body->left -= n;
    if (body->left == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                       std::size_t name, const std::uint8_t*, std::size_t value, std::uint8_t,
                       void* user) {
    static_cast<Pair*>(user)->sum_ += name + value;
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t*,
                     std::size_t size, void* user) {
    static_cast<Pair*>(user)->sum_ += size;
    return 0;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto* pair = static_cast<Pair*>(user);
    const bool headers = frame->hd.type == NGHTTP2_HEADERS;
    if (headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      ++pair->requests_;
      if (pair->respond_) pair->answer(session, frame->hd.stream_id);
    } else if ((headers || frame->hd.type == NGHTTP2_DATA) &&
               (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      ++pair->finished_;
    }
    return 0;
  }

  void answer(nghttp2_session* session, std::int32_t id) {
    Body& body = bodies_[static_cast<std::size_t>(id / 2) % bodies_.size()];
    body.left = body_;
    nghttp2_data_provider provider{};
    provider.source.ptr = &body;
    provider.read_callback = &read_body;
    must(nghttp2_submit_response(session, id, response_view_.data(), response_view_.size(),
                                 body_ > 0 ? &provider : nullptr) == 0,
         "libnghttp2 refused a response");
  }

  Delivery delivery_;
  nghttp2_session* client_ = nullptr;
  nghttp2_session* server_ = nullptr;
  Fields response_;
  View response_view_;
  std::vector<Body> bodies_;  // of the streams that are open, by number
  std::size_t body_;
  std::vector<std::uint8_t> wire_;
  bool respond_ = true;
  std::uint64_t sum_ = 0;
  int finished_ = 0;
  int requests_ = 0;
};

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
    must(pair_.finished() - finished == kRequests, "requests of libnghttp2 were lost");
    return pair_.sum() - before;
  }

  static constexpr int kRequests = 100;

 private:
  Exchange exchange_;
  Pair pair_;
  std::vector<View> views_;
  std::size_t next_ = 0;
};

// DATA frames of a Flow: the source has bytes at hand until the batch is full.
class Frames {
 public:
  explicit Frames(const Flow& flow)
      : flow_(flow),
        pair_({.window = 1 << 20, .delivery = flow.delivery.value_or(Delivery::kPieces)}, 0) {
    pair_.respond(false);
    id_ = pair_.request(view(request_fields({}, 0)));
    pair_.exchange_all();
    const Fields response = {{":status", "200"}};
    const View fields = view(response);
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = &read;
    nghttp2_submit_response(pair_.server(), id_, fields.data(), fields.size(), &provider);
    pair_.exchange_all();
    image_ = frame_image(flow, static_cast<std::uint32_t>(id_));
  }
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  std::uint64_t batch() {
    const std::uint64_t before = pair_.sum();
    left_ = flow_.frames;
    nghttp2_session_resume_data(pair_.server(), id_);
    if (flow_.delivery) {
      pair_.exchange_all();
    } else {
      pair_.exchange_image(image_);
    }
    must(left_ == 0, "frames of libnghttp2 were not sent");
    return pair_.sum() - before;
  }

 private:
  static ssize_t read(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                      std::uint32_t*, nghttp2_data_source* source, void*) {
    auto* frames = static_cast<Frames*>(source->ptr);
    if (frames->left_ == 0) return NGHTTP2_ERR_DEFERRED;
    must(size >= frames->flow_.frame, "a window of libnghttp2 is too small");
    --frames->left_;
    std::memcpy(buffer, body_bytes().data(), frames->flow_.frame);
    return static_cast<ssize_t>(frames->flow_.frame);
  }

  Flow flow_;
  Pair pair_;
  std::int32_t id_ = 0;
  int left_ = 0;
  std::vector<std::uint8_t> image_;
};

class Theirs final : public Library {
 public:
  Work decode(const Stories& from) override { return their_side::decode(from); }
  Work encode(const Stories& from) override { return their_side::encode(from); }
  double wire_per_plain(const Stories& from) override { return their_side::wire_per_plain(from); }
  Work encode_literals(const Story& from) override { return their_side::encode_literals(from); }
  Work decode_literals(const Story& from) override { return their_side::decode_literals(from); }

  Work requests(const Exchange& exchange) override {
    auto requests = std::make_shared<Requests>(exchange, Setup{.delivery = exchange.delivery});
    return {[requests] { return requests->batch(); }, Requests::kRequests};
  }

  Work data_frames(const Flow& flow) override {
    auto frames = std::make_shared<Frames>(flow);
    return {[frames] { return frames->batch(); }, static_cast<std::uint64_t>(flow.frames)};
  }

  double allocations_per_request(const Exchange& exchange) override {
    CountingAllocator memory;
    Requests requests(exchange, {.mem = memory.mem()});
    for (int i = 0; i < 20; ++i) (void)requests.batch();
    const std::uint64_t before = memory.allocations;
    for (int i = 0; i < 10; ++i) (void)requests.batch();
    return static_cast<double>(memory.allocations - before) / (10 * Requests::kRequests);
  }

  double idle_connection_bytes() override {
    CountingAllocator memory;
    Pair pair({.mem = memory.mem()}, 100);
    (void)pair.request(view(request_fields({}, 0)));
    pair.exchange_all();
    must(pair.finished() == 1, "a request of libnghttp2 was lost");
    return static_cast<double>(memory.in_use) / 2;
  }

  double idle_stream_bytes(int streams) override {
    CountingAllocator memory;
    Pair pair({.mem = memory.mem(), .max_concurrent_streams = static_cast<std::uint32_t>(streams)},
              100);
    (void)pair.request(view(request_fields({}, 0)));
    pair.exchange_all();
    pair.respond(false);
    const std::size_t before = memory.in_use;
    for (int i = 0; i < streams; ++i) {
      (void)pair.request(view(request_fields({}, 0)), false);
      pair.exchange_all();
    }
    must(pair.requests() == streams + 1, "streams of libnghttp2 are not open");
    return static_cast<double>(memory.in_use - before) / streams / 2;
  }
};

}  // namespace

std::unique_ptr<Library> theirs() { return std::make_unique<Theirs>(); }

std::string their_name() { return std::string("libnghttp2 ") + nghttp2_version(0)->version_str; }

}  // namespace h2::bench
