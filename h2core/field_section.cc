// Checks on field sections. See field_section.h.
#include "h2core/field_section.h"

#include <algorithm>
#include <string_view>

#include "h2core/field_syntax.h"

namespace h2::inline v0 {

namespace {

using hpack::HeaderField;
using hpack::Token;

bool pseudo_valid(Token token, std::string_view value) {
  switch (token) {
    case Token::kMethod:
      return is_method(value);
    case Token::kPath:
      return is_path(value);
    case Token::kScheme:
      return is_scheme(value);
    case Token::kAuthority:
      return is_authority(value);
    case Token::kStatus:
      return is_status(value);
    case Token::kProtocol:
      return is_method(value);  // a token, too (RFC 8441 §4)
    default:
      return false;
  }
}

// The fields of RFC 9113 §8.2.2 that no message may have; TE may have one value.
bool forbidden(Token token) {
  return token == Token::kConnection || token == Token::kKeepAlive ||
         token == Token::kProxyConnection || token == Token::kTransferEncoding ||
         token == Token::kUpgrade;
}

Errc judge_field(const HeaderField& field) {
  if (!field.name.empty() && field.name[0] == ':') {
    if (!hpack::is_pseudo(field.token)) return Errc::kPseudoFieldUnknown;
    return pseudo_valid(field.token, field.value) ? Errc::kNone : Errc::kPseudoFieldInvalid;
  }
  if (field.name.empty() || (field.token == Token::kNone && !is_field_name(field.name))) {
    return Errc::kFieldNameInvalid;
  }
  if (!is_field_value(field.value)) return Errc::kFieldValueInvalid;
  if (forbidden(field.token)) return Errc::kFieldConnectionSpecific;
  if (field.token == Token::kTe && field.value != "trailers") return Errc::kFieldConnectionSpecific;
  if (field.token == Token::kContentLength && !parse_content_length(field.value)) {
    return Errc::kContentLengthInvalid;
  }
  return Errc::kNone;
}

// Whether a pseudo-header field that came was in `seen`.
constexpr unsigned bit(Token token) { return 1U << static_cast<unsigned>(token); }

constexpr unsigned kRequestPseudo = bit(Token::kMethod) | bit(Token::kScheme) | bit(Token::kPath) |
                                    bit(Token::kAuthority) | bit(Token::kProtocol);

// What a walk over a section found.
struct Walk {
  Errc fault = Errc::kNone;
  unsigned seen = 0;  // pseudo-header fields, as bits
  std::string_view method;
  std::string_view path;
  std::string_view scheme;
  std::string_view authority;
  std::string_view status;
  std::optional<std::string_view> host;
  std::optional<std::uint64_t> content_length;
  std::optional<PriorityParameters> priority;
  std::uint32_t cookies = 0;
  bool te = false;

