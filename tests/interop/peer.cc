#include "tests/interop/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace h2::inline v0::testing {
namespace {

using Clock = std::chrono::steady_clock;

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int millis_until(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

// In the child: never returns.
[[noreturn]] void exec_child(const Argv& argv, const std::string& directory) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // does not outlive the test, however that ends
  signal(SIGPIPE, SIG_DFL);
  if (!directory.empty() && chdir(directory.c_str()) != 0) _exit(127);
  std::vector<char*> args;
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  execvp(find_program(argv[0]).value_or(argv[0]).c_str(), args.data());
  _exit(127);
}

void move_fd(int from, int to) {
  if (from != to) dup2(from, to);
}

bool accepts_connections(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return ok;
}

// The parent's ends of a child's three pipes, pumped together so that neither side can block the
// other.
class Pipes {
 public:
  Pipes(int in, int out, int err, const RunOptions& options, Finished& result)
      : options_(options), result_(result), fds_{{{in, 0, 0}, {out, 0, 0}, {err, 0, 0}}} {
    for (pollfd& p : fds_) fcntl(p.fd, F_SETFL, O_NONBLOCK);
  }
  ~Pipes() {
    for (pollfd& p : fds_) shut(p);
  }

  // False if time ran out before both outputs ended.
  bool pump(Clock::time_point deadline) {
    while (fds_[1].fd >= 0 || fds_[2].fd >= 0) {
      if (fds_[0].fd >= 0 && written_ == options_.input.size()) shut(fds_[0]);
      fds_[0].events = POLLOUT;
      fds_[1].events = fds_[2].events = POLLIN;
      const int n = poll(fds_.data(), fds_.size(), millis_until(deadline));
      if (n == 0) return false;
      if (n < 0) continue;
      if (fds_[0].fd >= 0 && fds_[0].revents != 0) feed();
      if (fds_[1].fd >= 0 && fds_[1].revents != 0) take(fds_[1], result_.out);
      if (fds_[2].fd >= 0 && fds_[2].revents != 0) take(fds_[2], result_.err);
      if (options_.on_output && (fds_[1].revents | fds_[2].revents) != 0)
        options_.on_output(result_.out, result_.err);
      if (fds_[1].fd >= 0 && result_.out.size() >= options_.close_output_after) shut(fds_[1]);
    }
    return true;
  }

 private:
  static void shut(pollfd& p) {
    if (p.fd >= 0) close(p.fd);
    p.fd = -1;
  }
  void feed() {
    const ssize_t n =
        ::write(fds_[0].fd, options_.input.data() + written_, options_.input.size() - written_);
    if (n > 0) written_ += static_cast<std::size_t>(n);
    if (n < 0 && errno != EAGAIN && errno != EINTR) shut(fds_[0]);  // it reads no more
  }
  static void take(pollfd& p, std::string& into) {
    std::array<char, 65'536> buffer;
    const ssize_t n = ::read(p.fd, buffer.data(), buffer.size());
    if (n > 0) into.append(buffer.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) shut(p);
  }

  const RunOptions& options_;
  Finished& result_;
  std::array<pollfd, 3> fds_;
  std::size_t written_ = 0;
};

// Waits for the end of a child until the deadline; then kills it. Its exit code.
int wait_child(pid_t pid, Clock::time_point deadline, bool* killed) {
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (Clock::now() >= deadline) {
      if (killed != nullptr) *killed = true;
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      break;
    }
    poll(nullptr, 0, 5);
  }
  return exit_code_of(status);
}

}  // namespace

