// Connects to the first of several addresses that answers. Inside of transport/; used by dialer.cc
// and tcp_stream.cc. Tested by tests/transport/dialer_test.cc.
#ifndef H2_TRANSPORT_TCP_CONNECT_H_
#define H2_TRANSPORT_TCP_CONNECT_H_

#include <poll.h>

#include <span>
#include <string_view>

#include "h2core/time.h"
#include "hpack/result.h"
#include "transport/address.h"
#include "transport/deadline.h"
#include "transport/error.h"
#include "transport/system_calls.h"

namespace h2::inline v0::transport {

// poll() until something is ready (more than 0), the deadline passes (0) or it fails (-1, errno).
// Goes on after EINTR.
int poll_until(const IoEnvironment& environment, pollfd* fds, nfds_t count, Deadline deadline);

// A connected non-blocking socket, which the caller owns. Addresses are tried in order; the next
// one begins `delay` after the last, or at once when all before it have failed; the first
// connection wins (RFC 8305 §5). `target` is for messages.
Result<int, TransportError> connect_first(std::span<const Address> addresses, Duration delay,
                                          Deadline deadline, std::string_view target,
                                          const IoEnvironment& environment);

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_TCP_CONNECT_H_
