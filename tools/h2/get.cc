// `h2 get`: fetches URLs over HTTP/2 with the options of curl. The command line is get_options.h,
// the request get_request.h, -w get_write_out.h, --frames get_frames.h; here they meet the client.
// Tested by tests/tools/get_test.cc and get_errors_test.cc.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/client.h"
#include "tools/h2/capture_files.h"
#include "tools/h2/get_frames.h"
#include "tools/h2/get_options.h"
#include "tools/h2/get_output.h"
#include "tools/h2/get_request.h"
#include "tools/h2/get_write_out.h"
#include "tools/h2/trace_file.h"
#include "tools/h2/verbs.h"

namespace h2::inline v0::tools {
namespace {

// Standard error, in whole pieces from any thread.
class Console {
 public:
  void print(std::string_view text) {
    const std::lock_guard lock(mutex_);
    (void)write_all(STDERR_FILENO, text);  // there is nowhere to complain
  }

 private:
  std::mutex mutex_;
};

// An error's sentence without control characters, which a server may have put into it. Other UTF-8
// stays.
std::string one_line(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    result += byte < 0x20 || byte == 0x7f || is_c1 ? printable(text.substr(i, 1))
                                                   : std::string(1, text[i]);
  }
  return result;
}

double as_seconds(Duration d) { return static_cast<double>(d.ns) / 1e9; }

// A file or standard input as a request's body.
class Upload {
 public:
  ~Upload() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
  }
  Upload() = default;
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // Opens `path` ("-": standard input). False: error() says why.
  bool open(const std::string& path) {
    path_ = path;
    fd_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (fd_ < 0 || ::fstat(fd_, &status) != 0) return fail();
    if (S_ISDIR(status.st_mode)) {
      errno = EISDIR;
      return fail();
    }
    // Standard input may be a file that somebody has begun to read: its length is not known here.
    if (S_ISREG(status.st_mode) && path != "-")
      length_ = static_cast<std::uint64_t>(status.st_size);
    return true;
  }

  std::optional<std::uint64_t> length() const { return length_; }
  const std::string& error() const { return error_; }

  Result<std::size_t, std::string> read(std::span<std::uint8_t> buffer) {
    ssize_t n = 0;
    do {
      n = ::read(fd_, buffer.data(), buffer.size());
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return static_cast<std::size_t>(n);
    fail();
    return Unexpected(error_);
  }

 private:
  bool fail() {
    error_ = "cannot read " + path_ + ": " + std::strerror(errno);
    return false;
  }

  std::string path_;
  int fd_ = -1;
  std::optional<std::uint64_t> length_;
  std::string error_;
};

// The status line and fields of a response as HTTP/1.1 would write them, which is how curl shows
// them.
std::string head_text(int status, const transport::Headers& fields) {
  std::string text = "HTTP/2 " + std::to_string(status) + " \r\n";
  for (const hpack::HeaderField field : fields) {
    text += std::string(field.name) + ": " + std::string(field.value) + "\r\n";
  }
  return text + "\r\n";
}

// One URL from its request to what is printed after it.
class Transfer {
 public:
  Transfer(const GetOptions& options, const GetTarget& target, client::Client& client,
           Console& console, std::mutex& stdout_mutex)
      : options_(options),
        target_(target),
        client_(client),
        console_(console),
        stdout_mutex_(stdout_mutex),
        plan_(plan_request(options, target, client::ClientOptions{}.user_agent)),
        output_(target.output) {}

  // Whether it went well.
  bool run(std::uint64_t number) {
    facts_.url = target_.given;
    facts_.url_effective = target_.url;
    facts_.method = plan_.method;
    facts_.url_number = number;
    if (target_.output.kind == OutputChoice::Kind::kFile)
      facts_.filename_effective = target_.output.path;
    const bool ok = fetch();
    facts_.exit_code = ok ? 0 : kExitFailed;
    if (!ok && (!options_.silent || options_.show_error)) {
      console_.print("h2 get: " + one_line(facts_.error_message) + "\n");
    }
    write_facts();
    return ok;
  }

