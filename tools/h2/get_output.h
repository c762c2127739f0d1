// `h2 get`: where a response goes: standard output or a file, each write checked.
// Tested by tests/tools/get_test.cc.
#ifndef H2_TOOLS_H2_GET_OUTPUT_H_
#define H2_TOOLS_H2_GET_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/h2/get_options.h"

namespace h2::inline v0::tools {

// Writes all of `text` to a descriptor. 0, or the errno of what failed. SIGPIPE must be ignored.
int write_all(int fd, std::string_view text);

// One response's destination. A file is made when the response begins; what was written of it stays
// if the transfer fails later, as with curl. Not thread-safe.
class Output {
 public:
  explicit Output(const OutputChoice& choice) : choice_(choice) {}
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // All return false on failure; error() then says what failed and why. open() may be called again.
  bool open();
  bool write(std::string_view bytes);
  bool close();

  std::uint64_t written() const { return written_; }
  const std::string& error() const { return error_; }

 private:
  bool fail(std::string_view action, int error);

  OutputChoice choice_;
  int fd_ = -1;
  std::uint64_t written_ = 0;
  std::string error_;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_GET_OUTPUT_H_
