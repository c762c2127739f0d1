// Huffman coding. See huffman.h.
//
// Decoding looks up 12 bits at a time and gets one or two symbols; longer codes, which are rare,
// are found by their length, as codes of one length follow each other (the code is canonical, RFC
// 7541 §B).
#include "hpack/huffman.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "hpack/huffman_table.h"

namespace h2::inline v0::hpack {

namespace {

constexpr unsigned kEos = 256;
constexpr unsigned kLongest = 30;
constexpr std::uint64_t kOnes = ~std::uint64_t{0};

struct LongSymbol {
  unsigned symbol;
  unsigned bits;
};

// The symbol of more than 12 bits that `window` (32 bits, left-aligned) begins with.
LongSymbol find_long(std::uint32_t window) noexcept {
  const HuffmanLongCodes* codes = kHuffmanLongCodes;
  while (window > codes->last) ++codes;  // nothing is above the last of all
  return {kHuffmanLongSymbols[codes->start + ((window - codes->first) >> (32U - codes->bits))],
          codes->bits};
}

std::uint64_t load_be64(const std::uint8_t* from) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, from, 8);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

void store_be64(std::uint8_t* to, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(to, &value, 8);
}

std::uint64_t load_be32(const std::uint8_t* from) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, from, 4);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  return value;
}

// The last `count` (0 to 7) of all `size` bytes that end at `end`, left-aligned. Reads overlap
// rather than loop.
std::uint64_t load_tail(const std::uint8_t* end, std::size_t count, std::size_t size) noexcept {
  if (count == 0) return 0;
  const std::size_t unused = 64 - 8 * count;
  if (size >= 8) return load_be64(end - 8) << unused;
  const std::uint8_t* from = end - count;
  if (count >= 4) return load_be32(from) << 32 | load_be32(end - 4) << unused;
  return std::uint64_t{from[0]} << 56 | std::uint64_t{from[count / 2]} << (56 - 8 * (count / 2)) |
         std::uint64_t{end[-1]} << unused;
}

constexpr unsigned total_bits(std::uint32_t entry) { return entry & 0x3fU; }

// Writes two symbols, of which the entry may hold but one.
char* put(char* out, std::uint32_t entry) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    const auto symbols = static_cast<std::uint16_t>(entry >> 16);
    std::memcpy(out, &symbols, 2);
  } else {
    out[0] = static_cast<char>(entry >> 16);
    out[1] = static_cast<char>(entry >> 24);
  }
  return out + static_cast<std::uint8_t>(entry >> 8);
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
    while (used >= 8) {
      used -= 8;
      *to++ = static_cast<std::uint8_t>(buffer >> used);
    }
  }
  if (used > 0) {
    // > the most significant bits of the code for the EOS symbol are inserted as padding (RFC 7541
    // §5.2)
    *to++ = static_cast<std::uint8_t>((buffer << (8 - used)) | (0xffU >> used));
  }
  return to;
}

std::uint8_t* huffman_encode_if_shorter(std::string_view text, std::uint8_t* to) noexcept {
  std::uint8_t* const limit = to + text.size();
  std::uint64_t buffer =
      0;  // the high `used` bits are waiting, less than 8 of them between two steps
  unsigned used = 0;
  const auto flush = [&] {
    store_be64(to, buffer);
    to += used >> 3;
    buffer <<= used & ~7U;
    used &= 7U;
  };
  const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
  const std::uint8_t* const end = at + text.size();
  const auto one = [&](std::uint8_t c) {
    const HuffmanCode code = kHuffmanCodes[c];
    used += code.bits;
    buffer |= std::uint64_t{code.code} << (64 - used);
    flush();
  };
  for (; end - at >= 4; at += 4) {
    if (to >= limit) return nullptr;
    const HuffmanCode a = kHuffmanCodes[at[0]];
    const HuffmanCode b = kHuffmanCodes[at[1]];
    const HuffmanCode c = kHuffmanCodes[at[2]];
    const HuffmanCode d = kHuffmanCodes[at[3]];
    const unsigned bits = unsigned{a.bits} + b.bits + c.bits + d.bits;
    if (bits <= 56) {
      const std::uint64_t ab = std::uint64_t{a.code} << b.bits | b.code;
      const std::uint64_t cd = std::uint64_t{c.code} << d.bits | d.code;
      used += bits;
      buffer |= (ab << (c.bits + d.bits) | cd) << (64 - used);
      flush();
    } else {
      for (int i = 0; i < 4; ++i) one(at[i]);
    }
  }
  if (to >= limit) return nullptr;
  for (; at != end; ++at) {
    const HuffmanCode code = kHuffmanCodes[*at];
    if (used + code.bits >= 64) flush();
    used += code.bits;
    buffer |= std::uint64_t{code.code} << (64 - used);
  }
  flush();
  if (used > 0) *to++ = static_cast<std::uint8_t>(buffer >> 56 | 0xffU >> used);  // padded as above
  return to < limit ? to : nullptr;
}