 private:
  bool fail(std::string message) {
    facts_.error_message = std::move(message);
    return false;
  }
  bool fail_output() { return fail(target_.url + ": " + output_.error()); }

  bool fail(const client::Error& error) {
    take_info(error.info);
    show_connection(error.info);
    return fail(error.message());
  }

  bool fetch() {
    client::Request request;
    request.method = plan_.method;
    request.url = target_.url;
    if (plan_.authority) request.headers.add("host", *plan_.authority);
    for (const auto& [name, value] : plan_.fields)
      request.headers.add(name, value, is_secret_field(name));
    if (options_.max_time) request.timeout = milliseconds(options_.max_time->count());
    if (options_.connect_timeout)
      request.connect_timeout = milliseconds(options_.connect_timeout->count());
    if (!add_body(request)) return false;
    auto response = client_.open(std::move(request));
    if (!response) return fail(response.error());
    return receive(*response);
  }

  bool add_body(client::Request& request) {
    if (options_.data) request.body = *options_.data;
    if (!target_.upload_path) return true;
    upload_ = std::make_shared<Upload>();
    if (!upload_->open(*target_.upload_path)) return fail(target_.url + ": " + upload_->error());
    request.body_length = upload_->length();
    request.read_body = [upload = upload_](std::span<std::uint8_t> buffer) {
      return upload->read(buffer);
    };
    return true;
  }

  bool receive(client::ResponseStream& response) {
    facts_.http_code = response.status();
    for (const hpack::HeaderField field : response.headers()) {
      facts_.headers.emplace_back(field.name, field.value);
    }
    show_connection(response.info());
    show_response(response);
    if (options_.fail && response.status() >= 400) {
      take_info(response.info());
      return fail(target_.url + ": the server answered with status " +
                  std::to_string(response.status()));
    }
    if (!open_output()) return fail_output();
    if ((options_.include || options_.head) &&
        !write_output(head_text(response.status(), response.headers()))) {
      return fail_output();
    }
    if (!copy_body(response)) return false;
    take_info(response.info());
    if (!output_.close()) return fail_output();
    return true;
  }

  bool copy_body(client::ResponseStream& response) {
    std::vector<std::uint8_t> buffer(std::size_t{128} * 1024);
    for (;;) {
      const auto n = response.read(buffer);
      if (!n) return fail(n.error());
      if (*n == 0) return true;
      if (!write_output(as_string_view(Bytes(buffer).first(*n)))) {
        take_info(response.info());
        return fail_output();
      }
    }
  }

  bool open_output() { return output_.open(); }
  bool write_output(std::string_view text) {
    if (target_.output.kind == OutputChoice::Kind::kFile) return output_.write(text);
    const std::lock_guard lock(stdout_mutex_);
    return output_.write(text);
  }

  void take_info(const client::TransferInfo& info) {
    facts_.scheme = info.scheme;
    if (!info.url.empty()) facts_.url_effective = info.url;
    facts_.http_version = info.http_version.empty() ? "0" : info.http_version;
    facts_.remote_ip = info.remote_ip;
    facts_.local_ip = info.local_ip;
    facts_.remote_port = info.remote_port;
    facts_.local_port = info.local_port;
    facts_.http_code = info.status;
    facts_.num_connects = info.connections_opened;
    facts_.size_download = info.body_bytes_received;
    facts_.size_upload = info.body_bytes_sent;
    facts_.size_header = info.header_bytes_received;
    facts_.time_namelookup = as_seconds(info.name_lookup);
    facts_.time_connect = as_seconds(info.connect);
    facts_.time_appconnect = as_seconds(info.tls_handshake);
    facts_.time_pretransfer = as_seconds(info.pretransfer);
    facts_.time_starttransfer = as_seconds(info.start_transfer);
    facts_.time_total = as_seconds(info.total);
  }

