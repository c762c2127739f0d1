// Files below one directory, and nothing else (RFC 9110 §14). See serve_files.h.
#include "tools/h2/serve_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tools/h2/serve_numbers.h"

namespace h2::inline v0::tools {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One segment, decoded to the end of `out`. False: not allowed.
bool decode_segment(std::string_view segment, std::string& out) {
  const std::size_t begin = out.size();
  for (std::size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%') {
      if (i + 2 >= segment.size()) return false;
      const int high = hex_value(segment[i + 1]);
      const int low = hex_value(segment[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '/') return false;
    }
    if (c == '\0') return false;
    out += c;
  }
  const std::string_view decoded = std::string_view(out).substr(begin);
  if (decoded == "..") return false;
  if (decoded == ".") out.resize(begin);
  return true;
}

// Classifies an open file; closes it if it is neither a file nor a directory.
FoundFile describe_file(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
    FoundFile found;
    found.kind = S_ISREG(status.st_mode) ? FoundFile::Kind::kFile : FoundFile::Kind::kDirectory;
    found.fd = fd;
    found.size = static_cast<std::uint64_t>(status.st_size);
    found.modified = status.st_mtime;
    return found;
  }
  ::close(fd);
  return {};
}

// O_NONBLOCK: opening a FIFO must not wait.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string encode_segment(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> decode_path(std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  if (!path.starts_with('/')) return std::nullopt;
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the "/"
    const std::size_t length = std::min(path.find('/'), path.size());
    const std::size_t before = out.size();
    if (before > 0) out += '/';
    const std::size_t begin = out.size();
    if (!decode_segment(path.substr(0, length), out)) return std::nullopt;
    if (out.size() == begin) out.resize(before);
    path.remove_prefix(length);
    if (path.empty() && out.size() == before && !out.empty()) out += '/';
  }
  return out;
}

std::string_view content_type_of(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 31> kTypes = {{
      {"html", "text/html; charset=utf-8"},
      {"htm", "text/html; charset=utf-8"},
      {"txt", "text/plain; charset=utf-8"},
      {"md", "text/markdown; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"csv", "text/csv; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"mjs", "text/javascript; charset=utf-8"},
      {"json", "application/json"},
      {"map", "application/json"},
      {"xml", "application/xml"},
      {"pdf", "application/pdf"},
      {"wasm", "application/wasm"},
      {"zip", "application/zip"},
      {"gz", "application/gzip"},
      {"tar", "application/x-tar"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"jpeg", "image/jpeg"},
      {"gif", "image/gif"},
      {"webp", "image/webp"},
      {"avif", "image/avif"},
      {"ico", "image/x-icon"},
      {"mp3", "audio/mpeg"},
      {"ogg", "audio/ogg"},
      {"wav", "audio/wav"},
      {"mp4", "video/mp4"},
      {"webm", "video/webm"},
      {"woff", "font/woff"},
      {"woff2", "font/woff2"},
  }};
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0) {
    std::string extension(name.substr(dot + 1));
    for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const auto& [ending, type] : kTypes) {
      if (ending == extension) return type;
    }
  }
  return "application/octet-stream";
}

