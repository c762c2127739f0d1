// What may stand in a field's name and value and in the pseudo-header fields, as checks that can be
// used alone (RFC 9113 §8.2.1, §8.3.1; RFC 9110 §5). Tested by tests/h2core/field_section_test.cc.
#ifndef H2_H2CORE_FIELD_SYNTAX_H_
#define H2_H2CORE_FIELD_SYNTAX_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace h2::inline v0 {

// A field name as HTTP/2 has it: a token in lower case, not empty (RFC 9113 §8.2.1).
bool is_field_name(std::string_view name) noexcept;
// No NUL, CR or LF, and no space or tab at either end; may be empty (RFC 9113 §8.2.1).
bool is_field_value(std::string_view value) noexcept;
// A token such as "GET" (RFC 9110 §9.1).
bool is_method(std::string_view method) noexcept;
// What :path may be for http and https: "/..." in visible ASCII, or "*" (RFC 9113 §8.3.1).
bool is_path(std::string_view path) noexcept;
// What :scheme may be: a letter, then letters, digits, "+", "-", "." (RFC 9113 §8.3.1).
bool is_scheme(std::string_view scheme) noexcept;
// What :authority may be: no userinfo, nothing of a path; may be empty (RFC 9113 §8.3.1).
bool is_authority(std::string_view authority) noexcept;
// What :status may be: three digits from 100 on (RFC 9110 §15).
bool is_status(std::string_view status) noexcept;
// Whether a field of that name, in lower case, may not be in an HTTP/2 message at all (RFC 9113
// §8.2.2).
bool is_connection_specific(std::string_view name) noexcept;
// The number that content-length says: decimal digits alone, at most 2^63-1 (RFC 9110 §8.6).
std::optional<std::uint64_t> parse_content_length(std::string_view value) noexcept;

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FIELD_SYNTAX_H_
