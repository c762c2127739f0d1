// `h2 dump`: shows what was said on HTTP/2 connections, from bytes, packet captures and captures of
// this project's own. Frames are found by dump_frames.h and shown by dump_print.h; packets are read
// by dump_pcap.h. Tested by tests/tools/dump_test.cc.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/testing/replay.h"
#include "tools/h2/dump_frames.h"
#include "tools/h2/dump_pcap.h"
#include "tools/h2/dump_print.h"
#include "tools/h2/dump_state.h"
#include "tools/h2/verbs.h"

namespace h2::inline v0::tools {

namespace {

constexpr const char* kFooter = R"(
FILE is - for standard input, which is the default. It is recognised by how it begins:
  a capture      written by --record of 'h2 get' and 'h2 serve', or by h2::RecordSink: both sides
  pcap, pcapng   packets: all TCP connections in cleartext, numbered; those over TLS are left out
  anything else  the bytes that one side of one connection sent, or with --hex their hexadecimal
                 digits, where white space, and what stands behind # in a line, is passed over

Lines begin with seconds since the start where times are known, else with @ and the frame's place in
the bytes of its side. -> is sent by the client, <- by the server. The values of authorization,
proxy-authorization, cookie, set-cookie and of fields marked as sensitive are left out unless
--show-secrets is given; a capture contains them.

  h2 get --record capture https://example.com/ && h2 dump capture
  h2 dump --filter headers,rst_stream,goaway traffic.pcap
  h2 dump --follow 1 capture
  h2 dump --replay capture

Exit status: 0; 1 if something was not right, which is said on standard error with its place after
what could be shown, or if a replay came out differently; 2 if the command line is wrong.
)";

struct Options {
  std::string file = "-";
  bool hex = false;
  bool json = false;
  bool calls = false;
  bool replay = false;
  bool state = false;
  bool show_secrets = false;
  DumpFilter filter;
};

std::string name_of(const std::string& file) { return file == "-" ? "standard input" : file; }

Result<std::string, std::string> read_input(const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) return unexpected("cannot be read: " + std::string(std::strerror(errno)));
  std::string contents;
  std::vector<char> buffer(1U << 16U);
  std::size_t n = 0;
  while ((n = std::fread(buffer.data(), 1, buffer.size(), file)) > 0)
    contents.append(buffer.data(), n);
  const int problem = std::ferror(file) != 0 ? errno : 0;
  if (file != stdin) std::fclose(file);
  if (problem != 0) return unexpected("cannot be read: " + std::string(std::strerror(problem)));
  return contents;
}

// Hexadecimal digits to bytes; else what is wrong and in which line.
Result<std::string, std::string> from_hex(const std::string& text) {
  std::string bytes;
  int high = -1;
  std::size_t line = 1;
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      comment = false;
    }
    if (c == '#') comment = true;
    if (comment || c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) {
      const auto byte = static_cast<unsigned char>(c);
      return unexpected("line " + std::to_string(line) + ": " +
                        (byte > 0x20 && byte < 0x7f ? "'" + std::string(1, c) + "'"
                                                    : "byte " + std::to_string(byte)) +
                        " is not a hexadecimal digit");
    }
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<char>(high * 16 + digit));
      high = -1;
    }
  }
  if (high >= 0) return unexpected(std::string("the number of hexadecimal digits is odd"));
  return bytes;
}

// ---- bytes of one side
// --------------------------------------------------------------------------------

void dump_bytes(const Options& options, Bytes bytes, DumpPrinter& printer) {
  const std::string_view text = as_string_view(bytes);
  // Whose they are: the preface says so, and without it --from.
  const bool preface = text.substr(0, 3) == kClientPreface.substr(0, 3);
  const Side side = preface ? Side::kClient : options.filter.from.value_or(Side::kServer);
  DumpDecoder decoder({}, printer);
  decoder.feed(side, bytes, std::nullopt);
  decoder.finish();
}

// ---- captures
// -----------------------------------------------------------------------------------

class CaptureDump {
 public:
  CaptureDump(bool calls, DumpPrinter& printer)
      : calls_(calls),
        printer_(printer),
        decoder_({.connection = 1, .both_sides = true, .from_start = true}, printer) {}

  void run(Bytes capture) {
    using Step = testing::CaptureReader::Step;
    testing::CaptureReader reader(capture);
    Step step = reader.next();
    for (; step == Step::kRecord; step = reader.next()) {
      const testing::CapturedRecord& record = reader.record();
      if (!take(record)) return;
    }
    if (step != Step::kEnd) printer_.problem(reader.offset(), reader.problem());
    if (pending_) settle(std::nullopt, "no result: the capture ends within this call");
    decoder_.finish();
  }