std::optional<std::string> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    return access(std::string(name).c_str(), X_OK) == 0 ? std::optional<std::string>(name)
                                                        : std::nullopt;
  }
  const char* path = std::getenv("PATH");
  std::stringstream dirs(std::string(path == nullptr ? "" : path) +
                         ":/usr/sbin:/usr/bin:/usr/local/bin");
  for (std::string dir; std::getline(dirs, dir, ':');) {
    std::string candidate = dir + "/" + std::string(name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

bool in_ci() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

ScratchDir::ScratchDir(const char* base) {
  if (base == nullptr) base = std::getenv("TEST_TMPDIR");
  // The path of a Unix socket has 107 bytes at most; a test runner's own directory may be too deep
  // for one.
  constexpr std::size_t kDeep = 80;
  const bool shallow = base != nullptr && std::strlen(base) < kDeep;
  path_ = std::string(shallow ? base : "/tmp") + "/h2-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr)
    ADD_FAILURE() << "no scratch directory: " << std::strerror(errno);
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDir::write(std::string_view name, std::string_view contents) const {
  const std::string path = file(name);
  std::ofstream out(path, std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  out.close();
  EXPECT_TRUE(out) << "cannot write " << path;
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << "cannot read " << path;
  std::stringstream contents;
  contents << in.rdbuf();
  return std::move(contents).str();
}

std::string make_bytes(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 0x2545f4914f6cdd1dU;
  for (char& c : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    c = static_cast<char>(state >> 32U);
  }
  return bytes;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), digest.data());
  std::string hex;
  for (const std::uint8_t b : digest) {
    hex += "0123456789abcdef"[b >> 4U];
    hex += "0123456789abcdef"[b & 15U];
  }
  return hex;
}

std::uint16_t find_free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool ok = fd >= 0 &&
                  bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  EXPECT_TRUE(ok) << "no free port: " << std::strerror(errno);
  if (fd >= 0) close(fd);
  return ok ? ntohs(address.sin_port) : std::uint16_t{0};
}

Finished run(const Argv& argv, const RunOptions& options) {
  Finished result;
  std::array<std::array<int, 2>, 3> pipes{};
  for (auto& p : pipes) {
    if (pipe2(p.data(), O_CLOEXEC) != 0) {
      ADD_FAILURE() << "no pipe: " << std::strerror(errno);
      return result;
    }
  }
  signal(SIGPIPE, SIG_IGN);  // a program that does not read its input is an answer and not our end
  const auto deadline = Clock::now() + options.timeout;
  const pid_t pid = fork();
  if (pid == 0) {
    move_fd(pipes[0][0], STDIN_FILENO);
    move_fd(pipes[1][1], STDOUT_FILENO);
    move_fd(pipes[2][1], STDERR_FILENO);
    exec_child(argv, options.directory);
  }
  for (const int fd : {pipes[0][0], pipes[1][1], pipes[2][1]}) close(fd);
  {
    Pipes ends(pipes[0][1], pipes[1][0], pipes[2][0], options, result);
    if (!ends.pump(deadline)) result.timed_out = true;
  }
  if (pid < 0) {
    ADD_FAILURE() << "no process: " << std::strerror(errno);
    return result;
  }
  bool killed = false;
  result.exit_code = wait_child(pid, result.timed_out ? Clock::now() : deadline, &killed);
  result.timed_out |= killed;
  return result;
}

bool Peer::start(const Argv& argv, const std::string& log_path) {
  stop();
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // processes of a server that ended become ours; see stop()
  log_path_ = log_path;
  const int log_fd = open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t child = log_fd >= 0 ? fork() : -1;
  if (child == 0) {
    setpgid(0, 0);  // so that all it starts can be ended with it
    move_fd(null_fd, STDIN_FILENO);
    move_fd(log_fd, STDOUT_FILENO);
    move_fd(log_fd, STDERR_FILENO);
    exec_child(argv, {});
  }
  EXPECT_GT(child, 0) << "cannot start " << argv[0] << ": " << std::strerror(errno);
  close(log_fd);
  close(null_fd);
  pid_ = child;
  return child > 0;
}

std::uint16_t Peer::start_on_free_port(const std::function<Argv(std::uint16_t port)>& command,
                                       const std::string& log_path) {
  for (int attempt = 0; attempt < 5; ++attempt) {
    const std::uint16_t port = find_free_port();
    if (!start(command(port), log_path)) return 0;
    if (wait_ready(port)) return port;
    if (running()) break;
  }
  ADD_FAILURE() << "the peer does not come up; it wrote:\n" << log();
  return 0;
}

bool Peer::wait_ready(std::uint16_t port, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (Clock::now() < deadline) {
    // Asked in this order: another program may have the port that ours could not get.
    const bool accepted = accepts_connections(port);
    if (!running()) return false;
    if (accepted) return true;
    poll(nullptr, 0, 10);
  }
  return false;
}

bool Peer::wait_log(std::string_view text, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (Clock::now() < deadline) {
    const bool alive = running();
    if (log().find(text) != std::string::npos) return true;
    if (!alive) return false;
    poll(nullptr, 0, 10);
  }
  return false;
}

int Peer::stop(bool politely) {
  if (pid_ < 0) return exit_code_;
  const pid_t group = pid_;
  kill(pid_, politely ? SIGTERM : SIGKILL);
  exit_code_ = wait_child(pid_, Clock::now() + std::chrono::seconds(5), nullptr);
  pid_ = -1;
  // What is left of it, if anything is, has become our child; it is gone when we return.
  kill(-group, SIGKILL);
  while (waitpid(-group, nullptr, 0) > 0) {
  }
  return exit_code_;
}

void Peer::signal(int number) {
  if (running()) kill(pid_, number);
}

bool Peer::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_code_ = exit_code_of(status);
  pid_ = -1;
  return false;
}

std::string Peer::log() const {
  std::ifstream in(log_path_, std::ios::binary);
  std::stringstream contents;
  contents << in.rdbuf();
  return std::move(contents).str();
}

}  // namespace h2::inline v0::testing
