// The client against servers in this process: what a user sees when all goes well, and each way in
// which it does not.
#include "client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/frame_script.h"
#include "tests/support/scripted_server.h"

namespace h2::client {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::FrameScript;
using tests::ScriptedServer;
using tests::ServedAnswer;
using tests::ServedConnection;
using tests::ServedRequest;

const std::string kStart = FrameScript().server_start().settings_ack().str();
const tests::Fields kOk = tests::response_fields(200);

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t x = 7;
  for (char& c : out) {
    x = x * 1'664'525U + 1'013'904'223U;
    c = static_cast<char>(x >> 24);
  }
  return out;
}

ClientOptions cleartext() {
  ClientOptions options;
  options.http2_prior_knowledge = true;
  options.timeout = seconds(60);  // never reached where all is well
  return options;
}

// Describes the request it gets.
ScriptedServer::Options describing() {
  return ScriptedServer::answering([](const ServedRequest& r) {
    std::string text;
    for (const auto& [name, value] : r.fields) text += name + "=" + value + "\n";
    return ServedAnswer{200, {{"content-type", "text/plain"}}, text + "body=" + r.body, {}};
  });
}

// The error that a GET of this server ends with.
Error failure_of(ScriptedServer& server, const ClientOptions& options = cleartext()) {
  const auto response = Client(options).get(server.url("/"));
  EXPECT_FALSE(response);
  if (response) return {};
  if (options.http2_prior_knowledge) {
    EXPECT_THAT(response.error().message(),
                HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  }
  return response.error();
}

// ---- requests
// ---------------------------------------------------------------------------------------

TEST(Client, GetsAPage) {
  ScriptedServer server(describing());
  const Client client(cleartext());
  const auto response = client.get(server.url("/path?query#fragment"));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(response->ok());
  EXPECT_EQ(response->header("Content-Type"), "text/plain");
  EXPECT_THAT(response->body,
              AllOf(HasSubstr(":method=GET\n"), HasSubstr(":path=/path?query\n"),
                    HasSubstr(":scheme=http\n"),
                    HasSubstr(":authority=127.0.0.1:" + std::to_string(server.port())),
                    HasSubstr("user-agent=h2cpp/"), Not(HasSubstr("content-length"))));
}

TEST(Client, PostsAMegabyte) {
  ScriptedServer server(ScriptedServer::echo());
  const Client client(cleartext());
  const std::string body = pattern(1'000'000);
  const auto response = client.post(server.url("/"), body, "application/octet-stream");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_TRUE(response->body == body);
  EXPECT_EQ(response->info.body_bytes_sent, body.size());
  EXPECT_EQ(response->info.body_bytes_received, body.size());
}

TEST(Client, PostSaysTypeAndLengthAlsoOfNothing) {
  ScriptedServer server(describing());
  const Client client(cleartext());
  EXPECT_THAT(client.post(server.url("/"), "abc", "text/x")->body,
              AllOf(HasSubstr("content-type=text/x\n"), HasSubstr("content-length=3\n"),
                    HasSubstr("body=abc")));
  EXPECT_THAT(client.post(server.url("/"), "", "")->body,
              AllOf(HasSubstr("content-length=0\n"), Not(HasSubstr("content-type"))));
}

TEST(Client, HeadersOfTheUserWin) {
  ScriptedServer server(describing());
  Request request;
  request.url = server.url("/");
  request.headers = {
      {"Host", "other.test"}, {"User-Agent", "me"}, {"X-Twice", "1"}, {"x-twice", "2"}};
  const auto response = Client(cleartext()).request(request);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_THAT(response->body, AllOf(HasSubstr(":authority=other.test\n"), Not(HasSubstr("\nhost=")),
                                    HasSubstr("user-agent=me\n"), Not(HasSubstr("h2cpp")),
                                    HasSubstr("x-twice=1\n"), HasSubstr("x-twice=2\n")));
}

TEST(Client, StreamsABodyBothWaysAtOnce) {
  ScriptedServer server(ScriptedServer::echo());
  const std::string body =
      pattern(8'000'000);  // more than all windows together: both must go on side by side
  for (const bool announced : {false, true}) {
    std::size_t at = 0;
    Request request;
    request.method = "PUT";
    request.url = server.url("/");
    if (announced) request.body_length = body.size();
    request.read_body = [&](std::span<std::uint8_t> buffer) -> Result<std::size_t, std::string> {
      const std::size_t n = std::min(buffer.size(), body.size() - at);
      std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at), n, buffer.begin());
      at += n;
      return n;
    };
    const auto response = Client(cleartext()).request(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_TRUE(response->body == body);
    EXPECT_EQ(response->info.body_bytes_sent, body.size());
  }
}

