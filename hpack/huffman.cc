// Huffman coding. See huffman.h.
//
// Decoding looks up 12 bits at a time and gets one or two symbols; longer codes, which are rare,
// are found by their length, as codes of one length follow each other (the code is canonical, RFC
// 7541 §B).
#include "hpack/huffman.h"

#include <array>
#include <bit>
#include <cstring>

#include "hpack/huffman_table.h"

namespace h2::inline v0::hpack {

namespace {

constexpr unsigned kLookupBits = 12;
constexpr unsigned kEos = 256;

// What the next 12 bits begin with. first == 0: a code longer than 12 bits.
struct Lookup {
  std::uint8_t symbols[2] = {0, 0};
  std::uint8_t total = 0;  // bits of all symbols
  std::uint8_t first = 0;  // bits of the first one
};

// The codes of one length: the first of them, left-aligned in 32 bits, and where its symbols stand.
struct LongCodes {
  std::uint32_t limit = 0;  // the first left-aligned value above this length's codes
  std::uint32_t base = 0;   // the first code, left-aligned
  std::uint16_t start = 0;  // in by_code
};

struct Tables {
  std::array<Lookup, 1U << kLookupBits> lookup{};
  std::array<LongCodes, 31> by_length{};
  std::array<std::uint16_t, 257> by_code{};
};

Tables build() noexcept {
  Tables t;
  for (unsigned symbol = 0; symbol < 256; ++symbol) {
    const HuffmanCode c = kHuffmanCodes[symbol];
    if (c.bits > kLookupBits) continue;
    const std::uint32_t from = c.code << (kLookupBits - c.bits);
    for (std::uint32_t i = 0; i < (1U << (kLookupBits - c.bits)); ++i) {
      Lookup& entry = t.lookup[from + i];
      entry.symbols[0] = static_cast<std::uint8_t>(symbol);
      entry.first = entry.total = c.bits;
    }
  }
  // A second symbol where it fits into the bits that are left.
  const auto single = t.lookup;
  for (std::uint32_t i = 0; i < t.lookup.size(); ++i) {
    Lookup& entry = t.lookup[i];
    if (entry.first == 0) continue;
    const Lookup& next = single[(i << entry.first) & (t.lookup.size() - 1)];
    if (next.first == 0 || entry.first + next.first > kLookupBits) continue;
    entry.symbols[1] = next.symbols[0];
    entry.total = static_cast<std::uint8_t>(entry.first + next.first);
  }
  std::uint16_t position = 0;
  for (unsigned bits = 5; bits <= 30; ++bits) {
    LongCodes& codes = t.by_length[bits];
    codes.start = position;
    bool any = false;
    for (std::uint32_t symbol = 0; symbol <= kEos; ++symbol) {
      const HuffmanCode c = kHuffmanCodes[symbol];
      if (c.bits != bits) continue;
      const std::uint32_t aligned = c.code << (32 - bits);
      if (!any) codes.base = aligned;
      any = true;
      t.by_code[position++] = static_cast<std::uint16_t>(symbol);
      codes.limit = aligned + (1U << (32 - bits));  // 0 after the last code of all, which is EOS
    }
    if (!any) codes.limit = t.by_length[bits - 1].limit;
  }
  return t;
}

const Tables& tables() noexcept {
  static const Tables instance = build();
  return instance;
}

struct LongSymbol {
  unsigned symbol;
  unsigned bits;
};

// The symbol of more than 12 bits that `window` (32 bits, left-aligned) begins with.
LongSymbol find_long(const Tables& t, std::uint32_t window) noexcept {
  for (unsigned bits = kLookupBits + 1; bits < 30; ++bits) {
    const LongCodes& codes = t.by_length[bits];
    if (window < codes.limit)
      return {t.by_code[codes.start + ((window - codes.base) >> (32 - bits))], bits};
  }
  const LongCodes& codes = t.by_length[30];
  return {t.by_code[codes.start + ((window - codes.base) >> 2)], 30};
}

std::uint64_t load_be64(const std::uint8_t* from) noexcept {
  std::uint64_t value;
  std::memcpy(&value, from, 8);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

}  // namespace

std::size_t huffman_encoded_size(std::string_view text) noexcept {
  std::size_t bits = 0;
  for (const char c : text) bits += kHuffmanCodes[static_cast<std::uint8_t>(c)].bits;
  return (bits + 7) / 8;
}

std::uint8_t* huffman_encode(std::string_view text, std::uint8_t* to) noexcept {
  std::uint64_t buffer = 0;  // the low `used` bits are waiting
  unsigned used = 0;
  for (const char c : text) {
    const HuffmanCode code = kHuffmanCodes[static_cast<std::uint8_t>(c)];
    buffer = (buffer << code.bits) | code.code;
    used += code.bits;
    if (used < 32) continue;
    used -= 32;
    const auto word = static_cast<std::uint32_t>(buffer >> used);
    to[0] = static_cast<std::uint8_t>(word >> 24);
    to[1] = static_cast<std::uint8_t>(word >> 16);
    to[2] = static_cast<std::uint8_t>(word >> 8);
    to[3] = static_cast<std::uint8_t>(word);
    to += 4;
  }
  while (used >= 8) {
    used -= 8;
    *to++ = static_cast<std::uint8_t>(buffer >> used);
  }
  if (used > 0) {
    // > the most significant bits of the code for the EOS symbol are inserted as padding (RFC 7541
    // §5.2)
    *to++ = static_cast<std::uint8_t>((buffer << (8 - used)) | (0xffU >> used));
  }
  return to;
}

Result<std::size_t, DecodeError> huffman_decode(Bytes encoded, char* to) noexcept {
  const Tables& t = tables();
  const std::uint8_t* from = encoded.data();
  const std::uint8_t* const end = from + encoded.size();
  char* out = to;
  std::uint64_t buffer = 0;  // left-aligned; below the `left` bits it is all zero
  unsigned left = 0;
  for (;;) {
    // Refill: eight bytes at a time while they last.
    if (end - from >= 8) {
      const unsigned bytes = (63 - left) / 8;
      buffer |= load_be64(from) >> left;
      from += bytes;
      left += bytes * 8;
      buffer &= ~std::uint64_t{0} << (64 - left);
    } else {
      while (left <= 56 && from < end) {
        buffer |= std::uint64_t{*from++} << (56 - left);
        left += 8;
      }
    }
    if (left < 30) break;  // the end is near
    while (left >= 30) {
      const Lookup& entry = t.lookup[buffer >> (64 - kLookupBits)];
      if (entry.first != 0) {
        std::memcpy(out, entry.symbols, 2);
        out += entry.total == entry.first ? 1 : 2;
        buffer <<= entry.total;
        left -= entry.total;
        continue;
      }
      const LongSymbol found = find_long(t, static_cast<std::uint32_t>(buffer >> 32));
      if (found.symbol == kEos) return unexpected(DecodeError::kHuffmanEos);
      *out++ = static_cast<char>(found.symbol);
      buffer <<= found.bits;
      left -= found.bits;
    }
  }
  // Fewer than 30 bits: symbol by symbol, with ones behind the end, as the padding is a start of
  // EOS.
  while (left > 0) {
    const std::uint64_t window = buffer | (~std::uint64_t{0} >> left);
    const Lookup& entry = t.lookup[window >> (64 - kLookupBits)];
    LongSymbol found{entry.symbols[0], entry.first};
    if (found.bits == 0) found = find_long(t, static_cast<std::uint32_t>(window >> 32));
    if (found.bits <= left) {
      if (found.symbol == kEos) return unexpected(DecodeError::kHuffmanEos);
      *out++ = static_cast<char>(found.symbol);
      buffer <<= found.bits;
      left -= found.bits;
      continue;
    }
    if (window != ~std::uint64_t{0}) return unexpected(DecodeError::kHuffmanPaddingNotOnes);
    if (left > 7) return unexpected(DecodeError::kHuffmanPaddingTooLong);
    break;
  }
  return static_cast<std::size_t>(out - to);
}

}  // namespace h2::inline v0::hpack
