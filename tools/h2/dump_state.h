// All that can be seen of a connection, as JSON: for "why does nothing move?". Part of `h2 dump
// --state`; tested by tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_DUMP_STATE_H_
#define H2_TOOLS_H2_DUMP_STATE_H_

#include <nlohmann/json.hpp>

#include "h2core/connection.h"

namespace h2::inline v0::tools {

// Settings of both sides, counts, windows, HPACK tables, frames by type, abuse by cause, memory,
// and each stream that is there with its state, windows and what it waits for. Takes time for each
// stream.
nlohmann::ordered_json connection_state_json(const Connection& connection);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_DUMP_STATE_H_
