// `h2 serve` and other people's clients. Each test is one thing tried with one client, over TLS
// with ALPN or in cleartext with prior knowledge. Clients that are libraries are driven by the
// programs in tests/interop/clients, which check what they get themselves; what a client cannot do
// is listed at the top.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/base64.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/interop/outcome.h"
#include "tests/interop/servers.h"

namespace h2::testing {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;
using Variant = ServerSetup::Variant;

constexpr auto kNotOffered = KnownOutcome::Kind::kNotOffered;
constexpr auto kPeersFault = KnownOutcome::Kind::kPeersFault;
constexpr auto kOldFault = KnownOutcome::Kind::kOldFault;
constexpr auto kRemark = KnownOutcome::Kind::kRemark;
constexpr std::string_view kCurlReuse =
    "with prior knowledge it begins HTTP/2 anew when it uses a connection again (curl issue 10634, "
    "mended in 8.0); RFC 9113 §3.4: the preface comes once";
constexpr std::string_view kNoResponseBeforeTheRequest =
    "it waits to send the rest of its body and never shows the response, though "
    "RST_STREAM(NO_ERROR) "
    "came after it (a body that fits the window is answered); RFC 9113 §8.1: a client must not "
    "discard "
    "it";
constexpr std::string_view kNothingAfterGoaway =
    "python-h2 takes no frame of any stream after GOAWAY; RFC 9113 §6.8: those up to its last "
    "stream "
    "may still be answered";
constexpr KnownOutcome kKnown[] = {
    {"curl", "request trailers", kNotOffered, "not offered", "the tool has no option for them"},
    {"curl", "100 at once", kPeersFault, "HTTP2 framing layer", kCurlReuse, "cleartext"},
    {"curl", "drain", kPeersFault, "HTTP2 framing layer", kCurlReuse, "cleartext"},
    {"curl", "one stream", kRemark, "", "over the limit it opens more connections", "tls"},
    {"curl", "one stream", kPeersFault, "^$|HTTP2 framing layer", kCurlReuse, "cleartext"},
    {"curl", "early response", kPeersFault, "^$|framing layer",
     "now and then it drops the response when RST_STREAM(NO_ERROR) comes in the same read, with "
     "nginx, Go and node, too; RFC 9113 §8.1: a client must not discard it"},
    {"nghttp", "one stream", kNotOffered, "^$|clean responses",
     "it sends what it has before the SETTINGS have come, and does not repeat refused requests"},
    {"httpx", "trailers", kNotOffered, "not offered", "it drops them"},
    {"httpx", "request trailers", kNotOffered, "not offered", "it has no way to send them"},
    {"httpx", "103", kNotOffered, "not offered", "it does not show 1xx responses"},
    {"httpx", "100-continue", kNotOffered, "not offered", "it does not wait with the body"},
    {"httpx", "early response", kPeersFault, "not offered", kNoResponseBeforeTheRequest},
    {"httpx", "drain", kPeersFault, "not offered", kNothingAfterGoaway},
    {"httpx", "one stream", kNotOffered, "not offered", "it does not queue over the limit"},
    {"python_h2", "drain", kPeersFault, "not offered", kNothingAfterGoaway},
    {"java", "trailers", kNotOffered, "not offered", "it drops them"},
    {"java", "request trailers", kNotOffered, "not offered", "it has no way to send them"},
    {"java", "103", kNotOffered, "not offered", "it does not show 1xx responses"},
    {"java", "early response", kOldFault, "not offered",
     "up to some release of 17 (17.0.15 does, 17.0.21 does not) it waits to send the rest of its "
     "body "
     "and never shows the response, though RST_STREAM(NO_ERROR) came after it; RFC 9113 §8.1: a "
     "client "
     "must not discard it"},
    {"java", "drain", kOldFault, "not offered",
     "up to some release of 17 (17.0.15 does, 17.0.21 does not) it fails all requests when GOAWAY "
     "comes; RFC 9113 §6.8: those up to its last stream may still be answered"},
    {"java", "one stream", kNotOffered, "not offered", "it does not queue over the limit"},
};

// ---- the clients
// ---------------------------------------------------------------------------------------------

// One attempt.
struct Attempt {
  std::string_view what;  // see kWhats
  WebServer& server;
  Security security;
  const ScratchDir& dir;
  // Tells the server to end, once, when the client's output has `text`.
  RunOptions draining_at(std::string_view text) const {
    RunOptions options;
    options.on_output = [this, text = std::string(text), done = false](
                            const std::string& out, const std::string& err) mutable {
      if (done || (out.find(text) == std::string::npos && err.find(text) == std::string::npos))
        return;
      done = true;
      server.drain();
    };
    return options;
  }
  std::string url(std::string_view path) const { return server.origin() + std::string(path); }
};

struct ClientKind {
  std::string_view name;
  std::string_view title;
  std::vector<Argv> version;
  bool cleartext;                          // can be told to speak HTTP/2 with prior knowledge
  std::string (*attempt)(const Attempt&);  // the problem; "" is none
};

// What is tried, by the name it has in the table and as the programs in clients/ know it.
constexpr std::pair<std::string_view, std::string_view> kWhats[] = {
    {"GET", "get"},
    {"HEAD", "head"},
    {"POST 1 MiB", "echo"},
    {"100 at once", "hundred"},
    {"50 MiB", "large"},
    {"trailers", "trailers"},
    {"request trailers", "request_trailers"},
    {"103", "hints"},
    {"100-continue", "continue"},
    {"early response", "early"},
    {"drain", "drain"},
    {"one stream", "limit1"},
};

std::string failure_of(const Finished& f) {
  if (f.timed_out) return "timed out";
  return "exit status " + std::to_string(f.exit_code) + ": " + f.out.substr(0, 2000) +
         f.err.substr(0, 4000);
}

std::string expect(bool holds, const Finished& f, std::string_view what) {
  return holds ? std::string() : std::string(what) + "; " + failure_of(f);
}

std::size_t count_of(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

// ---- programs of tests/interop/clients

std::string scripted(Argv argv, const Attempt& a) {
  const auto found = std::find_if(std::begin(kWhats), std::end(kWhats),
                                  [&](const auto& pair) { return pair.first == a.what; });
  argv.insert(argv.end(),
              {a.server.origin(), a.server.certificate().certificate, std::string(found->second)});
  const Finished f = run(argv, a.draining_at("under way"));
  if (f.exit_code == 3 && f.out.find("not offered: ") != std::string::npos)
    return f.out.substr(f.out.find("not offered: "));
  return f.exit_code == 0 ? std::string() : failure_of(f);
}

std::string node(const Attempt& a) {
  return scripted({"node", interop_file("clients/node_client.mjs")}, a);
}
std::string go(const Attempt& a) { return scripted(go_command("clients/go_client.go"), a); }
std::string python_h2(const Attempt& a) {
  return scripted({"/usr/bin/python3", interop_file("clients/h2_client.py")}, a);
}
std::string httpx(const Attempt& a) {
  return scripted({"/usr/bin/python3", interop_file("clients/httpx_client.py")}, a);
}
std::string java(const Attempt& a) { return scripted(java_command("clients/JavaClient.java"), a); }

// ---- curl

Argv curl_options(const Attempt& a) {
  if (a.security == Security::kCleartext) return {"-sS", "--http2-prior-knowledge"};
  return {"-sS", "--http2", "--cacert", a.server.certificate().certificate};
}

Finished curl_run(const Attempt& a, const Argv& arguments, const RunOptions& options = {}) {
  Argv argv{"curl"};
  for (const Argv& part : {curl_options(a), arguments})
    argv.insert(argv.end(), part.begin(), part.end());
  return run(argv, options);
}

// `count` files at once.
enum class Connections : std::uint8_t { kOne, kAny };
std::string curl_parallel(const Attempt& a, std::size_t count, Connections allowed) {
  Argv argv{"-Z", "--parallel-max", "100", "-w", "%{num_connects}%{http_version}%{http_code}\\n"};
  for (std::size_t i = 0; i < count; ++i)
    argv.insert(argv.end(),
                {"-o", a.dir.file("out" + std::to_string(i)), a.url("/f" + std::to_string(i))});
  const Finished f = curl_run(a, argv);
  if (f.exit_code != 0) return failure_of(f);
  for (std::size_t i = 0; i < count; ++i) {
    if (read_file(a.dir.file("out" + std::to_string(i))) != Site::file(i))
      return "body " + std::to_string(i) + " is not right";
  }
  const std::size_t first = count_of(f.out, "12200\n");  // opened a connection
  const std::size_t more = count_of(f.out, "02200\n");   // used one that stood
  if (first + more != count) return "not all with 200 and HTTP/2; " + failure_of(f);
  if (allowed == Connections::kOne && first != 1)
    return "not all over one connection; " + failure_of(f);
  return {};
}

std::string curl(const Attempt& a) {
  const std::string head = a.dir.file("head");
  const auto head_has = [&](std::string_view text) {
    return read_file(head).find(text) != std::string::npos;
  };
  if (a.what == "GET") {
    const Finished f =
        curl_run(a, {"-w", "%{stderr}%{http_code} %{http_version}", a.url("/small")});
    return expect(f.err == "200 2" && f.out == Site::small(), f, "not 200 with the file");
  }
  if (a.what == "HEAD") {
    const Finished f = curl_run(a, {"-I", a.url("/small")});
    return expect(f.out.find("HTTP/2 200") == 0 &&
                      f.out.find("content-length: 10000\r\n") != std::string::npos,
                  f, "no good head");
  }
  if (a.what == "POST 1 MiB") {
    const std::string bytes = make_bytes(kMiB, 2);
    RunOptions options;
    options.input = bytes;
    const Finished f = curl_run(a, {"--data-binary", "@-", a.url("/echo")}, options);
    return expect(f.exit_code == 0 && f.out == bytes, f, "another body came back");
  }
  if (a.what == "100 at once") {
    return curl_parallel(a, 100, Connections::kOne);
  }
  if (a.what == "50 MiB") {
    const Finished f = curl_run(a, {"-o", head, a.url("/large")});
    return expect(f.exit_code == 0 && sha256_hex(read_file(head)) == Site::get().large_hash(), f,
                  "another SHA-256");
  }
  if (a.what == "trailers") {
    const Finished f = curl_run(a, {"-D", head, a.url("/trailers")});
    return expect(f.exit_code == 0 && head_has("x-note: sent after the body"), f, "no trailers");
  }
  if (a.what == "103") {
    const Finished f = curl_run(a, {"-D", head, a.url("/early-hints")});
    return expect(f.exit_code == 0 && head_has("HTTP/2 103") && head_has("link: </style.css>") &&
                      head_has("HTTP/2 200"),
                  f, "no 103 and 200");
  }
  if (a.what == "100-continue") {
    const std::string bytes = make_bytes(100'000, 2);
    RunOptions options;
    options.input = bytes;
    const Finished f = curl_run(a,
                                {"-D", head, "-H", "Expect: 100-continue", "--expect100-timeout",
                                 "50", "--data-binary", "@-", a.url("/echo")},
                                options);
    return expect(f.exit_code == 0 && f.out == bytes && head_has("HTTP/2 100"), f,
                  "no 100, or another body");
  }
  if (a.what == "early response") {
    RunOptions options;
    options.input = make_bytes(4 * kMiB, 2);
    const std::string format = "%{http_code} %{num_connects}\\n";
    Argv argv{"--data-binary", "@-", "-w", format, a.url("/early/403"), "--next"};
    for (const std::string& option : curl_options(a)) argv.push_back(option);
    argv.insert(argv.end(), {"-w", format, "-o", head, a.url("/small")});
    const Finished f = curl_run(a, argv, options);
    return expect(f.out == "status 403\n403 1\n200 0\n" && read_file(head) == Site::small(), f,
                  "not 403 and, on the same connection, 200");
  }
  if (a.what == "drain") {
    RunOptions options = a.draining_at("after 1 ms");
    // The first shows that the connection stands; the others are under way when it ends.
    Argv argv{"-Z", "--parallel-max", "100", "-w", "%{http_code}\\n", a.url("/delay/1")};
    for (int i = 0; i < 10; ++i) argv.push_back(a.url("/delay/1500"));
    const Finished f = curl_run(a, argv, options);
    std::size_t good = 0;
    for (std::size_t at = 0; (at = f.out.find("after 1500 ms\n", at)) != std::string::npos; ++at)
      ++good;
    return expect(f.exit_code == 0 && good == 10, f, "not all finished");
  }
  if (a.what == "one stream") {
    return curl_parallel(a, 20, Connections::kAny);
  }
  return "not offered";
}

// ---- nghttp

Finished nghttp_run(Argv arguments, const RunOptions& options = {}) {
  Argv argv{"nghttp", "--no-dep", "-t", "50"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(argv, options);
}

// A verbose run in which all went well: so many responses with 200, no stream reset, no error.
std::string nghttp_clean(const Finished& f, std::size_t responses) {
  return expect(f.exit_code == 0 && count_of(f.out, ":status: 200") == responses &&
                    count_of(f.out, "recv RST_STREAM") == 0 && count_of(f.out, "[ERROR]") == 0 &&
                    count_of(f.out, "INVALID") == 0,
                f, "not " + std::to_string(responses) + " clean responses");
}

std::string nghttp(const Attempt& a) {
  const auto urls = [&](Argv argv, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) argv.push_back(a.url("/f" + std::to_string(i)));
    return argv;
  };
  if (a.what == "GET") {
    const Finished f = nghttp_run({a.url("/small")});
    return expect(f.exit_code == 0 && f.out == Site::small(), f, "another body");
  }
  if (a.what == "HEAD") {
    const Finished f = nghttp_run({"-nv", "-H:method: HEAD", a.url("/small")});
    std::string problem = nghttp_clean(f, 1);
    if (problem.empty() && count_of(f.out, "content-length: 10000") != 1) problem = "no length";
    if (problem.empty() && count_of(f.out, "recv DATA") != 0) problem = "DATA came";
    return problem;
  }
  if (a.what == "POST 1 MiB") {
    const std::string bytes = make_bytes(kMiB, 2);
    const Finished f = nghttp_run({"-d", a.dir.write("body", bytes), a.url("/echo")});
    return expect(f.exit_code == 0 && f.out == bytes, f, "another body came back");
  }
  if (a.what == "100 at once") return nghttp_clean(nghttp_run(urls({"-nv"}, 100)), 100);
  if (a.what == "50 MiB") {
    const Finished f = nghttp_run({"-w", "24", "-W", "24", a.url("/large")});
    return expect(f.exit_code == 0 && sha256_hex(f.out) == Site::get().large_hash(),
                  Finished{f.exit_code, f.timed_out, "", f.err}, "another SHA-256");
  }
  if (a.what == "trailers") {
    const Finished f = nghttp_run({"-nv", a.url("/trailers")});
    std::string problem = nghttp_clean(f, 1);
    if (problem.empty() && count_of(f.out, "x-note: sent after the body") != 1)
      problem = "no trailers";
    return problem;
  }
  if (a.what == "request trailers") {
    const std::string bytes = make_bytes(100'000, 3);
    const Finished f =
        nghttp_run({"--trailer", "x-sum: 1", "-d", a.dir.write("body", bytes), a.url("/echo")});
    return expect(f.exit_code == 0 && f.out == bytes, f, "another body came back");
  }
  if (a.what == "103") {
    const Finished f = nghttp_run({"-nv", a.url("/early-hints")});
    std::string problem = nghttp_clean(f, 1);
    if (problem.empty() && count_of(f.out, ":status: 103") != 1) problem = "no 103";
    return problem;
  }
  if (a.what == "100-continue") {
    const Finished f = nghttp_run({"-nv", "--expect-continue", "-d",
                                   a.dir.write("body", make_bytes(100'000, 4)), a.url("/echo")});
    std::string problem = nghttp_clean(f, 1);
    if (problem.empty() && count_of(f.out, ":status: 100") != 1) problem = "no 100";
    return problem;
  }
  if (a.what == "early response") {
    const Finished f = nghttp_run({"-nv", "-d", a.dir.write("body", make_bytes(4 * kMiB, 5)),
                                   a.url("/early/403"), a.url("/early/403?again")});
    return expect(
        f.exit_code == 0 && count_of(f.out, ":status: 403") == 2 && count_of(f.out, "[ERROR]") == 0,
        f, "not 403 twice");
  }
  if (a.what == "drain") {
    Argv argv{"-nv"};
    for (int i = 0; i < 10; ++i)
      argv.push_back(a.url("/delay/1500?" + std::to_string(i)));  // it asks for each URL once
    const Finished f = nghttp_run(argv, a.draining_at("send HEADERS frame"));
    std::string problem = nghttp_clean(f, 10);
    if (problem.empty() && count_of(f.out, "recv GOAWAY") != 2) problem = "not two GOAWAYs";
    return problem;
  }
  if (a.what == "one stream") return nghttp_clean(nghttp_run(urls({"-nv"}, 20)), 20);
  return "unknown: " + std::string(a.what);
}

const std::vector<ClientKind>& client_kinds() {
  static const std::vector<ClientKind> all = {
      {"curl", "curl", {{"curl", "--version"}}, true, curl},
      {"nghttp", "nghttp", {{"nghttp", "--version"}}, true, nghttp},
      {"node", "node http2", {{"node", "--version"}}, true, node},
      {"go", "Go net/http", {{"go", "version"}}, true, go},
      {"python_h2",
       "Python h2",
       {{"/usr/bin/python3", "-c", "import h2; print(h2.__version__)"}},
       true,
       python_h2},
      {"httpx",
       "Python httpx",
       {{"/usr/bin/python3", "-c", "import httpx, h2; print(httpx.__version__)"}},
       true,
       httpx},
      {"java", "Java HttpClient", {{"java", "-version"}}, false, java},
  };
  return all;
}

// ---- the tests
// ---------------------------------------------------------------------------------------------

struct Case {
  const ClientKind* client;
  Security security;
  std::string_view what;
};

std::string name_of(const Case& one) {
  std::string name = std::string(one.client->name) + "_" + std::string(to_string(one.security)) +
                     "_" + std::string(one.what);
  for (char& c : name) {
    if (c == ' ' || c == '-') c = '_';
  }
  return name;
}

[[maybe_unused]] void PrintTo(const Case& one, std::ostream* out) { *out << name_of(one); }

// The servers that tests share; they end with the process's tests.
class Shared : public ::testing::Environment {
 public:
  static Shared& get() {
    static Shared* const shared = new Shared;  // GoogleTest deletes it
    return *shared;
  }
  void TearDown() override { servers_.clear(); }
  WebServer& server(Security security) {
    auto& server = servers_[security];
    if (!server) server = std::make_unique<WebServer>("h2_serve", security);
    return *server;
  }

 private:
  std::map<Security, std::unique_ptr<WebServer>> servers_;
};
const ::testing::Environment* const kShared = ::testing::AddGlobalTestEnvironment(&Shared::get());

#define H2_REQUIRE_CLIENT(title, version)               \
  do {                                                  \
    if (!(version).empty()) break;                      \
    if (in_ci()) FAIL() << "peer missing: " << (title); \
    GTEST_SKIP() << "peer missing: " << (title);        \
  } while (false)

const std::string& version_of(const ClientKind& kind) {
  static std::map<std::string_view, std::string> known;
  auto found = known.find(kind.name);
  if (found == known.end()) found = known.emplace(kind.name, ask_versions(kind.version)).first;
  return found->second;
}

class ServerInterop : public ::testing::TestWithParam<Case> {};

TEST_P(ServerInterop, Serves) {
  const auto& [client, security, what] = GetParam();
  const std::string& version = version_of(*client);
  H2_REQUIRE_CLIENT(client->title, version);
  const bool own = what == "drain" || what == "one stream";
  std::unique_ptr<WebServer> mine;
  if (own) {
    mine = std::make_unique<WebServer>(
        *find_server("h2_serve"),
        ServerSetup{security, what == "one stream" ? Variant::kOneStream : Variant::kPlain});
    mine->launch();
    ASSERT_TRUE(mine->wait_ready());
  }
  WebServer& server = own ? *mine : Shared::get().server(security);
  const ScratchDir dir;
  const std::string problem = client->attempt({what, server, security, dir});
  SCOPED_TRACE("the server wrote:\n" + server.log());
  conclude({"server", client->name, client->title, version, to_string(security), what}, problem,
           kKnown);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const ClientKind& kind : client_kinds()) {
    for (const Security security : {Security::kTls, Security::kCleartext}) {
      if (security == Security::kCleartext && !kind.cleartext) continue;
      for (const auto& [what, program] : kWhats) all.push_back({&kind, security, what});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(, ServerInterop, ::testing::ValuesIn(cases()),
                         [](const ::testing::TestParamInfo<Case>& param) {
                           return name_of(param.param);
                         });

// ---- a load generator
// ---------------------------------------------------------------------------------------------

class ServerLoad : public ::testing::TestWithParam<Security> {
 protected:
  void h2load(std::string_view what, const Argv& arguments) {
    const std::string version = ask_versions({{"h2load", "--version"}});
    H2_REQUIRE_CLIENT("h2load", version);
    Argv argv{"h2load", "-n", "20000"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Finished f = run(argv);
    std::string problem;
    for (const char* line : {"20000 succeeded, 0 failed, 0 errored, 0 timeout",
                             "status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx"}) {
      if (f.out.find(line) == std::string::npos) problem = failure_of(f);
    }
    conclude({"server", "h2load", "h2load", version, to_string(GetParam()), what}, problem, kKnown);
  }
};

TEST_P(ServerLoad, TwentyThousandRequestsAreAnswered) {
  h2load("20,000 GETs, 4 connections, 100 streams each",
         {"-c", "4", "-m", "100", Shared::get().server(GetParam()).origin() + "/bytes/512"});
}

TEST_P(ServerLoad, TwentyThousandUploadsAreAnswered) {
  const ScratchDir dir;
  h2load("20,000 POSTs of 1,000 bytes, 10 connections, 10 streams each",
         {"-c", "10", "-m", "10", "-d", dir.write("body", make_bytes(1000, 6)),
          Shared::get().server(GetParam()).origin() + "/echo"});
}

INSTANTIATE_TEST_SUITE_P(, ServerLoad, ::testing::Values(Security::kTls, Security::kCleartext),
                         [](const ::testing::TestParamInfo<Security>& param) {
                           return std::string(to_string(param.param));
                         });

// ---- a browser
// ---------------------------------------------------------------------------------------------

// Base64 of the SHA-256 of a certificate's public key.
std::string public_key_hash(const std::string& certificate_file) {
  const std::string pem = read_file(certificate_file);
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const bssl::UniquePtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::uint8_t* der = nullptr;
  const int size =
      certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der) : -1;
  EXPECT_GT(size, 0) << "no public key in " << certificate_file;
  if (size <= 0) return {};
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(der);
  std::array<std::uint8_t, 2 * SHA256_DIGEST_LENGTH> text;
  const std::size_t length = EVP_EncodeBlock(text.data(), digest.data(), digest.size());
  return {text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length)};
}

class ServerToChromium : public ::testing::Test {
 protected:
  void try_scenario(std::string_view what, const std::string& scenario) {
    const Argv program{"/usr/bin/python3", interop_file("chromium/chromium_client.py")};
    const auto with = [&](const Argv& arguments) {
      Argv argv = program;
      argv.insert(argv.end(), arguments.begin(), arguments.end());
      return argv;
    };
    const std::string version = ask_versions({with({"--version"})});
    H2_REQUIRE_CLIENT("Chromium", version);
    ASSERT_EQ(run(with({"--make-site", Site::get().www()})).exit_code, 0);
    WebServer& server = Shared::get().server(Security::kTls);
    const ScratchDir dir;
    RunOptions options;
    options.timeout = std::chrono::seconds(260);
    const Finished f = run(with({server.origin(), public_key_hash(server.certificate().certificate),
                                 dir.path(), scenario}),
                           options);
    keep(dir, "page.png");
    conclude({"server", "chromium", "headless Chromium", version, "tls", what},
             f.exit_code == 0 ? "" : failure_of(f), kKnown);
  }

 private:
  // Among the test's outputs, for people to look at.
  static void keep(const ScratchDir& dir, const std::string& name) {
    const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
    std::error_code ignored;
    if (outputs != nullptr)
      std::filesystem::copy_file(dir.file(name), std::string(outputs) + "/" + name, ignored);
  }
};

TEST_F(ServerToChromium, PageWithFiftyResourcesComesOverOneConnection) {
  try_scenario("a page with 50 resources over one connection, all h2 by the Resource Timing API",
               "page");
}

TEST_F(ServerToChromium, FetchOfTwentyMebibytesArrivesUnchanged) {
  try_scenario("fetch() of 20 MiB, by hash", "fetch");
}

TEST_F(ServerToChromium, UploadsComeBack) {
  try_scenario("fetch() with an upload of 5 MiB, and with one of 1 MiB as a stream", "upload");
}

TEST_F(ServerToChromium, HundredReloadsComeOverOneConnection) {
  try_scenario("100 reloads of the page", "reloads");
}

}  // namespace
}  // namespace h2::testing
