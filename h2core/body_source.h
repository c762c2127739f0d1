// A body that is asked for its bytes instead of being handed over whole.
#ifndef H2_H2CORE_BODY_SOURCE_H_
#define H2_H2CORE_BODY_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace h2::inline v0 {

// Asked from within data_to_send; may not call back into the connection. Must live until its
// BodyReleased.
class BodySource {
 public:
  enum class State : std::uint8_t {
    kMore,   // more will follow; with length 0: none now, ask again after resume_body
    kEnd,    // these were the last bytes
    kError,  // the body cannot go on: the stream is reset with INTERNAL_ERROR
  };
  struct Read {
    std::size_t length = 0;
    State state = State::kMore;
  };

  virtual ~BodySource() = default;
  // Writes at most buffer.size() bytes (never 0 asked) to the front of `buffer`.
  virtual Read read(std::span<std::uint8_t> buffer) noexcept = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_BODY_SOURCE_H_
