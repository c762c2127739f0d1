// `--trace FILE` of `h2 get` and `h2 serve`: what happens, as a sequence of JSON texts (each behind
// a record separator and ended by a line feed), shaped like qlog: frames, changes of streams'
// states, events. docs/dump.md has the format. Tested by tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_TRACE_FILE_H_
#define H2_TOOLS_H2_TRACE_FILE_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "h2core/frame_trace.h"
#include "h2core/recorder.h"
#include "h2core/stream_id.h"
#include "hpack/result.h"
#include "tools/h2/capture_files.h"

namespace h2::inline v0::tools {

// What a connection is watched by; all may be null.
struct Observers {
  std::unique_ptr<FrameTrace> trace;
  std::unique_ptr<RecordSink> record;
};

// Thread-safe. Must outlive the observers that it made.
class TraceFile {
 public:
  // Makes the file and writes its first text. `title` is the program, `role` its end of the
  // connections. Else a sentence.
  static Result<std::unique_ptr<TraceFile>, std::string> open(const std::string& path,
                                                              std::string_view title, Role role,
                                                              bool show_secrets);

  // Observers of a new connection to or from `peer`: the trace tells of frames and streams, the
  // sink of events.
  Observers watch(std::string_view peer);

  // Milliseconds since the start, in microseconds' steps.
  double now() const;
  // One text, about something that happened at `ms`.
  void write(const std::string& group, double ms, std::string_view name,
             nlohmann::ordered_json data);

  Role role() const { return role_; }
  bool show_secrets() const { return show_secrets_; }

 private:
  TraceFile(std::unique_ptr<OwnedFile> file, std::string path, Role role, bool show_secrets)
      : file_(std::move(file)), path_(std::move(path)), role_(role), show_secrets_(show_secrets) {}
  void put(const nlohmann::ordered_json& text);

  std::mutex mutex_;
  std::unique_ptr<OwnedFile> file_;  // null once it could not be written to
  const std::string path_;
  const Role role_;
  const bool show_secrets_;
  unsigned connections_ = 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_TRACE_FILE_H_