TEST(Client, ASourceThatFailsOrLiesIsTheCallersError) {
  ScriptedServer server(ScriptedServer::echo());
  Request request;
  request.method = "PUT";
  request.url = server.url("/");
  request.read_body = [](std::span<std::uint8_t>) -> Result<std::size_t, std::string> {
    return unexpected(std::string("disk on fire"));
  };
  auto response = Client(cleartext()).request(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kRequestBody);
  EXPECT_THAT(response.error().message(), HasSubstr("disk on fire"));

  request.body_length = 10;
  request.read_body = [](std::span<std::uint8_t>) -> Result<std::size_t, std::string> {
    return std::size_t{0};
  };
  response = Client(cleartext()).request(request);
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message(), HasSubstr("shorter"));
}

TEST(Client, ReadsAResponsePieceByPiece) {
  const std::string body = pattern(500'000);
  ScriptedServer server(ScriptedServer::answering([&](const ServedRequest&) {
    return ServedAnswer{201, {}, body, {{"checksum", "9"}}};
  }));
  Request request;
  request.url = server.url("/");
  auto stream = Client(cleartext()).open(request);  // outlives its client
  ASSERT_TRUE(stream) << stream.error().message();
  EXPECT_EQ(stream->status(), 201);
  EXPECT_TRUE(stream->trailers().empty());
  std::string got;
  std::uint8_t buffer[10'000];
  while (true) {
    const auto n = stream->read(buffer);
    ASSERT_TRUE(n) << n.error().message();
    if (*n == 0) break;
    got.append(reinterpret_cast<const char*>(buffer), *n);
  }
  EXPECT_TRUE(got == body);
  EXPECT_EQ(stream->trailers().get("checksum"), "9");
  EXPECT_EQ(stream->info().body_bytes_received, body.size());
}

TEST(Client, CancelEndsARead) {
  ScriptedServer server(
      ScriptedServer::sending(FrameScript().raw(kStart).headers(1, kOk).str(), 60, false));
  Request request;
  request.url = server.url("/");
  auto stream = Client(cleartext()).open(request);
  ASSERT_TRUE(stream) << stream.error().message();
  std::thread other([&] { stream->cancel(); });
  const auto body = stream->read_all();
  other.join();
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().kind, ErrorKind::kCancelled);
}

TEST(Client, InformationalResponsesAreKept) {
  ScriptedServer server(
      ScriptedServer::sending(FrameScript()
                                  .raw(kStart)
                                  .headers(1, tests::response_fields(103, {{"link", "</s>"}}))
                                  .headers(1, kOk, tests::kEnd)
                                  .str(),
                              60, false));
  const auto response = Client(cleartext()).get(server.url("/"));
  ASSERT_TRUE(response) << response.error().message();
  ASSERT_EQ(response->informational.size(), 1u);
  EXPECT_EQ(response->informational[0].status, 103);
  EXPECT_EQ(response->informational[0].headers.get("link"), "</s>");
}

TEST(Client, TransferInfoIsComplete) {
  ScriptedServer server(describing());
  const Client client(cleartext());
  const TransferInfo first = client.get(server.url("/a#b"))->info;
  EXPECT_EQ(first.method, "GET");
  EXPECT_EQ(first.url, server.url("/a"));
  EXPECT_EQ(first.scheme, "http");
  EXPECT_EQ(first.http_version, "2");
  EXPECT_EQ(first.remote_ip, "127.0.0.1");
  EXPECT_EQ(first.remote_port, server.port());
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.stream_id, 1u);
  EXPECT_EQ(first.connections_opened, 1);
  EXPECT_FALSE(first.connection_reused);
  EXPECT_GT(first.header_bytes_received, 0u);
  EXPECT_LE(first.connect, first.pretransfer);
  EXPECT_LE(first.pretransfer, first.start_transfer);
  EXPECT_LE(first.start_transfer, first.total);
  EXPECT_GT(first.total, Duration{});
  const TransferInfo second = client.get(server.url("/"))->info;
  EXPECT_TRUE(second.connection_reused);
  EXPECT_EQ(second.connections_opened, 0);
  EXPECT_EQ(second.stream_id, 3u);
  EXPECT_EQ(second.connect, Duration{});
}

