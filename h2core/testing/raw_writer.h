// Frames as bytes, lawful or not: for tools and tests that show what a peer does with what RFC 9113
// forbids. h2::Connection never writes such things, and neither includes nor needs this file.
//
// A public library, apart from the core. Each call appends to the bytes and gives the writer back;
// no call checks anything, keeps any state of the connection, or refuses. Everything of a frame can
// be chosen (RFC 9113 §4.1): length, type, flags, reserved bit, identifier, padding, payload.
//
//   using namespace h2::testing;
//   RawEncoder encoder;
//   const std::string get = encoder.block({{":method", "GET"}, {":scheme", "https"},
//                                          {":path", "/"}, {":authority", "example.org"}});
//   RawWriter peer;
//   peer.preface().settings({}).headers(1, get);
//   peer.window_update(1, 0);  // an increment of 0 is forbidden (RFC 9113 §6.9)
//   h2::Connection server(h2::Role::kServer, h2::Config::server(), h2::Time{});
//   for (const h2::Event& event : server.receive_data(peer.bytes(), h2::Time{}).events) ...
//   // RequestReceived, and StreamReset by kLocalError with Errc::kWindowIncrementZero
//
// Not thread-safe. Throws what std::string throws. Tested by tests/h2core/raw_writer_test.cc.
#ifndef H2_H2CORE_TESTING_RAW_WRITER_H_
#define H2_H2CORE_TESTING_RAW_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/error_code.h"
#include "h2core/frame.h"
#include "hpack/bytes.h"
#include "hpack/encoder.h"
#include "hpack/header_field.h"

namespace h2::inline v0::testing {

// The bit before a stream identifier (RFC 9113 §4.1); to be or-ed to one.
inline constexpr std::uint32_t kReservedBit = 0x80000000U;

// A frame, all of it.
struct RawFrame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;  // 32 bits, the reserved one included
  std::string_view payload{};
  // What the length field says, of which 24 bits are written; none: the payload's length.
  std::optional<std::uint32_t> length{};
};

// Padding of DATA, HEADERS or PUSH_PROMISE (RFC 9113 §6.1).
struct RawPadding {
  std::uint8_t says = 0;               // the Pad Length field
  std::optional<std::size_t> bytes{};  // that are there; none: as many as it says
  char fill = '\0';                    // which a sender has to set to zero
};

// The deprecated priority fields of HEADERS (RFC 9113 §5.3.2).
struct RawPriority {
  std::uint32_t dependency = 0;  // 32 bits, the exclusive one included
  std::uint8_t weight = 0;       // as on the wire: one less than the weight
};

// How a field block is put into frames (RFC 9113 §4.3).
struct RawBlock {
  bool end_stream = false;
  bool end_headers = true;  // on the last frame; false: the block stays open
  // Bytes of the block in each frame: HEADERS (or PUSH_PROMISE), then CONTINUATION. What is left
  // over goes into one more frame, if anything is. 0 gives an empty fragment.
  std::vector<std::size_t> pieces{};
  std::optional<RawPadding> padding{};    // of the first frame
  std::optional<RawPriority> priority{};  // of HEADERS
  std::uint8_t more_flags = 0;            // or-ed to the first frame's
};

// One entry of SETTINGS, with any code and value (RFC 9113 §6.5.1).
struct RawSetting {
  std::uint16_t code = 0;
  std::uint32_t value = 0;
};

class RawWriter {
 public:
  // ---- anything ---------------------------------------------------------------------------------
  // Any bytes.
  RawWriter& raw(std::string_view bytes);
  // Any frame.
  RawWriter& frame(const RawFrame& frame);
  // The nine bytes of a frame header alone, with nothing behind it.
  RawWriter& frame_header(std::uint32_t length, std::uint8_t type, std::uint8_t flags,
                          std::uint32_t stream);
  // What `other` has, `times` times.
  RawWriter& repeat(std::size_t times, const RawWriter& other);

  // ---- the start --------------------------------------------------------------------------------
  // The client's 24 bytes, or only the first `size` of them (RFC 9113 §3.4). A wrong one is raw().
  RawWriter& preface(std::size_t size = kClientPreface.size());

