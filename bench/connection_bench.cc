// Requests through two connections in memory, ours against ours and libnghttp2 against itself: 100
// streams at a time, each a small request and a response of 100 bytes; both sides' work is counted.
//
//   bazel run --config=opt //bench:connection_bench
#include <benchmark/benchmark.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "h2core/connection.h"

namespace h2 {
namespace {

constexpr int kStreams = 100;
const std::string kBody(100, 'b');

const std::vector<std::pair<std::string, std::string>> kRequest = {
    {":method", "GET"},
    {":scheme", "https"},
    {":authority", "example.com"},
    {":path", "/index.html"},
    {"user-agent", "bench"},
    {"accept", "text/html,*/*"},
    {"accept-encoding", "gzip"},
    {"cookie", "session=0123456789abcdef"}};
const std::vector<std::pair<std::string, std::string>> kResponse = {{":status", "200"},
                                                                    {"server", "bench"},
                                                                    {"content-type", "text/html"},
                                                                    {"content-length", "100"},
                                                                    {"cache-control", "max-age=60"},
                                                                    {"vary", "accept-encoding"}};

// ---- ours
// ------------------------------------------------------------------------------------------------

template <class Handle>
void deliver(Connection& from, Connection& to, Handle handle) {
  for (;;) {
    std::size_t sent = 0;
    for (const Bytes piece : from.data_to_send()) {
      Bytes rest = piece;
      sent += rest.size();
      while (!rest.empty()) {
        const Received received = to.receive_data(rest, Time{});
        for (const Event& event : received.events) handle(event);
        rest = rest.subspan(received.consumed);
      }
    }
    if (sent == 0) return;
    from.mark_sent(sent);
    (void)from.poll_events();
  }
}

void BM_SmallRequestsOurs(benchmark::State& state) {
  Config config = Config::server();
  config.connection_window_size = 1 << 24;
  Connection client(Role::kClient, config, Time{});
  Connection server(Role::kServer, config, Time{});
  std::vector<HeaderField> request;
  for (const auto& [name, value] : kRequest) request.push_back({name, value});
  std::vector<HeaderField> response;
  for (const auto& [name, value] : kResponse) response.push_back({name, value});
  int finished = 0;
  const auto on_server = [&](const Event& event) {
    if (const auto* r = std::get_if<RequestReceived>(&event)) {
      (void)server.send_headers(r->stream_id, response, EndStream::kNo);
      (void)server.send_data_copy(r->stream_id, as_bytes(kBody), EndStream::kYes);
    }
  };
  const auto on_client = [&](const Event& event) {
    if (const auto* d = std::get_if<DataReceived>(&event)) {
      (void)client.acknowledge_received_data(static_cast<std::uint32_t>(d->data.size()),
                                             d->stream_id);
      finished += d->end_stream == EndStream::kYes ? 1 : 0;
    }
  };
  for (auto _ : state) {
    finished = 0;
    for (int i = 0; i < kStreams; ++i) {
      (void)client.send_headers(*client.get_next_available_stream_id(), request, EndStream::kYes);
    }
    for (int turn = 0; finished < kStreams && turn < 10; ++turn) {
      deliver(client, server, on_server);
      deliver(server, client, on_client);
    }
    if (finished != kStreams) state.SkipWithError("requests were lost");
  }
  state.SetItemsProcessed(state.iterations() * kStreams);
}
BENCHMARK(BM_SmallRequestsOurs);

// ---- libnghttp2
// --------------------------------------------------------------------------------------------

std::vector<nghttp2_nv> to_nv(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields) {
    list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                    reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
                    value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return list;
}

struct Peer {
  nghttp2_session* session = nullptr;
  int finished = 0;
  std::vector<nghttp2_nv> response = to_nv(kResponse);
};

ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t,
                  std::uint32_t* flags, nghttp2_data_source*, void*) {
  std::memcpy(buffer, kBody.data(), kBody.size());
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(kBody.size());
}

int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t,
              const std::uint8_t*, std::size_t, std::uint8_t, void*) {
  benchmark::DoNotOptimize(name);
  return 0;
}

int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  auto* peer = static_cast<Peer*>(user);
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    nghttp2_data_provider provider{};
    provider.read_callback = &read_body;
    nghttp2_submit_response(session, frame->hd.stream_id, peer->response.data(),
                            peer->response.size(), &provider);
  }
  if (frame->hd.type == NGHTTP2_DATA && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
    ++peer->finished;
  return 0;
}

void nghttp2_deliver(nghttp2_session* from, nghttp2_session* to) {
  const std::uint8_t* data = nullptr;
  for (;;) {
    const ssize_t n = nghttp2_session_mem_send(from, &data);
    if (n <= 0) return;
    if (nghttp2_session_mem_recv(to, data, static_cast<std::size_t>(n)) < 0) return;
  }
}

void BM_SmallRequestsNghttp2(benchmark::State& state) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
  Peer client;
  Peer server;
  nghttp2_session_client_new(&client.session, callbacks, &client);
  nghttp2_session_server_new(&server.session, callbacks, &server);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entries[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreams}};
  nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, nullptr, 0);
  nghttp2_submit_settings(server.session, NGHTTP2_FLAG_NONE, entries, 1);
  const auto request = to_nv(kRequest);
  for (auto _ : state) {
    client.finished = 0;
    for (int i = 0; i < kStreams; ++i) {
      nghttp2_submit_request(client.session, nullptr, request.data(), request.size(), nullptr,
                             nullptr);
    }
    for (int turn = 0; client.finished < kStreams && turn < 10; ++turn) {
      nghttp2_deliver(client.session, server.session);
      nghttp2_deliver(server.session, client.session);
    }
    if (client.finished != kStreams) state.SkipWithError("requests were lost");
  }
  state.SetItemsProcessed(state.iterations() * kStreams);
  nghttp2_session_del(client.session);
  nghttp2_session_del(server.session);
}
BENCHMARK(BM_SmallRequestsNghttp2);

}  // namespace
}  // namespace h2

BENCHMARK_MAIN();
