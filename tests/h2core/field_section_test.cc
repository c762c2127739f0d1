// What makes a message's fields valid, each rule by itself, for received and for sent fields alike.
#include "h2core/field_section.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2core/field_syntax.h"

namespace h2 {
namespace {

using hpack::HeaderField;
using Fields = std::vector<HeaderField>;

// Both ways of asking must agree; the received one goes through a list whose annotations
// classify_field made, as the decoder does.
template <class Check>
SectionInfo both(const Fields& fields, Check check) {
  hpack::FieldList list(default_memory());
  for (HeaderField field : fields) {
    field.token = hpack::lookup_token(field.name);
    field.annotation = classify_field(field);
    EXPECT_TRUE(list.append(field));
  }
  const SectionInfo received =
      check(hpack::FieldsView{&list, 0, static_cast<std::uint32_t>(list.size())});
  const SectionInfo sent = check(std::span<const HeaderField>(fields));
  EXPECT_EQ(received.fault, sent.fault)
      << to_string(received.fault) << " / " << to_string(sent.fault);
  EXPECT_EQ(received.status, sent.status);
  EXPECT_EQ(received.content_length, sent.content_length);
  return received;
}

SectionInfo request(const Fields& fields, bool extended = false) {
  return both(fields, [&](const auto& f) { return check_request(f, extended); });
}
SectionInfo response(const Fields& fields) {
  return both(fields, [](const auto& f) { return check_response(f); });
}
SectionInfo trailers(const Fields& fields) {
  return both(fields, [](const auto& f) { return check_trailers(f); });
}

Fields get(std::initializer_list<HeaderField> more = {}) {
  Fields fields = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "example.com"}, {":path", "/"}};
  fields.insert(fields.end(), more);
  return fields;
}

Fields with(std::size_t index, std::string_view value) {
  Fields fields = get();
  fields[index].value = value;
  return fields;
}

Fields without(std::size_t index) {
  Fields fields = get();
  fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(index));
  return fields;
}

TEST(Request, AnOrdinaryOneIsFine) {
  const auto info =
      request(get({{"accept", "*/*"}, {"te", "trailers"}, {"content-length", "17"}, {"x_y", ""}}));
  EXPECT_EQ(info.fault, Errc::kNone);
  EXPECT_EQ(info.content_length, 17U);
  EXPECT_FALSE(info.is_head);
  EXPECT_TRUE(
      request({{":method", "HEAD"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})
          .is_head);
}

TEST(Request, NamesOfWrongCharactersAreRefused) {
  for (const std::string_view name :
       {"", "Accept", "x y", "x:y", "x\ty", "x\x7f", "x\x80", "(x)"}) {
    EXPECT_EQ(request(get({{name, "v"}})).fault, Errc::kFieldNameInvalid) << name;
  }
  EXPECT_EQ(request(get({{std::string_view("x\0y", 3), "v"}})).fault, Errc::kFieldNameInvalid);
}

TEST(Request, ValuesOfWrongCharactersAreRefused) {
  for (const std::string_view value :
       {std::string_view("a\rb"), std::string_view("a\nb"), std::string_view("a\0b", 3),
        std::string_view(" a"), std::string_view("a "), std::string_view("\ta"),
        std::string_view("a\t"), std::string_view(" ")}) {
    EXPECT_EQ(request(get({{"x", value}})).fault, Errc::kFieldValueInvalid);
  }
  EXPECT_EQ(request(get({{"x", "a b\tc \x80\xff"}})).fault, Errc::kNone);
}

TEST(Request, ConnectionSpecificFieldsAreRefused) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_EQ(request(get({{name, "x"}})).fault, Errc::kFieldConnectionSpecific) << name;
  }
  EXPECT_EQ(request(get({{"te", "gzip"}})).fault, Errc::kFieldConnectionSpecific);
}

