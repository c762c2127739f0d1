// Frames as text, for `h2 get --frames` and `h2 dump`: each with what it carries (RFC 9113 §6,
// RFC 9218 §7.1, RFC 7838 §4, RFC 8336 §2). Tested by tests/tools/get_format_test.cc and
// dump_test.cc.
#ifndef H2_TOOLS_H2_GET_FRAMES_H_
#define H2_TOOLS_H2_GET_FRAMES_H_

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/frame_trace.h"

namespace h2::inline v0::tools {

// Whether a field's value is a credential that is not to be shown: authorization,
// proxy-authorization, cookie, set-cookie. `name` in lower case.
bool is_secret_field(std::string_view name);

// The text of `value`, or a note that so many bytes are left out.
std::string shown_value(std::string_view name, std::string_view value, bool sensitive,
                        bool show_secrets);

// Text from a peer with everything but printable ASCII escaped, so that it cannot steer a terminal.
std::string printable(std::string_view text);

// The type's name as its RFC spells it, or "UNKNOWN(0x20)".
std::string type_name(FrameType type);

// The flags by the names that the frame's type gives them; what has none is in hexadecimal.
std::vector<std::string> flag_names(const FrameHeader& header);

// One line (and one more per setting) for a frame: "SETTINGS stream=0 length=6 ...". `payload` is
// that of the wire, or what FrameTrace gives for it.
std::string describe_frame(const FrameHeader& header, Bytes payload);
// The same behind "send " or "recv ".
std::string describe_frame(Direction direction, const FrameHeader& header, Bytes payload);

// Writes each frame with its time to an output. Give it to one connection, or to several that are
// used by one thread at a time; each frame's lines are handed over in one piece.
class FramePrinter final : public FrameTrace {
 public:
  using Seconds = std::function<double()>;
  using Write = std::function<void(std::string_view lines)>;

  // `now` gives the seconds since the start, `write` takes whole lines.
  FramePrinter(Seconds now, Write write, bool show_secrets)
      : now_(std::move(now)), write_(std::move(write)), show_secrets_(show_secrets) {}

  void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept override;
  void on_field(Direction direction, StreamId stream_id,
                const hpack::HeaderField& field) noexcept override;

 private:
  Seconds now_;
  Write write_;
  bool show_secrets_;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_GET_FRAMES_H_
