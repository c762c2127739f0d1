// The bodies of the fuzz targets: each takes any bytes and ends the process if a promise is broken.
//
// The *_fuzz_test.cc files make libFuzzer programs of them; replay_test.cc runs them as an ordinary
// test over the hostile cases and pseudo-random inputs.
#ifndef H2_TESTS_FUZZ_FUZZ_TARGETS_H_
#define H2_TESTS_FUZZ_FUZZ_TARGETS_H_

#include "hpack/bytes.h"

namespace h2::tests {

// The first byte chooses the table size, the rest are field blocks; a block ends at the length that
// each of them names first. Promise: whole and in pieces decode alike.
void fuzz_hpack_decode(Bytes input);
// A run of frames. Promise: each header is reproduced, no payload reads beyond its end.
void fuzz_frame(Bytes input);
// Bytes of a client, for a server; the first two choose configuration, splitting and what the
// application does. Promises: the same events and output under any split, all bodies released once,
// output well formed, nothing after the end.
void fuzz_connection_server(Bytes input);
// Bytes of a server, for a client with requests under way.
void fuzz_connection_client(Bytes input);

}  // namespace h2::tests

#endif  // H2_TESTS_FUZZ_FUZZ_TARGETS_H_