  void fail(Errc cause) {
    if (fault == Errc::kNone) fault = cause;
  }
  void take_pseudo(const HeaderField& field, bool after_regular) {
    if (after_regular) fail(Errc::kPseudoFieldAfterRegular);
    if ((seen & bit(field.token)) != 0) fail(Errc::kPseudoFieldDuplicate);
    seen |= bit(field.token);
    switch (field.token) {
      case Token::kMethod:
        method = field.value;
        break;
      case Token::kPath:
        path = field.value;
        break;
      case Token::kScheme:
        scheme = field.value;
        break;
      case Token::kAuthority:
        authority = field.value;
        break;
      case Token::kStatus:
        status = field.value;
        break;
      default:
        break;
    }
  }
  void take_regular(const HeaderField& field) {
    if (field.token == Token::kHost) {
      if (host) fail(Errc::kAuthorityMismatch);
      host = field.value;
    } else if (field.token == Token::kContentLength) {
      if (content_length) fail(Errc::kContentLengthInvalid);
      content_length = parse_content_length(field.value);
    } else if (field.token == Token::kCookie) {
      ++cookies;
    } else if (field.token == Token::kTe) {
      te = true;
    } else if (field.token == Token::kPriority) {
      PriorityParameters said = priority.value_or(PriorityParameters{});
      if (parse_priority(field.value, said)) priority = said;
    }
  }
};

// Who has judged the fields of a section.
enum class Judged : std::uint8_t {
  kNobody,
  kDecoder,  // all of them: their annotation is the verdict
  kSome,     // those with an annotation, and they are right
};

Errc fault_of(const HeaderField& field, Judged judged) {
  if (judged == Judged::kDecoder) return static_cast<Errc>(field.annotation);
  if (judged == Judged::kSome && field.annotation != 0) return Errc::kNone;
  return judge_field(field);
}

template <class Fields>
Walk walk(const Fields& fields, Judged judged) {
  Walk w;
  bool regular = false;
  for (const HeaderField& given : fields) {
    HeaderField field = given;
    if (judged != Judged::kDecoder && field.token == Token::kNone)
      field.token = hpack::lookup_token(field.name);
    if (const Errc fault = fault_of(field, judged); fault != Errc::kNone) w.fail(fault);
    if (hpack::is_pseudo(field.token)) {
      w.take_pseudo(field, regular);
    } else {
      regular = true;
      if (field.name.empty() || field.name[0] != ':') w.take_regular(field);
    }
  }
  return w;
}

bool same_text(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Without a port that is empty or the scheme's default one (RFC 9110 §4.2.3).
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::size_t colon = authority.rfind(':');
  // Colons inside the brackets of an IPv6 address are none of a port.
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) {
    return authority;
  }
  const std::string_view port = authority.substr(colon + 1);
  const bool implied = port.empty() || (port == "443" && same_text(scheme, "https")) ||
                       (port == "80" && same_text(scheme, "http"));
  return implied ? authority.substr(0, colon) : authority;
}

// > The values of fields need to be normalized to compare them (RFC 9113 §8.3.1)
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
  return same_text(without_default_port(a, scheme), without_default_port(b, scheme));
}

// RFC 9113 §8.3.1, §8.5; RFC 8441 §4.
Errc request_fault(const Walk& w, bool extended_connect) {
  if (w.fault != Errc::kNone) return w.fault;
  if ((w.seen & ~kRequestPseudo) != 0) return Errc::kPseudoFieldUnknown;
  const auto has = [&](Token token) { return (w.seen & bit(token)) != 0; };
  if (!has(Token::kMethod)) return Errc::kPseudoFieldMissing;
  const bool connect = w.method == "CONNECT";
  if (has(Token::kProtocol) && !extended_connect) return Errc::kExtendedConnectNotOffered;
  if (has(Token::kProtocol) && !connect) return Errc::kConnectMalformed;
  if (connect && !has(Token::kProtocol)) {
    // > The ":scheme" and ":path" pseudo-header fields MUST be omitted. (RFC 9113 §8.5)
    if (has(Token::kScheme) || has(Token::kPath)) return Errc::kConnectMalformed;
    return w.authority.empty() ? Errc::kConnectMalformed : Errc::kNone;
  }
  if (!has(Token::kScheme) || !has(Token::kPath)) return Errc::kPseudoFieldMissing;
  if (w.path == "*" && w.method != "OPTIONS") return Errc::kPseudoFieldInvalid;
  const bool http = w.scheme == "http" || w.scheme == "https";
  if (http) {
    // > MUST contain either an ":authority" pseudo-header field or a "Host" header field (RFC 9113
    // §8.3.1)
    if (has(Token::kAuthority) && w.authority.empty()) return Errc::kPseudoFieldInvalid;
    if (!has(Token::kAuthority) && (!w.host || w.host->empty())) return Errc::kPseudoFieldMissing;
  }
  if (has(Token::kAuthority) && w.host && !same_authority(w.authority, *w.host, w.scheme)) {
    return Errc::kAuthorityMismatch;
  }
  if (w.host && !w.host->empty() && !is_authority(*w.host)) return Errc::kAuthorityMismatch;
  return Errc::kNone;
}

template <class Fields>
SectionInfo request(const Fields& fields, bool extended_connect, Judged judged) {
  const Walk w = walk(fields, judged);
  SectionInfo info;
  info.fault = request_fault(w, extended_connect);
  info.is_head = w.method == "HEAD";
  info.is_connect = w.method == "CONNECT";
  info.is_get = w.method == "GET";
  info.content_length = w.content_length;
  info.priority = w.priority;
  info.has_protocol = (w.seen & bit(Token::kProtocol)) != 0;
  info.cookies = w.cookies;
  return info;
}

