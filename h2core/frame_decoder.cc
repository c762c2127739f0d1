// Decoding frames. See frame_decoder.h.
#include "h2core/frame_decoder.h"

#include <algorithm>

namespace h2::inline v0 {

namespace {

std::uint32_t read_u32(const std::uint8_t* from) {
  return std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 |
         std::uint32_t{from[3]};
}

StreamId read_stream_id(const std::uint8_t* from) {
  return StreamId{read_u32(from) & StreamId::kMax};
}

constexpr FrameError kWrongSize{FrameError::Scope::kConnection, ErrorCode::kFrameSizeError,
                                Errc::kFrameSizeWrong};

// The length that a frame of the type must have; none: it varies.
std::optional<std::uint32_t> fixed_length(const FrameHeader& header) {
  switch (header.type) {
    case FrameType::kPriority:
      return 5;
    case FrameType::kRstStream:
      return 4;
    case FrameType::kPing:
      return 8;
    case FrameType::kWindowUpdate:
      return 4;
    case FrameType::kSettings:
      return header.has(kFlagAck) ? std::optional<std::uint32_t>(0) : std::nullopt;
    default:
      return std::nullopt;
  }
}

// Cuts the pad length and the padding off. `mandatory` bytes have to be left in any case: a payload
// that is too short for them is a matter of size (RFC 9113 §4.2), padding that reaches into them
// one of protocol (RFC 9113 §6.1, §6.2, §6.6).
std::optional<FrameError> strip_padding(const FrameHeader& header, std::size_t mandatory,
                                        Bytes& payload) {
  const bool padded = header.has(kFlagPadded);
  const std::size_t least = mandatory + (padded ? 1 : 0);
  if (payload.size() < least) return kWrongSize;
  if (!padded) return std::nullopt;
  const std::size_t padding = payload[0];
  if (padding > payload.size() - least) {
    return FrameError{FrameError::Scope::kConnection, ErrorCode::kProtocolError,
                      Errc::kPaddingTooLong};
  }
  payload = payload.subspan(1, payload.size() - 1 - padding);
  return std::nullopt;
}

PriorityFields read_priority(const std::uint8_t* from) {
  return {(from[0] & 0x80U) != 0, read_stream_id(from), from[4]};
}

}  // namespace

FrameHeader read_frame_header(std::span<const std::uint8_t, kFrameHeaderSize> bytes) {
  return {std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]},
          static_cast<FrameType>(bytes[3]), bytes[4], read_stream_id(bytes.data() + 5)};
}

std::optional<FrameError> check_frame_header(const FrameHeader& header,
                                             std::uint32_t max_frame_size) {
  if (header.length > max_frame_size) {
    return FrameError{FrameError::Scope::kConnection, ErrorCode::kFrameSizeError,
                      Errc::kFrameTooLarge};
  }
  const auto wrong_stream = [](Errc cause) {
    return FrameError{FrameError::Scope::kConnection, ErrorCode::kProtocolError, cause};
  };
  switch (header.type) {
    case FrameType::kData:
    case FrameType::kHeaders:
    case FrameType::kPriority:
    case FrameType::kRstStream:
    case FrameType::kPushPromise:
    case FrameType::kContinuation:
      if (header.stream_id.is_connection()) return wrong_stream(Errc::kFrameOnStreamZero);
      break;
    case FrameType::kSettings:
    case FrameType::kPing:
    case FrameType::kGoAway:
    case FrameType::kPriorityUpdate:  // RFC 9218 §7.1
      if (!header.stream_id.is_connection()) return wrong_stream(Errc::kFrameNotOnStreamZero);
      break;
    case FrameType::kWindowUpdate:
    case FrameType::kAltSvc:
    case FrameType::kOrigin:
      break;
  }
  if (const auto length = fixed_length(header); length && *length != header.length) {
    FrameError error = kWrongSize;
    // RFC 9113 §6.3: of PRIORITY it is a stream error.
    if (header.type == FrameType::kPriority) error.scope = FrameError::Scope::kStream;
    return error;
  }
  const bool settings = header.type == FrameType::kSettings;
  if ((settings && header.length % 6 != 0) ||
      (header.type == FrameType::kGoAway && header.length < 8) ||
      (header.type == FrameType::kPriorityUpdate && header.length < 4)) {
    return kWrongSize;
  }
  return std::nullopt;
}

