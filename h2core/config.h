// What the user of a Connection may choose, with the defaults and their reasons (docs/limits.md).
#ifndef H2_H2CORE_CONFIG_H_
#define H2_H2CORE_CONFIG_H_

#include <cstddef>
#include <cstdint>

#include "h2core/settings.h"
#include "h2core/time.h"
#include "hpack/memory.h"

namespace h2::inline v0 {

class FrameTrace;
class PaddingPolicy;
class RecordSink;

// When received DATA gives credit back to the connection's window (RFC 9113 §6.9.1). A stream's own
// window is always credited on consumption.
enum class ConnectionCredit : std::uint8_t {
  kOnReceipt,      // at once: an unread stream never stalls the others; memory is bounded by stream
                   // windows
  kOnConsumption,  // by acknowledge_received_data: memory is bounded by the connection's window
};

// How received field sections are checked against RFC 9113 §8.2 and §8.3. What they say of the
// message (HEAD, CONNECT, the status, a valid content-length) counts with kOff too.
enum class FieldValidation : std::uint8_t {
  kStrict,   // a section with a fault is malformed: a stream error (RFC 9113 §8.1.1)
  kLenient,  // regular fields that may not be there are dropped (characters in name or value,
             // connection-specific ones); other faults are errors still
  kOff,
};

// A set of frame types.
struct FrameTypes {
  std::uint64_t bits[4] = {};  // of 64 types each

  constexpr void add(std::uint8_t type) { bits[type / 64U] |= std::uint64_t{1} << type % 64U; }
  constexpr bool has(std::uint8_t type) const { return (bits[type / 64U] >> type % 64U & 1U) != 0; }
};

struct Config {
  // Where all memory comes from; must outlive the connection. Null: default_memory().
  MemoryResource* memory = nullptr;
  // Bytes that this connection may hold at one time. Input is left unconsumed, or streams are
  // refused, rather than grow past it; what cannot wait ends the connection with
  // Errc::kOutOfMemory.
  std::size_t memory_limit = 8u << 20;
  // Seeds the hash tables; entropy is never read inside. Give each connection a random one.
  std::uint64_t hash_seed = 0;
  // Sees every frame in and out; must outlive the connection. Null: none.
  FrameTrace* trace = nullptr;
  // Takes down each call and what came of it, to be run again (recorder.h); must outlive the
  // connection. What it is given contains header fields and bodies as they are, secrets included.
  // Null: nothing is taken down.
  RecordSink* record = nullptr;

  // ---- what we announce in SETTINGS (RFC 9113 §6.5.2) -------------------------------------------
  // Connection::update_settings may change these later. max_concurrent_streams,
  // max_header_list_size and enable_push hold from the first byte; a higher value of them holds as
  // soon as it was sent, a lower one when it was acknowledged (RFC 9113 §6.5.3).
  std::uint32_t header_table_size = 4'096;
  bool enable_push = false;                    // clients only; off: PUSH_PROMISE is an error
  std::uint32_t max_concurrent_streams = 100;  // streams the peer may have open
  std::uint32_t initial_window_size = 65'535;  // per stream, at most 2^31-1
  std::uint32_t connection_window_size =
      65'535;                             // above 65,535 is announced by WINDOW_UPDATE at once
  std::uint32_t max_frame_size = 16'384;  // 16,384 to 16,777,215
  std::uint32_t max_header_list_size = 65'536;  // RFC 9113 §10.5.1 counting: name + value + 32
  bool enable_connect_protocol = false;         // servers: extended CONNECT (RFC 8441 §3)
  // RFC 7540's priorities are not used: RFC 9218's are followed (servers) or sent (clients). Only
  // said in the first SETTINGS (RFC 9218 §2.1).
  bool no_rfc7540_priorities = false;

  // ---- how we behave ----------------------------------------------------------------------------
  ConnectionCredit connection_credit = ConnectionCredit::kOnReceipt;
  FieldValidation validate_inbound_headers = FieldValidation::kStrict;
  // Received cookie fields are joined to one (RFC 9113 §8.2.3); servers.
  bool normalize_inbound_headers = true;
  // Fields to be sent are checked: those that would make the message malformed are usage errors.
  bool validate_outbound_headers = true;
  // Before that, upper case in names is made lower, space around values is dropped, and so are
  // connection-specific fields (RFC 9113 §8.2.1, §8.2.2).
  bool normalize_outbound_headers = true;
  // A cookie field is sent as one field for each pair, which the dynamic table can hold one by one
  // (RFC 9113 §8.2.3).
  bool split_outbound_cookies = false;
  // Asked for the padding of each frame; must outlive the connection. Null: none.
  PaddingPolicy* padding = nullptr;
  // Frame types outside RFC 9113 that are reported by ExtensionFrameReceived and cost the peer
  // nothing; others are ignored (RFC 9113 §5.5). Types that FrameType names are not affected.
  FrameTypes extension_frames;
  // Clients: whether ORIGIN frames are reported. To be turned off on connections without TLS and to
  // proxies, as their word on it may not be taken (RFC 8336 §2.2).
  bool accept_origins = true;
  std::uint32_t encoder_table_size = 4'096;            // cap under the peer's HEADER_TABLE_SIZE
  std::uint32_t assumed_max_concurrent_streams = 100;  // until the peer's SETTINGS arrive
  std::uint32_t max_queued_requests = 10'000;          // over the peer's limit, waiting their turn
  // A stream that the peer reset (or whose peer broke a rule) before our side had finished keeps
  // its slot until release_stream(), so that work in progress counts (rapid reset). Servers only.
  bool hold_reset_streams = true;
  std::uint32_t copy_below =
      1'024;  // body pieces shorter than this are copied into the output buffer
  std::uint32_t max_output_batch = 65'536;  // DATA bytes put into the output ahead of mark_sent
  // Of one DATA frame of ours; the peer's MAX_FRAME_SIZE counts in any case (RFC 9113 §4.2).
  std::uint32_t max_data_frame_size = kMaxMaxFrameSize;

  // ---- limits against hostile peers (hostile peers, docs/limits.md)
  // ------------------------------
  std::uint32_t max_header_fields = 512;       // per field section, cookie crumbs counted
  std::uint32_t max_continuations = 16;        // CONTINUATION frames per field block
  std::uint32_t max_settings_entries = 32;     // per SETTINGS frame
  std::uint32_t max_informational = 32;        // 1xx responses per stream
  std::uint32_t max_reserved_streams = 16;     // pushed streams promised and not begun
  std::uint32_t pause_input_at_answers = 128;  // answers queued (ACKs, resets) at which input waits
  std::uint32_t max_frames_per_call = 256;     // frames handled by one receive_data
  // Tokens that the peer may spend on what does it no good; see docs/limits.md for costs and for
  // what is earned. The budget is abuse_budget or, if that is more, abuse_budget_per_stream for
  // each of the streams that the peer may have open (of 10,000 at most): two reloads of a page
  // whose requests are all unanswered cost as much. Raising or lowering the number of streams by
  // update_settings changes the budget too.
  std::uint32_t abuse_budget = 10'000;
  std::uint32_t abuse_budget_per_stream = 100;
  std::uint32_t abuse_refill_per_second = 330;
  Duration settings_timeout =
      seconds(10);  // for the peer's first SETTINGS and each acknowledgement

  // The defaults above, with what differs by role.
  static Config client() {
    Config c;
    c.max_header_list_size = 131'072;
    return c;
  }
  static Config server() {
    Config c;
    c.no_rfc7540_priorities = true;
    return c;
  }
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_CONFIG_H_
