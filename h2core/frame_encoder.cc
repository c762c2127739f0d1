// Encoding frames. See frame_encoder.h.
#include "h2core/frame_encoder.h"

#include <array>
#include <cstddef>

namespace h2::inline v0 {

namespace {

constexpr std::array<std::uint8_t, 255> kZeros{};

// Appends header, pad length, `prefix`, `body` and padding.
class Writer {
 public:
  Writer(Vector<std::uint8_t>& out, std::optional<std::uint8_t> padding)
      : out_(out), padding_(padding) {}

  bool operator()(const DataFrame& f) {
    return write(FrameType::kData, f.end_stream ? kFlagEndStream : 0, f.stream_id, {}, f.data,
                 true);
  }
  bool operator()(const HeadersFrame& f) {
    std::array<std::uint8_t, 5> prefix{};
    if (f.priority) store(prefix.data(), *f.priority);
    const int flags = (f.end_stream ? kFlagEndStream : 0) | (f.end_headers ? kFlagEndHeaders : 0) |
                      (f.priority ? kFlagPriority : 0);
    return write(FrameType::kHeaders, flags, f.stream_id,
                 Bytes(prefix.data(), f.priority ? prefix.size() : 0), f.fragment, true);
  }
  bool operator()(const PriorityFrame& f) {
    std::array<std::uint8_t, 5> payload{};
    store(payload.data(), f.priority);
    return write(FrameType::kPriority, 0, f.stream_id, payload, {}, false);
  }
  bool operator()(const RstStreamFrame& f) {
    std::array<std::uint8_t, 4> payload{};
    write_u32(payload.data(), static_cast<std::uint32_t>(f.error_code));
    return write(FrameType::kRstStream, 0, f.stream_id, payload, {}, false);
  }
  bool operator()(const SettingsFrame& f) {
    return write(FrameType::kSettings, f.ack ? kFlagAck : 0, kConnectionStream, {}, f.entries,
                 false);
  }
  bool operator()(const PushPromiseFrame& f) {
    std::array<std::uint8_t, 4> prefix{};
    write_u32(prefix.data(), f.promised_stream_id.value);
    return write(FrameType::kPushPromise, f.end_headers ? kFlagEndHeaders : 0, f.stream_id, prefix,
                 f.fragment, true);
  }
  bool operator()(const PingFrame& f) {
    return write(FrameType::kPing, f.ack ? kFlagAck : 0, kConnectionStream, f.data, {}, false);
  }
  bool operator()(const GoAwayFrame& f) {
    std::array<std::uint8_t, 8> prefix{};
    write_u32(prefix.data(), f.last_stream_id.value);
    write_u32(prefix.data() + 4, static_cast<std::uint32_t>(f.error_code));
    return write(FrameType::kGoAway, 0, kConnectionStream, prefix, f.additional_data, false);
  }
  bool operator()(const WindowUpdateFrame& f) {
    std::array<std::uint8_t, 4> payload{};
    write_u32(payload.data(), f.increment);
    return write(FrameType::kWindowUpdate, 0, f.stream_id, payload, {}, false);
  }
  bool operator()(const ContinuationFrame& f) {
    return write(FrameType::kContinuation, f.end_headers ? kFlagEndHeaders : 0, f.stream_id, {},
                 f.fragment, false);
  }
  bool operator()(const AltSvcFrame& f) {
    const std::size_t origin = f.origin.size();
    if (!out_.reserve(out_.size() + kFrameHeaderSize + 2 + origin + f.field_value.size()))
      return false;
    const std::array<std::uint8_t, 2> length{static_cast<std::uint8_t>(origin >> 8),
                                             static_cast<std::uint8_t>(origin)};
    return header(FrameType::kAltSvc, 0, f.stream_id, 2 + origin + f.field_value.size()) &&
           out_.append(length.data(), length.size()) && out_.append(f.origin.data(), origin) &&
           out_.append(f.field_value.data(), f.field_value.size());
  }
  bool operator()(const OriginFrame& f) {
    return write(FrameType::kOrigin, f.header.flags, f.header.stream_id, {}, f.entries, false);
  }
  bool operator()(const PriorityUpdateFrame& f) {
    std::array<std::uint8_t, 4> prefix{};
    write_u32(prefix.data(), f.prioritized_stream_id.value);
    return write(FrameType::kPriorityUpdate, 0, kConnectionStream, prefix, f.field_value, false);
  }
  bool operator()(const UnknownFrame& f) {
    return write(f.header.type, f.header.flags, f.header.stream_id, {}, f.payload, false);
  }

 private:
  static void store(std::uint8_t* to, const PriorityFields& priority) {
    write_u32(to, priority.dependency.value | (priority.exclusive ? 0x80000000U : 0));
    to[4] = priority.weight;
  }

  bool header(FrameType type, int flags, StreamId id, std::size_t length) {
    std::uint8_t bytes[kFrameHeaderSize];
    write_frame_header(
        bytes, {static_cast<std::uint32_t>(length), type, static_cast<std::uint8_t>(flags), id});
    return out_.append(bytes, sizeof bytes);
  }

  bool write(FrameType type, int flags, StreamId id, Bytes prefix, Bytes body, bool may_pad) {
    const bool padded = may_pad && padding_.has_value();
    const std::size_t padding = padded ? 1U + *padding_ : 0U;
    const std::size_t length = prefix.size() + body.size() + padding;
    if (!out_.reserve(out_.size() + kFrameHeaderSize + length)) return false;
    bool ok = header(type, flags | (padded ? kFlagPadded : 0), id, length);
    if (padded) ok = ok && out_.push_back(*padding_);
    ok = ok && out_.append(prefix.data(), prefix.size()) && out_.append(body.data(), body.size());
    if (padded) ok = ok && out_.append(kZeros.data(), *padding_);
    return ok;
  }

  Vector<std::uint8_t>& out_;
  std::optional<std::uint8_t> padding_;
};

}  // namespace

bool encode_frame(const Frame& frame, std::optional<std::uint8_t> padding,
                  Vector<std::uint8_t>& out) {
  return std::visit(Writer(out, padding), frame);
}

}  // namespace h2::inline v0