Result<Frame, FrameError> decode_frame(const FrameHeader& header, Bytes payload) {
  const StreamId id = header.stream_id;
  switch (header.type) {
    case FrameType::kData: {
      if (const auto wrong = strip_padding(header, 0, payload)) return unexpected(*wrong);
      return Frame(DataFrame{id, header.has(kFlagEndStream), payload, header.length});
    }
    case FrameType::kHeaders: {
      const std::size_t mandatory = header.has(kFlagPriority) ? 5 : 0;
      if (const auto wrong = strip_padding(header, mandatory, payload)) return unexpected(*wrong);
      HeadersFrame frame{
          id, header.has(kFlagEndStream), header.has(kFlagEndHeaders), std::nullopt, {}};
      if (header.has(kFlagPriority)) {
        frame.priority = read_priority(payload.data());
        payload = payload.subspan(5);
      }
      frame.fragment = payload;
      return Frame(frame);
    }
    case FrameType::kPriority: {
      if (payload.size() != 5) {
        return unexpected(FrameError{FrameError::Scope::kStream, ErrorCode::kFrameSizeError,
                                     Errc::kFrameSizeWrong});
      }
      return Frame(PriorityFrame{id, read_priority(payload.data())});
    }
    case FrameType::kRstStream: {
      if (payload.size() != 4) return unexpected(kWrongSize);
      return Frame(RstStreamFrame{id, static_cast<ErrorCode>(read_u32(payload.data()))});
    }
    case FrameType::kSettings: {
      const bool ack = header.has(kFlagAck);
      if (payload.size() % 6 != 0 || (ack && !payload.empty())) return unexpected(kWrongSize);
      return Frame(SettingsFrame{ack, payload});
    }
    case FrameType::kPushPromise: {
      if (const auto wrong = strip_padding(header, 4, payload)) return unexpected(*wrong);
      return Frame(PushPromiseFrame{id, read_stream_id(payload.data()), header.has(kFlagEndHeaders),
                                    payload.subspan(4)});
    }
    case FrameType::kPing: {
      if (payload.size() != 8) return unexpected(kWrongSize);
      PingFrame frame;
      frame.ack = header.has(kFlagAck);
      std::copy_n(payload.begin(), 8, frame.data.begin());
      return Frame(frame);
    }
    case FrameType::kGoAway: {
      if (payload.size() < 8) return unexpected(kWrongSize);
      return Frame(GoAwayFrame{read_stream_id(payload.data()),
                               static_cast<ErrorCode>(read_u32(payload.data() + 4)),
                               payload.subspan(8)});
    }
    case FrameType::kWindowUpdate: {
      if (payload.size() != 4) return unexpected(kWrongSize);
      return Frame(WindowUpdateFrame{id, read_u32(payload.data()) & kMaxWindowSize});
    }
    case FrameType::kContinuation:
      return Frame(ContinuationFrame{id, header.has(kFlagEndHeaders), payload});
    case FrameType::kAltSvc: {
      if (payload.size() < 2) break;
      const std::size_t origin = static_cast<std::size_t>(payload[0] << 8 | payload[1]);
      if (origin > payload.size() - 2) break;
      return Frame(AltSvcFrame{id, payload.subspan(2, origin), payload.subspan(2 + origin)});
    }
    case FrameType::kOrigin:
      return Frame(OriginFrame{header, payload});
    case FrameType::kPriorityUpdate: {
      if (payload.size() < 4) return unexpected(kWrongSize);
      return Frame(PriorityUpdateFrame{read_stream_id(payload.data()), payload.subspan(4)});
    }
  }
  return Frame(UnknownFrame{header, payload});
}

Setting setting_at(const SettingsFrame& frame, std::size_t i) {
  const std::uint8_t* entry = frame.entries.data() + 6 * i;
  return {static_cast<SettingCode>(entry[0] << 8 | entry[1]), read_u32(entry + 2)};
}

}  // namespace h2::inline v0
