// From the bytes of one connection, of one side or of both, to frames with their header fields
// (RFC 9113 §4, RFC 7541). Part of `h2 dump`; tested by tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_DUMP_FRAMES_H_
#define H2_TOOLS_H2_DUMP_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "h2core/frame.h"
#include "hpack/bytes.h"
#include "hpack/decoder.h"
#include "hpack/field_list.h"

namespace h2::inline v0::tools {

enum class Side : std::uint8_t { kClient, kServer };
constexpr Side other(Side side) { return side == Side::kClient ? Side::kServer : Side::kClient; }
std::string_view to_string(Side side);

// Where something stands.
struct DumpPlace {
  unsigned connection = 1;     // from 1
  Side from{};                 // who sent it
  std::optional<double> time;  // seconds since the start, where that is known
  std::uint64_t offset = 0;    // in the bytes of that side
};

// A frame; the views live for the call only.
struct DumpedFrame {
  DumpPlace place;
  FrameHeader header;
  Bytes payload;                             // as on the wire
  Bytes data;                                // of DATA, without padding
  const hpack::FieldList* fields = nullptr;  // of the section that ends with this frame
};

// Takes what was found, in the order in which it was found.
class DumpSink {
 public:
  virtual ~DumpSink() = default;
  virtual void on_preface(const DumpPlace& place) = 0;
  virtual void on_frame(const DumpedFrame& frame) = 0;
  // A sentence about what is wrong with the bytes at a place.
  virtual void on_problem(const DumpPlace& place, const std::string& what) = 0;
};

// Both sides of a connection. The sink must outlive it.
class DumpDecoder {
 public:
  struct Options {
    unsigned connection = 1;
    // Both sides' bytes will come, so that HPACK tables can be held to the other side's SETTINGS.
    bool both_sides = false;
    // The bytes are those from the first one on: a preface and SETTINGS are due.
    bool from_start = false;
  };
  DumpDecoder(const Options& options, DumpSink& sink);

  // The next bytes that `from` sent.
  void feed(Side from, Bytes bytes, std::optional<double> time);
  // There is no more: names what is cut.
  void finish();
  // Bytes are missing from here on: nothing more can be told of that side.
  void lose(Side from, const std::string& why);

 private:
  struct HalfState {
    explicit HalfState(std::uint32_t max_table_size);
    std::string rest;  // of a frame that is not whole
    std::uint64_t offset = 0;
    std::optional<double> time;
    bool begun = false;    // the preface is behind, if there is one
    bool settled = false;  // the first frame was seen
    bool dead = false;     // no more is to be read
    hpack::Decoder decoder;
    bool decoder_failed = false;
    hpack::FieldList fields;
    bool in_block = false;
    StreamId block_stream;
    // HEADER_TABLE_SIZE of each SETTINGS that this side sent and the other has not acknowledged.
    std::deque<std::optional<std::uint32_t>> announced;
  };
  HalfState& half(Side side) { return side == Side::kClient ? client_ : server_; }
  DumpPlace place(Side side);
  void problem(Side side, const std::string& what) { sink_.on_problem(place(side), what); }
  bool begin(Side side, Bytes& bytes);
  void frame(Side side, const FrameHeader& header, Bytes payload);
  void decode(Side side, Bytes fragment, bool end, DumpedFrame& out);
  void settings(Side side, const SettingsFrame& frame);

  const Options options_;
  DumpSink& sink_;
  HalfState client_;
  HalfState server_;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_DUMP_FRAMES_H_
