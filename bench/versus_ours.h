// Ours, as one side of bench/versus: hpack/ and h2core/ with their default limits and with all
// checks of field sections on.
#ifndef H2_BENCH_VERSUS_OURS_H_
#define H2_BENCH_VERSUS_OURS_H_

#include <memory>

#include "bench/versus_workload.h"

namespace h2::bench {

std::unique_ptr<Library> ours();

// The halves that ours() is made of.
namespace our_side {
Work decode(const Stories& from);
Work encode(const Stories& from);
double wire_per_plain(const Stories& from);
Work encode_literals(const Story& from);
Work decode_literals(const Story& from);
}  // namespace our_side

}  // namespace h2::bench

#endif  // H2_BENCH_VERSUS_OURS_H_
