// Builds the bytes that a peer would send, frame by frame, right or wrong; and reads frames back.
//
//   FrameScript().client_start().headers(1, get("/"), kEnd).ping("12345678").bytes()
//
// A short hand for h2::testing::RawWriter. Field blocks are written without the dynamic table and
// without Huffman coding: a script says the same whatever precedes it, and does not trust the
// encoder under test. Sections that exercise compression are given as raw fragments.
#ifndef H2_TESTS_SUPPORT_FRAME_SCRIPT_H_
#define H2_TESTS_SUPPORT_FRAME_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2core/error_code.h"
#include "h2core/frame.h"
#include "h2core/settings.h"
#include "h2core/testing/raw_writer.h"
#include "hpack/bytes.h"

namespace h2::tests {

using Fields = std::vector<std::pair<std::string, std::string>>;

// The usual four pseudo-fields of a request, and `more`.
Fields request_fields(std::string_view method, std::string_view path, const Fields& more = {});
inline Fields get(std::string_view path = "/", const Fields& more = {}) {
  return request_fields("GET", path, more);
}
inline Fields post(std::string_view path = "/", const Fields& more = {}) {
  return request_fields("POST", path, more);
}
// `:status` and `more`.
Fields response_fields(int status, const Fields& more = {});

// Literal fields without indexing and without Huffman coding (RFC 7541 §6.2.2).
std::string plain_block(const Fields& fields);

// Flags of a scripted frame by their meaning.
enum class End : bool { kNo, kYes };
inline constexpr End kOpen = End::kNo;
inline constexpr End kEnd = End::kYes;

class FrameScript {
 public:
  // The 24 bytes before the first frame (RFC 9113 §3.4).
  FrameScript& client_preface();
  // What starts a connection: for a client the preface, then (for both) SETTINGS.
  FrameScript& client_start(std::initializer_list<Setting> settings = {});
  FrameScript& server_start(std::initializer_list<Setting> settings = {});

  FrameScript& settings(std::initializer_list<Setting> settings);
  FrameScript& settings_ack();
  FrameScript& headers(std::uint32_t stream, const Fields& fields, End end = kOpen,
                       std::optional<std::uint8_t> padding = {});
  // HEADERS and CONTINUATION frames of at most `piece` bytes of the block each.
  FrameScript& headers_in_pieces(std::uint32_t stream, const Fields& fields, End end,
                                 std::size_t piece);
  // A block given as it is, in one HEADERS frame.
  FrameScript& headers_block(std::uint32_t stream, std::string_view block, End end = kOpen,
                             bool end_headers = true);
  FrameScript& continuation(std::uint32_t stream, std::string_view block, bool end_headers);
  FrameScript& data(std::uint32_t stream, std::string_view data, End end = kOpen,
                    std::optional<std::uint8_t> padding = {});
  FrameScript& priority(std::uint32_t stream, std::uint32_t dependency, std::uint8_t weight = 15);
  FrameScript& rst(std::uint32_t stream, ErrorCode code = ErrorCode::kCancel);
  FrameScript& push_promise(std::uint32_t stream, std::uint32_t promised, const Fields& fields);
  FrameScript& ping(std::string_view eight = "01234567");
  FrameScript& ping_ack(std::string_view eight = "01234567");
  FrameScript& goaway(std::uint32_t last_stream, ErrorCode code = ErrorCode::kNoError,
                      std::string_view debug = {});
  FrameScript& window_update(std::uint32_t stream, std::uint32_t increment);
  // Any frame with a consistent length.
  FrameScript& frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                     std::string_view payload);
  FrameScript& frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                     std::string_view payload) {
    return frame(static_cast<std::uint8_t>(type), flags, stream, payload);
  }
  // A frame header alone, with any length.
  FrameScript& frame_header(std::uint32_t length, std::uint8_t type, std::uint8_t flags,
                            std::uint32_t stream);
  FrameScript& raw(std::string_view bytes);
  // What `other` says, `times` times.
  FrameScript& repeat(std::size_t times, const FrameScript& other);

  const std::string& str() const { return out_.str(); }
  // Lives as long as the script is unchanged.
  Bytes bytes() const { return out_.bytes(); }

 private:
  h2::testing::RawWriter out_;
};

// A frame that was read back from output.
struct WireFrame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
  bool is(FrameType t) const { return type == static_cast<std::uint8_t>(t); }
  // The 32-bit number at `offset` of the payload; 0 if it is shorter.
  std::uint32_t u32(std::size_t offset) const;
};

struct WireOutput {
  bool preface = false;           // the client's 24 bytes came first
  std::vector<WireFrame> frames;  // whole ones
  std::string rest;               // what follows the last whole frame
  // How many frames of that type; any stream unless one is named.
  std::size_t count(FrameType type, std::optional<std::uint32_t> stream = {}) const;
  // The first such frame; null if there is none.
  const WireFrame* find(FrameType type, std::optional<std::uint32_t> stream = {}) const;
  // DATA payloads of one stream, joined.
  std::string body(std::uint32_t stream) const;
};

WireOutput read_frames(std::string_view bytes);

// One line such as "RST_STREAM stream=1 code=CANCEL" or "DATA stream=3 flags=1 length=10".
std::string to_string(const WireFrame& frame);
// One frame a line.
std::string to_string(const WireOutput& output);

}  // namespace h2::tests

#endif  // H2_TESTS_SUPPORT_FRAME_SCRIPT_H_
