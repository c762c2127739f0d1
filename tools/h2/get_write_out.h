// `h2 get -w FORMAT`: what is printed after each transfer, in curl's language of %{variables}.
// Tested by tests/tools/get_format_test.cc.
#ifndef H2_TOOLS_H2_GET_WRITE_OUT_H_
#define H2_TOOLS_H2_GET_WRITE_OUT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace h2::inline v0::tools {

// What is known of a transfer once it has ended. Times are seconds from its start.
struct TransferFacts {
  std::string url;            // as on the command line
  std::string url_effective;  // as it was asked for
  std::string method;
  std::string scheme;
  std::string filename_effective;  // the output file; empty for standard output
  std::string http_version;        // "2"; "0" if no response came
  std::string remote_ip;
  std::string local_ip;
  std::string error_message;                                 // empty if all went well
  std::vector<std::pair<std::string, std::string>> headers;  // of the response, in order
  int remote_port = 0;
  int local_port = 0;
  int http_code = 0;     // 0 if no response came
  int exit_code = 0;     // 0 or 1
  int num_connects = 0;  // connections that this transfer opened
  std::uint64_t url_number = 0;
  std::uint64_t size_download = 0;
  std::uint64_t size_upload = 0;
  std::uint64_t size_header = 0;
  double time_namelookup = 0;
  double time_connect = 0;
  double time_appconnect = 0;
  double time_pretransfer = 0;
  double time_starttransfer = 0;
  double time_total = 0;
};

// A format that was read once and is applied to each transfer.
class WriteOut {
 public:
  // Reads a format: %{variable}, %header{name}, %%, \n, \r, \t, \\ and text. False if it names a
  // variable that does not exist or does not end one; *error then says which.
  bool parse(std::string_view format, std::string* error);

  bool empty() const { return parts_.empty(); }

  // The two outputs' texts for one transfer: %{stderr} and %{stdout} switch between them.
  struct Text {
    std::string out;
    std::string err;
  };
  Text format(const TransferFacts& facts) const;

  // The names that parse() knows, in alphabetical order.
  static std::vector<std::string_view> variables();

 private:
  enum class Kind : std::uint8_t { kText, kVariable, kHeader, kToStdout, kToStderr };
  struct Part {
    Kind kind;
    std::string text;
  };
  void add_text(char c);
  bool add_variable(std::string_view name, std::string* error);

  std::vector<Part> parts_;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_GET_WRITE_OUT_H_
