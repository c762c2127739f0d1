// The tables and bars of `h2 demo`. See demo_report.h.
#include "tools/h2/demo_report.h"

#include <algorithm>
#include <cstdio>

#include "h2core/frame.h"

namespace h2::inline v0::tools {

namespace {

constexpr std::size_t kWidth = 100;
constexpr const char* kDim = "\033[2m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kBold = "\033[1m";
constexpr const char* kReset = "\033[0m";

std::string paint(std::string_view text, const char* how, Colour colour) {
  if (colour == Colour::kNo || text.empty()) return std::string(text);
  return how + std::string(text) + kReset;
}

std::string pad_left(std::string_view text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + std::string(text);
}

std::string pad_right(std::string_view text, std::size_t width) {
  std::string out(text.substr(0, width));
  out.resize(width, ' ');
  return out;
}

std::string with_decimals(double value, int decimals, const char* unit) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f %s", decimals, value, unit);
  return text;
}

}  // namespace

void FrameTotals::add(Direction direction, const FrameHeader& header, Bytes payload) {
  const std::lock_guard lock(mutex_);
  const std::size_t side = direction == Direction::kSent ? 1 : 0;
  const std::size_t type = std::min<std::size_t>(static_cast<std::size_t>(header.type), kTypes - 1);
  ++counts_[side][type].frames;
  counts_[side][type].bytes += kFrameHeaderSize + header.length;
  if (header.type != FrameType::kSettings || header.has(kFlagAck)) return;
  for (std::size_t at = 0; at + 6 <= payload.size(); at += 6) {
    Setting setting;
    setting.code = static_cast<SettingCode>(payload[at] << 8 | payload[at + 1]);
    for (std::size_t i = 2; i < 6; ++i) setting.value = setting.value << 8U | payload[at + i];
    settings_[side].push_back(setting);
  }
}

std::string group_digits(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string short_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return with_decimals(value, value < 9.95 ? 1 : 0, kUnits[unit]);
}

std::string short_span(Duration span) {
  const double us = static_cast<double>(span.ns) / 1000;
  if (us < 999.5) return with_decimals(us, 0, "us");
  if (us < 999'500) return with_decimals(us / 1000, us < 99'950 ? 1 : 0, "ms");
  return with_decimals(us / 1'000'000, 2, "s");
}

std::string draw_frames(const FrameTotals& totals, Colour colour) {
  std::string out =
      paint("  Frames               client to server            server to client", kBold, colour) +
      "\n";
  out += paint("                      frames          bytes       frames          bytes", kDim,
               colour) +
         "\n";
  FrameTotals::Count sums[2];
  const auto line = [&](std::string_view name, const FrameTotals::Count& sent,
                        const FrameTotals::Count& received) {
    out += "  " + pad_right(name, 14) + pad_left(group_digits(sent.frames), 12) +
           pad_left(group_digits(sent.bytes), 15) + pad_left(group_digits(received.frames), 13) +
           pad_left(group_digits(received.bytes), 15) + "\n";
  };
  for (std::size_t type = 0; type < FrameTotals::kTypes; ++type) {
    const FrameTotals::Count& sent = totals.count(Direction::kSent, type);
    const FrameTotals::Count& received = totals.count(Direction::kReceived, type);
    if (sent.frames + received.frames == 0) continue;
    line(type + 1 == FrameTotals::kTypes ? "others" : to_string(static_cast<FrameType>(type)), sent,
         received);
    sums[0].frames += sent.frames;
    sums[0].bytes += sent.bytes;
    sums[1].frames += received.frames;
    sums[1].bytes += received.bytes;
  }
  line("all", sums[0], sums[1]);
  return out;
}

std::string draw_settings(const std::vector<Setting>& settings, std::size_t indent) {
  if (settings.empty()) return "nothing but the initial values";
  std::string out;
  std::size_t column = indent;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    std::string item =
        std::string(to_string(settings[i].code)) + " " + group_digits(settings[i].value);
    if (i + 1 < settings.size()) item += ";";
    if (i > 0 && column + 1 + item.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (i > 0) {
      out += " ";
      ++column;
    }
    out += item;
    column += item.size();
  }
  return out;
}

std::string draw_waterfall(std::vector<DemoRow> rows, std::size_t most, Colour colour) {
  if (rows.empty()) return {};
  const std::size_t all = rows.size();
  Time first = rows.front().begin;
  Time last = rows.front().end;
  for (const DemoRow& row : rows) {
    first = std::min(first, row.begin);
    last = std::max(last, row.end);
  }
  if (rows.size() > most) {
    // Half of them the longest, the other half spread evenly over the rest.
    std::stable_sort(rows.begin(), rows.end(), [](const DemoRow& a, const DemoRow& b) {
      return a.end - a.begin > b.end - b.begin;
    });
    std::vector<DemoRow> chosen(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(most / 2));
    const std::size_t rest = most - most / 2;
    for (std::size_t i = 0; i < rest; ++i) {
      chosen.push_back(rows[most / 2 + i * (rows.size() - most / 2) / rest]);
    }
    rows = std::move(chosen);
  }
  std::sort(rows.begin(), rows.end(),
            [](const DemoRow& a, const DemoRow& b) { return a.stream_id < b.stream_id; });

  constexpr std::size_t kBar = 52;
  const double scale = static_cast<double>(std::max<std::int64_t>((last - first).ns, 1)) / kBar;
  const auto column = [&](Time at) {
    const double place = static_cast<double>((at - first).ns) / scale;
    return std::min(kBar - 1, static_cast<std::size_t>(std::max(place, 0.0)));
  };
  std::string out = paint("  Streams", kBold, colour) + " (" +
                    (rows.size() < all ? std::to_string(rows.size()) + " of " : "") +
                    std::to_string(all) + "; - waiting, = receiving; one column is " +
                    short_span(Duration{static_cast<std::int64_t>(scale)}) + ")\n";
  for (const DemoRow& row : rows) {
    const std::size_t begin = column(row.begin);
    const std::size_t head = std::max(begin, column(row.head));
    const std::size_t end = std::max(head, column(row.end));
    out += "  " + pad_left(std::to_string(row.stream_id), 6) + " " + pad_right(row.method, 5) +
           pad_right(row.path, 16) + pad_left(std::to_string(row.status), 4) +
           pad_left(short_bytes(row.body), 8) + " |" + std::string(begin, ' ') +
           paint(std::string(head - begin, '-'), kDim, colour) +
           paint(std::string(end - head + 1, '='), kGreen, colour) +
           std::string(kBar - 1 - end, ' ') + "|\n";
  }
  return out;
}

}  // namespace h2::inline v0::tools
