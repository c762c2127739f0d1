// What both sides of bench/versus are given to do: the stories of hpack-test-case, the field lists
// and bodies of the requests. And the list of things that a side can do.
#ifndef H2_BENCH_VERSUS_WORKLOAD_H_
#define H2_BENCH_VERSUS_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/versus_runner.h"

namespace h2::bench {

struct Field {
  std::string name;
  std::string value;
};
using Fields = std::vector<Field>;

struct Block {
  Fields fields;
  std::vector<std::uint8_t> wire;  // empty in raw-data
};
using Story = std::vector<Block>;  // one connection's blocks, in order
using Stories = std::vector<Story>;

// The stories of one folder, in the order of their names; none: the folder is absent. They are
// sought in $H2_SHARED/hpack-test-case, else in ../shared/hpack-test-case beside the workspace.
const Stories& stories(const std::string& folder);
// Where stories() looks.
std::string stories_root();

// The names and values of the stories, those of at least `min_size` bytes, each as the value of a
// field :path. At most 64 of them and 32 KiB are in a block, which all limits of a decoder allow.
// Without `wire`.
Story literals(const Stories& from, std::size_t min_size);

std::uint64_t count_blocks(const Stories& list);
std::uint64_t count_fields(const Story& list);
std::uint64_t count_bytes(const Stories& list);  // of names and values

// How bytes get from one side of a connection to the other.
enum class Delivery : std::uint8_t {
  kPieces,      // as they come out, piece by piece: no copy, but a frame may arrive cut
  kWireBuffer,  // gathered in one buffer first: a copy, such as a socket makes
};

// How requests are made: `streams` at once, then their responses, again and again.
struct Exchange {
  int streams = 100;
  std::size_t body = 100;     // bytes of each response; 0: END_STREAM on its HEADERS
  bool varying_path = false;  // else all requests are the same
  Delivery delivery = Delivery::kPieces;
};

// The fields of request number `i`; only :path may vary. They stay.
const Fields& request_fields(const Exchange& exchange, std::size_t i);
Fields response_fields(std::size_t body);
// Bytes for bodies, at least 64 KiB. They stay.
const std::string& body_bytes();

// How DATA frames are sent: over one stream, windows of 1 MiB, `frames` in a batch. They do not
// differ, so that without a delivery the sender's output is only looked at, and the receiver is
// given frame_image(): neither side's time has the copy in it that a socket makes. WINDOW_UPDATEs
// go back in either case.
struct Flow {
  std::size_t frame = 16'384;
  int frames = 64;
  std::optional<Delivery> delivery{};
  // Ours is asked for the bytes too, as libnghttp2 always is, and does not view them.
  bool from_source = false;
};
// All frames of a batch as they are on the wire.
std::vector<std::uint8_t> frame_image(const Flow& flow, std::uint32_t stream_id);

// One implementation: ours or libnghttp2. The references must live as long as the Work.
class Library {
 public:
  virtual ~Library() = default;

  // Decodes each story with a fresh decoder; an operation is a block.
  virtual Work decode(const Stories& from) = 0;
  // Encodes each story with a fresh encoder; an operation is a block.
  virtual Work encode(const Stories& from) = 0;
  // Bytes encoded per byte of names and values.
  virtual double wire_per_plain(const Stories& from) = 0;
  // Encodes, and decodes, blocks of literal fields; an operation is a field.
  virtual Work encode_literals(const Story& from) = 0;
  virtual Work decode_literals(const Story& from) = 0;
  // Requests through a client and a server in memory; an operation is a request, both sides.
  virtual Work requests(const Exchange& exchange) = 0;
  // DATA frames from a server to a client; an operation is a frame, both sides.
  virtual Work data_frames(const Flow& flow) = 0;
  // Calls for memory per request, both sides, after warming up.
  virtual double allocations_per_request(const Exchange& exchange) = 0;
  // Bytes that an idle connection holds after one request; the mean of client and server.
  virtual double idle_connection_bytes() = 0;
  // Bytes that one more open stream holds on which nothing happens; likewise.
  virtual double idle_stream_bytes(int streams) = 0;
};

}  // namespace h2::bench

#endif  // H2_BENCH_VERSUS_WORKLOAD_H_
