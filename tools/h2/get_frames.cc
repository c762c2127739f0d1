#include "tools/h2/get_frames.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <variant>

#include "h2core/frame_decoder.h"

namespace h2::inline v0::tools {
namespace {

std::string hex(std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(value));
  return text.data();
}

// Reads numbers from a payload; what is missing reads as 0.
class PayloadReader {
 public:
  explicit PayloadReader(Bytes payload) : rest_(payload) {}
  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value = (value << 8U) | (rest_.empty() ? 0U : rest_[0]);
      if (!rest_.empty()) rest_ = rest_.subspan(1);
    }
    return value;
  }
  std::uint32_t stream_id() { return number(4) & StreamId::kMax; }
  bool empty() const { return rest_.empty(); }
  // All that is left, or the next bytes of it.
  std::string text() const { return printable(as_string_view(rest_)); }
  std::string text(std::size_t bytes) {
    const Bytes next = rest_.first(std::min(bytes, rest_.size()));
    rest_ = rest_.subspan(next.size());
    return printable(as_string_view(next));
  }

 private:
  Bytes rest_;
};

std::string error_name(std::uint32_t code) {
  return std::string(to_string(static_cast<ErrorCode>(code))) + "(" + hex(code) + ")";
}

std::string describe_settings(PayloadReader payload) {
  std::string lines;
  while (!payload.empty()) {
    const std::uint32_t code = payload.number(2);
    const std::uint32_t value = payload.number(4);
    lines += "\n    " + std::string(to_string(static_cast<SettingCode>(code))) + "(" + hex(code) +
             ") = " + std::to_string(value);
  }
  return lines;
}

std::string describe_goaway(PayloadReader payload) {
  const std::uint32_t last = payload.stream_id();
  std::string text =
      " last_stream=" + std::to_string(last) + " error=" + error_name(payload.number(4));
  if (!payload.empty()) text += " debug=\"" + payload.text() + "\"";
  return text;
}

std::string describe_priority(PayloadReader payload) {
  const std::uint32_t word = payload.number(4);
  return " depends_on=" + std::to_string(word & StreamId::kMax) +
         " weight=" + std::to_string(payload.number(1) + 1) +
         (word > StreamId::kMax ? " exclusive" : "");
}

// What stands around a field block or data: padding, the deprecated priority, the promised stream.
// Of payloads of the wire only.
std::string describe_around(const FrameHeader& header, Bytes payload) {
  if (payload.size() != header.length || check_frame_header(header, kMaxMaxFrameSize)) return "";
  const auto frame = decode_frame(header, payload);
  if (!frame) return "";
  std::string text;
  std::size_t content = 0;
  if (const auto* headers = std::get_if<HeadersFrame>(&*frame)) {
    content = headers->fragment.size() + (headers->priority ? 5 : 0);
    if (headers->priority) {
      text += " depends_on=" + std::to_string(headers->priority->dependency.value) +
              " weight=" + std::to_string(headers->priority->weight + 1) +
              (headers->priority->exclusive ? " exclusive" : "");
    }
  } else if (const auto* push = std::get_if<PushPromiseFrame>(&*frame)) {
    content = push->fragment.size() + 4;
    text += " promised_stream=" + std::to_string(push->promised_stream_id.value);
  } else if (const auto* data = std::get_if<DataFrame>(&*frame)) {
    content = data->data.size();
  }
  if (header.has(kFlagPadded)) text += " padding=" + std::to_string(payload.size() - content - 1);
  return text;
}

