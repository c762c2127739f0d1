// Frames as JSON, for `h2 dump --json` and --trace (RFC 9113 §6). Tested by
// tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_FRAME_JSON_H_
#define H2_TOOLS_H2_FRAME_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "h2core/frame.h"
#include "h2core/settings.h"
#include "hpack/bytes.h"
#include "hpack/header_field.h"

namespace h2::inline v0::tools {

// A string; {"hex": "..."} if it is not UTF-8.
nlohmann::ordered_json text_json(std::string_view text);

// {"name": N, "value": V}, "sensitive": true if it is; secrets are left out as --frames leaves them
// out.
nlohmann::ordered_json field_json(const hpack::HeaderField& field, bool show_secrets);

// {"max_concurrent_streams": 100, ...}; all that are in force.
nlohmann::ordered_json settings_json(const Settings& settings);

// {"type": "SETTINGS", "stream": 0, "length": 6, "flags": [], ...} with what the frame carries, but
// for field blocks and data. `payload` is that of the wire, or what FrameTrace gives for it.
nlohmann::ordered_json frame_json(const FrameHeader& header, Bytes payload);

// One line without its end; never throws for what is not UTF-8.
std::string json_line(const nlohmann::ordered_json& json);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_FRAME_JSON_H_
