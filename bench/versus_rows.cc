#include "bench/versus_rows.h"

#include <map>

#include "bench/versus_nghttp2.h"
#include "bench/versus_ours.h"
#include "bench/versus_workload.h"

namespace h2::bench {
namespace {

using Timed = std::function<Work(Library&)>;
using Counted = std::function<double(Library&)>;

Row timed(std::string name, std::string unit, Needs needs, const Timed& work) {
  Row row;
  row.name = std::move(name);
  row.unit = std::move(unit);
  row.needs = needs;
  row.time_ours = [work] { return work(*ours()); };
  row.time_theirs = [work] { return work(*theirs()); };
  return row;
}

Row counted(std::string name, std::string unit, Needs needs, const Counted& number) {
  Row row;
  row.name = std::move(name);
  row.unit = std::move(unit);
  row.needs = needs;
  row.count_ours = [number] { return number(*ours()); };
  row.count_theirs = [number] { return number(*theirs()); };
  return row;
}

// libnghttp2 does not export its Huffman code. So each string is the value of one literal field
// that is never indexed and whose name is in the static table: what is around the string costs both
// sides a little.
const Story& strings(std::size_t min_size) {
  static std::map<std::size_t, Story> made;
  const auto found = made.find(min_size);
  if (found != made.end()) return found->second;
  Story& list = made[min_size];
  list = literals(stories("raw-data"), min_size);
  fill_wire(list);
  return list;
}

void add_hpack(std::vector<Row>& rows) {
  for (const char* folder : {"nghttp2", "haskell-http2-naive-huffman"}) {
    rows.push_back(timed(std::string("hpack-decode ") + folder, "ns/block", Needs::kStories,
                         [folder](Library& l) { return l.decode(stories(folder)); }));
  }
  rows.push_back(timed("hpack-encode raw-data", "ns/block", Needs::kStories,
                       [](Library& l) { return l.encode(stories("raw-data")); }));
  rows.push_back(counted("hpack-encode raw-data wire/plain", "ratio", Needs::kStories,
                         [](Library& l) { return l.wire_per_plain(stories("raw-data")); }));
  const std::pair<const char*, std::size_t> kinds[] = {{"all strings", 1}, {"strings >= 64 B", 64}};
  for (const auto& [kind, min_size] : kinds) {
    const std::size_t size = min_size;
    rows.push_back(timed(std::string("huffman-encode ") + kind, "ns/field", Needs::kStories,
                         [size](Library& l) { return l.encode_literals(strings(size)); }));
    rows.push_back(timed(std::string("huffman-decode ") + kind, "ns/field", Needs::kStories,
                         [size](Library& l) { return l.decode_literals(strings(size)); }));
  }
}

void add_requests(std::vector<Row>& rows) {
  const std::pair<const char*, Exchange> kinds[] = {
      {"request 100 B, 100 streams", {}},
      {"request 100 B, 100 streams, varying :path", {.varying_path = true}},
      {"request 100 B, one at a time", {.streams = 1}},
      {"request empty body, 100 streams", {.body = 0}},
      {"request 100 B, 100 streams, wire buffer", {.delivery = Delivery::kWireBuffer}},
  };
  for (const auto& [name, exchange] : kinds) {
    const Exchange copy = exchange;
    rows.push_back(timed(name, "ns/request", Needs::kNothing,
                         [copy](Library& l) { return l.requests(copy); }));
  }
}

void add_data(std::vector<Row>& rows) {
  const std::pair<const char*, Flow> kinds[] = {
      {"data-frame 16 KiB", {}},
      {"data-frame 16 KiB, in pieces", {.delivery = Delivery::kPieces}},
      {"data-frame 16 KiB, wire buffer", {.delivery = Delivery::kWireBuffer}},
      {"data-frame 16 KiB, from a source", {.from_source = true}},
      {"data-frame 100 B", {.frame = 100}},
      {"data-frame 100 B, from a source", {.frame = 100, .from_source = true}},
  };
  for (const auto& [name, flow] : kinds) {
    const Flow copy = flow;
    rows.push_back(timed(name, "ns/frame", Needs::kNothing,
                         [copy](Library& l) { return l.data_frames(copy); }));
  }
  const std::pair<const char*, Exchange> bodies[] = {
      {"bodies 64 KiB, 100 streams, in pieces", {.body = 65'536}},
      {"bodies 64 KiB, 100 streams, wire buffer",
       {.body = 65'536, .delivery = Delivery::kWireBuffer}},
  };
  for (const auto& [name, exchange] : bodies) {
    const Exchange copy = exchange;
    rows.push_back(timed(name, "ns/request", Needs::kNothing,
                         [copy](Library& l) { return l.requests(copy); }));
  }
}

void add_memory(std::vector<Row>& rows) {
  rows.push_back(counted("allocations per request", "allocations", Needs::kNothing,
                         [](Library& l) { return l.allocations_per_request({}); }));
  rows.push_back(
      counted("allocations per request, varying :path", "allocations", Needs::kNothing,
              [](Library& l) { return l.allocations_per_request({.varying_path = true}); }));
  rows.push_back(counted("memory idle connection", "bytes", Needs::kNothing,
                         [](Library& l) { return l.idle_connection_bytes(); }));
  rows.push_back(counted("memory idle stream", "bytes", Needs::kNothing,
                         [](Library& l) { return l.idle_stream_bytes(1'000); }));
}

}  // namespace

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  add_hpack(rows);
  add_requests(rows);
  add_data(rows);
  add_memory(rows);
  return rows;
}

}  // namespace h2::bench
