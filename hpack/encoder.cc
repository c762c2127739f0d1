// Encoding header blocks. See encoder.h.
#include "hpack/encoder.h"

#include <algorithm>
#include <cstring>

#include "hpack/huffman.h"
#include "hpack/integer.h"
#include "hpack/static_table.h"
#include "hpack/text.h"

namespace h2::inline v0::hpack {

namespace {

constexpr std::size_t kGuessableCookie = 20;

MemoryResource& memory_of(const Encoder::Config& config) {
  return config.memory != nullptr ? *config.memory : default_memory();
}

std::uint64_t load64(const char* from) {
  std::uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Length and up to 24 bytes: the first, the middle and the last eight. Texts that differ elsewhere
// only share a bucket, whose chain is as short as the table.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  constexpr std::uint64_t kA = 0x9e3779b97f4a7c15U;
  constexpr std::uint64_t kB = 0xd1b54a32d192ed03U;
  const std::size_t n = text.size();
  if (n >= 8) {
    const std::uint64_t middle = n > 16 ? load64(text.data() + n / 2 - 4) : 0;
    return mix(load64(text.data()) ^ seed ^ (n * kB), load64(text.data() + n - 8) ^ middle ^ kA);
  }
  std::uint64_t packed = 0;
  if (n > 0) std::memcpy(&packed, text.data(), n);  // data() may be null
  return mix(packed ^ seed, kA + n * kB);
}

// Of a name; a well-known one is not looked at.
std::uint64_t hash_name(const HeaderField& field, std::uint64_t seed) {
  if (field.token == Token::kNone) return hash_text(field.name, seed);
  return mix(seed ^ 0x9e3779b97f4a7c15U,
             (static_cast<std::uint64_t>(field.token) + 1) * 0xd1b54a32d192ed03U);
}

bool same_name(const HeaderField& a, const HeaderField& b) {
  return a.token == b.token && (a.token != Token::kNone || equal_text(a.name, b.name));
}

// Room for `count` bytes behind the end, which end_at then takes up; null: no memory.
std::uint8_t* room_in(Vector<std::uint8_t>& out, std::size_t count) {
  return out.reserve_more(count) ? out.data() + out.size() : nullptr;
}
void end_at(Vector<std::uint8_t>& out, const std::uint8_t* end) {
  (void)out.resize_uninitialized(static_cast<std::size_t>(end - out.data()));
}

struct StaticMatch {
  std::uint32_t field = 0;
  std::uint32_t name = 0;
};

StaticMatch find_static(const HeaderField& field) {
  StaticMatch match;
  if (field.token == Token::kNone) return match;
  match.name = static_name_index(field.token);
  if (match.name == 0) return match;
  if (!is_pseudo(field.token)) {
    // One entry each, and but for accept-encoding without a value.
    const std::string_view value = kStaticTable[match.name].value;
    if (value.size() == field.value.size() && equal_text(value, field.value)) {
      match.field = match.name;
    }
    return match;
  }
  for (std::uint32_t i = match.name; i <= kStaticEntries && kStaticTable[i].token == field.token;
       ++i) {
    if (equal_text(kStaticTable[i].value, field.value)) {
      match.field = i;
      break;
    }
  }
  return match;
}

static_assert(static_cast<unsigned>(Token::kPriority) < 64);
constexpr std::uint64_t bit(Token token) {
  return std::uint64_t{1} << (static_cast<unsigned>(token) & 63U);
}

bool secret(const HeaderField& field) {
  return field.sensitive || field.token == Token::kAuthorization ||
         field.token == Token::kProxyAuthorization ||
         (field.token == Token::kCookie && field.value.size() < kGuessableCookie);
}

}  // namespace

Indexing default_indexing(const HeaderField& field) noexcept {
  if (secret(field)) return Indexing::kNeverIndexed;
  constexpr std::uint64_t kHardlyTwice = bit(Token::kPath) | bit(Token::kAge) |
                                         bit(Token::kContentLength) | bit(Token::kEtag) |
                                         bit(Token::kIfModifiedSince) | bit(Token::kIfNoneMatch) |
                                         bit(Token::kLocation) | bit(Token::kSetCookie);
  const bool not_indexed =
      field.token <= Token::kPriority && (kHardlyTwice & bit(field.token)) != 0;
  return not_indexed ? Indexing::kNotIndexed : Indexing::kIndexed;
}

Encoder::Encoder(const Config& config)
    : config_(config),
      // The peer's decoder starts with 4,096 (RFC 7541 §4.2, RFC 9113 §6.5.2); a smaller cap is
      // signalled.
      table_(memory_of(config), std::min<std::uint32_t>(config.max_table_size, 4'096)),
      links_(memory_of(config)),
      field_buckets_(memory_of(config)),
      name_buckets_(memory_of(config)) {
  if (config.max_table_size < 4'096) {
    update_pending_ = true;
    smallest_pending_ = final_pending_ = config.max_table_size;
  }
}

void Encoder::set_peer_max_table_size(std::uint32_t size) {
  size = std::min(size, config_.max_table_size);
  if (!update_pending_ && size == table_.max_size()) return;
  smallest_pending_ = update_pending_ ? std::min(smallest_pending_, size) : size;
  final_pending_ = size;
  update_pending_ = true;
}

bool Encoder::encode(std::span<const HeaderField> fields, Vector<std::uint8_t>& out) {
  if (!begin_block(out)) return false;
  return std::all_of(fields.begin(), fields.end(),
                     [&](const HeaderField& field) { return add(field, out); });
}

// RFC 7541 §4.2: the smallest size that held in between, then the one that holds now.
bool Encoder::begin_block(Vector<std::uint8_t>& out) {
  if (!update_pending_) return true;
  std::uint8_t bytes[2 * kMaxIntegerLength];
  std::size_t length = 0;
  if (smallest_pending_ < final_pending_) {
    length += encode_integer(bytes, 0x20, 5, smallest_pending_);
    table_.set_max_size(smallest_pending_);
  }
  length += encode_integer(bytes + length, 0x20, 5, final_pending_);
  table_.set_max_size(final_pending_);
  update_pending_ = false;
  return out.append(bytes, length);
}

inline bool Encoder::live(std::uint32_t number) const {
  return table_.inserted() - number <= table_.count();
}

inline HeaderField Encoder::by_number(std::uint32_t number) const {
  return table_.entry(table_.inserted() - 1 - number);
}

inline std::uint32_t Encoder::index_of(std::uint32_t number) const {
  return kStaticEntries + table_.inserted() - number;
}

std::uint32_t Encoder::glance(const HeaderField& field) const noexcept {
  const auto token = static_cast<std::size_t>(field.token);
  if (token >= kTokens || secret(field)) return 0;
  const std::uint32_t at = newest_[token];
  if (at != 0 && live(at - 1) && equal_text(by_number(at - 1).value, field.value)) {
    return at <= 0xffffff00U ? kStaticEntries + at : 0;
  }
  return find_static(field).field;
}

bool Encoder::add_seen(std::uint32_t seen, Vector<std::uint8_t>& out) {
  std::uint32_t index = seen;
  if (seen > kStaticEntries) {
    const std::uint32_t number = seen - kStaticEntries - 1;
    if (!live(number)) return false;
    index = index_of(number);
  }
  std::uint8_t* const to = room_in(out, kMaxIntegerLength);
  if (to == nullptr) return false;
  end_at(out, to + encode_integer(to, 0x80, 7, index));
  return true;
}

inline Encoder::Found Encoder::find(const HeaderField& field, std::uint32_t name_hash,
                                    std::uint32_t field_hash, bool with_name) const {
  Found found;
  if (field_buckets_.empty()) return found;
  const std::size_t mask = field_buckets_.size() - 1;
  // Links hold number + 1, so that 0 is "none"; a number that is not live ends the chain.
  for (std::uint32_t at = field_buckets_[field_hash & mask]; at != 0 && live(at - 1);) {
    const Link& link = links_[(at - 1) & (links_.size() - 1)];
    if (link.hash == field_hash) {
      const HeaderField entry = by_number(at - 1);
      if (equal_text(entry.value, field.value) && same_name(entry, field)) {
        found.field = index_of(at - 1);
        return found;
      }
    }
    at = link.older_field;
  }
  if (!with_name) return found;
  for (std::uint32_t at = name_buckets_[name_hash & mask]; at != 0 && live(at - 1);) {
    if (same_name(by_number(at - 1), field)) {
      found.name = index_of(at - 1);
      return found;
    }
    at = links_[(at - 1) & (links_.size() - 1)].older_name;
  }
  return found;
}

inline void Encoder::link(std::uint32_t number, std::uint32_t name_hash, std::uint32_t field_hash) {
  const std::size_t mask = field_buckets_.size() - 1;
  std::uint32_t& newest_field = field_buckets_[field_hash & mask];
  std::uint32_t& newest_name = name_buckets_[name_hash & mask];
  links_[number & (links_.size() - 1)] = Link{field_hash, newest_field, newest_name};
  newest_field = newest_name = number + 1;
}

bool Encoder::grow_index() {
  const std::size_t wanted = links_.empty() ? 16 : links_.size() * 2;
  Vector<Link> links(links_.memory());
  Vector<std::uint32_t> fields(links_.memory());
  Vector<std::uint32_t> names(links_.memory());
  if (!links.resize(wanted) || !fields.resize(wanted) || !names.resize(wanted)) return false;
  links_ = static_cast<Vector<Link>&&>(links);
  field_buckets_ = static_cast<Vector<std::uint32_t>&&>(fields);
  name_buckets_ = static_cast<Vector<std::uint32_t>&&>(names);
  // Oldest first, as if they were inserted anew.
  for (std::uint32_t i = table_.count(); i-- > 0;) {
    const HeaderField entry = table_.entry(i);
    const std::uint64_t name = hash_name(entry, config_.hash_seed);
    const auto field = static_cast<std::uint32_t>(hash_text(entry.value, name) >> 32);
    link(table_.inserted() - 1 - i, static_cast<std::uint32_t>(name >> 32), field);
  }
  return true;
}

bool Encoder::add(const HeaderField& given, Vector<std::uint8_t>& out) {
  HeaderField field = given;
  if (field.token == Token::kNone) field.token = lookup_token(field.name);
  const StaticMatch fixed = find_static(field);
  const bool is_secret = secret(field);
  if (fixed.field != 0 && !is_secret)
    return out.push_back(static_cast<std::uint8_t>(0x80U | fixed.field));

  const Indexing indexing = is_secret                     ? Indexing::kNeverIndexed
                            : config_.indexing != nullptr ? config_.indexing(field)
                                                          : default_indexing(field);
  const bool insert = indexing == Indexing::kIndexed && field.size() <= table_.max_size() * 3 / 4;
  // A field that is never indexed cannot be in the table, and a known name is best named by the
  // static table.
  if (!insert && fixed.name != 0) {
    return write_literal(field, indexing == Indexing::kIndexed ? Indexing::kNotIndexed : indexing,
                         fixed.name, out);
  }
  const std::uint64_t name = hash_name(field, config_.hash_seed);
  const auto name_hash = static_cast<std::uint32_t>(name >> 32);
  const auto field_hash = static_cast<std::uint32_t>(hash_text(field.value, name) >> 32);
  const Found found = find(field, name_hash, field_hash, fixed.name == 0);
  if (found.field != 0 && !is_secret) {
    std::uint8_t* const to = room_in(out, kMaxIntegerLength);
    if (to == nullptr) return false;
    end_at(out, to + encode_integer(to, 0x80, 7, found.field));
    return true;
  }
  const std::uint32_t name_index = fixed.name != 0 ? fixed.name : found.name;
  if (!insert) {
    return write_literal(field, indexing == Indexing::kIndexed ? Indexing::kNotIndexed : indexing,
                         name_index, out);
  }
  if (!write_literal(field, Indexing::kIndexed, name_index, out)) return false;
  if (table_.insert(field) != DynamicTable::Inserted::kYes) return false;
  if (const auto token = static_cast<std::size_t>(field.token); token < kTokens) {
    newest_[token] = table_.inserted();
  }
  if (table_.count() > links_.size()) return grow_index();
  link(table_.inserted() - 1, name_hash, field_hash);
  return true;
}

// RFC 7541 §6.2.
bool Encoder::write_literal(const HeaderField& field, Indexing indexing, std::uint32_t name_index,
                            Vector<std::uint8_t>& out) {
  // Room for the worst case; Huffman code is at most 30 bits a byte, but longer results are not
  // used unless kAlways asks for them.
  const std::size_t worst = config_.huffman == HuffmanPolicy::kAlways ? 4 : 1;
  const std::size_t text = (name_index == 0 ? field.name.size() : 0) + field.value.size();
  std::uint8_t* to = room_in(out, huffman_encode_room(text * worst) + 3 * kMaxIntegerLength);
  if (to == nullptr) return false;
  switch (indexing) {
    case Indexing::kIndexed:
      to += encode_integer(to, 0x40, 6, name_index);
      break;
    case Indexing::kNotIndexed:
      to += encode_integer(to, 0x00, 4, name_index);
      break;
    case Indexing::kNeverIndexed:
      to += encode_integer(to, 0x10, 4, name_index);
      break;
  }
  if (name_index == 0) to = write_text(field.name, to);
  end_at(out, write_text(field.value, to));
  return true;
}

// RFC 7541 §5.2.
std::uint8_t* Encoder::write_text(std::string_view text, std::uint8_t* to) const {
  if (config_.huffman == HuffmanPolicy::kShorter) {
    // Most lengths take one byte; where it takes more, the text moves.
    if (std::uint8_t* end = huffman_encode_if_shorter(text, to + 1); end != nullptr) {
      const auto size = static_cast<std::size_t>(end - to) - 1;
      if (size < 0x7f) {
        *to = static_cast<std::uint8_t>(0x80U | size);
        return end;
      }
      std::uint8_t length[kMaxIntegerLength];
      const std::size_t bytes = encode_integer(length, 0x80, 7, static_cast<std::uint32_t>(size));
      std::memmove(to + bytes, to + 1, size);
      std::memcpy(to, length, bytes);
      return to + bytes + size;
    }
  } else if (config_.huffman == HuffmanPolicy::kAlways) {
    to += encode_integer(to, 0x80, 7, static_cast<std::uint32_t>(huffman_encoded_size(text)));
    return huffman_encode(text, to);
  }
  to += encode_integer(to, 0x00, 7, static_cast<std::uint32_t>(text.size()));
  copy_text(reinterpret_cast<char*>(to), text);
  return to + text.size();
}

}  // namespace h2::inline v0::hpack
