// Well-known field names as small numbers. Tested by tests/hpack/codec_test.cc.
#ifndef H2_HPACK_TOKEN_H_
#define H2_HPACK_TOKEN_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace h2::inline v0::hpack {

// The names of the static table (RFC 7541 §A) and a few more that HTTP/2 has rules about.
// Pseudo-header fields come first, so that a set of them fits into a few bits.
enum class Token : std::uint8_t {
  kAuthority,
  kMethod,
  kPath,
  kScheme,
  kStatus,
  kProtocol,  // RFC 8441 §4
  kAcceptCharset,
  kAcceptEncoding,
  kAcceptLanguage,
  kAcceptRanges,
  kAccept,
  kAccessControlAllowOrigin,
  kAge,
  kAllow,
  kAuthorization,
  kCacheControl,
  kContentDisposition,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentLocation,
  kContentRange,
  kContentType,
  kCookie,
  kDate,
  kEtag,
  kExpect,
  kExpires,
  kFrom,
  kHost,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kLastModified,
  kLink,
  kLocation,
  kMaxForwards,
  kProxyAuthenticate,
  kProxyAuthorization,
  kRange,
  kReferer,
  kRefresh,
  kRetryAfter,
  kServer,
  kSetCookie,
  kStrictTransportSecurity,
  kTransferEncoding,
  kUserAgent,
  kVary,
  kVia,
  kWwwAuthenticate,
  kConnection,
  kKeepAlive,
  kProxyConnection,
  kUpgrade,
  kTe,
  kTrailer,
  kPriority,
  kNone = 0xff,
};

inline constexpr std::size_t kTokens = static_cast<std::size_t>(Token::kPriority) + 1;

// The token of a name in lower case, or kNone.
Token lookup_token(std::string_view name) noexcept;

// The name of a token; empty for kNone. Static storage.
std::string_view token_name(Token token) noexcept;

// Whether the token is one of the pseudo-header fields (RFC 9113 §8.3).
constexpr bool is_pseudo(Token token) { return token <= Token::kProtocol; }

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_TOKEN_H_