  // ---- frames by type: usual flags, any values --------------------------------------------------
  // DATA (RFC 9113 §6.1).
  RawWriter& data(std::uint32_t stream, std::string_view data, bool end_stream = false,
                  std::optional<RawPadding> padding = {});
  // HEADERS with a block as RawEncoder, literal_block or anyone made it, and CONTINUATION as
  // `how.pieces` says (RFC 9113 §6.2, §6.10).
  RawWriter& headers(std::uint32_t stream, std::string_view block, const RawBlock& how = {});
  // A CONTINUATION by itself, in place or not (RFC 9113 §6.10).
  RawWriter& continuation(std::uint32_t stream, std::string_view fragment, bool end_headers = true);
  // PRIORITY (RFC 9113 §6.3).
  RawWriter& priority(std::uint32_t stream, RawPriority priority);
  // RST_STREAM with any code (RFC 9113 §6.4).
  RawWriter& rst_stream(std::uint32_t stream, std::uint32_t code);
  RawWriter& rst_stream(std::uint32_t stream, ErrorCode code) {
    return rst_stream(stream, static_cast<std::uint32_t>(code));
  }
  // SETTINGS with any entries, in this order, repeated ones too (RFC 9113 §6.5).
  RawWriter& settings(std::span<const RawSetting> entries);
  RawWriter& settings(std::initializer_list<RawSetting> entries) {
    return settings(std::span<const RawSetting>(entries.begin(), entries.size()));
  }
  // The acknowledgement, with a payload that it may not have (RFC 9113 §6.5).
  RawWriter& settings_ack(std::string_view payload = {});
  // PUSH_PROMISE, by whomever (RFC 9113 §6.6).
  RawWriter& push_promise(std::uint32_t stream, std::uint32_t promised, std::string_view block,
                          const RawBlock& how = {});
  // PING and its acknowledgement; `payload` should have eight bytes (RFC 9113 §6.7).
  RawWriter& ping(std::string_view payload = "01234567");
  RawWriter& ping_ack(std::string_view payload = "01234567");
  // GOAWAY with any code (RFC 9113 §6.8).
  RawWriter& goaway(std::uint32_t last_stream, std::uint32_t code, std::string_view debug = {});
  RawWriter& goaway(std::uint32_t last_stream, ErrorCode code = ErrorCode::kNoError,
                    std::string_view debug = {}) {
    return goaway(last_stream, static_cast<std::uint32_t>(code), debug);
  }
  // WINDOW_UPDATE by any 32 bits, 0 and the reserved one too (RFC 9113 §6.9).
  RawWriter& window_update(std::uint32_t stream, std::uint32_t increment);

  // ---- the bytes --------------------------------------------------------------------------------
  const std::string& str() const { return out_; }
  // Live until the next call that appends or clears.
  Bytes bytes() const { return {reinterpret_cast<const std::uint8_t*>(out_.data()), out_.size()}; }
  std::size_t size() const { return out_.size(); }
  RawWriter& clear() {
    out_.clear();
    return *this;
  }

 private:
  RawWriter& block(FrameType first, std::uint32_t stream, std::string_view prefix,
                   std::string_view block, const RawBlock& how);

  std::string out_;
};

// Field blocks as a peer's encoder makes them, with a dynamic table that lives from block to block
// (RFC 7541 §2.2). Names and values are not checked: upper case, wrong pseudo-fields and the like
// are written as they are.
class RawEncoder {
 public:
  explicit RawEncoder(const hpack::Encoder::Config& config = {}) : encoder_(config) {}

  // The next block. Who leaves one out has put the decoder's table out of step.
  std::string block(std::span<const hpack::HeaderField> fields);
  std::string block(std::initializer_list<hpack::HeaderField> fields) {
    return block(std::span<const hpack::HeaderField>(fields.begin(), fields.size()));
  }
  // The decoder's SETTINGS_HEADER_TABLE_SIZE; the next block begins with a size update if it has to
  // (RFC 7541 §4.2).
  void set_peer_max_table_size(std::uint32_t size) { encoder_.set_peer_max_table_size(size); }

 private:
  hpack::Encoder encoder_;
};

// A block of literals, neither indexed nor Huffman-coded (RFC 7541 §6.2.2); fields marked sensitive
// are never-indexed ones (RFC 7541 §6.2.3). It says the same whatever precedes it, and does not
// trust the encoder.
std::string literal_block(std::span<const hpack::HeaderField> fields);
inline std::string literal_block(std::initializer_list<hpack::HeaderField> fields) {
  return literal_block(std::span<const hpack::HeaderField>(fields.begin(), fields.size()));
}

// An integer as HPACK writes it (RFC 7541 §5.1), under the bits `first` and with `prefix_bits` (1
// to 8) of the first byte; above 2^32-1 no decoder has to take it. `extra` bytes of continuation
// that add nothing follow, which makes it longer than it has to be.
std::string raw_integer(std::uint8_t first, unsigned prefix_bits, std::uint64_t value,
                        std::size_t extra = 0);

}  // namespace h2::inline v0::testing

#endif  // H2_H2CORE_TESTING_RAW_WRITER_H_
