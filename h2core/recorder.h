// Recording: all that goes into a Connection, and what came of it, as bytes that can be run again.
//
//   class File final : public h2::RecordSink { ... };     // appends to a file
//   config.record = &file;
//   h2::Connection conn(h2::Role::kClient, config, now);
//
// h2::testing::replay (h2core/testing/replay.h) runs a capture against a new Connection and
// compares; `h2 dump --replay` does so from the command line. A capture holds everything that was
// said on the connection: header fields such as cookies and credentials, and all bodies. Treat it
// as a secret.
//
// A capture begins with kRecordMagic. Then come records: the kind (one byte, RecordKind), the
// length of the payload (varint) and the payload. The first is kBegin; each call is a record of its
// own kind with its arguments, written before the call is carried out, then a kBodyRead for each
// BodySource and a kPadding for each PaddingPolicy that was asked meanwhile, then kResult; the last
// is kEnd. So a capture of a program that crashed ends with the call that it crashed in. Payloads
// are made of
//   varint     unsigned, seven bits a byte, low ones first, the top bit set if more follow
//   time       a varint of the nanoseconds, zigzag: 0, -1, 1, -2, ... are 0, 1, 2, 3, ...
//   bytes      their number (varint), then themselves
//   fields     their number (varint); for each: name and value (bytes), 1 if sensitive else 0
//   (byte) settings   their number (varint); for each: code and value (varints)
// docs/dump.md lists the payload of each kind.
//
// To record a call that Connection gains:
//   1. here: append a RecordKind (values are never used twice) and its name in recorder.cc;
//   2. connection.cc: forward it through recorded(), with what it is given; if that has a type of
//   its
//      own, add a put() for it (and for the result's a put_result()) to record_call.h;
//   3. testing/replay.cc: read the arguments in decode_call() and make the call in
//      Player::carry_out(), both in the order of 2;
//   4. tests/h2core/recorder_test.cc: make the call in EveryKindOfCallIsReplayed, which fails as
//   long
//      as a kind is missing from it.
// A new member of Config: one line in visit_config() below. Const members of Connection are not
// recorded: they change nothing.
// Tested by tests/h2core/recorder_test.cc.
#ifndef H2_H2CORE_RECORDER_H_
#define H2_H2CORE_RECORDER_H_

#include <cstdint>
#include <string_view>

#include "h2core/config.h"
#include "hpack/bytes.h"

namespace h2::inline v0 {

// Takes a capture. Set by Config::record; must outlive the connection, whose destruction is the
// last thing that it is told. Called from within the connection's calls; may not call back into it.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // The next bytes of the capture, which live for the call only. Small records come in one piece. A
  // sink that cannot keep them drops this and all that follows: the connection does not care.
  virtual void write(Bytes bytes) noexcept = 0;
};

inline constexpr std::string_view kRecordMagic = "h2cpp-record 1\n";

// In kBegin behind the members of Config: whether there was a PaddingPolicy.
inline constexpr unsigned kPaddingNumber = 41;

// What a record is about; a byte of the format.
enum class RecordKind : std::uint8_t {
  kBegin = 1,     // the constructor: role, now, Config
  kResult = 2,    // what the call came to
  kBodyRead = 3,  // a BodySource was asked
  kEnd = 4,       // the destructor
  kPadding = 5,   // a PaddingPolicy was asked

  kReceiveData = 16,
  kReceiveEnd = 17,
  kPollEvents = 18,
  kDataToSend = 19,
  kMarkSent = 20,  // with the bytes that were sent
  kOnTime = 21,
  kSendHeaders = 22,
  kSendData = 23,
  kSendDataCopy = 24,
  kSendBody = 25,
  kResumeBody = 26,
  kEndStream = 27,
  kResetStream = 28,
  kReleaseStream = 29,
  kPushStream = 30,
  kAcknowledgeReceivedData = 31,
  kIncrementFlowControlWindow = 32,
  kUpdateSettings = 33,
  kPing = 34,
  kNotifyShutdown = 35,
  kCloseConnection = 36,
  kTerminate = 37,
  kInitiateUpgradeConnection = 38,
  kSetNextStreamId = 39,
  kSetStreamTag = 40,
  kSetLocalWindowSize = 41,
  kSendPriorityUpdate = 42,
  kChangePriority = 43,
  kPrioritize = 44,
  kAdvertiseAlternativeService = 45,  // for an origin
  kAdvertiseOnStream = 46,            // for a stream's
  kSendOrigins = 47,
  kSendExtensionFrame = 48,
  kShutdown = 49,
  // New calls go here. Keep kLastCall right.
};
inline constexpr auto kFirstCall = RecordKind::kReceiveData;
inline constexpr auto kLastCall = RecordKind::kShutdown;

