// `--record FILE` of `h2 get` and `h2 serve`: captures of connections (h2core/recorder.h), one file
// for each: FILE, then FILE.2, FILE.3 and so on. Tested by tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_CAPTURE_FILES_H_
#define H2_TOOLS_H2_CAPTURE_FILES_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "h2core/recorder.h"
#include "hpack/result.h"

namespace h2::inline v0::tools {

// What the help says of --record.
inline constexpr const char* kRecordHelp =
    "Write all that each connection does to FILE, FILE.2, ... for 'h2 dump'; contains bodies, "
    "cookies "
    "and credentials as they are";

// A descriptor that is closed at the end.
class OwnedFile {
 public:
  explicit OwnedFile(int fd) : fd_(fd) {}
  ~OwnedFile();
  OwnedFile(const OwnedFile&) = delete;
  OwnedFile& operator=(const OwnedFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Makes a file that only its owner may read, or empties it; else a sentence.
Result<std::unique_ptr<OwnedFile>, std::string> create_private_file(const std::string& path);

// Thread-safe.
class CaptureFiles {
 public:
  // Makes the first file at once, so that a wrong path is known before anything is done.
  static Result<std::unique_ptr<CaptureFiles>, std::string> open(const std::string& path);

  // The sink of the next connection. If its file cannot be made, or cannot be written to later, one
  // sentence goes to standard error and the connection goes on without.
  std::unique_ptr<RecordSink> next();

 private:
  CaptureFiles(std::string path, std::unique_ptr<OwnedFile> first)
      : path_(std::move(path)), first_(std::move(first)) {}

  const std::string path_;
  std::mutex mutex_;
  std::unique_ptr<OwnedFile> first_;
  unsigned made_ = 0;
};

// One sink for what several want to know.
std::unique_ptr<RecordSink> joined(std::unique_ptr<RecordSink> a, std::unique_ptr<RecordSink> b);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_CAPTURE_FILES_H_
