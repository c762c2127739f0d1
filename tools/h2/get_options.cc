#include "tools/h2/get_options.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <sstream>

#include "tools/h2/capture_files.h"

namespace h2::inline v0::tools {
namespace {

constexpr const char* kFooter = R"(
Names and meanings are those of curl. An option that is not listed here is refused.

Several -o, -O and -T belong to the URLs in their order. Without -o and -O a body goes to standard
output. Without -Z the URLs are fetched one after the other; either way, URLs of one server share one
connection. A URL without a scheme is an http:// one. http:// URLs are fetched with HTTP/2 in
cleartext and only with --http2-prior-knowledge; without it they are refused, as nobody has said that
the server speaks HTTP/2.

-d @FILE leaves out line ends and NUL bytes, --data-binary @FILE does not; @- is standard input. Both
make the request a POST with content-type application/x-www-form-urlencoded unless -X and -H say
otherwise. -H 'Name: value' adds or replaces a field, -H 'Name:' removes one that would be sent,
-H 'Name;' sends an empty one, -H @FILE reads one from each line.

What was written of an output file stays when the transfer fails.

-w prints FORMAT after each transfer: %{variable}, %header{name}, %%, \n, \r, \t; @FILE reads the
format from a file. Unknown variables are refused. Known are:
)";

constexpr const char* kFooterEnd = R"(
--frames prints each frame of each connection, sent and received, on standard error: seconds since
the start, direction, type, stream, length, flags by name, and what it carries. The values of
authorization, proxy-authorization, cookie, set-cookie and of fields marked as sensitive are left
out, here and in -v, unless --show-secrets is given.

--record writes the capture of each connection to a file of its own: FILE, then FILE.2, FILE.3 and so
on, which only you may read, as they contain bodies, cookies and credentials. 'h2 dump' shows them and
runs them again. --trace writes the texts of all connections to one file; docs/dump.md describes both.

Exit status: 0 if all transfers went well, whatever the HTTP status (see -f); 1 if one did not, and a
sentence on standard error says for which host, in which phase and why; 2 if the command line is
wrong.)";

// Thrown while reading the command line, caught in parse_get_options.
struct UsageProblem {
  std::string text;
};

[[noreturn]] void refuse(std::string text) { throw UsageProblem{std::move(text)}; }

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string read_whole(const std::string& path, const std::string& option) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) refuse(option + ": cannot read " + path + ": " + std::strerror(errno));
  std::string contents;
  std::array<char, 65'536> buffer;
  std::size_t n = 0;
  while ((n = std::fread(buffer.data(), 1, buffer.size(), file)) > 0)
    contents.append(buffer.data(), n);
  const bool failed = std::ferror(file) != 0;
  const std::string why = std::strerror(errno);
  if (file != stdin) std::fclose(file);
  if (failed) refuse(option + ": cannot read " + path + ": " + why);
  return contents;
}

std::chrono::milliseconds parse_seconds(const std::string& text, const std::string& option) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value) || value < 0 || value > 1e9) {
    refuse(option + ": '" + text + "' is not a number of seconds");
  }
  return std::chrono::milliseconds(std::llround(std::ceil(value * 1000)));
}

std::size_t parse_count(const std::string& text, const std::string& option) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end != '\0' || value < 1 ||
      value > 65'535) {
    refuse(option + ": '" + text + "' is not a number from 1 to 65535");
  }
  return value;
}

bool is_address(const std::string& text) {
  std::array<unsigned char, 16> address;
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

ResolveEntry parse_resolve(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    refuse("--resolve: '" + text + "' is not HOST:PORT:ADDRESS[,ADDRESS]...: " + why);
  };
  ResolveEntry entry;
  const std::size_t host_end = text.starts_with('[') ? text.find("]:") + 1 : text.find(':');
  if (host_end == std::string::npos || host_end == 0) wrong("no host");
  entry.host = lower(text.substr(0, host_end));
  if (entry.host.starts_with('[')) entry.host = entry.host.substr(1, entry.host.size() - 2);
  const std::size_t port_end = text.find(':', host_end + 1);
  if (port_end == std::string::npos) wrong("no address");
  entry.port = static_cast<std::uint16_t>(
      parse_count(text.substr(host_end + 1, port_end - host_end - 1), "--resolve: port"));
  std::stringstream list(text.substr(port_end + 1));
  for (std::string address; std::getline(list, address, ',');) {
    if (address.starts_with('[') && address.ends_with(']'))
      address = address.substr(1, address.size() - 2);
    if (!is_address(address)) wrong("'" + address + "' is not an IP address");
    entry.addresses.push_back(address);
  }
  if (entry.addresses.empty()) wrong("no address");
  return entry;
}

