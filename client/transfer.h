// What is known of one request and its response besides their contents: addresses, protocol, times,
// sizes.
#ifndef H2_CLIENT_TRANSFER_H_
#define H2_CLIENT_TRANSFER_H_

#include <cstdint>
#include <string>

#include "h2core/time.h"

namespace h2::inline v0::client {

// Times are counted from the call that began the request; 0: did not happen (in this transfer).
struct TransferInfo {
  std::string method;
  std::string url;  // as it was asked for, without fragment
  std::string scheme;
  std::string http_version;  // "2"; empty if no response came
  std::string remote_ip;     // without brackets
  std::string local_ip;
  std::uint16_t remote_port = 0;
  std::uint16_t local_port = 0;
  std::string tls_version;  // "TLSv1.3"; empty in cleartext
  std::string tls_cipher;
  std::string alpn;

  int status = 0;               // 0: no response came
  std::uint32_t stream_id = 0;  // the response's
  bool connection_reused = false;
  int connections_opened = 0;  // for this transfer
  int retries = 0;

  std::uint64_t header_bytes_received = 0;  // names and values of the response's fields
  std::uint64_t body_bytes_received = 0;
  std::uint64_t body_bytes_sent = 0;  // handed to the connection

  Duration name_lookup;     // the name had been looked up
  Duration connect;         // the connection stood
  Duration tls_handshake;   // TLS had been agreed
  Duration pretransfer;     // the request was about to be sent
  Duration start_transfer;  // the response's header section had come
  Duration total;           // the response was complete, or had failed
};

}  // namespace h2::inline v0::client

#endif  // H2_CLIENT_TRANSFER_H_
