// What `h2 dump` prints: frames as lines of text or of JSON, and what is wrong on standard error.
// Part of `h2 dump`; tested by tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_DUMP_PRINT_H_
#define H2_TOOLS_H2_DUMP_PRINT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <set>
#include <string>

#include "hpack/result.h"
#include "tools/h2/dump_frames.h"

namespace h2::inline v0::tools {

// Which frames are shown. Empty sets and none: all.
struct DumpFilter {
  std::set<std::string> types;  // in upper case
  std::set<std::uint32_t> streams;
  std::optional<std::uint32_t> follow;
  std::optional<Side> from;

  bool shows(const DumpedFrame& frame) const;
};

// Reads "headers,data,stream=3" into `filter`; else a sentence with what is not known.
Result<void, std::string> parse_filter(const std::string& text, DumpFilter& filter);

class DumpPrinter final : public DumpSink {
 public:
  struct Options {
    DumpFilter filter;
    bool json = false;
    bool show_secrets = false;
    bool numbered = false;  // connections have numbers
    std::string input;      // how the input is called in sentences
  };
  DumpPrinter(Options options, std::ostream& out, std::ostream& err)
      : options_(std::move(options)), out_(out), err_(err) {}

  void on_preface(const DumpPlace& place) override;
  void on_frame(const DumpedFrame& frame) override;
  void on_problem(const DumpPlace& place, const std::string& what) override;

  // A connection of a packet capture; `why_not`: what it is instead of HTTP/2, or empty.
  void connection(unsigned number, const std::string& client, const std::string& server,
                  const std::string& why_not);
  // A call of a capture, with its result.
  void call(std::optional<double> time, const std::string& name, std::uint32_t stream,
            const std::string& text, const std::string& result);
  // Something is wrong with the input at `offset` of the file (none: with all of it).
  void problem(std::optional<std::uint64_t> offset, const std::string& what);

  // Whether everything was right so far.
  bool good() const { return good_; }

 private:
  std::string lead(unsigned connection, std::optional<double> time,
                   std::optional<std::uint64_t> offset) const;
  nlohmann::ordered_json json_of(const DumpPlace& place) const;
  void body(Bytes data);

  const Options options_;
  std::ostream& out_;
  std::ostream& err_;
  bool good_ = true;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_DUMP_PRINT_H_
