// What a field section must be to make a valid message, in both directions (RFC 9113 §8.2, §8.3).
// Tested by tests/h2core/field_section_test.cc.
#ifndef H2_H2CORE_FIELD_SECTION_H_
#define H2_H2CORE_FIELD_SECTION_H_

#include <cstdint>
#include <optional>
#include <span>

#include "h2core/error.h"
#include "h2core/priority.h"
#include "hpack/field_list.h"
#include "hpack/header_field.h"
#include "hpack/static_table.h"

namespace h2::inline v0 {

// What is wrong with one field by itself, as an Errc (0: nothing): characters, connection-specific
// fields, the grammar of pseudo-header values and of content-length. The field's token must be set.
// Fit for hpack::Decoder::Config::classify, so that a field is judged once and not each time it
// comes out of a table.
std::uint32_t classify_field(const hpack::HeaderField& field) noexcept;

// The same for the entries of the static table (RFC 7541 §A), two of which may not be used whole.
// Fit for hpack::Decoder::Config::static_annotations.
inline constexpr hpack::StaticAnnotations kStaticFieldFaults = [] {
  hpack::StaticAnnotations faults{};
  faults[28] = static_cast<std::uint32_t>(Errc::kContentLengthInvalid);     // content-length: ""
  faults[57] = static_cast<std::uint32_t>(Errc::kFieldConnectionSpecific);  // transfer-encoding: ""
  return faults;
}();

// What a section says, and what is wrong with it.
struct SectionInfo {
  Errc fault = Errc::kNone;
  int status = 0;  // of a response; 0: none that is valid
  bool is_head = false;
  bool is_connect = false;  // plain or extended
  bool is_get = false;
  std::optional<std::uint64_t> content_length;
  std::optional<PriorityParameters> priority;  // what the priority fields say (RFC 9218 §5)
  bool has_protocol = false;                   // an extended CONNECT (RFC 8441 §4)
  std::uint32_t cookies = 0;                   // cookie fields
};

// A request's header section (RFC 9113 §8.3.1, §8.5). `extended_connect`: whether :protocol is
// allowed (RFC 8441 §4). Of received fields the decoder's annotation is believed.
SectionInfo check_request(hpack::FieldsView fields, bool extended_connect);
// The same for fields to be sent, each of which is judged here.
// With `seen`, a field whose annotation is not 0 was judged before.
SectionInfo check_request(std::span<const hpack::HeaderField> fields, bool extended_connect,
                          bool seen = false);

// What is wrong with a promised request, of which check_request found no fault: it has to be safe
// and cacheable, and without content (RFC 9113 §8.4).
Errc check_promise(const SectionInfo& info);

// A response's header section (RFC 9113 §8.3.2), 1xx included. A status is 100 to 599 to be sent,
// and 100 to 999 to be received (RFC 9110 §15).
SectionInfo check_response(hpack::FieldsView fields);
SectionInfo check_response(std::span<const hpack::HeaderField> fields, bool seen = false);

// A trailer section (RFC 9113 §8.1): no pseudo-header fields, no content-length. To be sent, none
// either that routes, authenticates or describes the message (RFC 9110 §6.5.1); peers that do so
// anyway are understood.
SectionInfo check_trailers(hpack::FieldsView fields);
SectionInfo check_trailers(std::span<const hpack::HeaderField> fields);

// How long content may be, and is (RFC 9113 §8.1.1).
class BodyLength {
 public:
  // As content-length says; none: any.
  void expect(std::optional<std::uint64_t> length) { expected_ = length.value_or(kAny); }
  // No content at all, whatever content-length says: responses to HEAD, 204, 304.
  void expect_none() { expected_ = kForbidden; }
  // `bytes` more arrived; false: too many.
  bool add(std::uint64_t bytes) {
    received_ += bytes;
    return expected_ == kAny || received_ <= expected();
  }
  // Whether it may end here.
  bool complete() const { return expected_ == kAny || received_ == expected(); }
  bool forbidden() const { return expected_ == kForbidden; }

 private:
  // No content-length is that large (2^63-1 at most).
  static constexpr std::uint64_t kAny = ~std::uint64_t{0};
  static constexpr std::uint64_t kForbidden = kAny - 1;

  std::uint64_t expected() const { return forbidden() ? 0 : expected_; }

  std::uint64_t expected_ = kAny;
  std::uint64_t received_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FIELD_SECTION_H_
