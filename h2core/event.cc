// Origins in ORIGIN frames. See event.h.
#include "h2core/event.h"

#include <cstddef>

namespace h2::inline v0 {

namespace {

bool is_scheme(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  for (const char c : text) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!fits) return false;
  }
  return true;
}

bool is_host(std::string_view text) {
  if (text.empty()) return false;
  const bool address = text.front() == '[' && text.back() == ']';
  if (address) text = text.substr(1, text.size() - 2);
  for (const char c : text) {
    const bool name =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    if (!name && !(address && c == ':')) return false;
  }
  return !text.empty();
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
    if (number > 65'535) return false;
  }
  return !text.empty() && text.size() <= 5;
}

// scheme "://" host [ ":" port ], in lower case (RFC 8336 §2.1).
bool is_origin(std::string_view text) {
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos || !is_scheme(text.substr(0, mark))) return false;
  const std::string_view authority = text.substr(mark + 3);
  const std::size_t colon = authority.rfind(':');
  const bool port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  if (!port) return is_host(authority);
  return is_host(authority.substr(0, colon)) && is_port(authority.substr(colon + 1));
}

}  // namespace

void OriginsView::Iterator::next() {
  while (rest_.size() >= 2) {
    const auto size = static_cast<std::size_t>(rest_[0] << 8 | rest_[1]);
    if (size > rest_.size() - 2) break;  // cut off: nothing that can be read follows
    const std::string_view origin = as_string_view(rest_.subspan(2, size));
    rest_ = rest_.subspan(2 + size);
    if (!is_origin(origin)) continue;
    origin_ = origin;
    return;
  }
  *this = {};
}

}  // namespace h2::inline v0