std::string describe_payload(const FrameHeader& header, Bytes bytes) {
  PayloadReader payload(bytes);
  switch (header.type) {
    case FrameType::kSettings:
      return header.has(kFlagAck) ? "" : describe_settings(payload);
    case FrameType::kGoAway:
      return describe_goaway(payload);
    case FrameType::kPriority:
      return describe_priority(payload);
    case FrameType::kRstStream:
      return " error=" + error_name(payload.number(4));
    case FrameType::kWindowUpdate:
      return " increment=" + std::to_string(payload.stream_id());
    case FrameType::kPing: {
      std::array<char, 40> text{};
      const std::uint32_t high = payload.number(4);
      std::snprintf(text.data(), text.size(), " data=%08x%08x", high, payload.number(4));
      return text.data();
    }
    case FrameType::kData:
    case FrameType::kHeaders:
    case FrameType::kPushPromise:
      return describe_around(header, bytes);
    case FrameType::kContinuation:
      return "";
    case FrameType::kAltSvc: {
      const std::string origin = payload.text(payload.number(2));
      return (origin.empty() ? "" : " origin=\"" + origin + "\"") + " value=\"" + payload.text() +
             "\"";
    }
    case FrameType::kOrigin: {
      std::string origins;
      while (!payload.empty()) origins += "\n    " + payload.text(payload.number(2));
      return origins;
    }
    case FrameType::kPriorityUpdate: {
      const std::uint32_t stream = payload.stream_id();
      return " prioritized_stream=" + std::to_string(stream) + " priority=\"" + payload.text() +
             "\"";
    }
  }
  return "";
}

}  // namespace

std::string type_name(FrameType type) {
  std::string name(to_string(type));
  return name == "UNKNOWN" ? name + "(" + hex(static_cast<std::uint8_t>(type)) + ")" : name;
}

std::vector<std::string> flag_names(const FrameHeader& header) {
  struct Flag {
    std::uint8_t bit;
    std::string_view name;
  };
  static constexpr std::array<Flag, 4> kNames{{{kFlagEndStream, "END_STREAM"},
                                               {kFlagEndHeaders, "END_HEADERS"},
                                               {kFlagPadded, "PADDED"},
                                               {kFlagPriority, "PRIORITY"}}};
  std::uint8_t defined = 0;
  switch (header.type) {
    case FrameType::kData:
      defined = kFlagEndStream | kFlagPadded;
      break;
    case FrameType::kHeaders:
      defined = kFlagEndStream | kFlagEndHeaders | kFlagPadded | kFlagPriority;
      break;
    case FrameType::kPushPromise:
      defined = kFlagEndHeaders | kFlagPadded;
      break;
    case FrameType::kContinuation:
      defined = kFlagEndHeaders;
      break;
    case FrameType::kSettings:
    case FrameType::kPing:
      defined = kFlagAck;
      break;
    default:
      break;
  }
  const bool has_ack = header.type == FrameType::kSettings || header.type == FrameType::kPing;
  std::vector<std::string> names;
  for (const Flag& flag : kNames) {
    if ((header.flags & defined & flag.bit) == 0) continue;
    names.emplace_back(has_ack ? "ACK" : flag.name);
  }
  const auto others = static_cast<std::uint8_t>(header.flags & ~defined);
  if (others != 0) names.push_back(hex(others));
  return names;
}

bool is_secret_field(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kSecrets{"authorization", "proxy-authorization",
                                                            "cookie", "set-cookie"};
  return std::find(kSecrets.begin(), kSecrets.end(), name) != kSecrets.end();
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      result.push_back(c);
      continue;
    }
    std::array<char, 8> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    result += escaped.data();
  }
  return result;
}

std::string shown_value(std::string_view name, std::string_view value, bool sensitive,
                        bool show_secrets) {
  if (show_secrets || (!sensitive && !is_secret_field(name))) return printable(value);
  return "[" + std::to_string(value.size()) + " bytes, hidden]";
}

std::string describe_frame(const FrameHeader& header, Bytes payload) {
  std::string flags;
  for (const std::string& name : flag_names(header)) flags += (flags.empty() ? "" : "|") + name;
  return type_name(header.type) + " stream=" + std::to_string(header.stream_id.value) +
         " length=" + std::to_string(header.length) + " flags=" + (flags.empty() ? "-" : flags) +
         describe_payload(header, payload);
}

std::string describe_frame(Direction direction, const FrameHeader& header, Bytes payload) {
  return (direction == Direction::kSent ? "send " : "recv ") + describe_frame(header, payload);
}

void FramePrinter::on_frame(Direction direction, const FrameHeader& header,
                            Bytes payload) noexcept {
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "[%10.6f] ", now_());
  write_(time.data() + describe_frame(direction, header, payload) + "\n");
}

void FramePrinter::on_field(Direction, StreamId, const hpack::HeaderField& field) noexcept {
  write_("    " + printable(field.name) + ": " +
         shown_value(field.name, field.value, field.sensitive, show_secrets_) + "\n");
}

}  // namespace h2::inline v0::tools
