// The rows of bench/versus, in the order of the table.
#ifndef H2_BENCH_VERSUS_ROWS_H_
#define H2_BENCH_VERSUS_ROWS_H_

#include <vector>

#include "bench/versus_runner.h"

namespace h2::bench {

// Nothing is read or run before a row is measured.
std::vector<Row> all_rows();

}  // namespace h2::bench

#endif  // H2_BENCH_VERSUS_ROWS_H_
