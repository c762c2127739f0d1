// Character by character. See field_syntax.h.
#include "h2core/field_syntax.h"

#include <array>

namespace h2::inline v0 {

namespace {

enum Class : std::uint8_t {
  kName = 1,  // may stand in a field name: a token's character, and no upper case (RFC 9113 §8.2.1)
  kMethod = 2,      // may stand in a method: a token's character (RFC 9110 §5.6.2)
  kValue = 4,       // may stand in a value
  kTarget = 8,      // may stand in :path: visible ASCII
  kScheme = 16,     // may stand in :scheme after the first letter (RFC 3986 §3.1)
  kAuthority = 32,  // may stand in :authority
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  for (unsigned c = 0; c < 256; ++c) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool upper = c >= 'A' && c <= 'Z';
    const bool digit = c >= '0' && c <= '9';
    const bool mark = c < 128 && kTokenMarks.find(static_cast<char>(c)) != std::string_view::npos;
    unsigned is = 0;
    if (lower || digit || mark) is |= kName;
    if (lower || upper || digit || mark) is |= kMethod;
    if (c != 0 && c != '\r' && c != '\n') is |= kValue;
    if (c > 0x20 && c < 0x7f) is |= kTarget;
    if (lower || upper || digit || c == '+' || c == '-' || c == '.') is |= kScheme;
    constexpr std::string_view kNotInAuthority = "@/?#\\\"<>^`{|}";
    if (c > 0x20 && c < 0x7f &&
        kNotInAuthority.find(static_cast<char>(c)) == std::string_view::npos) {
      is |= kAuthority;
    }
    classes[c] = static_cast<std::uint8_t>(is);
  }
  return classes;
}

constexpr auto kClasses = make_classes();

bool all(std::string_view text, Class wanted) {
  std::uint8_t common = 0xff;
  for (const char c : text) common &= kClasses[static_cast<std::uint8_t>(c)];
  return (common & wanted) != 0;
}

bool blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

bool is_field_name(std::string_view name) noexcept { return !name.empty() && all(name, kName); }

bool is_field_value(std::string_view value) noexcept {
  if (value.empty()) return true;
  return all(value, kValue) && !blank(value.front()) && !blank(value.back());
}

bool is_method(std::string_view method) noexcept { return !method.empty() && all(method, kMethod); }

// > MUST NOT be empty for "http" or "https" URIs; ... "*" for OPTIONS (RFC 9113 §8.3.1)
bool is_path(std::string_view path) noexcept {
  return !path.empty() && (path[0] == '/' || path == "*") && all(path, kTarget);
}

bool is_scheme(std::string_view scheme) noexcept {
  return !scheme.empty() && all(scheme, kScheme) &&
         ((scheme[0] >= 'a' && scheme[0] <= 'z') || (scheme[0] >= 'A' && scheme[0] <= 'Z'));
}

// > ":authority" MUST NOT include the deprecated userinfo subcomponent (RFC 9113 §8.3.1)
bool is_authority(std::string_view authority) noexcept {
  return authority.empty() || all(authority, kAuthority);
}

// Above 599 there are none, but a client is to take them for a server's error (RFC 9110 §15).
bool is_status(std::string_view status) noexcept {
  return status.size() == 3 && status[0] >= '1' && status[0] <= '9' && status[1] >= '0' &&
         status[1] <= '9' && status[2] >= '0' && status[2] <= '9';
}

bool is_connection_specific(std::string_view name) noexcept {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
         name == "transfer-encoding" || name == "upgrade" || name == "http2-settings";
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) noexcept {
  if (value.empty()) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (std::uint64_t{0x7fffffffffffffff} - digit) / 10) return std::nullopt;
    length = length * 10 + digit;
  }
  return length;
}

}  // namespace h2::inline v0
