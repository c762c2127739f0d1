// Well-known names. See token.h.
#include "hpack/token.h"

#include <array>

#include "hpack/static_table.h"
#include "hpack/text.h"

namespace h2::inline v0::hpack {

namespace {

constexpr std::string_view kNames[] = {":authority",
                                       ":method",
                                       ":path",
                                       ":scheme",
                                       ":status",
                                       ":protocol",
                                       "accept-charset",
                                       "accept-encoding",
                                       "accept-language",
                                       "accept-ranges",
                                       "accept",
                                       "access-control-allow-origin",
                                       "age",
                                       "allow",
                                       "authorization",
                                       "cache-control",
                                       "content-disposition",
                                       "content-encoding",
                                       "content-language",
                                       "content-length",
                                       "content-location",
                                       "content-range",
                                       "content-type",
                                       "cookie",
                                       "date",
                                       "etag",
                                       "expect",
                                       "expires",
                                       "from",
                                       "host",
                                       "if-match",
                                       "if-modified-since",
                                       "if-none-match",
                                       "if-range",
                                       "if-unmodified-since",
                                       "last-modified",
                                       "link",
                                       "location",
                                       "max-forwards",
                                       "proxy-authenticate",
                                       "proxy-authorization",
                                       "range",
                                       "referer",
                                       "refresh",
                                       "retry-after",
                                       "server",
                                       "set-cookie",
                                       "strict-transport-security",
                                       "transfer-encoding",
                                       "user-agent",
                                       "vary",
                                       "via",
                                       "www-authenticate",
                                       "connection",
                                       "keep-alive",
                                       "proxy-connection",
                                       "upgrade",
                                       "te",
                                       "trailer",
                                       "priority"};

constexpr std::size_t kCount = std::size(kNames);
static_assert(kCount == kTokens);

// Names hash by length, first, middle and last character into slots that hold at most a few names
// each; the table is laid out when compiling.
constexpr std::size_t kSlots = 256;

constexpr std::size_t slot_of(std::string_view name) {
  const auto at = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(name[i]));
  };
  return (name.size() * 7 + at(0) * 31 + at(name.size() / 2) * 5 + at(name.size() - 1) * 113) %
         kSlots;
}

struct Index {
  std::array<std::uint8_t, kSlots> first{};  // 1 + token, 0: none
  std::array<std::uint8_t, kCount> next{};   // 1 + token of the next name in the slot
};

constexpr Index make_index() {
  Index index;
  for (std::size_t i = kCount; i-- > 0;) {
    const std::size_t slot = slot_of(kNames[i]);
    index.next[i] = index.first[slot];
    index.first[slot] = static_cast<std::uint8_t>(i + 1);
  }
  return index;
}

constexpr Index kIndex = make_index();

}  // namespace

Token lookup_token(std::string_view name) noexcept {
  if (name.empty()) return Token::kNone;
  for (std::uint8_t i = kIndex.first[slot_of(name)]; i != 0; i = kIndex.next[i - 1U]) {
    if (equal_text(kNames[i - 1U], name)) return static_cast<Token>(i - 1U);
  }
  return Token::kNone;
}

std::string_view token_name(Token token) noexcept {
  const auto i = static_cast<std::size_t>(token);
  return i < kCount ? kNames[i] : std::string_view{};
}

namespace {

// The first static index of each token (RFC 7541 §A), by the order of the names there.
constexpr std::array<std::uint8_t, kCount> make_static_index() {
  std::array<std::uint8_t, kCount> index{};
  // Pseudo-header fields have several entries each; the others one, from 15 on, in alphabetical
  // order.
  index[static_cast<std::size_t>(Token::kAuthority)] = 1;
  index[static_cast<std::size_t>(Token::kMethod)] = 2;
  index[static_cast<std::size_t>(Token::kPath)] = 4;
  index[static_cast<std::size_t>(Token::kScheme)] = 6;
  index[static_cast<std::size_t>(Token::kStatus)] = 8;
  for (std::size_t i = static_cast<std::size_t>(Token::kAcceptCharset);
       i <= static_cast<std::size_t>(Token::kWwwAuthenticate); ++i) {
    index[i] = static_cast<std::uint8_t>(15 + i - static_cast<std::size_t>(Token::kAcceptCharset));
  }
  return index;
}

constexpr auto kStaticIndex = make_static_index();
static_assert(kStaticIndex[static_cast<std::size_t>(Token::kWwwAuthenticate)] == kStaticEntries);

}  // namespace

const std::array<std::uint8_t, kTokens> kStaticNameIndex = kStaticIndex;

}  // namespace h2::inline v0::hpack