  // -v: what was connected to and what was sent.
  void show_connection(const client::TransferInfo& info) {
    if (!options_.verbose || shown_) return;
    shown_ = true;
    std::string text;
    if (!info.remote_ip.empty()) {
      text += info.connection_reused ? "* using the connection to " : "* connected to ";
      text += info.remote_ip + " port " + std::to_string(info.remote_port) + "\n";
    }
    if (!info.tls_version.empty()) {
      text += "* " + info.tls_version + ", " + info.tls_cipher + ", ALPN: " + info.alpn + "\n";
    }
    if (info.stream_id != 0) text += "* stream " + std::to_string(info.stream_id) + "\n";
    if (!info.remote_ip.empty()) text += request_text();
    console_.print(text);
  }

  std::string request_text() const {
    const std::size_t authority = target_.url.find("://") + 3;
    const std::size_t path =
        std::min(target_.url.find_first_of("/?#", authority), target_.url.size());
    std::string shown_path = target_.url.substr(path, target_.url.find('#', path) - path);
    if (!shown_path.starts_with('/')) shown_path = "/" + shown_path;
    std::string text = "> " + plan_.method + " " + printable(shown_path) + " HTTP/2\n";
    text += "> host: " +
            printable(plan_.authority.value_or(target_.url.substr(authority, path - authority))) +
            "\n";
    for (const auto& [name, value] : plan_.fields) {
      text += "> " + name + ": " + shown_value(name, value, false, options_.show_secrets) + "\n";
    }
    return text + ">\n";
  }

  void show_response(const client::ResponseStream& response) {
    if (!options_.verbose) return;
    std::string text = "< HTTP/2 " + std::to_string(response.status()) + "\n";
    for (const hpack::HeaderField field : response.headers()) {
      text += "< " + printable(field.name) + ": " +
              shown_value(field.name, field.value, field.sensitive, options_.show_secrets) + "\n";
    }
    console_.print(text + "<\n");
  }

  void write_facts() {
    if (options_.write_out.empty()) return;
    const WriteOut::Text text = options_.write_out.format(facts_);
    if (!text.err.empty()) console_.print(text.err);
    const std::lock_guard lock(stdout_mutex_);
    (void)write_all(STDOUT_FILENO, text.out);
  }

  const GetOptions& options_;
  const GetTarget& target_;
  client::Client& client_;
  Console& console_;
  std::mutex& stdout_mutex_;
  PlannedRequest plan_;
  Output output_;
  std::shared_ptr<Upload> upload_;
  TransferFacts facts_;
  bool shown_ = false;
};

// All URLs, one after the other or several at a time.
class Run {
 public:
  explicit Run(const GetOptions& options, Console& console, client::Client& client)
      : options_(options), console_(console), client_(client) {}

  int all() {
    const std::size_t at_once =
        options_.parallel ? std::min(options_.parallel_max, options_.targets.size()) : 1;
    std::vector<std::thread> helpers;
    for (std::size_t i = 1; i < at_once; ++i) helpers.emplace_back([this] { work(); });
    work();
    for (std::thread& helper : helpers) helper.join();
    return failed_ ? kExitFailed : kExitOk;
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < options_.targets.size(); i = next_++) {
      Transfer transfer(options_, options_.targets[i], client_, console_, stdout_mutex_);
      if (!transfer.run(i)) failed_ = true;
    }
  }

  const GetOptions& options_;
  Console& console_;
  client::Client& client_;
  std::mutex stdout_mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
};

// Hands what a connection reports to the printer that all connections share.
class SharedTrace final : public FrameTrace {
 public:
  // `next` is told, too; may be null.
  SharedTrace(FramePrinter& printer, std::unique_ptr<FrameTrace> next)
      : printer_(printer), next_(std::move(next)) {}
  void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept override {
    printer_.on_frame(direction, header, payload);
    if (next_ != nullptr) next_->on_frame(direction, header, payload);
  }
  void on_field(Direction direction, StreamId stream_id,
                const hpack::HeaderField& field) noexcept override {
    printer_.on_field(direction, stream_id, field);
    if (next_ != nullptr) next_->on_field(direction, stream_id, field);
  }