constexpr bool is_call(RecordKind kind) { return kind >= kFirstCall && kind <= kLastCall; }

// The name of the call, such as "send_headers", or of the other kinds; "unknown" for other values;
// static storage.
std::string_view to_string(RecordKind kind);

// Calls visit(number, name, member) for each member of a Config (const or not) that matters to a
// replay. The numbers are part of the format and are never used twice. `memory`, `trace`,
// `padding` and `record` are not values and are left out.
template <class ConfigType, class Visit>
constexpr void visit_config(ConfigType& config, Visit&& visit) {
  visit(1, "memory_limit", config.memory_limit);
  visit(2, "hash_seed", config.hash_seed);
  visit(3, "header_table_size", config.header_table_size);
  visit(4, "enable_push", config.enable_push);
  visit(5, "max_concurrent_streams", config.max_concurrent_streams);
  visit(6, "initial_window_size", config.initial_window_size);
  visit(7, "connection_window_size", config.connection_window_size);
  visit(8, "max_frame_size", config.max_frame_size);
  visit(9, "max_header_list_size", config.max_header_list_size);
  visit(10, "connection_credit", config.connection_credit);
  visit(11, "validate_inbound_headers", config.validate_inbound_headers);
  visit(12, "encoder_table_size", config.encoder_table_size);
  visit(13, "assumed_max_concurrent_streams", config.assumed_max_concurrent_streams);
  visit(14, "max_queued_requests", config.max_queued_requests);
  visit(15, "hold_reset_streams", config.hold_reset_streams);
  visit(16, "copy_below", config.copy_below);
  visit(17, "max_output_batch", config.max_output_batch);
  visit(18, "max_header_fields", config.max_header_fields);
  visit(19, "max_continuations", config.max_continuations);
  visit(20, "max_settings_entries", config.max_settings_entries);
  visit(21, "max_informational", config.max_informational);
  visit(22, "max_reserved_streams", config.max_reserved_streams);
  visit(23, "pause_input_at_answers", config.pause_input_at_answers);
  visit(24, "max_frames_per_call", config.max_frames_per_call);
  visit(25, "abuse_budget", config.abuse_budget);
  visit(26, "abuse_budget_per_stream", config.abuse_budget_per_stream);
  visit(27, "abuse_refill_per_second", config.abuse_refill_per_second);
  visit(28, "settings_timeout", config.settings_timeout.ns);
  visit(29, "validate_outbound_headers", config.validate_outbound_headers);
  visit(30, "normalize_inbound_headers", config.normalize_inbound_headers);
  visit(31, "normalize_outbound_headers", config.normalize_outbound_headers);
  visit(32, "split_outbound_cookies", config.split_outbound_cookies);
  visit(33, "enable_connect_protocol", config.enable_connect_protocol);
  visit(34, "no_rfc7540_priorities", config.no_rfc7540_priorities);
  visit(35, "accept_origins", config.accept_origins);
  visit(36, "max_data_frame_size", config.max_data_frame_size);
  visit(37, "extension_frames 0 to 63", config.extension_frames.bits[0]);
  visit(38, "extension_frames 64 to 127", config.extension_frames.bits[1]);
  visit(39, "extension_frames 128 to 191", config.extension_frames.bits[2]);
  visit(40, "extension_frames 192 to 255", config.extension_frames.bits[3]);
}

}  // namespace h2::inline v0

#endif  // H2_H2CORE_RECORDER_H_
