// Other people's servers, each with a small configuration of its own, on free ports of 127.0.0.1.
// What each of them is, and what it cannot do, is data here; how to talk to it is the tests'
// business. The configurations are in tests/interop/servers.
//
//   WebServer server(*find_server("nginx"), {.security = Security::kTls});
//   server.launch();                              // several can be launched before ...
//   ASSERT_TRUE(server.wait_ready());             // ... the first is waited for
//   client.get(server.origin() + "/small");
#ifndef H2_TESTS_INTEROP_SERVERS_H_
#define H2_TESTS_INTEROP_SERVERS_H_

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/interop/peer.h"
#include "tests/tools/certificates.h"

namespace h2::inline v0::testing {

enum class Security : std::uint8_t { kTls, kCleartext };

// "tls" or "cleartext".
std::string_view to_string(Security security);

// What all servers serve, made once per process:
//   /small        10,000 bytes
//   /large        50 MiB
//   /f0 ... /f99  20,000 bytes and as many more as the number says
// and NAME.sha256 for each of them. Readable for everybody, as some servers give up root.
class Site {
 public:
  static constexpr std::size_t kSmallSize = 10'000;
  static constexpr std::size_t kLargeSize = std::size_t{50} << 20U;
  static constexpr std::size_t kFiles = 100;

  static Site& get();

  // The bytes of /small and of /fI.
  static std::string small();
  static std::string file(std::size_t i);
  // SHA-256 of /large.
  const std::string& large_hash() const { return large_hash_; }

  const ScratchDir& dir() const { return dir_; }
  std::string www() const { return dir_.file("www"); }
  const CertificateFiles& certificate() const { return certificate_; }
  // The certificate and its key in one file.
  std::string certificate_and_key() const { return dir_.file("both.pem"); }
  // The port of the HTTP/1.1 server behind the proxies; starts it if need be, without waiting.
  std::uint16_t backend();
  // Waits until it runs.
  bool wait_backend();

 private:
  Site();

  ScratchDir dir_;
  CertificateFiles certificate_;
  std::string large_hash_;
  std::uint16_t backend_port_ = 0;
  Peer backend_;
};

// How a server is to be set up.
struct ServerSetup {
  enum class Variant : std::uint8_t {
    kPlain,
    kOneStream,  // SETTINGS_MAX_CONCURRENT_STREAMS is 1, where that can be set
    kEarly,      // answers before a request's body has come, where that must be set
    kRecycling,  // ends each connection after ten requests, where that can be set
  };
  Security security = Security::kTls;
  Variant variant = Variant::kPlain;
};

// What a configuration or a command line needs to know.
struct ServerPlace {
  const Site& site;
  const ServerSetup& setup;
  const ScratchDir& dir;
  std::uint16_t port;
  std::uint16_t backend;

  bool tls() const { return setup.security == Security::kTls; }
  // The limit of concurrent streams to set.
  std::string streams() const;
  // Fills in tests/interop/servers/NAME and returns the path of what came out.
  std::string configure(const std::string& name) const;
};

// One implementation.
struct ServerKind {
  std::string_view name;      // as in the names of tests: "nginx"
  std::string_view title;     // as people know it: "Apache mod_http2"
  std::vector<Argv> version;  // commands whose output has the version's number
  // The programs to start; the last of them is the one that clients talk to.
  std::vector<Argv> (*commands)(const ServerPlace& place);
  int drain_signal;  // lets what is under way finish; 0: there is none
  bool needs_backend;
  // What the first program writes once it is ready; empty: it is when connections are accepted.
  std::string_view ready_log = {};
};

// All of them.
std::span<const ServerKind> server_kinds();
// The one of that name; null if there is none.
const ServerKind* find_server(std::string_view name);
// The versions of its programs, joined by " + "; empty if one of them is not on this machine. Asked
// once per process.
const std::string& version_of(const ServerKind& kind);
// The first thing like "1.22.1" in what these commands print, each; empty if one of them has none.
std::string ask_versions(const std::vector<Argv>& commands);

// Skips the test when the server is not on this machine; under CI=true the test fails instead.
#define H2_REQUIRE_SERVER(kind)                                             \
  do {                                                                      \
    if (!::h2::testing::version_of(kind).empty()) break;                    \
    if (::h2::testing::in_ci()) FAIL() << "peer missing: " << (kind).title; \
    GTEST_SKIP() << "peer missing: " << (kind).title;                       \
  } while (false)

// One running server.
class WebServer {
 public:
  explicit WebServer(const ServerKind& kind, const ServerSetup& setup = {});
  // Launches and waits at once; a failure is a failed expectation.
  WebServer(std::string_view kind, Security security);

  // Starts the programs on a free port and returns without waiting.
  void launch();
  // Waits until it accepts connections; starts again on another port if it could not have this one.
  // False, with a failed expectation that shows the log, if it does not come up.
  bool wait_ready();
  // Ends it as a crash would, and starts it again on the same port.
  bool restart();
  // Sends the signal that lets what is under way finish.
  void drain();
  void stop(bool politely = true);

  // "https://localhost:PORT" or "http://localhost:PORT".
  std::string origin() const;
  std::uint16_t port() const { return port_; }
  const ServerKind& kind() const { return kind_; }
  const CertificateFiles& certificate() const { return Site::get().certificate(); }
  // The process that clients talk to.
  Peer& peer() { return peers_.back(); }
  // What all its programs wrote, so far.
  std::string log() const;

 private:
  void launch_on(std::uint16_t port);

  const ServerKind& kind_;
  ServerSetup setup_;
  ScratchDir dir_;
  std::uint16_t port_ = 0;
  bool ready_ = false;
  std::deque<Peer> peers_;
};

// Builds, once per process, and runs a program of tests/interop/NAME.go; its arguments follow.
Argv go_command(std::string_view source);
// The same for tests/interop/NAME.java.
Argv java_command(std::string_view source);

// The path of a file of tests/interop, such as "servers/nginx.conf".
std::string interop_file(std::string_view name);

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_INTEROP_SERVERS_H_
