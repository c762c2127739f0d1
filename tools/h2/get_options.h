// `h2 get`: its command line, with the names and meanings of curl's.
// Tested by tests/tools/get_options_test.cc.
#ifndef H2_TOOLS_H2_GET_OPTIONS_H_
#define H2_TOOLS_H2_GET_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/h2/get_write_out.h"

namespace h2::inline v0::tools {

// Where a response's body goes.
struct OutputChoice {
  enum class Kind : std::uint8_t { kStdout, kFile } kind = Kind::kStdout;
  std::string path{};  // for kFile
};

// One URL of the command line with what belongs to it alone.
struct GetTarget {
  std::string given;  // as on the command line
  std::string url;    // with its scheme, and the uploaded file's name if it ended in "/"
  OutputChoice output;
  std::optional<std::string> upload_path;  // -T; "-" is standard input
};

// --resolve HOST:PORT:ADDRESS[,ADDRESS]...
struct ResolveEntry {
  std::string host;  // lower case
  std::uint16_t port = 0;
  std::vector<std::string> addresses;  // numbers, IPv6 without brackets
};

// What the command line asks for.
struct GetOptions {
  std::vector<GetTarget> targets;

  std::optional<std::string> method;  // -X
  bool head = false;                  // -I
  // -H, in order; a name that is repeated is sent repeatedly.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> removed_headers;  // -H 'Name:', lower case
  std::optional<std::string> data;           // -d and --data-binary, joined with '&'

  bool include = false;
  bool verbose = false;
  bool silent = false;
  bool show_error = false;
  bool fail = false;
  bool frames = false;
  bool show_secrets = false;
  std::string record;  // --record; empty: none
  std::string trace;   // --trace
  WriteOut write_out;

  bool insecure = false;
  std::string cacert;
  std::string cert;
  std::string key;
  bool prior_knowledge = false;
  std::vector<ResolveEntry> resolve;

  bool parallel = false;
  std::size_t parallel_max = 50;
  std::optional<std::chrono::milliseconds> max_time;
  std::optional<std::chrono::milliseconds> connect_timeout;
  std::optional<std::chrono::milliseconds> expect100_timeout;

  std::vector<std::string> warnings;  // to be printed unless silent
};

// What reading a command line led to.
struct GetParse {
  enum class Kind : std::uint8_t { kRun, kHelp, kUsageError } kind = Kind::kRun;
  GetOptions options{};
  std::string text{};  // the help, or a sentence that says what is wrong
};

// Reads the arguments; argv[0] is skipped. Reads files that -d, --data-binary, -H and -w name with
// '@'.
GetParse parse_get_options(int argc, const char* const* argv);

// What `h2 help get` prints.
std::string get_help();

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_GET_OPTIONS_H_
