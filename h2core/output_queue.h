// The bytes to be sent: small frames in chunks of our own, body bytes by reference, in order.
//
// Whatever pieces() has handed out stays where it is until mark_sent passes it: chunks never move,
// and a chunk is used again only once all of it was sent. Tested by
// tests/h2core/output_queue_test.cc.
#ifndef H2_H2CORE_OUTPUT_QUEUE_H_
#define H2_H2CORE_OUTPUT_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hpack/bytes.h"
#include "hpack/memory.h"
#include "hpack/vector.h"

namespace h2::inline v0 {

// Told when the last byte of a referred piece was sent, or dropped.
class PieceOwner {
 public:
  virtual void on_piece_sent(std::uint32_t owner, std::size_t bytes) noexcept = 0;

 protected:
  ~PieceOwner() = default;
};

class OutputQueue {
 public:
  explicit OutputQueue(MemoryResource& memory);
  ~OutputQueue();
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  // `size` contiguous bytes at the end of the output, to be filled and then committed; null: no
  // memory. Nothing else may be added between reserve and commit.
  std::uint8_t* reserve(std::size_t size);
  // Makes the first `size` reserved bytes part of the output; false: no memory (nothing added).
  [[nodiscard]] bool commit(std::size_t size);
  // Copies bytes to the end of the output.
  [[nodiscard]] bool append(Bytes bytes);
  // Refers to bytes that stay where they are until `owner` is told; false: no memory (nothing
  // added).
  [[nodiscard]] bool refer(Bytes bytes, std::uint32_t owner);

  // Notes that an answer (ACK, RST_STREAM, ...) ends at the current end of the output.
  [[nodiscard]] bool count_answer();
  // Answers noted and not sent yet.
  std::size_t answers() const { return answers_.size() - answers_begin_; }

  // The output in order. The span lives until the next pieces() or mark_sent(); the bytes until
  // sent.
  std::span<const Bytes> pieces();
  void mark_sent(std::size_t bytes, PieceOwner& owner);
  // Forgets all output; owners of referred pieces are told.
  void drop_all(PieceOwner& owner);

  // Calls give(bytes) for each piece of the first `size` bytes; changes nothing and needs no
  // memory.
  template <class Give>
  void visit_first(std::size_t size, const Give& give) const {
    for (std::size_t i = segments_begin_; size > 0 && i < segments_.size(); ++i) {
      const Bytes piece(segments_[i].data, std::min(size, segments_[i].size));
      give(piece);
      size -= piece.size();
    }
  }

  // Where the output ends, and how much of it was sent: bytes since the connection began.
  std::uint64_t end_offset() const { return queued_; }
  std::uint64_t sent_offset() const { return sent_; }

  bool empty() const { return queued_ == sent_; }
  std::size_t size() const { return static_cast<std::size_t>(queued_ - sent_); }

 private:
  struct Chunk {
    Chunk* next;
    std::size_t capacity;
    std::size_t used;
    std::size_t sent;
    std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  };
  struct Segment {
    const std::uint8_t* data;
    std::size_t size;
    std::uint32_t owner;  // kOwn: in our chunks
  };
  static constexpr std::uint32_t kOwn = 0xffffffffU;
  static constexpr std::size_t kFirstChunk = 1024 - sizeof(Chunk);
  static constexpr std::size_t kLargeChunk = 32768 - sizeof(Chunk);
  static constexpr std::size_t kMaxSpareChunks = 4;

  Chunk* make_chunk(std::size_t at_least);
  void free_chunk(Chunk* chunk);
  void sent_from_chunk(std::size_t bytes);
  void recycle_front();

  MemoryResource& memory_;
  Chunk* front_ = nullptr;  // the oldest chunk with unsent bytes
  Chunk* back_ = nullptr;   // the one being filled
  Chunk* spare_ = nullptr;  // emptied ones, kept for reuse
  std::size_t spares_ = 0;
  Vector<Segment> segments_;
  std::size_t segments_begin_ = 0;
  Vector<Bytes> pieces_;
  Bytes only_piece_;
  Vector<std::uint64_t> answers_;  // end offsets, ascending
  std::size_t answers_begin_ = 0;
  std::uint64_t queued_ = 0;  // offset of the end of the output since the connection began
  std::uint64_t sent_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_OUTPUT_QUEUE_H_
