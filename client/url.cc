// Taking URLs apart; see url.h.
#include "client/url.h"

#include <algorithm>
#include <charconv>

namespace h2::inline v0::client {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
bool is_alpha(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// Text for a message: bytes that are not printable ASCII become \xNN, and long text is cut.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 120;
  std::string out = "\"";
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      static constexpr char kHex[] = "0123456789abcdef";
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  if (text.size() > kMost) out += "...";
  return out + "\"";
}

Unexpected<UrlError> failed(UrlErrc code, std::string message) {
  return unexpected(UrlError{code, std::move(message)});
}

// unreserved / sub-delims, and "_" that real names carry (RFC 3986 §3.2.2); percent-encoded names
// are not looked up by anybody and are refused.
bool is_reg_name(std::string_view host) {
  constexpr std::string_view kOther = "-._~!$&'()*+,;=";
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return is_alpha(c) || is_digit(c) || kOther.find(c) != std::string_view::npos;
  });
}

// Hex digits, colons and the dots of an embedded IPv4 address, with two to eight groups; the
// resolver judges the rest. A zone ("%eth0") belongs to one machine and is refused.
bool is_ipv6(std::string_view host) {
  if (std::count(host.begin(), host.end(), ':') < 2) return false;
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

// All digits and dots: an IPv4 address, or a mistake.
bool looks_ipv4(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool is_ipv4(std::string_view host) {
  int parts = 0;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    int value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || part.size() > 3 || error != std::errc{} ||
        end != part.data() + part.size() || value > 255)
      return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

}  // namespace

std::string Url::authority() const {
  if (port != default_port(scheme)) return host_port();
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string Url::host_port() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::string Url::origin() const { return scheme + "://" + host_port(); }

std::string Url::to_string() const { return scheme + "://" + authority() + path; }

Result<Url, UrlError> parse_url(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f)
      return failed(UrlErrc::kCharacterInvalid,
                    "URL " + quoted(text) +
                        " has a character that must be percent-encoded: " + quoted({&c, 1}));
  }

  Url url;
  const std::size_t colon = text.find("://");
  const bool scheme_like =
      colon != std::string_view::npos && colon > 0 && is_alpha(text[0]) &&
      std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
        return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
      });
  if (!scheme_like)
    return failed(UrlErrc::kSchemeMissing,
                  "URL " + quoted(text) + " does not begin with http:// or https://");
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https")
    return failed(UrlErrc::kSchemeUnsupported,
                  "URL scheme " + quoted(url.scheme) + " is neither http nor https");

  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  const std::string_view path = rest.substr(authority_end);

  if (authority.find('@') != std::string_view::npos)
    return failed(UrlErrc::kUserinfo,
                  "URL for " + quoted(authority.substr(authority.rfind('@') + 1)) +
                      " carries a user name or password, which is not supported");

  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos)
      return failed(UrlErrc::kHostInvalid,
                    "URL host " + quoted(authority) + " lacks its closing bracket");
    const std::string_view host = authority.substr(1, close - 1);
    if (!is_ipv6(host))
      return failed(UrlErrc::kHostInvalid, "URL host " + quoted(host) + " is not an IPv6 address");
    url.host = lower(host);
    const std::string_view after = authority.substr(close + 1);
    if (!after.empty()) {
      if (after[0] != ':')
        return failed(UrlErrc::kHostInvalid,
                      "URL host " + quoted(authority) + " goes on after its bracket");
      has_port = true;
      port = after.substr(1);
    }
  } else {
    const std::size_t at = authority.find(':');
    const std::string_view host = authority.substr(0, at);
    if (at != std::string_view::npos) {
      has_port = true;
      port = authority.substr(at + 1);
    }
    if (host.empty())
      return failed(UrlErrc::kHostMissing, "URL " + quoted(text) + " names no host");
    if (!is_reg_name(host) || (looks_ipv4(host) && !is_ipv4(host)))
      return failed(UrlErrc::kHostInvalid,
                    "URL host " + quoted(host) + " is not a name or an address");
    url.host = lower(host);
  }

  url.port = default_port(url.scheme);
  if (has_port && !port.empty()) {  // "host:" means the default port (RFC 3986 §3.2.3)
    unsigned value = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
    if (error != std::errc{} || end != port.data() + port.size() || value == 0 || value > 65'535)
      return failed(UrlErrc::kPortInvalid,
                    "URL port " + quoted(port) + " is not a number from 1 to 65535");
    url.port = static_cast<std::uint16_t>(value);
  }

  url.bare = path.empty();
  url.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  return url;
}

}  // namespace h2::inline v0::client
