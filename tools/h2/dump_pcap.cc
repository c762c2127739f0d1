// Packets to bytes in order. See dump_pcap.h.
#include "tools/h2/dump_pcap.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "h2core/frame.h"

namespace h2::inline v0::tools {

namespace {

// Numbers at a place of a packet, network order; what is not there reads as 0.
std::uint32_t number(Bytes bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = (value << 8) | (at + i < bytes.size() ? bytes[at + i] : 0U);
  return value;
}

Bytes from(Bytes bytes, std::size_t at) { return at >= bytes.size() ? Bytes{} : bytes.subspan(at); }

struct Address {
  std::string ip;  // 4 or 16 bytes
  std::uint16_t port = 0;
  friend auto operator<=>(const Address&, const Address&) = default;
};

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v6 = address.ip.size() == 16;
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, address.ip.data(), text.data(),
              static_cast<socklen_t>(text.size()));
  return (v6 ? "[" + std::string(text.data()) + "]" : std::string(text.data())) + ":" +
         std::to_string(address.port);
}

struct Segment {
  Address source;
  Address target;
  std::uint32_t sequence = 0;
  bool syn = false;
  bool ack = false;
  Bytes data;
};

// The IP packet of a frame of the link, empty if it is something else.
Bytes ip_of(int link, Bytes packet) {
  const auto by_type = [](std::uint32_t type, Bytes rest) {
    while ((type == 0x8100 || type == 0x88a8) && rest.size() >= 4) {  // VLAN tags
      type = number(rest, 2, 2);
      rest = from(rest, 4);
    }
    return type == 0x0800 || type == 0x86dd ? rest : Bytes{};
  };
  switch (link) {
    case DLT_EN10MB:
      return by_type(number(packet, 12, 2), from(packet, 14));
    case DLT_LINUX_SLL:
      return by_type(number(packet, 14, 2), from(packet, 16));
    case DLT_LINUX_SLL2:
      return by_type(number(packet, 0, 2), from(packet, 20));
    case DLT_NULL:  // the family in the order of whoever captured; the IP version says the same
    case DLT_LOOP:
      return from(packet, 4);
    default:
      return packet;  // DLT_RAW, DLT_IPV4, DLT_IPV6
  }
}

bool link_is_known(int link) {
  static constexpr std::array<int, 8> kKnown{DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NULL,
                                             DLT_LOOP,   DLT_RAW,       DLT_IPV4,       DLT_IPV6};
  return std::find(kKnown.begin(), kKnown.end(), link) != kKnown.end();
}

std::string_view ip_bytes(Bytes packet, std::size_t at, std::size_t size) {
  return as_string_view(packet.subspan(at, size));
}

