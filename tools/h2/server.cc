// Listening, threads and their epoll loops. See server.h.
#include "tools/h2/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/h2/server_connection.h"
#include "tools/h2/server_shared.h"
#include "transport/certificates.h"
#include "transport/tls.h"

namespace h2::inline v0::tools {

namespace {

enum class Command : int { kRun, kDrain, kCut };

std::string last_error() { return std::system_category().message(errno); }

void signal_event(int fd) {
  const std::uint64_t one = 1;
  (void)!::write(fd, &one, sizeof one);
}

// One thread's epoll loop.
class Loop {
 public:
  // `listener` is shared by all loops and not owned.
  Loop(ServerShared& shared, int listener)
      : shared_(shared), listener_(listener), scratch_(64U << 10U) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || wake_ < 0) throw std::system_error(errno, std::system_category(), "epoll");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &wake_;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
    listen(true);
  }
  ~Loop() {
    connections_.clear();
    if (epoll_ >= 0) ::close(epoll_);
    if (wake_ >= 0) ::close(wake_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void command(Command wanted) {
    int before = command_.load();
    while (before < static_cast<int>(wanted) &&
           !command_.compare_exchange_weak(before, static_cast<int>(wanted))) {
    }
    signal_event(wake_);
  }

  void run() {
    std::array<epoll_event, 128> events{};
    while (!over_) {
      const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
      const Time now = monotonic_now();
      for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == &wake_) {
          std::uint64_t count = 0;
          (void)!::read(wake_, &count, sizeof count);
        } else if (event.data.ptr == &listener_) {
          accept_some(now);
        } else {
          auto* connection = static_cast<ServerConnection*>(event.data.ptr);
          connection->on_ready(event.events, scratch_, now);
          update(*connection);
        }
      }
      run_timers(now);
      obey(now);
    }
  }

 private:
  void listen(bool on) {
    if (on == listening_) return;
    listening_ = on;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.ptr = &listener_;
    ::epoll_ctl(epoll_, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_, &event);
  }

  void accept_some(Time now) {
    for (int i = 0; i < 16; ++i) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
          listen(false);  // no busy loop while descriptors are short
          listen_again_ = now + milliseconds(100);
        }
        return;
      }
      if (connections_.size() >= shared_.options.max_connections) {
        ::close(fd);
        continue;
      }
      auto owned = std::make_unique<ServerConnection>(fd, shared_, now);
      ServerConnection& connection = *owned;
      connections_.emplace(&connection, std::move(owned));
      epoll_event event{};
      event.events = connection.registered_events = EPOLLIN;
      event.data.ptr = &connection;
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
        connections_.erase(&connection);
        continue;
      }
      update(connection);
    }
  }

  // Tells epoll and the timers what the connection waits for; removes it if it is finished.
  void update(ServerConnection& connection) {
    if (connection.finished()) {
      if (!connection.timer.is_never()) timers_.erase({connection.timer.ns, &connection});
      connections_.erase(&connection);
      return;
    }
    const std::uint32_t events = connection.wanted_events();
    if (events != connection.registered_events) {
      epoll_event event{};
      event.events = connection.registered_events = events;
      event.data.ptr = &connection;
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event);
    }
    // A deadline that moved back is noticed when the old one comes: cheaper than moving it with
    // each read.
    const Time at = connection.next_deadline();
    if (at >= connection.timer) return;
    if (!connection.timer.is_never()) timers_.erase({connection.timer.ns, &connection});
    connection.timer = at;
    timers_.insert({at.ns, &connection});
  }

  void run_timers(Time now) {
    if (!listening_ && listen_again_ <= now && !draining_) {
      listen_again_ = Time::never();
      listen(true);
    }
    while (!timers_.empty() && timers_.begin()->first <= now.ns) {
      ServerConnection& connection = *timers_.begin()->second;
      timers_.erase(timers_.begin());
      connection.timer = Time::never();
      if (connection.next_deadline() <= now) connection.on_time(scratch_, now);
      update(connection);
    }
  }

  // Carries out what the server's owner wants.
  void obey(Time now) {
    const auto wanted = static_cast<Command>(command_.load());
    if (wanted == Command::kRun) return;
    if (!draining_) {
      draining_ = true;
      accept_some(now);  // those that wait already are told in HTTP/2 instead of being reset
      listen(false);
      ::shutdown(listener_, SHUT_RD);  // whoever comes now is refused
      drain_ends_ = now + shared_.options.drain_timeout + shared_.options.linger;
      for_all([now](ServerConnection& connection) { connection.begin_drain(now); });
    }
    if (wanted == Command::kCut || drain_ends_ <= now) {
      for_all([now](ServerConnection& connection) { connection.cut(now); });
    }
    over_ = connections_.empty();
  }

  template <class Action>
  void for_all(const Action& action) {
    std::vector<ServerConnection*> all;
    all.reserve(connections_.size());
    for (const auto& entry : connections_) all.push_back(entry.first);
    for (ServerConnection* connection : all) {
      action(*connection);
      update(*connection);
    }
  }

  int wait_ms() const {
    Time at = timers_.empty() ? Time::never() : Time{timers_.begin()->first};
    if (draining_) at = std::min(at, drain_ends_);
    if (!listening_ && !draining_) at = std::min(at, listen_again_);
    if (at.is_never()) return -1;
    const std::int64_t left = (at - monotonic_now()).ns;
    return left <= 0
               ? 0
               : static_cast<int>(std::min<std::int64_t>((left + 999'999) / 1'000'000, 60'000));
  }

  ServerShared& shared_;
  int listener_;
  int epoll_ = -1;
  int wake_ = -1;
  bool listening_ = false;
  Time listen_again_ = Time::never();
  std::vector<std::uint8_t> scratch_;
  std::unordered_map<ServerConnection*, std::unique_ptr<ServerConnection>> connections_;
  std::set<std::pair<std::int64_t, ServerConnection*>> timers_;
  std::atomic<int> command_{0};
  bool draining_ = false;
  bool over_ = false;
  Time drain_ends_ = Time::never();
};