bool is_token(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alnum && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

std::string trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

void add_header_line(const std::string& line, GetOptions& options) {
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    refuse("-H: a line end or NUL within a field");
  }
  const std::size_t end = line.find_first_of(":;");
  if (end == std::string::npos)
    refuse("-H: '" + line + "' is neither 'Name: value' nor 'Name:' nor 'Name;'");
  const std::string name = lower(line.substr(0, end));
  if (!is_token(name)) refuse("-H: '" + line.substr(0, end) + "' is not a field name");
  const std::string value = trim(line.substr(end + 1));
  if (line[end] == ';') {
    if (!value.empty()) refuse("-H: '" + line + "' has text after the semicolon");
    options.headers.emplace_back(name, "");
  } else if (value.empty()) {
    options.removed_headers.push_back(name);
  } else {
    options.headers.emplace_back(name, value);
  }
}

void add_header(const std::string& argument, GetOptions& options) {
  if (!argument.starts_with('@')) return add_header_line(argument, options);
  std::stringstream lines(read_whole(argument.substr(1), "-H"));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) add_header_line(line, options);
  }
}

void add_data(const std::string& argument, bool binary, GetOptions& options) {
  std::string piece = argument;
  if (argument.starts_with('@')) {
    piece = read_whole(argument.substr(1), binary ? "--data-binary" : "-d");
    if (!binary) {
      std::erase_if(piece, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    }
  }
  options.data = options.data ? *options.data + "&" + piece : piece;
}

// The path of a URL without its query, from the first slash after the authority.
std::string_view path_of(std::string_view url) {
  const std::size_t authority = url.find("://") + 3;
  const std::size_t begin = url.find('/', authority);
  const std::size_t end = url.find_first_of("?#", authority);
  if (begin == std::string_view::npos || begin > end) return {};
  return url.substr(begin, end == std::string_view::npos ? end : end - begin);
}

std::string remote_name(std::string_view url) {
  const std::string_view path = path_of(url);
  const std::string_view name =
      path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..")
    refuse("-O: the URL " + std::string(url) + " names no file");
  return std::string(name);
}

// A target for a URL with what the n-th -o or -O and the n-th -T say.
GetTarget make_target(const std::string& given, const std::string* output, bool remote_output,
                      const std::string* upload) {
  GetTarget target;
  target.given = given;
  target.url = given.find("://") == std::string::npos ? "http://" + given : given;
  const std::string scheme = lower(target.url.substr(0, target.url.find("://")));
  if (scheme != "http" && scheme != "https")
    refuse("the scheme of " + given + " is neither http nor https");
  if (upload != nullptr) {
    target.upload_path = *upload;
    if (path_of(target.url).empty() && target.url.find_first_of("?#") == std::string::npos)
      target.url += "/";
    if (target.url.ends_with('/') && *upload != "-")
      target.url += upload->substr(upload->rfind('/') + 1);
  }
  if (remote_output) target.output = {OutputChoice::Kind::kFile, remote_name(target.url)};
  if (output != nullptr && *output != "-") target.output = {OutputChoice::Kind::kFile, *output};
  return target;
}

// The options of the command line, as CLI11 knows them.
struct Cli {
  CLI::App app{"Fetches URLs over HTTP/2.", "h2 get"};
  std::map<std::string, CLI::Option*> by_name;

  CLI::Option* flag(const std::string& names, const std::string& help) {
    return remember(app.add_flag(names, help)->disable_flag_override(), names);
  }
  // An option with one argument; may be given often.
  CLI::Option* value(const std::string& names, const std::string& type, const std::string& help) {
    CLI::Option* o =
        app.add_option(names, help)->type_name(type)->expected(1)->allow_extra_args(false);
    return remember(o->take_all(), names);
  }
  CLI::Option* operator[](const std::string& name) const { return by_name.at(name); }
  bool has(const std::string& name) const { return by_name.at(name)->count() > 0; }
  std::string last(const std::string& name) const {
    return has(name) ? by_name.at(name)->results().back() : std::string();
  }

  Cli();

 private:
  CLI::Option* remember(CLI::Option* option, const std::string& names) {
    std::stringstream list(names);
    for (std::string name; std::getline(list, name, ',');) by_name[name] = option;
    return option;
  }
};

Cli::Cli() {
  app.allow_extras();
  app.set_help_flag();
  flag("-h,--help", "Print this help");
  app.add_option("URL", "What to fetch")->expected(-1)->take_all();
  by_name["URL"] = app.get_option("URL");
  value("-o,--output", "FILE", "Write the body to FILE; - is standard output");
  flag("-O,--remote-name", "Write the body to a file named like the last part of the URL's path");
  flag("-i,--include", "Print the response's status line and fields before its body");
  flag("-I,--head", "Send HEAD; print status line and fields");
  flag("-v,--verbose", "Say on standard error what is connected, sent (>) and received (<)");
  flag("-s,--silent", "No warnings and no error sentences");
  flag("-S,--show-error", "With -s: error sentences all the same");
  flag("-f,--fail", "A status of 400 or more fails the transfer, and its body is not written");
  flag("-k,--insecure", "Accept any certificate");
  value("--cacert", "FILE", "Trust the certificates in FILE (PEM) instead of the system's");
  value("-E,--cert", "FILE", "The client's certificate chain (PEM)");
  value("--key", "FILE",
        "The client certificate's key (PEM); without it it is looked for in --cert");
  value("-H,--header", "LINE", "Add, replace or remove a request field; see below");
  value("-d,--data", "DATA", "Send DATA in a POST; @FILE reads it; several are joined with '&'");
  value("--data-binary", "DATA", "Like -d, and @FILE is sent as it is");
  value("-T,--upload-file", "FILE", "Send FILE in a PUT; - is standard input");
  value("-X,--request", "METHOD", "Use this method");
  flag("-Z,--parallel", "Fetch the URLs at the same time");
  value("--parallel-max", "N", "With -Z: at most N at a time (50)");
  value("-w,--write-out", "FORMAT", "What to print after each transfer; see below");
  value("-m,--max-time", "SECONDS", "Give a transfer up after this time");
  value("--connect-timeout", "SECONDS", "Give name, connection and TLS up after this time (10)");
  value("--expect100-timeout", "SECONDS",
        "With -H 'Expect: 100-continue': send the body after this time without an answer (1)");
  value("--resolve", "HOST:PORT:ADDR", "Connect to ADDR for HOST and PORT; several: ADDR,ADDR");
  flag("--http2-prior-knowledge",
       "HTTP/2 at once: in cleartext for http://, and nothing else for https://");
  flag("--frames", "Print all frames on standard error; see below");
  flag("--show-secrets", "Print credentials and cookies in -v, --frames and --trace too");
  value("--record", "FILE", kRecordHelp);
  value("--trace", "FILE", "Write frames, streams' states and events to FILE as JSON texts");
}

// -o and -O in their order on the command line: none stands for -O.
std::vector<std::optional<std::string>> outputs_in_order(const Cli& cli) {
  std::vector<std::optional<std::string>> outputs;
  std::size_t used = 0;
  for (const CLI::Option* o : cli.app.parse_order()) {
    if (o == cli["-o"]) outputs.emplace_back(o->results().at(used++));
    if (o == cli["-O"]) outputs.emplace_back(std::nullopt);
  }
  return outputs;
}

void read_targets(const Cli& cli, GetOptions& options) {
  const std::vector<std::string> urls = cli["URL"]->results();
  const std::vector<std::string> uploads = cli["-T"]->results();
  const auto outputs = outputs_in_order(cli);
  if (urls.empty()) refuse("no URL");
  for (std::size_t i = 0; i < urls.size(); ++i) {
    const bool has_output = i < outputs.size();
    options.targets.push_back(
        make_target(urls[i], has_output && outputs[i] ? &*outputs[i] : nullptr,
                    has_output && !outputs[i], i < uploads.size() ? &uploads[i] : nullptr));
  }
  if (outputs.size() > urls.size()) options.warnings.emplace_back("more -o and -O than URLs");
  if (uploads.size() > urls.size()) options.warnings.emplace_back("more -T than URLs");
}

void read_data(const Cli& cli, GetOptions& options) {
  std::size_t text_used = 0;
  std::size_t binary_used = 0;
  for (const CLI::Option* o : cli.app.parse_order()) {
    if (o == cli["-d"]) add_data(o->results().at(text_used++), false, options);
    if (o == cli["--data-binary"]) add_data(o->results().at(binary_used++), true, options);
  }
  for (const std::string& line : cli["-H"]->results()) add_header(line, options);
  const int methods = (options.data ? 1 : 0) + (cli.has("-T") ? 1 : 0) + (options.head ? 1 : 0);
  if (methods > 1)
    refuse("only one of -d/--data-binary, -T and -I can be given: each asks for its own method");
  if (cli.has("-X")) {
    options.method = cli.last("-X");
    if (!is_token(*options.method)) refuse("-X: '" + *options.method + "' is not a method");
    if (*options.method == "CONNECT")
      refuse("-X: CONNECT needs a tunnel, which h2 get does not offer");
  }
}

void read_flags(const Cli& cli, GetOptions& options) {
  options.head = cli.has("-I");
  options.include = cli.has("-i");
  options.verbose = cli.has("-v");
  options.silent = cli.has("-s");
  options.show_error = cli.has("-S");
  options.fail = cli.has("-f");
  options.frames = cli.has("--frames");
  options.show_secrets = cli.has("--show-secrets");
  options.insecure = cli.has("-k");
  options.parallel = cli.has("-Z");
  options.prior_knowledge = cli.has("--http2-prior-knowledge");
}

void read_values(const Cli& cli, GetOptions& options) {
  options.cacert = cli.last("--cacert");
  options.cert = cli.last("--cert");
  options.key = cli.last("--key");
  options.record = cli.last("--record");
  options.trace = cli.last("--trace");
  for (const char* name : {"--record", "--trace"}) {
    if (cli.has(name) && cli.last(name).empty()) refuse(std::string(name) + ": no file is named");
  }
  if (!options.key.empty() && options.cert.empty()) refuse("--key without --cert");
  if (cli.has("--parallel-max"))
    options.parallel_max = parse_count(cli.last("--parallel-max"), "--parallel-max");
  if (cli.has("-m")) options.max_time = parse_seconds(cli.last("-m"), "-m");
  if (cli.has("--expect100-timeout")) {
    options.expect100_timeout =
        parse_seconds(cli.last("--expect100-timeout"), "--expect100-timeout");
  }
  if (cli.has("--connect-timeout")) {
    options.connect_timeout = parse_seconds(cli.last("--connect-timeout"), "--connect-timeout");
  }
  // As with curl, 0 means no limit.
  if (options.max_time && options.max_time->count() == 0) options.max_time.reset();
  if (options.connect_timeout && options.connect_timeout->count() == 0)
    options.connect_timeout.reset();
  for (const std::string& entry : cli["--resolve"]->results())
    options.resolve.push_back(parse_resolve(entry));
  if (cli.has("-w")) {
    std::string format = cli.last("-w");
    if (format.starts_with('@')) format = read_whole(format.substr(1), "-w");
    std::string error;
    if (!options.write_out.parse(format, &error)) refuse("-w: " + error);
  }
}

std::string help_of(const Cli& cli) {
  std::string text = cli.app.help();
  text += kFooter;
  std::string line = " ";
  for (const std::string_view name : WriteOut::variables()) {
    if (line.size() + name.size() > 98) {
      text += line + "\n";
      line = " ";
    }
    line += " " + std::string(name);
  }
  return text + line + "\n" + kFooterEnd + "\n";
}

// The first argument that looks like an option and is none.
void refuse_extras(const CLI::App& app) {
  for (const std::string& extra : app.remaining()) {
    if (extra == "--") continue;  // all after it are URLs
    refuse("there is no option " + extra + "; 'h2 help get' lists all");
  }
}

}  // namespace

std::string get_help() { return help_of(Cli()); }

GetParse parse_get_options(int argc, const char* const* argv) {
  GetParse result;
  try {
    Cli cli;
    cli.app.parse(argc, argv);
    if (cli.has("-h")) {
      result.kind = GetParse::Kind::kHelp;
      result.text = help_of(cli);
      return result;
    }
    refuse_extras(cli.app);
    read_flags(cli, result.options);
    read_values(cli, result.options);
    read_data(cli, result.options);
    read_targets(cli, result.options);
  } catch (const CLI::ParseError& e) {
    result.kind = GetParse::Kind::kUsageError;
    result.text = e.what();
  } catch (const UsageProblem& e) {
    result.kind = GetParse::Kind::kUsageError;
    result.text = e.text;
  }
  return result;
}

}  // namespace h2::inline v0::tools