// ---- connections
// ----------------------------------------------------------------------------------------

TEST(Client, ManyThreadsDialOnce) {
  ScriptedServer server(ScriptedServer::echo());
  const Client client(cleartext());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string path = "/" + std::to_string(t) + "/" + std::to_string(i);
        const auto response = client.get(server.url(path));
        if (response && response->body == "GET " + path) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 64 * 50);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, AConnectionThatEndedWhileIdleIsReplaced) {
  for (const bool with_goaway : {true, false}) {
    ScriptedServer server(ScriptedServer::echo());
    const Client client(cleartext());
    ASSERT_TRUE(client.get(server.url("/")));
    std::atomic<bool> said{false};
    server.each_connection([&](ServedConnection& peer) {
      if (with_goaway) {
        peer.http2().close_connection();
      } else {
        peer.close();
      }
      said = true;
    });
    while (!said) std::this_thread::yield();
    // Until the end has arrived, the old connection may still serve or fail; then a new one takes
    // over.
    Result<Response, Error> response = unexpected(Error{});
    for (int i = 0; i < 1'000 && server.connections() < 2; ++i)
      response = client.get(server.url("/"));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(Client, CloseIdleClosesAndTheNextRequestDials) {
  ScriptedServer server(ScriptedServer::echo());
  const Client client(cleartext());
  ASSERT_TRUE(client.get(server.url("/")));
  client.close_idle();
  ASSERT_TRUE(client.get(server.url("/")));
  EXPECT_EQ(server.connections(), 2);
}

// The first connection refuses, the second serves.
ScriptedServer::Options refusing_first(const std::string& refusal) {
  auto good = ScriptedServer::sending(
      FrameScript().raw(kStart).headers(1, kOk).data(1, "second", tests::kEnd).str(), 60, false);
  auto bad = ScriptedServer::sending(refusal, 60, false);
  ScriptedServer::Options options;
  options.on_bytes = [good = good.on_bytes, bad = bad.on_bytes](ServedConnection& peer,
                                                                std::string_view received) {
    (peer.index() == 0 ? bad : good)(peer, received);
  };
  return options;
}

TEST(Client, WhatTheServerDidNotActOnIsSentAgainOnAFreshConnection) {
  ScriptedServer server(refusing_first(FrameScript().raw(kStart).goaway(0).str()));
  const auto response = Client(cleartext()).post(server.url("/"), "not idempotent", "text/plain");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "second");
  EXPECT_EQ(response->info.retries, 0);
  EXPECT_EQ(response->info.connections_opened, 2);
  EXPECT_EQ(server.connections(), 2);
}

// Ends each connection in good order when its first request comes, and acts on none, but for the
// connections from `good` on.
ScriptedServer::Options moving(int good, ErrorCode code = ErrorCode::kNoError) {
  ScriptedServer::Options options;
  options.on_bytes = [good, code](ServedConnection& peer, std::string_view received) {
    if (received.size() < 60) return;
    const FrameScript end = peer.index() < good ? FrameScript().raw(kStart).goaway(0, code)
                                                : FrameScript().raw(kStart).headers(1, kOk).data(
                                                      1, "good", tests::kEnd);
    peer.write_raw(end.str());
  };
  return options;
}

TEST(Client, RequestMovesOnWhileConnectionsEndInGoodOrder) {
  ScriptedServer server(moving(7));
  ClientOptions options = cleartext();
  options.max_retries = 0;
  const auto response = Client(options).post(server.url("/"), "", "text/plain");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "good");
  EXPECT_EQ(response->info.retries, 0);
  EXPECT_EQ(response->info.connections_opened, 8);
}

TEST(Client, RequestThatIsTurnedAwayForEverIsAnError) {
  ScriptedServer server(moving(1'000'000));
  const Error e = failure_of(server);
  EXPECT_EQ(e.kind, ErrorKind::kStreamReset);
  EXPECT_EQ(e.processed, Processed::kNo);
  EXPECT_EQ(server.connections(), 21);
}

TEST(Client, ConnectionsThatEndWithAnErrorCostRetries) {
  ScriptedServer server(moving(2, ErrorCode::kInternalError));
  const Error e = failure_of(server);
  EXPECT_EQ(e.kind, ErrorKind::kStreamReset);
  EXPECT_EQ(e.info.retries, 1);
  EXPECT_EQ(server.connections(), 2);
}

// Refuses the first `count` streams of all, and answers the others with "taken".
ScriptedServer::Options refusing_streams(int count) {
  ScriptedServer::Options options;
  options.on_event = [count, seen = 0](ServedConnection& peer, const Event& event) mutable {
    const auto* request = std::get_if<RequestReceived>(&event);
    if (request == nullptr) return;
    if (seen++ < count) {
      EXPECT_TRUE(peer.http2().reset_stream(request->stream_id, ErrorCode::kRefusedStream));
      return;
    }
    const HeaderField fields[] = {{":status", "200"}};
    EXPECT_TRUE(peer.http2().send_headers(request->stream_id, fields, EndStream::kNo));
    EXPECT_TRUE(
        peer.http2().send_data_copy(request->stream_id, as_bytes("taken"), EndStream::kYes));
  };
  return options;
}

TEST(Client, RefusedStreamIsSentAgainOnTheSameConnection) {
  ScriptedServer server(refusing_streams(1));
  const auto response = Client(cleartext()).post(server.url("/"), "not idempotent", "text/plain");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "taken");
  EXPECT_EQ(response->info.retries, 1);
  EXPECT_EQ(response->info.stream_id, 3U);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, ServerThatTakesOneStreamAtATimeServesManyThreadsOverOneConnection) {
  auto options = describing();
  options.config.max_concurrent_streams = 1;
  ScriptedServer server(options);
  const Client client(cleartext());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      const auto response = client.get(server.url("/"));
      EXPECT_TRUE(response) << response.error().message();
      if (response && response->status == 200) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 20);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, WhatTheServerMayHaveActedOnIsNotSentAgain) {
  ScriptedServer server(
      refusing_first(FrameScript().raw(kStart).rst(1, ErrorCode::kInternalError).str()));
  const Error e = failure_of(server);
  EXPECT_EQ(e.kind, ErrorKind::kStreamReset);
  EXPECT_EQ(e.code, ErrorCode::kInternalError);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, RefusedTwiceIsAnError) {
  ScriptedServer server(refusing_streams(2));
  const Error e = failure_of(server);
  EXPECT_EQ(e.code, ErrorCode::kRefusedStream);
  EXPECT_EQ(e.processed, Processed::kNo);
  EXPECT_EQ(e.info.retries, 1);
  EXPECT_EQ(server.connections(), 1);
}

