// How urgent a response is, as clients say it (RFC 9218): parameters, their text form, and the
// order in which a connection sends bodies. Tested by tests/h2core/priority_test.cc.
#ifndef H2_H2CORE_PRIORITY_H_
#define H2_H2CORE_PRIORITY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace h2::inline v0 {

// RFC 9218 §4. The defaults are those of a request that says nothing.
struct Priority {
  static constexpr std::uint8_t kMostUrgent = 0;
  static constexpr std::uint8_t kDefaultUrgency = 3;
  static constexpr std::uint8_t kBackground = 7;

  std::uint8_t urgency = kDefaultUrgency;  // 0, sent first, to 7 (RFC 9218 §4.1)
  // Whether parts of the response are of use, so that bandwidth is shared with others of the same
  // urgency; else responses are sent one after the other (RFC 9218 §4.2).
  bool incremental = false;

  friend bool operator==(const Priority&, const Priority&) = default;
};

// What a field or a PRIORITY_UPDATE says of a priority. In a request what is not said has its
// default; in a response it is as the request said (RFC 9218 §4, §8).
struct PriorityParameters {
  std::optional<std::uint8_t> urgency;
  std::optional<bool> incremental;

  // `base` with what is said here in its place.
  Priority over(Priority base) const {
    return {urgency.value_or(base.urgency), incremental.value_or(base.incremental)};
  }
  friend bool operator==(const PriorityParameters&, const PriorityParameters&) = default;
};

// Reads a Priority field value, a dictionary of structured fields (RFC 9218 §4, §5), into `into`:
// members that it names replace what is there; unknown members, wrong types and values out of range
// are passed over. False, and `into` as it was: the value is no dictionary. Several field lines are
// read one after the other.
[[nodiscard]] bool parse_priority(std::string_view value, PriorityParameters& into) noexcept;

// A field value in a buffer of its own.
class PriorityText {
 public:
  // Without what is the default: "" for that (RFC 9218 §4).
  explicit PriorityText(Priority priority) noexcept;
  // Lives as long as this object.
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[8];
  std::size_t size_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_PRIORITY_H_
