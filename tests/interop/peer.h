// Other people's HTTP/2 programs as peers of a test: starting servers on free ports, waiting until
// they accept connections, running clients to their end, and stopping all of them by process
// identifier. Tested by tests/interop/peer_test.cc.
#ifndef H2_TESTS_INTEROP_PEER_H_
#define H2_TESTS_INTEROP_PEER_H_

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace h2::inline v0::testing {

// A program's arguments, its name or path first.
using Argv = std::vector<std::string>;

// The path of a program of this machine, found through PATH and the sbin directories; none if it is
// not there.
std::optional<std::string> find_program(std::string_view name);

// Whether the environment says CI=true.
bool in_ci();

// A new directory below $TEST_TMPDIR (or /tmp), or below `base`, removed with all it contains at
// the end of its life.
class ScratchDir {
 public:
  explicit ScratchDir(const char* base = nullptr);
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  // The path of `name` in the directory.
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Writes a file and returns its path; a failed write is a failed expectation.
  std::string write(std::string_view name, std::string_view contents) const;

 private:
  std::string path_;
};

// The whole file; empty, with a failed expectation, if it cannot be read.
std::string read_file(const std::string& path);

// `size` bytes that look random and are the same for the same seed.
std::string make_bytes(std::size_t size, std::uint64_t seed);

// SHA-256 in lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);

// A TCP port on which nobody listened at 127.0.0.1 a moment ago.
std::uint16_t find_free_port();

// How a program ended, and what it wrote.
struct Finished {
  int exit_code = -1;      // 128 + signal number if a signal ended it
  bool timed_out = false;  // it ran longer than allowed and was killed
  std::string out;         // standard output
  std::string err;         // standard error
};

struct RunOptions {
  std::string input{};                        // standard input
  std::chrono::milliseconds timeout{60'000};  // killed afterwards
  std::size_t close_output_after =
      SIZE_MAX;             // close our end of its standard output after so many bytes
  std::string directory{};  // where it runs; empty: here
  // Called whenever it has written something, with all it has written to its two outputs so far.
  std::function<void(const std::string& out, const std::string& err)> on_output{};
};

// Runs a program to its end.
Finished run(const Argv& argv, const RunOptions& options = {});

// A server program, stopped at the end of the object's life.
class Peer {
 public:
  Peer() = default;
  ~Peer() { stop(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Starts the program; both its outputs go to `log_path`. False, with a failed expectation, if
  // that cannot be done.
  bool start(const Argv& argv, const std::string& log_path);

  // Starts the program that `command` names for a free port and waits until it accepts connections
  // there. When it ends early (the port was taken meanwhile), tries again with another port, five
  // times at most. The port, or 0 with a failed expectation that shows the log.
  std::uint16_t start_on_free_port(const std::function<Argv(std::uint16_t port)>& command,
                                   const std::string& log_path);

  // Waits until somebody accepts connections at 127.0.0.1. False if the program ended before, or
  // too late.
  bool wait_ready(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(20));

  // Waits until the log contains `text`. False if the program ended before, or too late.
  bool wait_log(std::string_view text,
                std::chrono::milliseconds timeout = std::chrono::seconds(20));

  // Ends it and what it started: first politely (or not), after five seconds by force. Its exit
  // code, 128 + signal number if a signal ended it, -1 if it did not run.
  int stop(bool politely = true);

  // Sends a signal to it, if it runs.
  void signal(int number);

  // What it has written so far.
  std::string log() const;
  bool running();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int exit_code_ = -1;
  std::string log_path_;
};

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_INTEROP_PEER_H_
