// URLs: what is taken, what is refused, and with which words.
#include "client/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace h2::client {
namespace {

using ::testing::HasSubstr;

struct Good {
  const char* text;
  const char* scheme;
  const char* host;
  int port;
  const char* path;
  const char* authority;
};

TEST(Url, GoodOnesAreTakenApart) {
  const Good cases[] = {
      {"https://example.com", "https", "example.com", 443, "/", "example.com"},
      {"http://example.com/", "http", "example.com", 80, "/", "example.com"},
      {"HTTPS://EXAMPLE.com/Path", "https", "example.com", 443, "/Path", "example.com"},
      {"https://example.com:443/", "https", "example.com", 443, "/", "example.com"},
      {"https://example.com:80/", "https", "example.com", 80, "/", "example.com:80"},
      {"http://example.com:443/", "http", "example.com", 443, "/", "example.com:443"},
      {"https://example.com:/x", "https", "example.com", 443, "/x", "example.com"},
      {"http://h:65535/a?b=c#d", "http", "h", 65535, "/a?b=c", "h:65535"},
      {"http://h:1", "http", "h", 1, "/", "h:1"},
      {"http://h?q", "http", "h", 80, "/?q", "h"},
      {"http://h#f", "http", "h", 80, "/", "h"},
      {"http://h/a//b/../c;p?x=/?@:", "http", "h", 80, "/a//b/../c;p?x=/?@:", "h"},
      {"http://127.0.0.1:8080/", "http", "127.0.0.1", 8080, "/", "127.0.0.1:8080"},
      {"https://[::1]/", "https", "::1", 443, "/", "[::1]"},
      {"https://[2001:DB8::1]:8443/x", "https", "2001:db8::1", 8443, "/x", "[2001:db8::1]:8443"},
      {"https://[::ffff:1.2.3.4]", "https", "::ffff:1.2.3.4", 443, "/", "[::ffff:1.2.3.4]"},
      {"http://under_score.test/", "http", "under_score.test", 80, "/", "under_score.test"},
      {"http://h/%20%zz", "http", "h", 80, "/%20%zz", "h"},
  };
  for (const Good& c : cases) {
    SCOPED_TRACE(c.text);
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->scheme, c.scheme);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->path, c.path);
    EXPECT_EQ(url->authority(), c.authority);
    // What was taken apart and put together again is the same URL.
    const auto again = parse_url(url->to_string());
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *url);
  }
}

struct Bad {
  std::string text;
  UrlErrc code;
  const char* names;
};

TEST(Url, BadOnesAreRefusedAndNamed) {
  const Bad cases[] = {
      {"", UrlErrc::kSchemeMissing, "http://"},
      {"example.com", UrlErrc::kSchemeMissing, "example.com"},
      {"/path", UrlErrc::kSchemeMissing, "/path"},
      {"://h/", UrlErrc::kSchemeMissing, "://h/"},
      {"http:/h/", UrlErrc::kSchemeMissing, "http:/h/"},
      {"1http://h/", UrlErrc::kSchemeMissing, "1http"},
      {"ftp://h/", UrlErrc::kSchemeUnsupported, "ftp"},
      {"httpss://h/", UrlErrc::kSchemeUnsupported, "httpss"},
      {"http://", UrlErrc::kHostMissing, "http://"},
      {"http:///path", UrlErrc::kHostMissing, "/path"},
      {"http://:80/", UrlErrc::kHostMissing, ":80"},
      {"http://user@h/", UrlErrc::kUserinfo, "h"},
      {"http://user:secret@h/", UrlErrc::kUserinfo, "h"},
      {"http://h:0/", UrlErrc::kPortInvalid, "\"0\""},
      {"http://h:65536/", UrlErrc::kPortInvalid, "65536"},
      {"http://h:99999999999999999999/", UrlErrc::kPortInvalid, "99999999999999999999"},
      {"http://h:8x/", UrlErrc::kPortInvalid, "8x"},
      {"http://h:-1/", UrlErrc::kPortInvalid, "-1"},
      {"http://h:1:2/", UrlErrc::kPortInvalid, "1:2"},
      {"http://::1/", UrlErrc::kHostMissing, "::1"},
      {"http://[::1/", UrlErrc::kHostInvalid, "[::1"},
      {"http://[::1]x/", UrlErrc::kHostInvalid, "[::1]x"},
      {"http://[1.2.3.4]/", UrlErrc::kHostInvalid, "1.2.3.4"},
      {"http://[fe80::1%25eth0]/", UrlErrc::kHostInvalid, "fe80"},
      {"http://1.2.3/", UrlErrc::kHostInvalid, "1.2.3"},
      {"http://1.2.3.256/", UrlErrc::kHostInvalid, "1.2.3.256"},
      {"http://ex%61mple/", UrlErrc::kHostInvalid, "ex%61mple"},
      {"http://a\\b/", UrlErrc::kHostInvalid, "a\\b"},
      {"http://h/a b", UrlErrc::kCharacterInvalid, "\" \""},
      {"http://h/\r\nx: y", UrlErrc::kCharacterInvalid, "\\x0d"},
      {std::string("http://h/\0", 10), UrlErrc::kCharacterInvalid, "\\x00"},
      {"http://h/\x7f", UrlErrc::kCharacterInvalid, "\\x7f"},
      {"http://h/\xc3\xa4", UrlErrc::kCharacterInvalid, "\\xc3"},
  };
  for (const Bad& c : cases) {
    SCOPED_TRACE(c.text);
    const auto url = parse_url(c.text);
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().code, c.code) << url.error().message;
    EXPECT_THAT(url.error().message, HasSubstr(c.names));
  }
}

TEST(Url, PasswordsDoNotShowInTheMessage) {
  const auto url = parse_url("http://user:secret@h/");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
}

TEST(Url, OriginAlwaysHasThePort) {
  EXPECT_EQ(parse_url("https://[::1]/x")->origin(), "https://[::1]:443");
  EXPECT_EQ(parse_url("https://A/")->origin(), parse_url("https://a:443/b")->origin());
  EXPECT_NE(parse_url("https://a/")->origin(), parse_url("http://a:443/")->origin());
}

}  // namespace
}  // namespace h2::client
