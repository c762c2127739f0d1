// A client of one cleartext connection made of h2::Connection and poll(), for tests of the server:
// it sees everything that comes, and reads only when told to.
#ifndef H2_TESTS_TOOLS_RAW_CLIENT_H_
#define H2_TESTS_TOOLS_RAW_CLIENT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2core/connection.h"

namespace h2::inline v0::testing {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What came on one stream.
struct Answer {
  int status = 0;
  Pairs fields;
  std::string body;
  Pairs trailers;
  std::vector<int> informational;
  bool ended = false;  // in order
  std::optional<ErrorCode> reset;
  int data_frames = 0;
  std::string field(std::string_view name) const;
  bool over() const { return ended || reset.has_value(); }
};

class RawClient {
 public:
  // Connects to 127.0.0.1.
  explicit RawClient(std::uint16_t port, const Config& config = big_windows());
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // Windows of 16 MiB.
  static Config big_windows();

  // Sends a request's head, with scheme and authority; its stream.
  std::uint32_t start(const std::string& method, const std::string& path, const Pairs& fields = {},
                      EndStream end = EndStream::kYes);
  // Sends (more of) its body.
  void send(std::uint32_t id, std::string body, EndStream end = EndStream::kYes);
  void reset(std::uint32_t id);

  // Exchanges bytes until `done` says so. False: the connection ended, or 30 seconds passed.
  bool until(const std::function<bool()>& done);
  // The answer once the stream is over.
  const Answer& wait(std::uint32_t id);
  // start, send and wait.
  const Answer& fetch(const std::string& method, const std::string& path, const Pairs& fields = {},
                      const std::string& body = {});
  const Answer& get(const std::string& path, const Pairs& fields = {}) {
    return fetch("GET", path, fields);
  }
  // Writes what is queued without reading anything.
  void write_only();

  Answer& answer(std::uint32_t id) { return answers_[id]; }
  Connection& connection() { return connection_; }
  // The last stream of each GOAWAY that came.
  const std::vector<std::uint32_t>& goaways() const { return goaways_; }
  // The server has shut the TCP connection.
  bool closed() const { return closed_; }
  // Credit is given back as data comes (the default), or not at all.
  void read_bodies(bool on) { acknowledge_ = on; }

 private:
  void handle(std::span<const Event> events);
  void write_some();
  bool pump();

  int fd_ = -1;
  bool closed_ = false;
  bool acknowledge_ = true;
  std::map<std::uint32_t, Answer> answers_;
  std::deque<std::string> bodies_;
  std::vector<std::uint32_t> goaways_;
  Connection connection_;
};

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_TOOLS_RAW_CLIENT_H_
