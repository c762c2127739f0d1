// TCP connections out of a packet capture (pcap or pcapng), for `h2 dump`. The file is read by
// libpcap; here IP and TCP are taken off and each side's bytes put in order (RFC 9293 is TCP, RFC
// 791 and RFC 8200 are IP). Tested by tests/tools/dump_test.cc.
#ifndef H2_TOOLS_H2_DUMP_PCAP_H_
#define H2_TOOLS_H2_DUMP_PCAP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hpack/bytes.h"
#include "hpack/result.h"
#include "tools/h2/dump_frames.h"

namespace h2::inline v0::tools {

// Bytes of one side in their order, as soon as all before them were there.
struct PcapChunk {
  std::size_t connection = 0;  // in PcapFile::connections
  Side from{};
  double time = 0;  // seconds since the first packet
  std::string bytes;
};

struct PcapConnection {
  std::string client;  // "127.0.0.1:40000", "[::1]:40000"
  std::string server;
  bool from_start = false;  // its first packet is in the file
  // Bytes that came behind a gap and are left out, by Side.
  std::uint64_t behind_gap[2] = {0, 0};
};

struct PcapFile {
  std::vector<PcapConnection> connections;
  std::vector<PcapChunk> chunks;  // by time
  std::uint64_t packets = 0;
  std::uint64_t fragments = 0;  // of IP; left out
  std::string problem;          // the file is cut or broken after the packets that are here
};

// Whether bytes begin as a capture of packets does.
bool is_pcap(Bytes bytes);

// Reads all; else a sentence on why it cannot be done.
Result<PcapFile, std::string> read_pcap(Bytes file);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_DUMP_PCAP_H_
