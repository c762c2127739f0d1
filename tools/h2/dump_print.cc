// Frames as lines. See dump_print.h.
#include "tools/h2/dump_print.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <sstream>
#include <utility>

#include "tools/h2/frame_json.h"
#include "tools/h2/get_frames.h"

namespace h2::inline v0::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 14> kTypes{
    "DATA",         "HEADERS", "PRIORITY",        "RST_STREAM",    "SETTINGS",
    "PUSH_PROMISE", "PING",    "GOAWAY",          "WINDOW_UPDATE", "CONTINUATION",
    "ALTSVC",       "ORIGIN",  "PRIORITY_UPDATE", "UNKNOWN"};

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

bool is_text(std::string_view data) {
  const bool plain = std::all_of(data.begin(), data.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\n' || byte == '\r' || byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
  return plain && text_json(data).is_string();
}

std::string hex_rows(Bytes data) {
  std::string rows;
  for (std::size_t at = 0; at < data.size(); at += 16) {
    const Bytes row = data.subspan(at, std::min<std::size_t>(16, data.size() - at));
    std::array<char, 24> place{};
    std::snprintf(place.data(), place.size(), "    %08zx ", at);
    rows += place.data();
    std::string shown;
    for (std::size_t i = 0; i < 16; ++i) {
      std::array<char, 8> byte{"   "};
      if (i < row.size()) {
        std::snprintf(byte.data(), byte.size(), " %02x", row[i]);
        shown += row[i] >= 0x20 && row[i] < 0x7f ? static_cast<char>(row[i]) : '.';
      }
      rows += byte.data();
    }
    rows += "  |" + shown + "|\n";
  }
  return rows;
}

}  // namespace

bool DumpFilter::shows(const DumpedFrame& frame) const {
  const std::uint32_t stream = frame.header.stream_id.value;
  if (from && *from != frame.place.from) return false;
  if (follow && *follow != stream) return false;
  if (!streams.empty() && !streams.contains(stream)) return false;
  if (types.empty()) return true;
  const std::string name = type_name(frame.header.type);
  return types.contains(name.starts_with("UNKNOWN") ? "UNKNOWN" : name);
}

Result<void, std::string> parse_filter(const std::string& text, DumpFilter& filter) {
  std::stringstream list(text);
  for (std::string part; std::getline(list, part, ',');) {
    const std::string name = upper(part);
    if (name.starts_with("STREAM=")) {
      std::uint32_t number = 0;
      const char* end = name.data() + name.size();
      const auto read = std::from_chars(name.data() + 7, end, number);
      if (read.ec != std::errc{} || read.ptr != end || number > StreamId::kMax)
        return unexpected("'" + part + "' does not name a stream");
      filter.streams.insert(number);
    } else if (std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end()) {
      filter.types.insert(name);
    } else {
      return unexpected("'" + part + "' is neither a frame type nor stream=N");
    }
  }
  return {};
}

std::string DumpPrinter::lead(unsigned connection, std::optional<double> time,
                              std::optional<std::uint64_t> offset) const {
  std::string text = options_.numbered ? "#" + std::to_string(connection) + " " : "";
  std::array<char, 40> place{};
  if (time) {
    std::snprintf(place.data(), place.size(), "[%10.6f] ", *time);
  } else if (offset) {
    std::snprintf(place.data(), place.size(), "[@%6llu] ",
                  static_cast<unsigned long long>(*offset));
  }
  return text + place.data();
}

Json DumpPrinter::json_of(const DumpPlace& place) const {
  Json json;
  if (options_.numbered) json["connection"] = place.connection;
  if (place.time) json["time"] = *place.time;
  json["from"] = to_string(place.from);
  json["offset"] = place.offset;
  return json;
}

void DumpPrinter::on_preface(const DumpPlace& place) {
  const DumpFilter& filter = options_.filter;
  if (filter.follow || !filter.types.empty() || !filter.streams.empty()) return;
  if (filter.from && *filter.from != place.from) return;
  if (options_.json) {
    Json json = json_of(place);
    json["preface"] = true;
    out_ << json_line(json) << '\n';
    return;
  }
  out_ << lead(place.connection, place.time, place.offset) << "-> the client's preface\n";
}

void DumpPrinter::on_frame(const DumpedFrame& frame) {
  if (!options_.filter.shows(frame)) return;
  const bool with_body = options_.filter.follow && frame.header.type == FrameType::kData;
  if (options_.json) {
    Json json = json_of(frame.place);
    json["frame"] = frame_json(frame.header, frame.payload);
    if (frame.fields != nullptr) {
      Json list = Json::array();
      for (std::size_t i = 0; i < frame.fields->size(); ++i)
        list.push_back(field_json((*frame.fields)[i], options_.show_secrets));
      json["frame"]["fields"] = std::move(list);
    }
    if (with_body) json["frame"]["data"] = text_json(as_string_view(frame.data));
    out_ << json_line(json) << '\n';
    return;
  }
  out_ << lead(frame.place.connection, frame.place.time, frame.place.offset)
       << (frame.place.from == Side::kClient ? "-> " : "<- ")
       << describe_frame(frame.header, frame.payload) << '\n';
  if (frame.fields != nullptr) {
    for (std::size_t i = 0; i < frame.fields->size(); ++i) {
      const hpack::HeaderField field = (*frame.fields)[i];
      out_ << "    " << printable(field.name) << ": "
           << shown_value(field.name, field.value, field.sensitive, options_.show_secrets) << '\n';
    }
  }
  if (with_body) body(frame.data);
}

void DumpPrinter::body(Bytes data) {
  const std::string_view text = as_string_view(data);
  if (!is_text(text)) {
    out_ << hex_rows(data);
    return;
  }
  std::stringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    out_ << "    | " << line << '\n';
  }
}

void DumpPrinter::on_problem(const DumpPlace& place, const std::string& what) {
  good_ = false;
  out_.flush();
  err_ << "h2 dump: " << options_.input << ": "
       << (options_.numbered ? "connection " + std::to_string(place.connection) + ", " : "")
       << to_string(place.from) << ", byte " << place.offset << ": " << what << '\n';
}

void DumpPrinter::problem(std::optional<std::uint64_t> offset, const std::string& what) {
  good_ = false;
  out_.flush();
  err_ << "h2 dump: " << options_.input << ": "
       << (offset ? "byte " + std::to_string(*offset) + ": " : "") << what << '\n';
}

void DumpPrinter::connection(unsigned number, const std::string& client, const std::string& server,
                             const std::string& why_not) {
  if (options_.json) {
    Json json;
    json["connection"] = number;
    json["client"] = client;
    json["server"] = server;
    json["http2"] = why_not.empty();
    if (!why_not.empty()) json["why"] = why_not;
    out_ << json_line(json) << '\n';
    return;
  }
  out_ << '#' << number << ' ' << client << " -> " << server
       << (why_not.empty() ? "" : ": " + why_not + ", left out") << '\n';
}

void DumpPrinter::call(std::optional<double> time, const std::string& name, std::uint32_t stream,
                       const std::string& text, const std::string& result) {
  if (options_.filter.follow && *options_.filter.follow != stream) return;
  if (options_.json) {
    Json json;
    if (time) json["time"] = *time;
    json["call"] = name;
    if (stream != 0) json["stream"] = stream;
    json["text"] = text;
    json["result"] = result;
    out_ << json_line(json) << '\n';
    return;
  }
  out_ << lead(1, time, std::nullopt) << "   " << text << " => " << result << '\n';
}

}  // namespace h2::inline v0::tools
