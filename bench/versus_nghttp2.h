// Debian's libnghttp2, as the other side of bench/versus, with its default options.
#ifndef H2_BENCH_VERSUS_NGHTTP2_H_
#define H2_BENCH_VERSUS_NGHTTP2_H_

#include <memory>
#include <string>
#include <vector>

#include "bench/versus_workload.h"

namespace h2::bench {

std::unique_ptr<Library> theirs();

// Its name and the version that runs: "libnghttp2 1.52.0".
std::string their_name();

// Encodes each block of `list` with one encoder for all, into `wire`.
void fill_wire(Story& list);

// The halves that theirs() is made of.
namespace their_side {
Work decode(const Stories& from);
Work encode(const Stories& from);
double wire_per_plain(const Stories& from);
Work encode_literals(const Story& from);
Work decode_literals(const Story& from);
}  // namespace their_side

}  // namespace h2::bench

#endif  // H2_BENCH_VERSUS_NGHTTP2_H_
