// Files of one directory for `h2 serve -d`: which path names which file, what type it has, and
// which part of it was asked for (RFC 9110 §14). Tested by tests/tools/serve_files_test.cc.
#ifndef H2_TOOLS_H2_SERVE_FILES_H_
#define H2_TOOLS_H2_SERVE_FILES_H_

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "hpack/result.h"

namespace h2::inline v0::tools {

// Decodes a request path: the query is cut off, %XX decoded, "." and empty segments dropped. The
// result is relative and has no leading "/"; a trailing "/" is kept. None if the path is not one
// that may name a file: bad percent-encoding, a NUL, an encoded "/", or a ".." segment.
std::optional<std::string> decode_path(std::string_view path);

// The media type that a file's extension stands for; "application/octet-stream" for others.
std::string_view content_type_of(std::string_view path);

// What a Range field asks of `size` bytes (RFC 9110 §14.1.2).
struct RangeChoice {
  enum class Kind : std::uint8_t {
    kWhole,  // no range, or one that may be ignored: malformed, of another unit, more than one
    kPart,   // `first` and `length` say which, within the size
    kUnsatisfiable,  // answered with 416 (RFC 9110 §15.5.17)
  };
  Kind kind = Kind::kWhole;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  friend bool operator==(const RangeChoice&, const RangeChoice&) = default;
};
RangeChoice choose_range(std::string_view range, std::uint64_t size);

// A date as HTTP writes it (RFC 9110 §5.6.7), and back; other formats than the preferred one are
// not read.
std::string http_date(std::time_t time);
std::optional<std::time_t> parse_http_date(std::string_view text);

// What a path names.
struct FoundFile {
  enum class Kind : std::uint8_t { kNothing, kFile, kDirectory };
  Kind kind = Kind::kNothing;
  int fd = -1;  // open for reading, the receiver's to close; -1 for kNothing
  std::uint64_t size = 0;
  std::time_t modified = 0;
};

// A directory whose files may be read, and nothing outside of it.
class FileRoot {
 public:
  // The directory must exist; else a sentence that names it.
  static Result<FileRoot, std::string> open(const std::string& directory);
  ~FileRoot();
  FileRoot(FileRoot&& other) noexcept;
  FileRoot& operator=(FileRoot&& other) noexcept;

  // Looks up a path that decode_path gave. Symbolic links are followed as long as they stay inside;
  // where the kernel cannot guarantee that, they are not followed at all. Thread-safe.
  FoundFile find(const std::string& relative) const;
  // As find, without the kernel's help: for tests.
  FoundFile find_without_links(const std::string& relative) const;

 private:
  explicit FileRoot(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// An HTML page that lists the directory open as `fd`, which is closed. `path` is the request's, for
// the title.
std::string list_directory(int fd, std::string_view path);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVE_FILES_H_