TEST(Request, PseudoFieldsAreCompleteAndFirstAndOnce) {
  EXPECT_EQ(request(without(0)).fault, Errc::kPseudoFieldMissing);
  EXPECT_EQ(request(without(1)).fault, Errc::kPseudoFieldMissing);
  EXPECT_EQ(request(without(3)).fault, Errc::kPseudoFieldMissing);
  EXPECT_EQ(request(without(2)).fault, Errc::kPseudoFieldMissing);  // and no host
  EXPECT_EQ(request(get({{":method", "GET"}})).fault, Errc::kPseudoFieldDuplicate);
  Fields late = without(3);
  late.push_back({"x", "y"});
  late.push_back({":path", "/"});
  EXPECT_EQ(request(late).fault, Errc::kPseudoFieldAfterRegular);
  EXPECT_EQ(request(get({{":status", "200"}})).fault, Errc::kPseudoFieldUnknown);
  EXPECT_EQ(request(get({{":unknown", "x"}})).fault, Errc::kPseudoFieldUnknown);
}

TEST(Request, PseudoValuesFollowTheirGrammar) {
  for (const std::string_view value : {"", "G ET", "GET\t", "G\x80T"}) {
    EXPECT_EQ(request(with(0, value)).fault, Errc::kPseudoFieldInvalid) << value;
  }
  for (const std::string_view value : {"", "1http", "ht tp", "http:"}) {
    EXPECT_EQ(request(with(1, value)).fault, Errc::kPseudoFieldInvalid) << value;
  }
  for (const std::string_view value : {"", "user@example.com", "a/b", "a b", "a\x80"}) {
    EXPECT_EQ(request(with(2, value)).fault, Errc::kPseudoFieldInvalid) << value;
  }
  for (const std::string_view value : {"", "a", "/a b", "/a\r\nb", "/\x80", "*"}) {
    EXPECT_EQ(request(with(3, value)).fault, Errc::kPseudoFieldInvalid) << value;
  }
  Fields options = with(3, "*");
  options[0].value = "OPTIONS";
  EXPECT_EQ(request(options).fault, Errc::kNone);
}

TEST(Request, HostAgreesWithAuthorityOrStandsForIt) {
  EXPECT_EQ(request(get({{"host", "EXAMPLE.com"}})).fault, Errc::kNone);
  EXPECT_EQ(request(get({{"host", "other.com"}})).fault, Errc::kAuthorityMismatch);
  EXPECT_EQ(request(get({{"host", "example.com"}, {"host", "example.com"}})).fault,
            Errc::kAuthorityMismatch);
  Fields host_only = without(2);
  host_only.push_back({"host", "example.com"});
  EXPECT_EQ(request(host_only).fault, Errc::kNone);
  host_only.back().value = "user@example.com";
  EXPECT_EQ(request(host_only).fault, Errc::kAuthorityMismatch);
}

TEST(Request, HostMayDifferFromAuthorityInWhatTheSchemeImplies) {
  const auto both_of = [](std::string_view scheme, std::string_view authority,
                          std::string_view host) {
    Fields fields = get({{"host", host}});
    fields[1].value = scheme;
    fields[2].value = authority;
    return request(fields).fault;
  };
  EXPECT_EQ(both_of("https", "a.test", "a.test:443"), Errc::kNone);
  EXPECT_EQ(both_of("https", "a.test:443", "A.test"), Errc::kNone);
  EXPECT_EQ(both_of("https", "a.test:", "a.test:443"), Errc::kNone);
  EXPECT_EQ(both_of("http", "a.test", "a.test:80"), Errc::kNone);
  EXPECT_EQ(both_of("http", "[::1]", "[::1]:80"), Errc::kNone);
  EXPECT_EQ(both_of("https", "a.test", "a.test:80"), Errc::kAuthorityMismatch);
  EXPECT_EQ(both_of("http", "a.test", "a.test:443"), Errc::kAuthorityMismatch);
  EXPECT_EQ(both_of("other", "a.test", "a.test:443"), Errc::kAuthorityMismatch);
  EXPECT_EQ(both_of("https", "a.test:8443", "a.test"), Errc::kAuthorityMismatch);
  EXPECT_EQ(both_of("https", "[::443]", "[::]"), Errc::kAuthorityMismatch);
  EXPECT_EQ(both_of("https", "[2001:db8::443]", "[2001:db8:]"), Errc::kAuthorityMismatch);
}

