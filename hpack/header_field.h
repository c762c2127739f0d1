// One header field (RFC 7541 §1.3), with what the codec knows about it.
#ifndef H2_HPACK_HEADER_FIELD_H_
#define H2_HPACK_HEADER_FIELD_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hpack/token.h"

namespace h2::inline v0::hpack {

// Views; who fills one says how long they live.
struct HeaderField {
  std::string_view name;
  std::string_view value;
  // Never to be indexed, by us or by whoever forwards it (RFC 7541 §7.1.3).
  bool sensitive = false;
  // The well-known name; kNone may also mean "not looked up". The decoder always fills it in.
  Token token = Token::kNone;
  // What the decoder's classify function said of the field, or its table for the static entries; 0
  // otherwise.
  std::uint32_t annotation = 0;

  // RFC 7541 §4.1.
  std::size_t size() const { return name.size() + value.size() + 32; }

  // Name, value and sensitivity; token and annotation only restate them.
  friend bool operator==(const HeaderField& a, const HeaderField& b) {
    return a.name == b.name && a.value == b.value && a.sensitive == b.sensitive;
  }
};

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_HEADER_FIELD_H_
