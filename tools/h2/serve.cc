// `h2 serve`: its command line, its one line of output, and its signals. The server is server.h.
// Tested by tests/tools/verbs_test.cc.
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "tools/h2/capture_files.h"
#include "tools/h2/serve_numbers.h"
#include "tools/h2/server.h"
#include "tools/h2/trace_file.h"
#include "tools/h2/verbs.h"

namespace h2::inline v0::tools {

namespace {

// Waits for signals: the first lets streams finish, a second one ends the server at once.
int wait_for_the_end(Server& server, int signals) {
  int received = 0;
  for (;;) {
    pollfd polls[] = {{signals, POLLIN, 0}, {server.stopped_fd(), POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0) continue;
    if (polls[1].revents != 0) return kExitOk;
    if (polls[0].revents == 0) continue;
    signalfd_siginfo info{};
    if (::read(signals, &info, sizeof info) != sizeof info) continue;
    if (++received == 1) {
      server.begin_stop();
    } else {
      server.stop_now();
      return 128 + static_cast<int>(info.ssi_signo);
    }
  }
}

}  // namespace

int run_serve(int argc, char** argv) {
  CLI::App app("Serves files and test routes over HTTP/2. '/' lists the routes.", "h2 serve");
  ServerOptions options;
  bool no_tls = false;
  std::uint64_t port = 0;
  std::uint64_t threads = 1;
  std::string linger;
  std::string max_body;
  std::uint32_t max_streams = options.config.max_concurrent_streams;
  app.add_option("--address", options.address, "Numeric address to listen on")
      ->capture_default_str();
  app.add_option("-p,--port", port, "TCP port; 0 is any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  app.add_flag("--no-tls", no_tls, "Cleartext with prior knowledge instead of TLS with ALPN");
  app.add_option("--cert", options.certificate_file,
                 "Certificate chain, PEM; without it a self-signed one is made");
  app.add_option("--key", options.key_file, "Its private key, PEM");
  app.add_option("-d,--directory", options.directory, "Serve the files of this directory, too");
  app.add_option("--threads", threads, "Threads, each with a loop of its own")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_option("--max-concurrent-streams", max_streams,
                 "Requests that one connection may have open at once (RFC 9113 §5.1.2)")
      ->capture_default_str()
      ->check(CLI::Range(1U, 1'000'000U));
  app.add_option("--linger", linger,
                 "Keep the TCP connection open that long after GOAWAY, such as 500ms or 2s");
  app.add_option("--max-body", max_body,
                 "Longest request body in bytes, or with K, M or G (default 64M)");
  std::string record;
  std::string trace;
  app.add_option("--record", record, kRecordHelp)->type_name("FILE");
  app.add_option("--trace", trace, "Write frames, streams' states and events to FILE as JSON texts")
      ->type_name("FILE");
  if (const int status = parse_command_line(app, argc, argv); status >= 0) return status;

  options.tls = !no_tls;
  options.config.max_concurrent_streams = max_streams;
  options.port = static_cast<std::uint16_t>(port);
  options.threads = static_cast<unsigned>(threads);
  if (!linger.empty()) {
    const auto span = parse_span(linger);
    if (!span)
      return usage_error(app, "--linger: '" + linger + "' is not a duration such as 500ms or 2s");
    options.linger = *span;
  }
  if (!max_body.empty()) {
    const auto size = parse_size(max_body);
    if (!size)
      return usage_error(
          app, "--max-body: '" + max_body + "' is not a number of bytes such as 1000 or 64M");
    options.max_body = *size;
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return usage_error(app, "--cert '" + options.certificate_file + "' and --key '" +
                                options.key_file + "' go together");
  }
  if (no_tls && !options.key_file.empty()) {
    return usage_error(app, "--no-tls makes no use of --cert '" + options.certificate_file + "'");
  }

  std::unique_ptr<CaptureFiles> captures;
  if (!record.empty()) {
    auto opened = CaptureFiles::open(record);
    if (!opened) {
      std::cerr << "h2 serve: --record: " << opened.error() << '\n';
      return kExitFailed;
    }
    captures = std::move(*opened);
  }
  std::unique_ptr<TraceFile> traces;
  if (!trace.empty()) {
    auto opened = TraceFile::open(trace, "h2 serve", Role::kServer, false);
    if (!opened) {
      std::cerr << "h2 serve: --trace: " << opened.error() << '\n';
      return kExitFailed;
    }
    traces = std::move(*opened);
  }
  if (captures || traces) {
    options.observe = [&captures, &traces] {
      Observers watched = traces ? traces->watch("") : Observers{};
      if (captures) watched.record = joined(std::move(watched.record), captures->next());
      return ServerObservers{std::move(watched.trace), std::move(watched.record)};
    };
  }

  // Blocked in this thread and so in all that it starts; read from a descriptor.
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);

  auto server = Server::start(options);
  if (!server) {
    std::cerr << "h2 serve: " << server.error() << '\n';
    return kExitFailed;
  }
  std::cout << "listening on " << (*server)->origin() << std::endl;
  return wait_for_the_end(**server, signals);
}

}  // namespace h2::inline v0::tools