 private:
  bool take(const testing::CapturedRecord& record) {
    switch (record.kind) {
      case RecordKind::kResult:
        if (!pending_) return wrong(record, "a result without a call");
        {
          const auto result = testing::decode_result(pending_->kind, record.payload);
          if (!result) return wrong(record, "this is not a result of " + name(pending_->kind));
          settle(*result, testing::describe(record, pending_->kind));
        }
        return true;
      case RecordKind::kBodyRead:
        if (calls_) printer_.call(now_, "body_read", 0, testing::describe(record), "given");
        return true;
      case RecordKind::kEnd:
        return true;
      default:
        return begin(record);
    }
  }

  bool begin(const testing::CapturedRecord& record) {
    std::string problem;
    auto call = testing::decode_call(record, problem);
    if (!call) return wrong(record, problem);
    if (record.kind == RecordKind::kBegin) {
      own_ = call->role == Role::kClient ? Side::kClient : Side::kServer;
      start_ = *call->now;
    }
    if (call->now) now_ = static_cast<double>((*call->now - start_).ns) / 1e9;
    if (record.kind == RecordKind::kBegin) {
      if (calls_) printer_.call(now_, name(record.kind), 0, testing::describe(record), "ok");
      return true;
    }
    text_ = testing::describe(record);
    if (record.kind == RecordKind::kMarkSent) decoder_.feed(own_, call->data, now_);
    pending_ = std::move(call);
    return true;
  }

  // What was received counts as far as the connection took it.
  void settle(const std::optional<testing::CapturedResult>& result, const std::string& text) {
    const testing::CapturedCall call = *std::exchange(pending_, std::nullopt);
    if (call.kind == RecordKind::kReceiveData) {
      const std::size_t taken =
          result ? static_cast<std::size_t>(std::min<std::uint64_t>(result->size, call.data.size()))
                 : call.data.size();
      decoder_.feed(other(own_), call.data.first(taken), now_);
    }
    if (calls_) printer_.call(now_, name(call.kind), call.stream_id.value, text_, text);
  }

  static std::string name(RecordKind kind) { return std::string(to_string(kind)); }

  bool wrong(const testing::CapturedRecord& record, const std::string& what) {
    printer_.problem(record.offset, what);
    decoder_.finish();
    return false;
  }

  const bool calls_;
  DumpPrinter& printer_;
  DumpDecoder decoder_;
  Side own_{};
  Time start_;
  double now_ = 0;
  std::optional<testing::CapturedCall> pending_;
  std::string text_;
};

int run_again(const Options& options, Bytes capture) {
  testing::ReplayOptions replay_options;
  if (options.state) {
    replay_options.at_end = [](const Connection& connection) {
      std::cout << connection_state_json(connection).dump(2) << '\n';
    };
  }
  const testing::ReplayReport report = testing::replay(capture, replay_options);
  const bool identical = report.outcome == testing::ReplayReport::Outcome::kIdentical;
  if (!identical || options.replay) {
    std::cout.flush();
    // A difference is what was asked for; only what cannot be read at all is an error.
    const bool readable = report.outcome != testing::ReplayReport::Outcome::kCorrupt;
    (readable ? std::cout : std::cerr)
        << (readable ? "" : "h2 dump: " + name_of(options.file) + ": ") << report.message() << '\n';
  }
  return identical ? kExitOk : kExitFailed;
}

// ---- packets
// ------------------------------------------------------------------------------------

// What a connection is instead of HTTP/2 in cleartext, or nothing.
std::string why_not_http2(const PcapConnection& connection, std::string_view client,
                          std::string_view server) {
  const std::size_t part = std::min(client.size(), kClientPreface.size());
  if (part > 0 && client.substr(0, part) == kClientPreface.substr(0, part)) return {};
  const std::string_view start = client.empty() ? server : client;
  if (start.empty()) return "no bytes";
  if (start.substr(0, 2) == "\x16\x03") return "TLS";
  if (start.find("HTTP/1.") != std::string_view::npos && start.size() > 9 && start[3] >= ' ')
    return "HTTP/1";
  // From its middle on, or before the client has said anything: any frame will do.
  const bool frame = start.size() >= kFrameHeaderSize &&
                     static_cast<unsigned char>(start[3]) <= 0x10 && start[0] == '\0' &&
                     (start[5] & '\x80') == 0;
  if (frame && (!connection.from_start || client.empty())) return {};
  return "not HTTP/2";
}