// A listening socket, non-blocking; else a sentence.
Result<int, std::string> open_listener(const ServerOptions& options) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, options.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(options.port);
    length = sizeof *v4;
  } else if (::inet_pton(AF_INET6, options.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options.port);
    length = sizeof *v6;
  } else {
    return unexpected("'" + options.address + "' is not a numeric IPv4 or IPv6 address");
  }
  const std::string where = options.address + " port " + std::to_string(options.port);
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return unexpected("cannot listen on " + where + ": " + last_error());
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(fd, 1024) != 0) {
    const std::string cause = last_error();
    ::close(fd);
    return unexpected("cannot listen on " + where + ": " + cause);
  }
  return fd;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return ntohs(storage.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                   : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

// Reads or makes the certificate; else a sentence, empty on success.
std::string set_up_tls(ServerShared& shared) {
  transport::TlsServerConfig config;
  config.alpn = {"h2"};
  config.cert_file = shared.options.certificate_file;
  config.key_file = shared.options.key_file;
  if (config.cert_file.empty()) {
    auto pair = transport::make_self_signed();
    if (!pair) return pair.error().message();
    config.cert_pem = shared.certificate_pem = std::move(pair->cert_pem);
    config.key_pem = std::move(pair->key_pem);
  } else {
    std::ifstream file(config.cert_file);
    shared.certificate_pem.assign(std::istreambuf_iterator<char>(file), {});
  }
  auto context = transport::TlsContext::server(config);
  if (!context) return context.error().message();
  shared.tls = std::move(*context);
  return {};
}

}  // namespace

Time monotonic_now() {
  return Time{std::chrono::duration_cast<std::chrono::nanoseconds>(
                  std::chrono::steady_clock::now().time_since_epoch())
                  .count()};
}

Config ServerOptions::default_config() {
  Config config = Config::server();
  config.initial_window_size = 256U << 10U;
  config.connection_window_size = 1U << 20U;
  return config;
}

struct Server::State {
  ServerShared shared;
  int listener = -1;
  std::uint16_t port = 0;
  int stopped = -1;
  std::atomic<unsigned> running{0};
  std::vector<std::unique_ptr<Loop>> loops;
  std::vector<std::thread> threads;

  ~State() {
    for (const auto& loop : loops) loop->command(Command::kCut);
    for (std::thread& thread : threads) thread.join();
    loops.clear();
    if (listener >= 0) ::close(listener);
    if (stopped >= 0) ::close(stopped);
  }
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>, std::string> Server::start(const ServerOptions& options) {
  auto state = std::make_unique<State>();
  ServerShared& shared = state->shared;
  shared.options = options;
  if (!options.directory.empty()) {
    auto files = FileRoot::open(options.directory);
    if (!files) return unexpected(files.error());
    shared.files = std::move(*files);
  }
  if (options.tls) {
    if (std::string problem = set_up_tls(shared); !problem.empty())
      return unexpected(std::move(problem));
  }
  auto listener = open_listener(options);
  if (!listener) return unexpected(listener.error());
  state->listener = *listener;
  state->port = bound_port(*listener);
  state->stopped = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const unsigned threads = std::max(1U, options.threads);
  for (unsigned i = 0; i < threads; ++i)
    state->loops.push_back(std::make_unique<Loop>(shared, state->listener));
  state->running = threads;
  for (const auto& loop : state->loops) {
    state->threads.emplace_back([owner = state.get(), one = loop.get()] {
      one->run();
      if (owner->running.fetch_sub(1) == 1) signal_event(owner->stopped);
    });
  }
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->port; }

std::string Server::origin() const {
  const ServerOptions& options = state_->shared.options;
  const bool v6 = options.address.find(':') != std::string::npos;
  return (options.tls ? "https://" : "http://") +
         (v6 ? "[" + options.address + "]" : options.address) + ":" + std::to_string(state_->port);
}

const std::string& Server::certificate_pem() const { return state_->shared.certificate_pem; }

ServerStats Server::stats() const {
  const ServerShared& shared = state_->shared;
  return {shared.connections.load(), shared.requests.load(),      shared.bytes_received.load(),
          shared.bytes_sent.load(),  shared.most_buffered.load(), shared.active.load()};
}

void Server::begin_stop() {
  for (const auto& loop : state_->loops) loop->command(Command::kDrain);
}

bool Server::wait_stopped(Duration most) {
  pollfd poll{state_->stopped, POLLIN, 0};
  const Time end = monotonic_now() + most;
  for (;;) {
    const std::int64_t left = std::max<std::int64_t>(0, (end - monotonic_now()).ns / 1'000'000);
    const int n = ::poll(&poll, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (n > 0) return true;
    if (left == 0) return false;
  }
}

int Server::stopped_fd() const { return state_->stopped; }

void Server::stop() {
  begin_stop();
  (void)wait_stopped(state_->shared.options.drain_timeout + state_->shared.options.linger +
                     seconds(10));
}

void Server::stop_now() {
  for (const auto& loop : state_->loops) loop->command(Command::kCut);
  (void)wait_stopped(seconds(10));
}

}  // namespace h2::inline v0::tools