 private:
  FramePrinter& printer_;
  std::unique_ptr<FrameTrace> next_;
};

// Where --record and --trace write to; null without them.
struct Files {
  std::unique_ptr<CaptureFiles> captures;
  std::unique_ptr<TraceFile> trace;

  // Else a sentence.
  Result<void, std::string> open(const GetOptions& options) {
    if (!options.record.empty()) {
      auto opened = CaptureFiles::open(options.record);
      if (!opened) return unexpected("--record: " + opened.error());
      captures = std::move(*opened);
    }
    if (!options.trace.empty()) {
      auto opened = TraceFile::open(options.trace, "h2 get", Role::kClient, options.show_secrets);
      if (!opened) return unexpected("--trace: " + opened.error());
      trace = std::move(*opened);
    }
    return {};
  }
};

client::ClientOptions client_options(const GetOptions& options, FramePrinter& frames,
                                     Files& files) {
  client::ClientOptions result;
  result.verify = !options.insecure;
  result.ca_file = options.cacert;
  result.cert_file = options.cert;
  result.key_file = options.key;
  result.http2_prior_knowledge = options.prior_knowledge;
  for (const ResolveEntry& entry : options.resolve) {
    for (const std::string& address : entry.addresses)
      result.resolve.push_back({entry.host, entry.port, address});
  }
  if (options.expect100_timeout)
    result.expect_continue_timeout = milliseconds(options.expect100_timeout->count());
  result.user_agent.clear();  // plan_request gives it, so that -H can remove it
  if (options.frames || files.trace || files.captures) {
    result.observe = [&options, &frames, &files](std::string_view host_port) {
      Observers watched = files.trace ? files.trace->watch(host_port) : Observers{};
      client::ConnectionObservers result_of{std::move(watched.trace), std::move(watched.record)};
      if (options.frames) {
        result_of.trace = std::make_unique<SharedTrace>(frames, std::move(result_of.trace));
      }
      if (files.captures) {
        result_of.record = joined(std::move(result_of.record), files.captures->next());
      }
      return result_of;
    };
  }
  return result;
}

int refuse(const std::string& message) {
  Console().print("h2 get: " + one_line(message) +
                  "\nUsage: h2 get [options] URL...; 'h2 help get' lists the options\n");
  return kExitUsage;
}

}  // namespace

int run_get(int argc, char** argv) {
  // A reader of our output that goes away is a failed write and not our silent end.
  ::signal(SIGPIPE, SIG_IGN);
  const GetParse parsed = parse_get_options(argc, argv);
  switch (parsed.kind) {
    case GetParse::Kind::kHelp:
      return write_all(STDOUT_FILENO, parsed.text) == 0 ? kExitOk : kExitFailed;
    case GetParse::Kind::kUsageError:
      return refuse(parsed.text);
    case GetParse::Kind::kRun:
      break;
  }
  const GetOptions& options = parsed.options;
  for (const GetTarget& target : options.targets) {
    if (!options.prior_knowledge && target.url.substr(0, 5) != "https") {
      return refuse(target.url + ": HTTP/2 in cleartext needs --http2-prior-knowledge");
    }
  }
  Console console;
  for (const std::string& warning : options.warnings) {
    if (!options.silent) console.print("h2 get: warning: " + warning + "\n");
  }
  const auto start = std::chrono::steady_clock::now();
  FramePrinter frames(
      [start] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      },
      [&console](std::string_view lines) { console.print(lines); }, options.show_secrets);
  Files files;
  if (const auto opened = files.open(options); !opened) {
    console.print("h2 get: " + opened.error() + "\n");
    return kExitFailed;
  }
  client::Client client(client_options(options, frames, files));
  return Run(options, console, client).all();
}

}  // namespace h2::inline v0::tools
