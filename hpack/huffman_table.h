// The Huffman code of RFC 7541 §B.
#ifndef H2_HPACK_HUFFMAN_TABLE_H_
#define H2_HPACK_HUFFMAN_TABLE_H_

#include <cstdint>

namespace h2::inline v0::hpack {

struct HuffmanCode {
  std::uint32_t code;  // right-aligned
  std::uint8_t bits;   // 5 to 30
};

// By symbol; 256 is EOS.
extern const HuffmanCode kHuffmanCodes[257];

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_HUFFMAN_TABLE_H_