// ---- trailers and expectations of a request
// ---------------------------------------------------------------------------------------------

// Answers a request's head with `at_head` (a status; 0: nothing yet), and its end with 200 and what
// came: "BODY|TRAILERS".
ScriptedServer::Options expecting(int at_head) {
  struct Got {
    std::string body, trailers;
  };
  ScriptedServer::Options options;
  options.on_event = [at_head, got = std::map<std::uint32_t, Got>()](ServedConnection& peer,
                                                                     const Event& event) mutable {
    const auto answer = [&](StreamId id) {
      const HeaderField fields[] = {{":status", "200"}};
      EXPECT_TRUE(peer.http2().send_headers(id, fields, EndStream::kNo));
      const Got g =
          std::exchange(got[id.value], {});  // the next connection's streams start at 1 again
      EXPECT_TRUE(
          peer.http2().send_data_copy(id, as_bytes(g.body + "|" + g.trailers), EndStream::kYes));
    };
    if (const auto* request = std::get_if<RequestReceived>(&event); request && at_head != 0) {
      const std::string status = std::to_string(at_head);
      const HeaderField fields[] = {{":status", status}};
      EXPECT_TRUE(peer.http2().send_headers(request->stream_id, fields,
                                            at_head < 200 ? EndStream::kNo : EndStream::kYes));
    } else if (const auto* data = std::get_if<DataReceived>(&event)) {
      got[data->stream_id.value].body += as_string_view(data->data);
      EXPECT_TRUE(peer.http2().acknowledge_received_data(
          static_cast<std::uint32_t>(data->data.size()), data->stream_id));
      if (data->end_stream == EndStream::kYes && at_head < 200) answer(data->stream_id);
    } else if (const auto* trailers = std::get_if<TrailersReceived>(&event)) {
      for (const HeaderField field : trailers->fields) {
        got[trailers->stream_id.value].trailers += std::string(field.name) + "=";
        got[trailers->stream_id.value].trailers += std::string(field.value) + ";";
      }
      answer(trailers->stream_id);
    }
  };
  return options;
}

