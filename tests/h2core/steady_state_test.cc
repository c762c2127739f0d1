// No allocation in the steady state: a million requests between two connections in memory, once the
// first thousands have made everything as large as it gets. Counted in each connection's memory
// resource, and in the whole process, so that nothing goes around the resource.
//
// Under a sanitizer a tenth of the requests are made. Faster than unoptimised:
//
//   bazel test --config=opt //tests/h2core:steady_state_test
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "h2core/connection.h"
#include "tests/support/counting_memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define H2_TEST_HAS_SANITIZER
#endif
#endif

namespace {

// All uses of the heap by operator new in this process.
std::uint64_t g_news = 0;

void* counted(std::size_t size) {
  ++g_news;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void* counted(std::size_t size, std::align_val_t alignment) {
  ++g_news;
  const auto to = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(to, (size + to - 1) / to * to)) return memory;
  std::abort();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new(std::size_t size, std::align_val_t to) { return counted(size, to); }
void* operator new[](std::size_t size, std::align_val_t to) { return counted(size, to); }
void* operator new(std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept {
  return counted(size, to);
}
void* operator new[](std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept {
  return counted(size, to);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace h2::tests {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(H2_TEST_HAS_SANITIZER)
constexpr std::uint32_t kRequests = 100'000;
#else
constexpr std::uint32_t kRequests = 1'000'000;
#endif
// Until the closed streams that are remembered, and every buffer, have come to their size.
constexpr std::uint32_t kWarmUp = 10'000;
constexpr std::uint32_t kAtOnce = 50;

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;

// Bytes that the C library's allocator has given out; 0 where that cannot be asked.
std::size_t heap_in_use() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  return mallinfo2().uordblks;
#else
  return 0;
#endif
}

// The work of a client and a server, by the number of each request (its identifier): most have a
// body, some trailers, some are reset by either side. No memory of its own once it stands.
class Exchange {
 public:
  Exchange()
      : client_(Role::kClient, config_of(Role::kClient, client_memory), now_),
        server_(Role::kServer, config_of(Role::kServer, server_memory), now_),
        wire_(1 << 20) {
    std::memset(body_, 'b', sizeof body_);
  }

  // Makes `count` requests, kAtOnce of them at the same time.
  void run(std::uint32_t count) {
    while (count > 0) {
      const std::uint32_t batch = std::min(count, kAtOnce);
      for (std::uint32_t i = 0; i < batch; ++i) request();
      while (carry(client_, server_) || carry(server_, client_)) {
      }
      count -= batch;
      // Time goes on, so that resets are paid for.
      now_ = now_ + milliseconds(50);
    }
  }

  CountingMemory client_memory;
  CountingMemory server_memory;
  std::uint64_t finished = 0;  // responses that came whole
  std::uint64_t reset = 0;     // requests that the client or the server gave up
  std::uint64_t trailers = 0;
  std::uint64_t released = 0;  // bodies
  std::uint64_t refused = 0;   // calls that should have succeeded
  bool failed() const { return client_.error() || server_.error(); }
  bool idle() const {
    const StreamCounts c = client_.stream_counts();
    const StreamCounts s = server_.stream_counts();
    return c.active_local == 0 && c.queued == 0 && s.active_remote == 0;
  }

 private:
  static Config config_of(Role role, MemoryResource& memory) {
    Config config = role == Role::kClient ? Config::client() : Config::server();
    config.memory = &memory;
    return config;
  }

  template <class R>
  void expect(const R& result) {
    if (!result) ++refused;
  }

  void request() {
    const auto id = client_.get_next_available_stream_id();
    if (!id) {
      ++refused;
      return;
    }
    const std::uint32_t number = id->value / 2;
    // The path changes with each request, and a field now and then, so that the tables move.
    char path[16] = "/item/00000000";
    put_number(path + 6, number);
    char mark[16] = "mark-00000000";
    put_number(mark + 5, number / 10);
    const HeaderField fields[] = {{":method", number % 3 == 0 ? "GET" : "POST"},
                                  {":scheme", "https"},
                                  {":path", {path, 14}},
                                  {":authority", "example.org"},
                                  {"x-mark", {mark, 13}},
                                  {"authorization", "Bearer secret"},
                                  {"user-agent", "steady"}};
    const bool has_body = number % 3 != 0;
    expect(client_.send_headers(*id, fields, has_body ? kNo : kYes));
    if (number % 97 == 5) {
      expect(client_.reset_stream(*id));
      ++reset;
      return;
    }
    if (!has_body) return;
    const bool ends = number % 5 != 0;
    // Small ones are copied, large ones referred to.
    const std::size_t size = number % 3 == 1 ? 100 : 2'000;
    expect(client_.send_data(*id, {body_, size}, ends ? kYes : kNo, number));
    if (ends) return;
    const HeaderField last[] = {{"x-sum", "0123456789"}};
    expect(client_.send_headers(*id, last, kYes));
  }

  void respond(StreamId id) {
    const std::uint32_t number = id.value / 2;
    if (number % 89 == 7) {
      expect(server_.reset_stream(id, ErrorCode::kInternalError));
      server_.release_stream(id);
      return;
    }
    const HeaderField fields[] = {{":status", "200"}, {"content-type", "text/plain"}};
    if (const auto sent = server_.send_headers(id, fields, kNo); !sent) {
      // The client's reset may have come in the same input.
      if (sent.error().cause != Errc::kStreamClosedLocally) ++refused;
      return;
    }
    const bool ends = number % 7 != 0;
    if (number % 2 == 0) {
      expect(server_.send_data(id, {body_, 1'500}, ends ? kYes : kNo, number));
    } else {
      expect(server_.send_data_copy(id, {body_, 300}, ends ? kYes : kNo));
    }
    if (ends) return;
    const HeaderField last[] = {{"x-sum", "9876543210"}};
    expect(server_.send_headers(id, last, kYes));
  }

  bool carry(Connection& from, Connection& to) {
    std::size_t n = 0;
    for (const Bytes piece : from.data_to_send()) {
      if (n + piece.size() > wire_.size()) break;
      std::memcpy(wire_.data() + n, piece.data(), piece.size());
      n += piece.size();
    }
    if (n == 0) return false;
    from.mark_sent(n);
    handle(from, from.poll_events());
    std::size_t taken = 0;
    while (taken < n) {
      const Received received = to.receive_data({wire_.data() + taken, n - taken}, now_);
      handle(to, received.events);
      taken += received.consumed;
      if (!to.want_read()) carry(to, from);
    }
    return true;
  }

  void handle(Connection& at, std::span<const Event> events) {
    for (const Event& event : events) {
      if (const auto* e = std::get_if<RequestReceived>(&event)) respond(e->stream_id);
      if (const auto* e = std::get_if<DataReceived>(&event)) {
        expect(
            at.acknowledge_received_data(static_cast<std::uint32_t>(e->data.size()), e->stream_id));
        if (&at == &client_ && e->end_stream == kYes) ++finished;
      }
      if (const auto* e = std::get_if<TrailersReceived>(&event)) {
        (void)e;
        ++trailers;
        if (&at == &client_) ++finished;
      }
      if (const auto* e = std::get_if<StreamReset>(&event)) {
        if (&at == &client_) ++reset;
        if (&at == &server_) server_.release_stream(e->stream_id);
      }
      if (std::holds_alternative<BodyReleased>(event)) ++released;
    }
  }

  static void put_number(char* to, std::uint32_t number) {
    for (int i = 7; i >= 0; --i, number /= 10) to[i] = static_cast<char>('0' + number % 10);
  }

  Time now_;
  Connection client_;
  Connection server_;
  std::vector<std::uint8_t> wire_;
  std::uint8_t body_[2'000];
};

TEST(SteadyState, AMillionRequestsAllocateNothing) {
  Exchange exchange;
  exchange.run(kWarmUp);
  ASSERT_FALSE(exchange.failed());
  const std::uint64_t finished_before = exchange.finished;
  const std::uint64_t reset_before = exchange.reset;
  const std::uint64_t client_allocations = exchange.client_memory.allocations;
  const std::uint64_t server_allocations = exchange.server_memory.allocations;
  const std::size_t client_bytes = exchange.client_memory.in_use;
  const std::size_t server_bytes = exchange.server_memory.in_use;
  const std::size_t client_peak = exchange.client_memory.peak;
  const std::size_t server_peak = exchange.server_memory.peak;
  const std::uint64_t news = g_news;
  const std::size_t heap = heap_in_use();

  exchange.run(kRequests);

  const std::uint64_t news_after = g_news;
  const std::size_t heap_after = heap_in_use();
  EXPECT_EQ(exchange.client_memory.allocations - client_allocations, 0U);
  EXPECT_EQ(exchange.server_memory.allocations - server_allocations, 0U);
  EXPECT_EQ(exchange.client_memory.in_use, client_bytes);
  EXPECT_EQ(exchange.server_memory.in_use, server_bytes);
  EXPECT_EQ(exchange.client_memory.peak, client_peak);
  EXPECT_EQ(exchange.server_memory.peak, server_peak);
  EXPECT_EQ(news_after - news, 0U) << "around the memory resource";
  EXPECT_EQ(heap_after, heap) << "around the memory resource and operator new";

  // And it was work.
  EXPECT_FALSE(exchange.failed());
  EXPECT_TRUE(exchange.idle());
  EXPECT_EQ(exchange.refused, 0U);
  EXPECT_EQ(exchange.finished - finished_before + exchange.reset - reset_before, kRequests);
  EXPECT_GT(exchange.finished - finished_before, kRequests / 10 * 9);
  EXPECT_GT(exchange.reset - reset_before, kRequests / 100);
  EXPECT_GT(exchange.trailers, kRequests / 10);
  EXPECT_GT(exchange.released, kRequests / 2);
}

// The counters of this file see what they are to see.
TEST(SteadyState, CountersSeeAnAllocationByEitherWay) {
  CountingMemory memory;
  const std::uint64_t news = g_news;
  Config config;
  config.memory = &memory;
  {
    const Connection conn(Role::kServer, config, Time{});
    EXPECT_GT(memory.allocations, 0U);
    EXPECT_GT(memory.in_use, 0U);
  }
  EXPECT_EQ(memory.in_use, 0U);
  const std::uint64_t counted_so_far = g_news;
  EXPECT_GT(counted_so_far, news) << "the resource's own bookkeeping";
  { const Connection conn(Role::kServer, Config::server(), Time{}); }
  EXPECT_GT(g_news, counted_so_far) << "the default resource";
}

}  // namespace
}  // namespace h2::tests
