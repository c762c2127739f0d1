// How `h2 get` fails: each cause has its own sentence, which names the host and the phase.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/interop/peer.h"
#include "tests/tools/certificates.h"
#include "tests/tools/loopback_server.h"

namespace h2::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

// Runs `h2 get ARGUMENTS`, which must fail with status 1 and one sentence; the sentence.
std::string failure(const Argv& arguments) {
  Argv argv{h2_program(), "get", "-m", "30"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const Finished result = run(argv);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(result.err, StartsWith("h2 get: "));
  return result.err;
}

const std::string kServerSettings = frame_bytes(4, 0, 0, "");
const std::string kSettingsAck = frame_bytes(4, 1, 0, "");
// :status 200, an indexed field (RFC 7541 §6.1).
const std::string kStatus200 = "\x88";

// A cleartext server that reads the beginning of a request, sends `bytes` and closes.
LoopbackServer::Handler send_and_close(const std::string& bytes) {
  return [bytes](LoopbackStream& stream) {
    stream.read_until(24);
    stream.write(bytes);
  };
}

std::string failure_of(LoopbackServer::Handler handler, Argv arguments = {}) {
  const LoopbackServer server(std::move(handler));
  arguments.insert(arguments.end(), {"--http2-prior-knowledge", server.origin() + "/"});
  std::string sentence = failure(arguments);
  EXPECT_THAT(sentence, HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  return sentence;
}

TEST(GetErrors, ClosedPort) {
  const std::string port = std::to_string(find_free_port());
  EXPECT_THAT(failure({"--http2-prior-knowledge", "http://127.0.0.1:" + port + "/"}),
              AllOf(HasSubstr("127.0.0.1:" + port), HasSubstr("connect"), HasSubstr("refused")));
}

TEST(GetErrors, UnresolvableName) {
  EXPECT_THAT(failure({"--http2-prior-knowledge", "--connect-timeout", "20",
                       "http://no-such-host.invalid:81/"}),
              AllOf(HasSubstr("no-such-host.invalid"), HasSubstr("resolve")));
}

TEST(GetErrors, Http11ServerBehindPriorKnowledge) {
  EXPECT_THAT(failure_of(send_and_close("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
              HasSubstr("HTTP/1.1"));
}

TEST(GetErrors, ServerThatIsNoHttpAtAll) {
  EXPECT_THAT(failure_of(send_and_close("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
              AllOf(HasSubstr("HTTP/2")));
}

TEST(GetErrors, ServerThatClosesAtOnce) {
  EXPECT_THAT(failure_of([](LoopbackStream&) {}), AnyOf(HasSubstr("closed"), HasSubstr("reset")));
}

TEST(GetErrors, ServerThatClosesMidFrame) {
  EXPECT_THAT(
      failure_of(send_and_close(kServerSettings + kSettingsAck + std::string("\0\0\x05\x01", 4))),
      HasSubstr("in the middle of a frame"));
}

TEST(GetErrors, ServerThatClosesMidHeaders) {
  EXPECT_THAT(
      failure_of(send_and_close(kServerSettings + kSettingsAck + frame_bytes(1, 0, 1, kStatus200))),
      HasSubstr("in the middle of a header section"));
}

TEST(GetErrors, ServerThatClosesMidBodyKeepsWhatCame) {
  ScratchDir dir;
  const std::string sentence =
      failure_of(send_and_close(kServerSettings + kSettingsAck + frame_bytes(1, 4, 1, kStatus200) +
                                frame_bytes(0, 0, 1, "partial") + frame_bytes(0, 0, 1, "cut", 10)),
                 {"-o", dir.file("out")});
  EXPECT_THAT(sentence, AllOf(HasSubstr("body"), AnyOf(HasSubstr("closed"), HasSubstr("reset"))));
  EXPECT_THAT(read_file(dir.file("out")), StartsWith("partial"));
}

TEST(GetErrors, ServerThatResetsTheStream) {
  EXPECT_THAT(failure_of([](LoopbackStream& stream) {
                stream.read_until(24);
                stream.write(kServerSettings + kSettingsAck +
                             frame_bytes(3, 0, 1, std::string("\0\0\0\x02", 4)));
                stream.read_to_end();
              }),
              HasSubstr("INTERNAL_ERROR"));
}

TEST(GetErrors, ServerThatEndsTheConnectionWithAnError) {
  EXPECT_THAT(failure_of(send_and_close(
                  kServerSettings + kSettingsAck +
                  frame_bytes(7, 0, 0, std::string("\0\0\0\x01\0\0\0\x0b", 8) + "calm down"))),
              HasSubstr("ENHANCE_YOUR_CALM"));
}

TEST(GetErrors, ServerThatBreaksTheProtocol) {
  EXPECT_THAT(failure_of([](LoopbackStream& stream) {
                stream.read_until(24);
                stream.write(kServerSettings + frame_bytes(8, 0, 0, std::string("\0\0\0\0", 4)));
                stream.read_to_end();
              }),
              AllOf(HasSubstr("PROTOCOL_ERROR"), HasSubstr("RFC 9113 §6.9")));
}

TEST(GetErrors, ServerThatAnswersWithAMalformedFieldSection) {
  EXPECT_THAT(failure_of([](LoopbackStream& stream) {
                stream.read_until(24);
                // An empty field section: no :status (RFC 9113 §8.3.2).
                stream.write(kServerSettings + kSettingsAck + frame_bytes(1, 5, 1, ""));
                stream.read_to_end();
              }),
              HasSubstr("PROTOCOL_ERROR"));
}

TEST(GetErrors, ServerThatNeverAnswers) {
  EXPECT_THAT(failure_of([](LoopbackStream& stream) { stream.read_to_end(); }, {"-m", "0.2"}),
              AnyOf(HasSubstr("time"), HasSubstr("Time")));
}

TEST(GetErrors, SilentHidesTheSentenceAndShowErrorShowsIt) {
  const std::string url = "http://127.0.0.1:" + std::to_string(find_free_port()) + "/";
  const Finished silent = run({h2_program(), "get", "-s", "--http2-prior-knowledge", url});
  EXPECT_EQ(silent.exit_code, 1);
  EXPECT_EQ(silent.err, "");
  EXPECT_THAT(failure({"-sS", "--http2-prior-knowledge", url}), HasSubstr("refused"));
}

TEST(GetErrors, WriteOutTellsOfTheFailure) {
  const std::string url = "http://127.0.0.1:" + std::to_string(find_free_port()) + "/";
  const Finished f = run({h2_program(), "get", "-s", "--http2-prior-knowledge", "-w",
                          "%{http_code} %{exitcode} %{errormsg}", url});
  EXPECT_THAT(f.out, AllOf(StartsWith("000 1 "), HasSubstr("refused")));
}

// ---- TLS
// -----------------------------------------------------------------------------------------

class GetTlsErrors : public ::testing::Test {
 protected:
  // The sentence that a server with this certificate provokes; the certificate is trusted if
  // `trusted`.
  std::string failure_with(const CertificateRequest& request, bool trusted,
                           const std::string& alpn = "h2") {
    const CertificateFiles files = make_certificate(dir_, request);
    const LoopbackServer server(
        answer_requests([](const LoopbackRequest&) { return LoopbackResponse{}; }),
        LoopbackTls{files.certificate, files.key, alpn});
    Argv arguments;
    if (trusted) arguments = {"--cacert", files.certificate};
    arguments.push_back(server.origin() + "/");
    std::string sentence = failure(arguments);
    EXPECT_THAT(sentence, HasSubstr("localhost:" + std::to_string(server.port())));
    return sentence;
  }

  ScratchDir dir_;
};

TEST_F(GetTlsErrors, GoodCertificateIsAccepted) {
  const CertificateFiles files = make_certificate(dir_);
  const LoopbackServer server(answer_requests([](const LoopbackRequest&) {
                                return LoopbackResponse{200, {}, "ok"};
                              }),
                              LoopbackTls{files.certificate, files.key});
  const Finished f =
      run({h2_program(), "get", "-v", "--cacert", files.certificate, server.origin() + "/"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "ok");
  EXPECT_THAT(f.err, AllOf(HasSubstr("ALPN: h2"), HasSubstr("TLSv1.3")));
}

TEST_F(GetTlsErrors, InsecureAcceptsAnyCertificate) {
  const CertificateFiles files = make_certificate(dir_, {.name = "other.test"});
  const LoopbackServer server(answer_requests([](const LoopbackRequest&) {
                                return LoopbackResponse{200, {}, "ok"};
                              }),
                              LoopbackTls{files.certificate, files.key});
  EXPECT_EQ(run({h2_program(), "get", "-k", server.origin() + "/"}).out, "ok");
}

TEST_F(GetTlsErrors, ExpiredCertificate) {
  EXPECT_THAT(failure_with({.expired = true}, true),
              AllOf(HasSubstr("certificate"), HasSubstr("expired")));
}

TEST_F(GetTlsErrors, CertificateOfAnotherHost) {
  EXPECT_THAT(failure_with({.name = "other.test"}, true),
              AllOf(HasSubstr("certificate"), AnyOf(HasSubstr("ostname"), HasSubstr("not for"))));
}

TEST_F(GetTlsErrors, UntrustedCertificate) {
  EXPECT_THAT(failure_with({}, false),
              AllOf(HasSubstr("certificate"), AnyOf(HasSubstr("self"), HasSubstr("trust"))));
}

TEST_F(GetTlsErrors, ServerWithoutAlpn) {
  EXPECT_THAT(failure_with({}, true, ""), AllOf(HasSubstr("ALPN"), HasSubstr("h2")));
}

TEST_F(GetTlsErrors, ServerThatChoosesHttp11) {
  EXPECT_THAT(failure_with({}, true, "http/1.1"), AllOf(HasSubstr("ALPN"), HasSubstr("h2")));
}

TEST_F(GetTlsErrors, ServerThatIsNotTls) {
  const LoopbackServer server(send_and_close("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const std::string sentence =
      failure({"https://localhost:" + std::to_string(server.port()) + "/"});
  EXPECT_THAT(sentence, HasSubstr("TLS"));
}

TEST_F(GetTlsErrors, CaFileThatIsNotThere) {
  EXPECT_THAT(failure({"--cacert", "/nonexistent/ca.pem", "https://localhost:1/"}),
              HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace h2::testing
