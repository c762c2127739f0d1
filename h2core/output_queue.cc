// The output of a connection. See output_queue.h.
#include "h2core/output_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace h2::inline v0 {

OutputQueue::OutputQueue(MemoryResource& memory)
    : memory_(memory), segments_(memory), pieces_(memory), answers_(memory) {}

OutputQueue::~OutputQueue() {
  for (Chunk* list : {front_, spare_}) {
    while (list != nullptr) {
      Chunk* next = list->next;
      free_chunk(list);
      list = next;
    }
  }
}

OutputQueue::Chunk* OutputQueue::make_chunk(std::size_t at_least) {
  for (Chunk** link = &spare_; *link != nullptr; link = &(*link)->next) {
    if ((*link)->capacity < at_least) continue;
    Chunk* chunk = *link;
    *link = chunk->next;
    --spares_;
    chunk->next = nullptr;
    return chunk;
  }
  // The first chunk is small, so that an idle connection is.
  const std::size_t usual = back_ == nullptr ? kFirstChunk : kLargeChunk;
  const std::size_t capacity = std::max(usual, at_least);
  void* raw = memory_.allocate(sizeof(Chunk) + capacity, alignof(Chunk));
  if (raw == nullptr) return nullptr;
  return new (raw) Chunk{nullptr, capacity, 0, 0};
}

void OutputQueue::free_chunk(Chunk* chunk) {
  memory_.deallocate(chunk, sizeof(Chunk) + chunk->capacity, alignof(Chunk));
}

std::uint8_t* OutputQueue::reserve(std::size_t size) {
  if (back_ == nullptr || back_->capacity - back_->used < size) {
    Chunk* chunk = make_chunk(size);
    if (chunk == nullptr) return nullptr;
    (back_ == nullptr ? front_ : back_->next) = chunk;
    back_ = chunk;
    recycle_front();
  }
  return back_->bytes() + back_->used;
}

bool OutputQueue::commit(std::size_t size) {
  if (size == 0) return true;
  const std::uint8_t* start = back_->bytes() + back_->used;
  const bool extends = segments_.size() > segments_begin_ && segments_.back().owner == kOwn &&
                       segments_.back().data + segments_.back().size == start;
  if (extends) {
    segments_.back().size += size;
  } else if (!segments_.push_back(Segment{start, size, kOwn})) {
    return false;
  }
  back_->used += size;
  queued_ += size;
  return true;
}

bool OutputQueue::append(Bytes bytes) {
  if (bytes.empty()) return true;
  std::uint8_t* to = reserve(bytes.size());
  if (to == nullptr) return false;
  std::memcpy(to, bytes.data(), bytes.size());
  return commit(bytes.size());
}

bool OutputQueue::refer(Bytes bytes, std::uint32_t owner) {
  if (!segments_.push_back(Segment{bytes.data(), bytes.size(), owner})) return false;
  queued_ += bytes.size();
  return true;
}

bool OutputQueue::count_answer() {
  if (answers_begin_ > 64 && answers_begin_ * 2 > answers_.size()) {
    answers_.erase_front(answers_begin_);
    answers_begin_ = 0;
  }
  return answers_.push_back(queued_);
}

std::span<const Bytes> OutputQueue::pieces() {
  pieces_.clear();
  for (std::size_t i = segments_begin_; i < segments_.size(); ++i) {
    if (!pieces_.push_back(Bytes(segments_[i].data, segments_[i].size)))
      break;  // the rest comes later
  }
  if (pieces_.empty() && segments_begin_ < segments_.size()) {
    // No memory even for the list: one piece at a time goes without.
    only_piece_ = Bytes(segments_[segments_begin_].data, segments_[segments_begin_].size);
    return {&only_piece_, 1};
  }
  return {pieces_.data(), pieces_.size()};
}

// Gives back chunks at the front of which everything was sent. The one being filled stays.
void OutputQueue::recycle_front() {
  while (front_ != back_ && front_->sent == front_->used) {
    Chunk* done = front_;
    front_ = done->next;
    if (spares_ >= kMaxSpareChunks) {
      free_chunk(done);
      continue;
    }
    done->used = 0;
    done->sent = 0;
    done->next = spare_;
    spare_ = done;
    ++spares_;
  }
}

void OutputQueue::sent_from_chunk(std::size_t bytes) {
  // A segment never spans chunks, and all of our own bytes go out in the order of the chunks.
  while (front_->sent == front_->used && front_ != back_) recycle_front();
  front_->sent += bytes;
  recycle_front();
}

void OutputQueue::mark_sent(std::size_t bytes, PieceOwner& owner) {
  bytes = std::min(bytes, size());
  sent_ += bytes;
  while (bytes > 0) {
    Segment& segment = segments_[segments_begin_];
    const std::size_t part = std::min(bytes, segment.size);
    if (segment.owner == kOwn) sent_from_chunk(part);
    segment.data += part;
    segment.size -= part;
    bytes -= part;
    const std::uint32_t whose = segment.owner;
    if (segment.size == 0) ++segments_begin_;
    if (whose != kOwn) owner.on_piece_sent(whose, part);
  }
  if (segments_begin_ == segments_.size()) {
    segments_.clear();
    segments_begin_ = 0;
    if (back_ != nullptr)
      back_->used = back_->sent = 0;  // all of it was sent: fill it from the start
  } else if (segments_begin_ > 64 && segments_begin_ * 2 > segments_.size()) {
    segments_.erase_front(segments_begin_);
    segments_begin_ = 0;
  }
  while (answers_begin_ < answers_.size() && answers_[answers_begin_] <= sent_) ++answers_begin_;
  if (answers_begin_ == answers_.size()) {
    answers_.clear();
    answers_begin_ = 0;
  }
  pieces_.clear();
}

void OutputQueue::drop_all(PieceOwner& owner) { mark_sent(size(), owner); }

}  // namespace h2::inline v0
