// What the loops and connections of one Server share. Part of tools/h2/server.h's inside.
#ifndef H2_TOOLS_H2_SERVER_SHARED_H_
#define H2_TOOLS_H2_SERVER_SHARED_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "h2core/time.h"
#include "tools/h2/serve_files.h"
#include "tools/h2/server.h"
#include "transport/tls.h"

namespace h2::inline v0::tools {

struct ServerShared {
  ServerOptions options;
  std::optional<FileRoot> files;
  std::shared_ptr<transport::TlsContext> tls;  // null in cleartext
  std::string certificate_pem;

  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> active{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes_received{0};
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> most_buffered{0};
};

// The monotonic clock.
Time monotonic_now();

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVER_SHARED_H_