Request posting(const ScriptedServer& server, bool streamed, std::string body) {
  Request request;
  request.method = "POST";
  request.url = server.url("/");
  if (!streamed) {
    request.body = std::move(body);
    return request;
  }
  request.read_body =
      [body = std::move(body), at = std::size_t{0}](
          std::span<std::uint8_t> buffer) mutable -> Result<std::size_t, std::string> {
    const std::size_t n = std::min(buffer.size(), body.size() - at);
    std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at), n, buffer.begin());
    at += n;
    return n;
  };
  return request;
}

TEST(Client, TrailersFollowTheRequestsBody) {
  ScriptedServer server(expecting(0));
  const Client client(cleartext());
  for (const bool streamed : {false, true}) {
    for (const char* body : {"", "abc"}) {
      for (const bool announced : {false, true}) {
        Request request = posting(server, streamed, body);
        if (announced && streamed) request.body_length = std::string(body).size();
        request.trailers = {{"X-Sum", "6"}, {"x-more", "m"}};
        const auto response = client.request(request);
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(response->body, std::string(body) + "|x-sum=6;x-more=m;") << streamed << body;
        EXPECT_EQ(response->info.body_bytes_sent, std::string(body).size());
      }
    }
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, TrailersThatAreNotAllowedAreAnErrorOfTheRequest) {
  ScriptedServer server(expecting(0));
  Request request = posting(server, false, "abc");
  request.trailers = {{":path", "/"}};
  const auto response = Client(cleartext()).request(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kRequest);
}

TEST(Client, ExpectedBodyWaitsForTheServersWord) {
  ScriptedServer server(expecting(100));
  for (const bool streamed : {false, true}) {
    ClientOptions options = cleartext();
    options.expect_continue_timeout = seconds(3600);
    Request request = posting(server, streamed, "abc");
    request.headers.add("Expect", "100-Continue");
    const auto response = Client(options).request(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "abc|");
    ASSERT_EQ(response->informational.size(), 1U);
    EXPECT_EQ(response->informational[0].status, 100);
  }
}

TEST(Client, ExpectedBodyIsSentWhenTheServerStaysSilent) {
  ScriptedServer server(expecting(0));
  for (const bool streamed : {false, true}) {
    ClientOptions options = cleartext();
    options.expect_continue_timeout = milliseconds(1);
    Request request = posting(server, streamed, "abc");
    request.headers.add("expect", "100-continue");
    const auto response = Client(options).request(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "abc|");
    EXPECT_TRUE(response->informational.empty());
  }
}

TEST(Client, ExpectedBodyThatIsRefusedIsNeverSent) {
  ScriptedServer server(expecting(417));
  for (const bool streamed : {false, true}) {
    ClientOptions options = cleartext();
    options.expect_continue_timeout = seconds(3600);
    Request request = posting(server, streamed, "abc");
    request.headers.add("expect", "100-continue");
    const auto response = Client(options).request(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 417);
    EXPECT_EQ(response->info.body_bytes_sent, 0U);
  }
}

TEST(Client, ServersSilenceAboutAnExpectationDoesNotOutlastTheRequest) {
  ScriptedServer server(expecting(0));
  ClientOptions options = cleartext();
  options.expect_continue_timeout = seconds(3600);
  Request request = posting(server, false, "abc");
  request.headers.add("expect", "100-continue");
  request.timeout = milliseconds(20);
  const auto response = Client(options).request(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
}

// ---- errors
// ---------------------------------------------------------------------------------------------

TEST(ClientErrors, BadUrl) {
  const auto response = Client().get("ftp://x/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUrl);
  EXPECT_THAT(response.error().message(), HasSubstr("ftp"));
}

TEST(ClientErrors, CleartextWithoutPriorKnowledge) {
  const auto response = Client().get("http://example.com/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(response.error().message(), HasSubstr("prior knowledge"));
}

TEST(ClientErrors, ValueThrows) {
  EXPECT_THROW((void)Client().get("").value(), BadResultAccess<Error>);
}

TEST(Client, OptionsWithoutAPathAsksTheServerAsAWhole) {
  ScriptedServer server(ScriptedServer::echo());
  const Client client(cleartext());
  Request request;
  request.method = "OPTIONS";
  request.url = "http://127.0.0.1:" + std::to_string(server.port());
  auto response = client.request(request);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "OPTIONS *");
  request.url += "/";
  response = client.request(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "OPTIONS /");
}

TEST(ClientErrors, BadMethodAndBadField) {
  ScriptedServer server(ScriptedServer::echo());
  const Client client(cleartext());
  Request request;
  request.url = server.url("/");
  request.method = "GE T";
  auto response = client.request(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kRequest);
  request.method = "GET";
  request.headers.add("te", "gzip");
  response = client.request(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kRequest);
  EXPECT_EQ(response.error().cause, Errc::kFieldConnectionSpecific);
}

TEST(ClientErrors, ClosedPort) {
  std::uint16_t port = 0;
  {
    ScriptedServer server(ScriptedServer::echo());
    port = server.port();
  }
  const auto response = Client(cleartext()).get("http://127.0.0.1:" + std::to_string(port) + "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kConnect);
  EXPECT_EQ(response.error().phase, Phase::kConnect);
  EXPECT_THAT(
      response.error().message(),
      AllOf(HasSubstr("connect to 127.0.0.1:" + std::to_string(port)), HasSubstr("refused")));
}

TEST(ClientErrors, PeerThatIsNotHttp2IsQuoted) {
  ScriptedServer server(
      ScriptedServer::sending("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
  const Error e = failure_of(server);
  EXPECT_EQ(e.kind, ErrorKind::kProtocol);
  EXPECT_EQ(e.cause, Errc::kNotHttp2);
  EXPECT_THAT(e.message(), HasSubstr("HTTP/1.1 400 Bad Request"));
}

TEST(ClientErrors, ConnectionsThatEnd) {
  for (const std::string& bytes :
       {std::string(), kStart, kStart + std::string("\0\0\x05\x01", 4),
        kStart + FrameScript().headers_block(1, "\x88", tests::kOpen, false).str()}) {
    ScriptedServer server(ScriptedServer::sending(bytes, 60));
    const Error e = failure_of(server);
    EXPECT_EQ(e.kind, ErrorKind::kConnectionLost);
    EXPECT_EQ(e.phase, Phase::kWait);
    EXPECT_THAT(e.message(), AnyOf(HasSubstr("closed"), HasSubstr("reset")));
  }
}

TEST(ClientErrors, ConnectionThatEndsMidBody) {
  ScriptedServer server(
      ScriptedServer::sending(FrameScript().raw(kStart).headers(1, kOk).data(1, "part").str(), 60));
  const Error e = failure_of(server);
  EXPECT_EQ(e.kind, ErrorKind::kConnectionLost);
  EXPECT_EQ(e.phase, Phase::kReceive);
  EXPECT_EQ(e.info.status, 200);
  EXPECT_EQ(e.info.body_bytes_received, 4u);
  EXPECT_THAT(e.message(), AllOf(HasSubstr("body"), HasSubstr("closed")));
}

TEST(ClientErrors, GoAwayWithAnErrorIsNamed) {
  ScriptedServer server(ScriptedServer::sending(
      FrameScript().raw(kStart).goaway(1, ErrorCode::kEnhanceYourCalm, "calm\ndown\x1b[0m").str(),
      60));
  const Error e = failure_of(server);
  EXPECT_EQ(e.code, ErrorCode::kEnhanceYourCalm);
  EXPECT_THAT(e.message(),
              AllOf(HasSubstr("ENHANCE_YOUR_CALM"), HasSubstr("calm"), Not(HasSubstr("\x1b"))));
}

TEST(ClientErrors, BrokenRulesAreNamed) {
  struct Case {
    std::string bytes;
    Errc cause;
    const char* code;
  };
  const Case cases[] = {
      {FrameScript().raw(kStart).window_update(0, 0).str(), Errc::kWindowIncrementZero,
       "PROTOCOL_ERROR"},
      {FrameScript().raw(kStart).headers(1, {{"x", "y"}}, tests::kEnd).str(),
       Errc::kPseudoFieldMissing, "PROTOCOL_ERROR"},
      {FrameScript().raw(kStart).headers_block(1, "\xff\xff\xff\xff\xff\xff", tests::kEnd).str(),
       Errc::kCompressionFailed, "COMPRESSION_ERROR"},
  };
  for (const Case& c : cases) {
    ScriptedServer server(ScriptedServer::sending(c.bytes, 60, false));
    const Error e = failure_of(server);
    EXPECT_EQ(e.kind, ErrorKind::kProtocol);
    EXPECT_EQ(e.cause, c.cause);
    EXPECT_THAT(e.message(), AllOf(HasSubstr(c.code), HasSubstr(std::string(describe(c.cause)))));
  }
}

TEST(ClientErrors, TimeoutsSayWhatWasMissing) {
  ScriptedServer server(ScriptedServer::sending(kStart, 60, false));
  ClientOptions options = cleartext();
  options.timeout = milliseconds(30);
  Error e = failure_of(server, options);
  EXPECT_EQ(e.kind, ErrorKind::kTimeout);
  EXPECT_EQ(e.phase, Phase::kWait);
  EXPECT_THAT(e.message(), HasSubstr("timed out: the peer has not sent its field section"));

  ScriptedServer half(ScriptedServer::sending(
      FrameScript().raw(kStart).headers(1, kOk).data(1, "part").str(), 60, false));
  e = failure_of(half, options);
  EXPECT_EQ(e.kind, ErrorKind::kTimeout);
  EXPECT_EQ(e.phase, Phase::kReceive);
  EXPECT_THAT(e.message(), HasSubstr("timed out: the peer may send and does not"));

  // A server that takes the request's head, and nothing of its body but what the first window
  // holds.
  ScriptedServer narrow(ScriptedServer::sending(kStart, 60, false));
  const auto response =
      Client(options).post(narrow.url("/"), std::string(100'000, 'b'), "text/plain");
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message(),
              HasSubstr("timed out: the peer's window for this stream is used up"));

  ScriptedServer::Options none;
  none.on_bytes =
      ScriptedServer::sending(FrameScript()
                                  .server_start({{SettingCode::kMaxConcurrentStreams, 0}})
                                  .settings_ack()
                                  .str(),
                              60, false)
          .on_bytes;
  ScriptedServer closed(none);
  const Client client(options);
  (void)client.get(closed.url("/"));  // learns the limit
  const auto queued = client.get(closed.url("/"));
  ASSERT_FALSE(queued);
  EXPECT_THAT(queued.error().message(), HasSubstr("the peer allows no more streams at once"));
}

// ---- TLS
// ------------------------------------------------------------------------------------------------

class ClientTls : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/h2_client_test_XXXXXX";
    const int fd = mkstemp(path);
    ASSERT_GE(fd, 0);
    ::close(fd);
    ca_file_ = path;
  }
  void TearDown() override { std::remove(ca_file_.c_str()); }

  // A server with this certificate, and options that trust it.
  ClientOptions trusting(const tests::TestCertificate& certificate) const {
    std::ofstream(ca_file_) << certificate.certificate;
    ClientOptions options;
    options.ca_file = ca_file_;
    options.timeout = seconds(60);
    return options;
  }
  static ScriptedServer::Options over_tls(const tests::TestCertificate& certificate,
                                          const std::string& alpn = "h2") {
    ScriptedServer::Options options = ScriptedServer::echo();
    options.tls = &certificate;
    options.alpn = alpn;
    return options;
  }
  static Error failure(ScriptedServer& server, const ClientOptions& options) {
    const auto response = Client(options).get(server.url("/"));
    EXPECT_FALSE(response);
    if (response) return {};
    EXPECT_THAT(response.error().message(),
                HasSubstr("localhost:" + std::to_string(server.port())));
    EXPECT_EQ(response.error().phase, Phase::kTls);
    return response.error();
  }
  std::string ca_file_;
};

TEST_F(ClientTls, GetAndPost) {
  const auto certificate = tests::make_test_certificate();
  ScriptedServer server(over_tls(certificate));
  const Client client(trusting(certificate));
  const auto response = client.get(server.url("/x"));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "GET /x");
  EXPECT_EQ(response->info.alpn, "h2");
  EXPECT_EQ(response->info.tls_version, "TLSv1.3");
  EXPECT_GT(response->info.tls_handshake, Duration{});
  const std::string body = pattern(2'000'000);
  const auto echoed = client.post(server.url("/"), body, "");
  ASSERT_TRUE(echoed) << echoed.error().message();
  EXPECT_TRUE(echoed->body == body);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTls, ManyThreadsShareAConnection) {
  const auto certificate = tests::make_test_certificate();
  ScriptedServer server(over_tls(certificate));
  const Client client(trusting(certificate));
  const std::string body = pattern(50'000);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const auto response = client.post(server.url("/"), body, "");
        if (response && response->body == body) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTls, CertificatesThatAreNotGoodEnough) {
  const auto good = tests::make_test_certificate();
  const auto expired = tests::make_test_certificate("localhost", true);
  const auto other = tests::make_test_certificate("other.test");
  using transport::TransportErrc;
  struct Case {
    const tests::TestCertificate* shown;
    const tests::TestCertificate* trusted;
    TransportErrc code;
  };
  for (const Case& c : {Case{&expired, &expired, TransportErrc::kCertificateExpired},
                        Case{&other, &other, TransportErrc::kCertificateWrongHost},
                        Case{&good, &other, TransportErrc::kCertificateUntrusted}}) {
    ScriptedServer server(over_tls(*c.shown));
    const Error e = failure(server, trusting(*c.trusted));
    EXPECT_EQ(e.kind, ErrorKind::kTls);
    ASSERT_TRUE(e.transport);
    EXPECT_EQ(e.transport->code, c.code) << e.message();
    EXPECT_THAT(e.message(), HasSubstr("certificate"));
    // ... and are good enough for those who do not look.
    ClientOptions insecure;
    insecure.verify = false;
    const auto response = Client(insecure).get(server.url("/"));
    EXPECT_TRUE(response) << response.error().message();
  }
}

TEST_F(ClientTls, ServersThatDoNotAgreeToHttp2) {
  const auto certificate = tests::make_test_certificate();
  ScriptedServer none(over_tls(certificate, ""));
  Error e = failure(none, trusting(certificate));
  EXPECT_EQ(e.kind, ErrorKind::kAlpn);
  EXPECT_THAT(e.message(), AllOf(HasSubstr("ALPN"), HasSubstr("h2"), HasSubstr("nothing")));

  ScriptedServer old(over_tls(certificate, "http/1.1"));
  ClientOptions options = trusting(certificate);
  options.alpn = {"h2", "http/1.1"};
  e = failure(old, options);
  EXPECT_EQ(e.kind, ErrorKind::kAlpn);
  EXPECT_THAT(e.message(), HasSubstr("http/1.1"));
}

TEST_F(ClientTls, ServerThatIsNotTls) {
  ScriptedServer server(ScriptedServer::sending("HTTP/1.1 400 Bad Request\r\n\r\n", 5));
  const auto response = Client().get("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTls);
  EXPECT_THAT(response.error().message(), HasSubstr("TLS"));
}

TEST_F(ClientTls, CaFileThatIsNotThere) {
  ClientOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  const auto response = Client(options).get("https://localhost:1/");
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message(), HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace h2::client
