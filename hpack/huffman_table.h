// The Huffman code of RFC 7541 §B, and tables to decode it by.
#ifndef H2_HPACK_HUFFMAN_TABLE_H_
#define H2_HPACK_HUFFMAN_TABLE_H_

#include <cstddef>
#include <cstdint>

namespace h2::inline v0::hpack {

struct HuffmanCode {
  std::uint32_t code;  // right-aligned
  std::uint8_t bits;   // 5 to 30
};

// By symbol; 256 is EOS.
extern const HuffmanCode kHuffmanCodes[257];

inline constexpr unsigned kHuffmanLookupBits = 12;

// By the next 12 bits: the one or two symbols that they hold whole, or 0 where a longer code
// begins. The bytes from the low end: the bits of all symbols, their number, the symbols.
extern const std::uint32_t kHuffmanLookup[1U << kHuffmanLookupBits];

// The codes of one length above 12 bits; they follow each other, as the code is canonical.
struct HuffmanLongCodes {
  std::uint32_t last;   // the last value that begins with one of them, of 32 bits
  std::uint32_t first;  // the first code, left-aligned in 32 bits
  std::uint16_t start;  // of their symbols in kHuffmanLongSymbols
  std::uint16_t bits;
};

inline constexpr std::size_t kHuffmanLongLengths = 14;
inline constexpr std::size_t kHuffmanLongSymbolCount = 173;

// Shortest first; EOS is the last symbol.
extern const HuffmanLongCodes kHuffmanLongCodes[kHuffmanLongLengths];
extern const std::uint16_t kHuffmanLongSymbols[kHuffmanLongSymbolCount];

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_HUFFMAN_TABLE_H_