// The TCP segment of an IP packet, none if it is something else. `fragments` counts what would have
// to be joined first.
std::optional<Segment> segment_of(Bytes packet, std::uint64_t& fragments) {
  Segment result;
  Bytes tcp;
  if (packet.size() >= 20 && packet[0] >> 4 == 4) {
    const std::size_t header = std::size_t{packet[0] & 15U} * 4;
    // 0: the length was left to the network card.
    const std::size_t length = number(packet, 2, 2) == 0 ? packet.size() : number(packet, 2, 2);
    if (packet[9] != 6 || header < 20) return std::nullopt;
    if ((number(packet, 6, 2) & 0x3fff) != 0) {
      ++fragments;
      return std::nullopt;
    }
    result.source.ip = ip_bytes(packet, 12, 4);
    result.target.ip = ip_bytes(packet, 16, 4);
    tcp = from(packet.first(std::min(length, packet.size())), header);
  } else if (packet.size() >= 40 && packet[0] >> 4 == 6) {
    const std::size_t length = number(packet, 4, 2);
    result.source.ip = ip_bytes(packet, 8, 16);
    result.target.ip = ip_bytes(packet, 24, 16);
    std::uint8_t next = packet[6];
    const Bytes payload = from(packet, 40);
    tcp = length == 0 ? payload : payload.first(std::min(length, payload.size()));
    // Hop-by-hop options, routing, destination options.
    while ((next == 0 || next == 43 || next == 60) && tcp.size() >= 8) {
      next = tcp[0];
      tcp = from(tcp, (std::size_t{tcp[1]} + 1) * 8);
    }
    if (next == 44) ++fragments;
    if (next != 6) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (tcp.size() < 20) return std::nullopt;
  const std::size_t header = std::size_t{tcp[12]} / 16 * 4;
  if (header < 20 || header > tcp.size()) return std::nullopt;
  result.source.port = static_cast<std::uint16_t>(number(tcp, 0, 2));
  result.target.port = static_cast<std::uint16_t>(number(tcp, 2, 2));
  result.sequence = number(tcp, 4, 4);
  result.syn = (tcp[13] & 0x02) != 0;
  result.ack = (tcp[13] & 0x10) != 0;
  result.data = tcp.subspan(header);
  return result;
}

// One direction of one connection: segments in, bytes in order out.
class Reassembly {
 public:
  // Takes a segment and gives the bytes that are in order now.
  std::string add(const Segment& segment) {
    if (segment.syn && !next_) next_ = segment.sequence + 1;
    std::string out;
    if (segment.data.empty()) return out;
    const std::uint32_t first = segment.sequence + (segment.syn ? 1 : 0);
    if (!next_) next_ = first;
    const auto ahead = static_cast<std::int32_t>(first - *next_);
    const std::int64_t at = static_cast<std::int64_t>(delivered_) + ahead;
    std::string bytes(as_string_view(segment.data));
    if (at + static_cast<std::int64_t>(bytes.size()) <= static_cast<std::int64_t>(delivered_))
      return out;  // all of it was there
    std::string& kept = waiting_[at];
    if (kept.size() < bytes.size()) kept = std::move(bytes);
    while (!waiting_.empty() && waiting_.begin()->first <= static_cast<std::int64_t>(delivered_)) {
      auto piece = waiting_.extract(waiting_.begin());
      const auto known =
          static_cast<std::size_t>(static_cast<std::int64_t>(delivered_) - piece.key());
      if (known >= piece.mapped().size()) continue;
      out.append(piece.mapped(), known);
      const std::size_t added = piece.mapped().size() - known;
      delivered_ += added;
      *next_ += static_cast<std::uint32_t>(added);
    }
    return out;
  }
  bool begun() const { return next_.has_value(); }
  std::uint32_t next() const { return next_.value_or(0); }
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t waiting() const {
    std::uint64_t sum = 0;
    for (const auto& entry : waiting_) sum += entry.second.size();
    return sum;
  }

 private:
  std::optional<std::uint32_t> next_;  // the sequence number of the byte that is due
  std::uint64_t delivered_ = 0;
  std::map<std::int64_t, std::string> waiting_;  // by their offset
};

// A connection while it is read. Which end is the client is settled with its first packet that
// tells.
struct Flow {
  std::size_t index = 0;
  Address client;
  Reassembly halves[2];  // by Side
  std::uint32_t isn = 0;
};

using FlowKey = std::pair<Address, Address>;  // the lesser one first

FlowKey key_of(const Segment& segment) {
  return segment.source < segment.target ? FlowKey(segment.source, segment.target)
                                         : FlowKey(segment.target, segment.source);
}

class Reader {
 public:
  explicit Reader(PcapFile& file) : file_(file) {}

  void packet(int link, Bytes bytes, double time) {
    ++file_.packets;
    const auto segment = segment_of(ip_of(link, bytes), file_.fragments);
    if (!segment) return;
    Flow& flow = flow_of(*segment);
    const Side side = segment->source == flow.client ? Side::kClient : Side::kServer;
    std::string out = flow.halves[static_cast<std::size_t>(side)].add(*segment);
    if (out.empty()) return;
    file_.chunks.push_back({flow.index, side, time, std::move(out)});
  }

  void finish() {
    for (const auto& flow : flows_) {
      for (std::size_t i = 0; i < 2; ++i)
        file_.connections[flow->index].behind_gap[i] = flow->halves[i].waiting();
    }
  }

 private:
  Flow& flow_of(const Segment& segment) {
    Flow*& current = by_key_[key_of(segment)];
    const bool opens = segment.syn && !segment.ack;
    // A port that is used again: another first sequence number.
    const bool again = current != nullptr && opens &&
                       (current->client != segment.source || current->isn != segment.sequence) &&
                       file_.connections[current->index].from_start;
    if (current != nullptr && !again) return *current;
    flows_.push_back(std::make_unique<Flow>());
    current = flows_.back().get();
    current->index = file_.connections.size();
    current->client = client_of(segment);
    current->isn = segment.sequence;
    PcapConnection connection;
    connection.client = to_string(current->client);
    connection.server =
        to_string(current->client == segment.source ? segment.target : segment.source);
    connection.from_start = segment.syn;
    file_.connections.push_back(std::move(connection));
    return *current;
  }

  static const Address& client_of(const Segment& segment) {
    if (segment.syn) return segment.ack ? segment.target : segment.source;
    const std::string_view data = as_string_view(segment.data);
    if (!data.empty() &&
        data.substr(0, 14) == kClientPreface.substr(0, std::min<std::size_t>(14, data.size())))
      return segment.source;
    return segment.source.port > segment.target.port ? segment.source : segment.target;
  }

  PcapFile& file_;
  std::vector<std::unique_ptr<Flow>> flows_;
  std::map<FlowKey, Flow*> by_key_;
};

}  // namespace

bool is_pcap(Bytes bytes) {
  switch (number(bytes, 0, 4)) {
    case 0xa1b2c3d4U:  // microseconds, both orders
    case 0xd4c3b2a1U:
    case 0xa1b23c4dU:  // nanoseconds
    case 0x4d3cb2a1U:
    case 0x0a0d0d0aU:  // pcapng
      return bytes.size() >= 4;
    default:
      return false;
  }
}

Result<PcapFile, std::string> read_pcap(Bytes bytes) {
  // Reading only: the stream does not write to the memory.
  std::FILE* stream =
      ::fmemopen(const_cast<std::uint8_t*>(bytes.data()), bytes.size(), "rb");  // NOLINT
  if (stream == nullptr) return unexpected(std::string("no memory"));
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  pcap_t* opened =
      ::pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why.data());
  if (opened == nullptr) {
    std::fclose(stream);
    return unexpected("not a packet capture that can be read: " + std::string(why.data()));
  }
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> pcap(opened, &::pcap_close);
  const int link = ::pcap_datalink(opened);
  if (!link_is_known(link)) {
    const char* name = ::pcap_datalink_val_to_name(link);
    return unexpected("its link type " + std::to_string(link) +
                      (name == nullptr ? std::string() : " (" + std::string(name) + ")") +
                      " is not one that can be read");
  }
  PcapFile file;
  Reader reader(file);
  std::optional<std::int64_t> first;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int step = 0;
  while ((step = ::pcap_next_ex(opened, &header, &data)) == 1) {
    // With nanoseconds in tv_usec, as asked for.
    const std::int64_t ns =
        std::int64_t{header->ts.tv_sec} * 1'000'000'000 + std::int64_t{header->ts.tv_usec};
    if (!first) first = ns;
    reader.packet(link, {data, header->caplen}, static_cast<double>(ns - *first) / 1e9);
  }
  reader.finish();
  if (step == PCAP_ERROR) file.problem = ::pcap_geterr(opened);
  return file;
}

}  // namespace h2::inline v0::tools