TEST(Request, EveryEntryOfTheStaticTableIsJudgedLikeALiteral) {
  std::size_t faulty = 0;
  for (std::uint32_t i = 1; i <= hpack::kStaticEntries; ++i) {
    const hpack::StaticEntry& entry = hpack::kStaticTable[i];
    const std::uint32_t fault = classify_field({entry.name, entry.value, false, entry.token, 0});
    EXPECT_EQ(kStaticFieldFaults[i], fault) << i << " " << entry.name;
    if (fault != 0) ++faulty;
  }
  EXPECT_EQ(faulty, 2U);
}

TEST(Request, ConnectHasItsOwnShape) {
  EXPECT_EQ(request({{":method", "CONNECT"}, {":authority", "example.com:443"}}).fault,
            Errc::kNone);
  EXPECT_TRUE(request({{":method", "CONNECT"}, {":authority", "example.com:443"}}).is_connect);
  EXPECT_EQ(request({{":method", "CONNECT"}}).fault, Errc::kConnectMalformed);
  Fields full = get();
  full[0].value = "CONNECT";
  EXPECT_EQ(request(full).fault, Errc::kConnectMalformed);
  full.push_back({":protocol", "websocket"});
  EXPECT_EQ(request(full, true).fault, Errc::kNone);
  EXPECT_EQ(request(full, false).fault, Errc::kExtendedConnectNotOffered);
  EXPECT_EQ(request(get({{":protocol", "websocket"}}), true).fault, Errc::kConnectMalformed);
}

TEST(Request, ContentLengthIsOneDecimalNumber) {
  for (const std::string_view value :
       {"", "+3", "-1", "3, 3", "1_0", "0x3", "9223372036854775808", " 3"}) {
    EXPECT_NE(request(get({{"content-length", value}})).fault, Errc::kNone) << value;
  }
  EXPECT_EQ(request(get({{"content-length", "3"}, {"content-length", "3"}})).fault,
            Errc::kContentLengthInvalid);
  EXPECT_EQ(request(get({{"content-length", "9223372036854775807"}})).content_length,
            9223372036854775807U);
}

TEST(Response, StatusIsThreeDigitsFromOneHundredOn) {
  EXPECT_EQ(response({{":status", "204"}}).status, 204);
  EXPECT_EQ(response({{":status", "100"}}).fault, Errc::kNone);
  EXPECT_EQ(response({{":status", "599"}}).fault, Errc::kNone);
  for (const std::string_view value : {"", "20", "2000", "2x0", "099", "+20"}) {
    EXPECT_EQ(response({{":status", value}}).fault, Errc::kPseudoFieldInvalid) << value;
    EXPECT_EQ(response({{":status", value}}).status, 0);
  }
  EXPECT_EQ(response({{"server", "x"}}).fault, Errc::kPseudoFieldMissing);
  EXPECT_EQ(response({{":status", "200"}, {":status", "200"}}).fault, Errc::kPseudoFieldDuplicate);
  EXPECT_EQ(response({{":status", "200"}, {":path", "/"}}).fault, Errc::kPseudoFieldUnknown);
}

TEST(Response, StatusAboveFiveHundredNinetyNineIsReceivedButNotSent) {
  for (const std::string_view value : {"600", "999"}) {
    HeaderField field{":status", value, false, hpack::Token::kStatus, 0};
    field.annotation = classify_field(field);
    hpack::FieldList list(default_memory());
    ASSERT_TRUE(list.append(field));
    const SectionInfo received = check_response(hpack::FieldsView{&list, 0, 1});
    EXPECT_EQ(received.fault, Errc::kNone);
    EXPECT_EQ(std::to_string(received.status), value);
    const SectionInfo sent = check_response(std::span<const HeaderField>(&field, 1));
    EXPECT_EQ(sent.fault, Errc::kPseudoFieldInvalid);
    EXPECT_EQ(sent.status, 0);
  }
}

