#include "tests/interop/servers.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <utility>

namespace h2::inline v0::testing {
namespace {

constexpr const char* kPython = "/usr/bin/python3";  // the one that Debian's modules belong to

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Programs of our own: PORT DIRECTORY STREAMS [CERTIFICATE KEY].
Argv with_arguments(Argv argv, const ServerPlace& place) {
  argv.insert(argv.end(), {std::to_string(place.port), place.site.www(), place.streams()});
  if (place.tls())
    argv.insert(argv.end(), {place.site.certificate().certificate, place.site.certificate().key});
  return argv;
}

// ---- the servers, one function each
// ---------------------------------------------------------------------------------------------

std::vector<Argv> nghttpd(const ServerPlace& place) {
  Argv argv{"nghttpd",
            "--address=127.0.0.1",
            "--htdocs=" + place.site.www(),
            "--echo-upload",
            place.setup.variant == ServerSetup::Variant::kEarly
                ? "--early-response"
                : "--trailer=x-note: sent after the body",
            "--max-concurrent-streams=" + place.streams()};
  if (!place.tls()) argv.emplace_back("--no-tls");
  argv.push_back(std::to_string(place.port));
  if (place.tls())
    argv.insert(argv.end(), {place.site.certificate().key, place.site.certificate().certificate});
  return {argv};
}

std::vector<Argv> nginx(const ServerPlace& place) {
  return {{"nginx", "-p", place.dir.path(), "-e", place.dir.file("error.log"), "-c",
           place.configure("nginx.conf")}};
}

std::vector<Argv> apache(const ServerPlace& place) {
  return {{"apache2", "-D", "FOREGROUND", "-f", place.configure("apache.conf")}};
}

std::vector<Argv> h2o(const ServerPlace& place) {
  return {{"h2o", "--conf", place.configure("h2o.conf")}};
}

std::vector<Argv> haproxy(const ServerPlace& place) {
  return {{"haproxy", "-W", "-db", "-f", place.configure("haproxy.conf")}};
}

std::vector<Argv> caddy(const ServerPlace& place) {
  return {{"env", "HOME=" + place.dir.path(), "XDG_DATA_HOME=" + place.dir.path(),
           "XDG_CONFIG_HOME=" + place.dir.path(), "caddy", "run", "--adapter", "caddyfile",
           "--config", place.configure("Caddyfile")}};
}

std::vector<Argv> lighttpd(const ServerPlace& place) {
  return {{"lighttpd", "-D", "-f", place.configure("lighttpd.conf")}};
}

std::vector<Argv> varnish(const ServerPlace& place) {
  Argv argv{"varnishd",
            "-F",
            "-j",
            "none",
            "-n",
            place.dir.file("varnish"),
            "-s",
            "malloc,64m",
            "-p",
            "feature=+http2",
            "-p",
            "h2_max_concurrent_streams=" + place.streams(),
            "-f",
            place.configure("varnish.vcl"),
            "-a",
            place.tls() ? place.dir.file("varnish.sock") + ",PROXY,mode=666"
                        : "127.0.0.1:" + std::to_string(place.port)};
  if (!place.tls()) return {argv};
  // hitch wants the socket to be there when it starts.
  return {argv,
          {"sh", "-c", "until [ -S \"$1\" ]; do sleep 0.05; done; shift; exec \"$@\"", "sh",
           place.dir.file("varnish.sock"), find_program("hitch").value_or("hitch"),
           "--config=" + place.configure("hitch.conf")}};
}

std::vector<Argv> node(const ServerPlace& place) {
  return {with_arguments({"node", interop_file("servers/node_server.mjs")}, place)};
}

std::vector<Argv> go(const ServerPlace& place) {
  return {with_arguments(go_command("servers/go_server.go"), place)};
}

std::vector<Argv> python_h2(const ServerPlace& place) {
  return {with_arguments({kPython, interop_file("servers/h2_server.py")}, place)};
}

std::vector<Argv> hypercorn(const ServerPlace& place) {
  return {with_arguments({kPython, interop_file("servers/hypercorn_server.py")}, place)};
}

std::vector<Argv> h2_serve(const ServerPlace& place) {
  Argv argv{h2_program(),
            "serve",
            "--port",
            std::to_string(place.port),
            "-d",
            place.site.www(),
            "--max-concurrent-streams",
            place.streams()};
  if (place.tls()) {
    argv.insert(argv.end(), {"--cert", place.site.certificate().certificate, "--key",
                             place.site.certificate().key});
  } else {
    argv.emplace_back("--no-tls");
  }
  return {argv};
}

const std::vector<ServerKind>& kinds() {
  static const std::vector<ServerKind> all = {
      {"nghttpd", "nghttpd", {{"nghttpd", "--version"}}, nghttpd, 0, false},
      {"nginx", "nginx", {{"nginx", "-v"}}, nginx, SIGQUIT, true},
      {"apache", "Apache mod_http2", {{"apache2", "-v"}}, apache, SIGWINCH, true},
      {"h2o", "h2o", {{"h2o", "--version"}}, h2o, SIGTERM, true},
      {"haproxy", "HAProxy", {{"haproxy", "-v"}}, haproxy, SIGUSR1, true},
      {"caddy", "Caddy", {{"caddy", "version"}}, caddy, SIGTERM, true},
      {"lighttpd", "lighttpd", {{"lighttpd", "-v"}}, lighttpd, SIGINT, true},
      {"varnish",
       "Varnish behind hitch",
       {{"varnishd", "-V"}, {"hitch", "--version"}},
       varnish,
       0,
       true,
       "Child starts"},
      {"node", "node http2", {{"node", "--version"}}, node, SIGTERM, false},
      {"go", "Go net/http", {{"go", "version"}}, go, SIGTERM, false},
      {"python_h2",
       "Python h2",
       {{kPython, "-c", "import h2; print(h2.__version__)"}},
       python_h2,
       SIGTERM,
       false},
      {"hypercorn",
       "hypercorn",
       {{kPython, "-c", "import importlib.metadata as m; print(m.version('hypercorn'))"}},
       hypercorn,
       SIGTERM,
       false},
      {"h2_serve", "h2 serve (ours)", {{h2_program(), "--version"}}, h2_serve, SIGTERM, false},
  };
  return all;
}

}  // namespace

std::string_view to_string(Security security) {
  return security == Security::kTls ? "tls" : "cleartext";
}

std::string interop_file(std::string_view name) {
  const char* root = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  const std::string base = root != nullptr && workspace != nullptr
                               ? std::string(root) + "/" + workspace + "/"
                               : std::string();
  return base + "tests/interop/" + std::string(name);
}

Argv go_command(std::string_view source) {
  const ScratchDir& dir = Site::get().dir();
  const std::string name = std::filesystem::path(source).stem();
  const std::string program = dir.file(name);
  // One builds, others wait for it.
  const std::string script = "test -x " + program + " || { flock " + dir.path() +
                             " sh -c 'test -x " + program + " || go build -o " + program + ".new " +
                             interop_file(source) + " && mv " + program + ".new " + program +
                             "'; } && exec " + program + " \"$@\"";
  return {"env",
          "GO111MODULE=off",
          "GOPATH=/usr/share/gocode",
          "GOFLAGS=-p=2",
          "CGO_ENABLED=0",
          "GOCACHE=" + dir.file("go-cache"),
          "sh",
          "-c",
          script,
          "go"};
}

Argv java_command(std::string_view source) {
  const ScratchDir& dir = Site::get().dir();
  const std::string name = std::filesystem::path(source).stem();
  const std::string classes = dir.file("java");
  const std::string script =
      "test -e " + classes + "/" + name + ".class || { flock " + dir.path() + " sh -c 'test -e " +
      classes + "/" + name + ".class || javac -encoding UTF-8 -d " + classes + " " +
      interop_file(source) + "'; } && exec java -cp " + classes + " " + name + " \"$@\"";
  return {"sh", "-c", script, "java"};
}

// ---- the site
// ---------------------------------------------------------------------------------------------

Site& Site::get() {
  static Site site;
  return site;
}

std::string Site::small() { return make_bytes(kSmallSize, 1); }
std::string Site::file(std::size_t i) { return make_bytes(20'000 + i, 100 + i); }

Site::Site() : dir_("/tmp") {
  ::chmod(dir_.path().c_str(), 0755);
  std::filesystem::create_directory(www());
  ::chmod(www().c_str(), 0755);
  certificate_ = make_certificate(dir_);
  dir_.write("both.pem", read_file(certificate_.certificate) + read_file(certificate_.key));
  const auto add = [&](const std::string& name, const std::string& bytes) {
    const std::string hash = sha256_hex(bytes);
    dir_.write("www/" + name, bytes);
    dir_.write("www/" + name + ".sha256", hash);
    return hash;
  };
  add("small", small());
  large_hash_ = add("large", make_bytes(kLargeSize, 2));
  for (std::size_t i = 0; i < kFiles; ++i) add("f" + std::to_string(i), file(i));
}

std::uint16_t Site::backend() {
  if (backend_port_ == 0) {
    backend_port_ = find_free_port();
    backend_.start(
        {kPython, interop_file("servers/backend.py"), std::to_string(backend_port_), www()},
        dir_.file("backend.log"));
  }
  return backend_port_;
}

bool Site::wait_backend() {
  const bool ready = backend_.wait_ready(backend());
  EXPECT_TRUE(ready) << "the back end does not come up; it wrote:\n" << backend_.log();
  return ready;
}

// ---- one server
// ---------------------------------------------------------------------------------------------

std::string ServerPlace::streams() const {
  return setup.variant == ServerSetup::Variant::kOneStream ? "1" : "100";
}

std::string ServerPlace::configure(const std::string& name) const {
  // A line "@CONDITION:..." stays, without that word, if the condition holds.
  const std::pair<std::string, bool> conditions[] = {
      {"@tls:", tls()},
      {"@cleartext:", !tls()},
      {"@root:", ::geteuid() == 0},
      {"@recycling:", setup.variant == ServerSetup::Variant::kRecycling},
  };
  std::string out;
  std::istringstream lines(read_file(interop_file("servers/" + name)));
  for (std::string line; std::getline(lines, line);) {
    bool keep = true;
    for (const auto& [word, holds] : conditions) {
      if (!line.starts_with(word)) continue;
      line.erase(0, word.size());
      keep = holds;
    }
    if (keep) out += line + "\n";
  }
  const std::pair<std::string_view, std::string> values[] = {
      {"@DIR@", dir.path()},
      {"@WWW@", site.www()},
      {"@PORT@", std::to_string(port)},
      {"@BACKEND@", std::to_string(backend)},
      {"@STREAMS@", streams()},
      {"@CERTIFICATE@", site.certificate().certificate},
      {"@KEY@", site.certificate().key},
      {"@BOTH@", site.certificate_and_key()},
  };
  for (const auto& [word, value] : values) out = replace_all(std::move(out), word, value);
  return dir.write(name, out);
}

std::span<const ServerKind> server_kinds() { return kinds(); }

const ServerKind* find_server(std::string_view name) {
  for (const ServerKind& kind : kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

std::string ask_versions(const std::vector<Argv>& commands) {
  static const std::regex number("[0-9]+(\\.[0-9]+)+");
  std::string versions;
  for (const Argv& argv : commands) {
    const Finished f = run(argv);
    const std::string text = f.out + f.err;
    std::smatch match;
    if (f.exit_code != 0 || !std::regex_search(text, match, number)) return {};
    versions += (versions.empty() ? "" : " + ") + match.str();
  }
  return versions;
}

const std::string& version_of(const ServerKind& kind) {
  static std::map<std::string_view, std::string> known;
  auto found = known.find(kind.name);
  if (found == known.end()) found = known.emplace(kind.name, ask_versions(kind.version)).first;
  return found->second;
}

WebServer::WebServer(const ServerKind& kind, const ServerSetup& setup)
    : kind_(kind), setup_(setup), dir_("/tmp") {
  ::chmod(dir_.path().c_str(), 0755);
}

WebServer::WebServer(std::string_view kind, Security security)
    : WebServer(*find_server(kind), ServerSetup{.security = security}) {
  launch();
  wait_ready();
}

void WebServer::launch() { launch_on(find_free_port()); }

void WebServer::launch_on(std::uint16_t port) {
  Site& site = Site::get();
  stop();
  port_ = port;
  const ServerPlace place{site, setup_, dir_, port, kind_.needs_backend ? site.backend() : port};
  for (Argv argv : kind_.commands(place)) {
    argv[0] = find_program(argv[0]).value_or(argv[0]);  // HAProxy starts itself again by that name
    peers_.emplace_back().start(argv, dir_.file("log" + std::to_string(peers_.size())));
  }
}

bool WebServer::wait_ready() {
  if (kind_.needs_backend && !Site::get().wait_backend()) return false;
  for (int attempt = 0; attempt < 5 && !ready_; ++attempt) {
    if (attempt > 0) launch();  // the port was taken meanwhile
    ready_ = peer().wait_ready(port_, std::chrono::seconds(60)) &&
             (kind_.ready_log.empty() || peers_.front().wait_log(kind_.ready_log));
    if (!ready_ && peer().running()) break;
  }
  EXPECT_TRUE(ready_) << kind_.title << " does not come up; it wrote:\n" << log();
  return ready_;
}

bool WebServer::restart() {
  stop(false);
  launch_on(port_);
  return wait_ready();
}

void WebServer::drain() { peer().signal(kind_.drain_signal); }

void WebServer::stop(bool politely) {
  for (; !peers_.empty(); peers_.pop_back())
    peers_.back().stop(politely);  // the one in front first
  ready_ = false;
}

std::string WebServer::origin() const {
  return (setup_.security == Security::kTls ? "https://localhost:" : "http://localhost:") +
         std::to_string(port_);
}

std::string WebServer::log() const {
  std::string text;
  for (const Peer& peer : peers_) text += peer.log();
  std::error_code ignored;
  if (std::filesystem::exists(dir_.file("error.log"), ignored))
    text += read_file(dir_.file("error.log"));
  return text;
}

}  // namespace h2::inline v0::testing
