// Header fields to header blocks (RFC 7541 §6). Tested by tests/hpack/encoder_test.cc.
//
//   h2::hpack::Encoder encoder({.hash_seed = random_number});
//   h2::Vector<std::uint8_t> block(h2::default_memory());
//   const h2::hpack::HeaderField fields[] = {{":method", "GET"}, {":path", "/"}};
//   if (!encoder.encode(fields, block)) return out_of_memory();
#ifndef H2_HPACK_ENCODER_H_
#define H2_HPACK_ENCODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hpack/dynamic_table.h"
#include "hpack/header_field.h"
#include "hpack/token.h"
#include "hpack/vector.h"

namespace h2::inline v0::hpack {

// When strings are Huffman-coded (RFC 7541 §5.2).
enum class HuffmanPolicy : std::uint8_t {
  kShorter,  // when that is shorter
  kAlways,
  kNever,
};

// How one field is written.
enum class Indexing : std::uint8_t {
  kIndexed,       // added to the dynamic table (RFC 7541 §6.2.1)
  kNotIndexed,    // (RFC 7541 §6.2.2)
  kNeverIndexed,  // and by nobody who forwards it (RFC 7541 §6.2.3)
};

// The default policy. Secrets are never indexed: fields marked sensitive, authorization,
// proxy-authorization, and cookies shorter than 20 bytes, which could be guessed (RFC 7541 §7.1.3).
// Fields whose values hardly come twice (:path, content-length, etag, ...) are not indexed.
Indexing default_indexing(const HeaderField& field) noexcept;

// Not thread-safe. When a call returns false, memory was refused and the table is out of step with
// the peer's: the connection cannot go on.
class Encoder {
 public:
  struct Config {
    MemoryResource* memory = nullptr;      // null: default_memory(); must outlive the encoder
    std::uint32_t max_table_size = 4'096;  // our cap under what the peer allows (RFC 7541 §4.2)
    std::uint64_t hash_seed = 0;           // seeds the search index
    HuffmanPolicy huffman = HuffmanPolicy::kShorter;
    // Decides for each field (whose token is filled in) that is not in a table whole.
    Indexing (*indexing)(const HeaderField& field) noexcept = nullptr;  // null: default_indexing
  };

  explicit Encoder(const Config& config);

  // Appends the block of a whole list to `out`.
  [[nodiscard]] bool encode(std::span<const HeaderField> fields, Vector<std::uint8_t>& out);

  // The same in steps: begin_block, then add for each field.
  [[nodiscard]] bool begin_block(Vector<std::uint8_t>& out);
  [[nodiscard]] bool add(const HeaderField& field, Vector<std::uint8_t>& out);

  // The peer's SETTINGS_HEADER_TABLE_SIZE. The next block begins with what has changed (RFC 7541
  // §4.2).
  void set_peer_max_table_size(std::uint32_t size);

  // Names a field with a well-known name (its token filled in) that can be seen at a glance to be
  // in a table whole: in the static one (1 to 61, its index), or the newest of its name in the
  // dynamic one (above). 0: it is not, or not at a glance, or is not to be indexed.
  std::uint32_t glance(const HeaderField& field) const noexcept;
  // Appends a field that glance named. False, and nothing done: it has left the table since, or
  // there is no memory; then add() it.
  [[nodiscard]] bool add_seen(std::uint32_t seen, Vector<std::uint8_t>& out);

  const DynamicTable& table() const { return table_; }

 private:
  // Chains through the entries of the dynamic table, newest first. Numbers count insertions, so
  // that links to entries that were evicted are seen to be stale and eviction has nothing to clean
  // up.
  struct Link {
    std::uint32_t hash = 0;         // of name and value
    std::uint32_t older_field = 0;  // the entry before with the same field bucket
    std::uint32_t older_name = 0;   // the entry before with the same name bucket
  };
  struct Found {
    std::uint32_t field = 0;  // table index of the whole field, 0: none
    std::uint32_t name = 0;   // table index of the name, 0: none
  };

  Found find(const HeaderField& field, std::uint32_t name_hash, std::uint32_t field_hash,
             bool with_name) const;
  void link(std::uint32_t number, std::uint32_t name_hash, std::uint32_t field_hash);
  bool grow_index();
  bool live(std::uint32_t number) const;
  HeaderField by_number(std::uint32_t number) const;
  std::uint32_t index_of(std::uint32_t number) const;
  bool write_literal(const HeaderField& field, Indexing indexing, std::uint32_t name_index,
                     Vector<std::uint8_t>& out);
  std::uint8_t* write_text(std::string_view text, std::uint8_t* to) const;

  Config config_;
  DynamicTable table_;
  Vector<Link> links_;                   // by number modulo its size (a power of two)
  Vector<std::uint32_t> field_buckets_;  // the newest number + 1; 0: none
  Vector<std::uint32_t> name_buckets_;
  // By token: the newest entry's number + 1; 0: none. Most fields are the same as in the last
  // block.
  std::array<std::uint32_t, kTokens> newest_{};
  bool update_pending_ = false;
  std::uint32_t smallest_pending_ = 0;
  std::uint32_t final_pending_ = 0;
};

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_ENCODER_H_