RangeChoice choose_range(std::string_view range, std::uint64_t size) {
  static constexpr std::string_view kUnit = "bytes=";
  const RangeChoice whole;
  if (range.size() < kUnit.size()) return whole;
  for (std::size_t i = 0; i < kUnit.size(); ++i) {
    const char c =
        range[i] >= 'A' && range[i] <= 'Z' ? static_cast<char>(range[i] - 'A' + 'a') : range[i];
    if (c != kUnit[i]) return whole;
  }
  range.remove_prefix(kUnit.size());
  while (range.starts_with(' ')) range.remove_prefix(1);
  while (range.ends_with(' ')) range.remove_suffix(1);
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return whole;
  const std::string_view from = range.substr(0, dash);
  const std::string_view to = range.substr(dash + 1);
  const RangeChoice unsatisfiable{RangeChoice::Kind::kUnsatisfiable, 0, 0};
  if (from.empty()) {
    const auto suffix = parse_number(to);
    if (!suffix) return whole;
    if (*suffix == 0 || size == 0) return unsatisfiable;
    const std::uint64_t length = std::min(*suffix, size);
    return {RangeChoice::Kind::kPart, size - length, length};
  }
  const auto first = parse_number(from);
  const auto last = to.empty() ? std::optional<std::uint64_t>(~std::uint64_t{0}) : parse_number(to);
  if (!first || !last || *first > *last) return whole;
  if (*first >= size) return unsatisfiable;
  return {RangeChoice::Kind::kPart, *first, std::min(*last, size - 1) - *first + 1};
}

std::string http_date(std::time_t time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday % 7],
                parts.tm_mday % 100, kMonths[parts.tm_mon % 12], (parts.tm_year + 1900) % 10'000,
                parts.tm_hour % 100, parts.tm_min % 100, parts.tm_sec % 100);
  return text;
}

std::optional<std::time_t> parse_http_date(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

Result<FileRoot, std::string> FileRoot::open(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return unexpected("cannot open the directory '" + directory +
                      "': " + std::system_category().message(errno));
  }
  return FileRoot(fd);
}

FileRoot::~FileRoot() {
  if (fd_ >= 0) ::close(fd_);
}

FileRoot::FileRoot(FileRoot&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileRoot& FileRoot::operator=(FileRoot&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FoundFile FileRoot::find(const std::string& relative) const {
  const char* path = relative.empty() ? "." : relative.c_str();
  open_how how{};
  how.flags = static_cast<std::uint64_t>(kOpenFlags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, fd_, path, &how, sizeof how);
  if (fd >= 0) return describe_file(static_cast<int>(fd));
  if (errno == ENOSYS || errno == EPERM) return find_without_links(relative);
  return {};
}

FoundFile FileRoot::find_without_links(const std::string& relative) const {
  int at = ::openat(fd_, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  std::string_view rest = relative;
  while (at >= 0) {
    const std::size_t length = std::min(rest.find('/'), rest.size());
    const std::string segment(rest.substr(0, length));
    const bool last = length == rest.size();
    const bool directory = !last;
    rest.remove_prefix(last ? length : length + 1);
    if (segment == "..") break;
    const char* name = segment.empty() ? "." : segment.c_str();
    const int next = ::openat(
        at, name,
        directory ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : kOpenFlags | O_NOFOLLOW);
    ::close(at);
    at = next;
    if (last) return at >= 0 ? describe_file(at) : FoundFile{};
  }
  if (at >= 0) ::close(at);
  return {};
}

std::string list_directory(int fd, std::string_view path) {
  constexpr std::size_t kMost = 10'000;
  std::vector<std::string> names;
  if (DIR* directory = ::fdopendir(fd); directory != nullptr) {
    while (const dirent* entry =
               ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe): our own stream
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (names.size() == kMost) break;
      names.push_back(entry->d_type == DT_DIR ? name + "/" : name);
    }
    ::closedir(directory);
  } else {
    ::close(fd);
  }
  std::sort(names.begin(), names.end());
  const std::string title = "Files in " + escape_html(path);
  std::string out = "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>" + title +
                    "</title></head><body>\n<h1>" + title + "</h1>\n<ul>\n";
  if (path != "/") out += "<li><a href=\"../\">../</a></li>\n";
  for (const std::string& name : names) {
    const bool directory = name.ends_with('/');
    const std::string_view bare(name.data(), name.size() - (directory ? 1 : 0));
    out += "<li><a href=\"./" + encode_segment(bare) + (directory ? "/" : "") + "\">" +
           escape_html(name) + "</a></li>\n";
  }
  return out + "</ul>\n</body></html>\n";
}

}  // namespace h2::inline v0::tools