TEST(Trailers, NothingThatFramesTheMessage) {
  EXPECT_EQ(trailers({{"grpc-status", "0"}, {"etag", "x"}}).fault, Errc::kNone);
  for (const char* name : {":status", ":path", ":other"}) {
    EXPECT_EQ(trailers({{name, "x"}}).fault, Errc::kPseudoFieldInTrailers) << name;
  }
  EXPECT_EQ(trailers({{"content-length", "1"}}).fault, Errc::kFieldNotAllowedInTrailers);
  EXPECT_EQ(trailers({{"transfer-encoding", "chunked"}}).fault, Errc::kFieldConnectionSpecific);
  EXPECT_EQ(trailers({{"connection", "close"}}).fault, Errc::kFieldConnectionSpecific);
}

TEST(Trailers, WhatBelongsIntoTheHeaderSectionIsReceivedButNotSent) {
  for (const char* name : {"host", "authorization", "set-cookie", "content-type",
                           "content-encoding", "trailer", "expect", "cookie"}) {
    HeaderField field{name, "trailers", false, hpack::lookup_token(name), 0};
    field.annotation = classify_field(field);
    hpack::FieldList list(default_memory());
    ASSERT_TRUE(list.append(field));
    EXPECT_EQ(check_trailers(hpack::FieldsView{&list, 0, 1}).fault, Errc::kNone) << name;
    EXPECT_EQ(check_trailers(std::span<const HeaderField>(&field, 1)).fault,
              Errc::kFieldNotAllowedInTrailers)
        << name;
  }
}

TEST(BodyLength, CountsAgainstWhatWasAnnounced) {
  BodyLength any;
  any.expect(std::nullopt);
  EXPECT_TRUE(any.add(1'000));
  EXPECT_TRUE(any.complete());
  BodyLength ten;
  ten.expect(10);
  EXPECT_TRUE(ten.add(4));
  EXPECT_FALSE(ten.complete());
  EXPECT_TRUE(ten.add(6));
  EXPECT_TRUE(ten.complete());
  EXPECT_FALSE(ten.add(1));
  BodyLength none;
  none.expect_none();
  EXPECT_TRUE(none.complete());
  EXPECT_FALSE(none.add(1));
  EXPECT_TRUE(none.forbidden());
}

TEST(FieldSyntax, CanBeAskedAlone) {
  EXPECT_TRUE(is_field_name("x-name!#$%&'*+-.^_`|~9"));
  for (const std::string_view name : {"", "Upper", "a b", ":path", "\x7f", "n\xe4me", "a:b"}) {
    EXPECT_FALSE(is_field_name(name)) << name;
  }
  EXPECT_TRUE(is_field_value(""));
  EXPECT_TRUE(is_field_value("a \t\xff b"));
  for (const std::string_view value : {" a", "a\t", "a\rb", "a\nb"}) {
    EXPECT_FALSE(is_field_value(value));
  }
  EXPECT_FALSE(is_field_value(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_method("GET") && is_method("m-search") && !is_method("") && !is_method("G T"));
  EXPECT_TRUE(is_path("/a?b") && is_path("*") && !is_path("") && !is_path("a") && !is_path("/ä"));
  EXPECT_TRUE(is_scheme("https") && is_scheme("a+b") && !is_scheme("1a") && !is_scheme(""));
  EXPECT_TRUE(is_authority("a:1") && is_authority("[::1]:1") && !is_authority("u@a"));
  EXPECT_TRUE(is_status("200") && is_status("999") && !is_status("099") && !is_status("20"));
  EXPECT_TRUE(is_connection_specific("upgrade") && is_connection_specific("http2-settings"));
  EXPECT_FALSE(is_connection_specific("te"));
  EXPECT_EQ(parse_content_length("12"), 12U);
  EXPECT_EQ(parse_content_length("9223372036854775807"), 9'223'372'036'854'775'807U);
  for (const std::string_view value : {"", "-1", "+1", "1,1", "0x1", "9223372036854775808"}) {
    EXPECT_FALSE(parse_content_length(value)) << value;
  }
}

}  // namespace
}  // namespace h2