template <class Fields>
SectionInfo response(const Fields& fields, Judged judged) {
  const Walk w = walk(fields, judged);
  SectionInfo info;
  info.fault = w.fault;
  if (info.fault == Errc::kNone && w.seen != bit(Token::kStatus)) {
    info.fault = w.status.empty() ? Errc::kPseudoFieldMissing : Errc::kPseudoFieldUnknown;
  }
  // > the TE header field, which MAY be present in an HTTP/2 request (RFC 9113 §8.2.2)
  if (info.fault == Errc::kNone && w.te) info.fault = Errc::kFieldConnectionSpecific;
  if (is_status(w.status)) {
    info.status = (w.status[0] - '0') * 100 + (w.status[1] - '0') * 10 + (w.status[2] - '0');
  }
  if (judged != Judged::kDecoder && info.status > 599) {
    info.status = 0;
    if (info.fault == Errc::kNone) info.fault = Errc::kPseudoFieldInvalid;
  }
  info.content_length = w.content_length;
  info.priority = w.priority;
  return info;
}

// What is not sent: fields that frame, route or authenticate a message make no sense after it
// (RFC 9110 §6.5.1). Received ones are passed on, for the recipient to ignore.
bool allowed_in_trailers(Token token) {
  switch (token) {
    case Token::kContentLength:
    case Token::kHost:
    case Token::kContentEncoding:
    case Token::kContentType:
    case Token::kContentRange:
    case Token::kAuthorization:
    case Token::kProxyAuthorization:
    case Token::kSetCookie:
    case Token::kCookie:
    case Token::kTrailer:
    case Token::kTe:
    case Token::kExpect:
    case Token::kMaxForwards:
      return false;
    default:
      return true;
  }
}

template <class Fields>
SectionInfo trailers(const Fields& fields, Judged judged) {
  SectionInfo info;
  for (const HeaderField& given : fields) {
    HeaderField field = given;
    if (judged != Judged::kDecoder && field.token == Token::kNone)
      field.token = hpack::lookup_token(field.name);
    Errc fault = fault_of(field, judged);
    if (!field.name.empty() && field.name[0] == ':') fault = Errc::kPseudoFieldInTrailers;
    if (fault == Errc::kNone && judged == Judged::kDecoder && field.token == Token::kTe) {
      fault = Errc::kFieldConnectionSpecific;
    }
    const bool refused = judged == Judged::kDecoder ? field.token == Token::kContentLength
                                                    : !allowed_in_trailers(field.token);
    if (fault == Errc::kNone && refused) fault = Errc::kFieldNotAllowedInTrailers;
    if (fault != Errc::kNone) {
      info.fault = fault;
      break;
    }
  }
  return info;
}

}  // namespace

std::uint32_t classify_field(const HeaderField& field) noexcept {
  return static_cast<std::uint32_t>(judge_field(field));
}

SectionInfo check_request(hpack::FieldsView fields, bool extended_connect) {
  return request(fields, extended_connect, Judged::kDecoder);
}
SectionInfo check_request(std::span<const HeaderField> fields, bool extended_connect, bool seen) {
  return request(fields, extended_connect, seen ? Judged::kSome : Judged::kNobody);
}
Errc check_promise(const SectionInfo& info) {
  if (!info.is_get && !info.is_head) return Errc::kPseudoFieldInvalid;
  return info.content_length.value_or(0) > 0 ? Errc::kContentLengthInvalid : Errc::kNone;
}
SectionInfo check_response(hpack::FieldsView fields) { return response(fields, Judged::kDecoder); }
SectionInfo check_response(std::span<const HeaderField> fields, bool seen) {
  return response(fields, seen ? Judged::kSome : Judged::kNobody);
}
SectionInfo check_trailers(hpack::FieldsView fields) { return trailers(fields, Judged::kDecoder); }
SectionInfo check_trailers(std::span<const HeaderField> fields) {
  return trailers(fields, Judged::kNobody);
}

}  // namespace h2::inline v0