Result<std::size_t, DecodeError> huffman_decode(Bytes encoded, char* to) noexcept {
  const std::uint8_t* from = encoded.data();
  const std::uint8_t* const end = from + encoded.size();
  char* out = to;
  // Left-aligned, `left` bits of it counted. What follows them are either zeros or the bits that
  // come next.
  std::uint64_t buffer = 0;
  unsigned left = 0;
  const auto take = [&](unsigned bits) {
    buffer <<= bits;
    left -= bits;
  };
  while (end - from >= 8) {
    buffer |= load_be64(from) >> left;
    from += (63 - left) >> 3;
    left |= 56;
    std::uint32_t used = 0;  // entries added up, of which the lowest byte, the bits, is at most 48
    const auto look_up = [&] {
      const std::uint32_t entry = kHuffmanLookup[buffer >> (64 - kHuffmanLookupBits)];
      if (entry == 0) return false;
      out = put(out, entry);
      buffer <<= total_bits(entry);
      used += entry;
      return true;
    };
    const bool all_short =
        look_up() && look_up() && look_up() && look_up();  // four times 12 bits are there
    left -= total_bits(used);
    if (all_short || left < kLongest) continue;
    const LongSymbol found = find_long(static_cast<std::uint32_t>(buffer >> 32));
    if (found.symbol == kEos) return unexpected(DecodeError::kHuffmanEos);
    *out++ = static_cast<char>(found.symbol);
    take(found.bits);
  }
  // Less than eight bytes remain. They go in at once, or in parts as what is there is used.
  auto rest_bits = static_cast<unsigned>(end - from) * 8;
  std::uint64_t rest = load_tail(end, static_cast<std::size_t>(end - from), encoded.size());
  while (left + rest_bits > 64) {
    const unsigned more = 64 - left;
    buffer |= rest >> left;
    rest <<= more;
    rest_bits -= more;
    left = 64;
    while (left >= kLongest) {
      const std::uint32_t entry = kHuffmanLookup[buffer >> (64 - kHuffmanLookupBits)];
      if (entry != 0) {
        out = put(out, entry);
        take(total_bits(entry));
        continue;
      }
      const LongSymbol found = find_long(static_cast<std::uint32_t>(buffer >> 32));
      if (found.symbol == kEos) return unexpected(DecodeError::kHuffmanEos);
      *out++ = static_cast<char>(found.symbol);
      take(found.bits);
    }
  }
  if (rest_bits > 0) buffer |= rest >> left;
  left += rest_bits;
  // All bits are here.
  while (left >= kHuffmanLookupBits) {
    const std::uint32_t entry = kHuffmanLookup[buffer >> (64 - kHuffmanLookupBits)];
    if (entry == 0) break;
    out = put(out, entry);
    take(total_bits(entry));
  }
  // What is left, with ones behind the end, as the padding is a start of EOS.
  while (left > 0) {
    const std::uint64_t window = left < 64 ? buffer | kOnes >> left : buffer;
    if (window == kOnes && left <= 7) break;
    const std::uint32_t entry = kHuffmanLookup[window >> (64 - kHuffmanLookupBits)];
    if (entry != 0 && total_bits(entry) <= left) {
      out = put(out, entry);
      take(total_bits(entry));
      continue;
    }
    const unsigned symbol = (entry >> 16) & 0xffU;
    LongSymbol found{symbol, kHuffmanCodes[symbol].bits};
    if (entry == 0) found = find_long(static_cast<std::uint32_t>(window >> 32));
    if (found.bits <= left) {
      if (found.symbol == kEos) return unexpected(DecodeError::kHuffmanEos);
      *out++ = static_cast<char>(found.symbol);
      take(found.bits);
      continue;
    }
    if (window != kOnes) return unexpected(DecodeError::kHuffmanPaddingNotOnes);
    return unexpected(DecodeError::kHuffmanPaddingTooLong);
  }
  return static_cast<std::size_t>(out - to);
}

}  // namespace h2::inline v0::hpack