void dump_packets(const PcapFile& file, DumpPrinter& printer) {
  std::vector<std::string> starts[2] = {std::vector<std::string>(file.connections.size()),
                                        std::vector<std::string>(file.connections.size())};
  for (const PcapChunk& chunk : file.chunks) {
    std::string& start = starts[static_cast<std::size_t>(chunk.from)][chunk.connection];
    if (start.size() < 256) start += chunk.bytes.substr(0, 256);
  }
  std::vector<std::unique_ptr<DumpDecoder>> decoders(file.connections.size());
  bool any = false;
  for (std::size_t i = 0; i < file.connections.size(); ++i) {
    const PcapConnection& connection = file.connections[i];
    const auto number = static_cast<unsigned>(i + 1);
    const std::string why_not = why_not_http2(connection, starts[0][i], starts[1][i]);
    printer.connection(number, connection.client, connection.server, why_not);
    if (!why_not.empty()) continue;
    any = true;
    decoders[i] = std::make_unique<DumpDecoder>(
        DumpDecoder::Options{number, true, connection.from_start}, printer);
  }
  for (const PcapChunk& chunk : file.chunks) {
    if (decoders[chunk.connection])
      decoders[chunk.connection]->feed(chunk.from, as_bytes(chunk.bytes), chunk.time);
  }
  for (std::size_t i = 0; i < decoders.size(); ++i) {
    if (!decoders[i]) continue;
    for (const Side side : {Side::kClient, Side::kServer}) {
      const std::uint64_t behind = file.connections[i].behind_gap[static_cast<std::size_t>(side)];
      if (behind > 0) {
        decoders[i]->lose(side, "bytes are missing here; the " + std::to_string(behind) +
                                    " that came behind them are left out");
      }
    }
    decoders[i]->finish();
  }
  if (file.fragments > 0) {
    printer.problem(std::nullopt,
                    std::to_string(file.fragments) + " fragments of IP packets are left out");
  }
  if (!file.problem.empty()) {
    printer.problem(std::nullopt,
                    "after " + std::to_string(file.packets) + " packets: " + file.problem);
  }
  if (!any) {
    printer.problem(std::nullopt, "there is no HTTP/2 connection in cleartext among the " +
                                      std::to_string(file.packets) + " packets");
  }
}

int dump(const Options& options) {
  const auto failed = [&](const std::string& what) {
    std::cerr << "h2 dump: " << name_of(options.file) << ": " << what << '\n';
    return kExitFailed;
  };
  auto input = read_input(options.file);
  if (!input) return failed(input.error());
  if (options.hex) {
    input = from_hex(*input);
    if (!input) return failed(input.error());
  }
  const Bytes bytes = as_bytes(*input);
  if (bytes.empty()) return failed("there is nothing in it");
  const bool capture = testing::is_capture(bytes);
  if (!capture && (options.replay || options.state || options.calls)) {
    return failed("it is no capture, as --replay, --state and --calls need");
  }
  if (options.replay || options.state) return run_again(options, bytes);

  const bool packets = !capture && is_pcap(bytes);
  DumpPrinter printer({.filter = options.filter,
                       .json = options.json,
                       .show_secrets = options.show_secrets,
                       .numbered = packets,
                       .input = name_of(options.file)},
                      std::cout, std::cerr);
  if (packets) {
    const auto file = read_pcap(bytes);
    if (!file) return failed(file.error());
    dump_packets(*file, printer);
  } else if (capture) {
    CaptureDump(options.calls, printer).run(bytes);
  } else {
    dump_bytes(options, bytes, printer);
  }
  std::cout.flush();
  if (!std::cout) return failed("standard output cannot be written");
  return printer.good() ? kExitOk : kExitFailed;
}

}  // namespace

int run_dump(int argc, char** argv) {
  CLI::App app("Shows the frames of HTTP/2 connections.", "h2 dump");
  app.footer(kFooter);
  Options options;
  std::string from;
  std::string filter;
  std::uint32_t follow = 0;
  app.add_option("FILE", options.file, "What to read")->capture_default_str();
  app.add_flag("--hex", options.hex, "FILE is hexadecimal digits");
  app.add_flag("--json", options.json, "One JSON object a line");
  app.add_option("--filter", filter,
                 "Only these frames: names of types and stream=N, separated by commas");
  CLI::Option* follow_option =
      app.add_option("--follow", follow, "Only this stream's frames, with the bytes of its bodies")
          ->check(CLI::Range(0U, StreamId::kMax));
  app.add_option(
         "--from", from,
         "Only what the client or the server sent; of bytes without a preface, who sent them")
      ->check(CLI::IsMember({"client", "server"}));
  app.add_flag("--show-secrets", options.show_secrets, "Show credentials and cookies, too");
  app.add_flag("--calls", options.calls, "Of a capture: the program's calls between the frames");
  app.add_flag("--replay", options.replay,
               "Of a capture: make its calls again and say whether the same came of them");
  app.add_flag("--state", options.state,
               "Of a capture: make its calls again and print the connection's state as JSON");
  if (const int status = parse_command_line(app, argc, argv); status >= 0) return status;
  if (follow_option->count() > 0) options.filter.follow = follow;
  if (!from.empty()) options.filter.from = from == "client" ? Side::kClient : Side::kServer;
  if (const auto parsed = parse_filter(filter, options.filter); !parsed)
    return usage_error(app, "--filter: " + parsed.error());
  return dump(options);
}

}  // namespace h2::inline v0::tools
