#include "sip/message.h"

#include <gtest/gtest.h>

#include "support/proves.h"
#include "support/teams_invite.h"

namespace causeway::sip {
namespace {

// A request that has everything; `extra` goes in before the empty line.
std::string options(std::string_view extra = {}, std::string_view body = {}) {
  std::string m =
      "OPTIONS sip:a@example.com SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
      "From: <sip:b@example.com>;tag=1\r\n"
      "To: <sip:a@example.com>\r\n"
      "Call-ID: 1@192.0.2.1\r\n"
      "CSeq: 7 OPTIONS\r\n";
  m.append(extra).append("\r\n").append(body);
  return m;
}

// `line` (up to its CRLF) replaced or, with an empty replacement, taken out.
std::string without(std::string text, std::string_view header, std::string_view instead = {}) {
  const auto at = text.find(header);
  text.replace(at, text.find("\r\n", at) + 2 - at, instead);
  return text;
}

int refusal(const std::string& text) {
  const auto m = Message::parse(text);
  if (!m) return -error_info(m.error().code).sip_status;  // negative: refused by parse()
  const auto s = validate(*m);
  return s ? 0 : error_info(s.error().code).sip_status;
}

TEST(Message, PartsOfARequestAreViewsIntoItsOwnCopy) {
  std::string text = options("Subject: x\r\n", "hello");
  auto m = Message::parse(text);
  text.assign(text.size(), '!');
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->is_request());
  EXPECT_EQ(m->method(), Method::kOptions);
  EXPECT_EQ(m->request_uri(), "sip:a@example.com");
  EXPECT_EQ(m->cseq(), 7U);
  EXPECT_EQ(m->call_id(), "1@192.0.2.1");
  EXPECT_EQ(m->body(), "hello");
  EXPECT_EQ(m->headers().size(), 6U);
  const Message moved = std::move(*m);
  EXPECT_EQ(moved.value(HeaderId::kSubject), "x");
  EXPECT_TRUE(validate(moved));
}

TEST(Message, AResponseTakesItsMethodFromCSeq) {
  const auto m = Message::parse(
      "SIP/2.0 183 Session Progress\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK2\r\nf: <sip:a@b>;tag=1\r\n"
      "t: <sip:b@b>;tag=2\r\ni: x\r\nCSeq: 2147483647 INVITE\r\n\r\n");
  ASSERT_TRUE(m);
  EXPECT_FALSE(m->is_request());
  EXPECT_EQ(m->status(), 183);
  EXPECT_EQ(m->reason_phrase(), "Session Progress");
  EXPECT_EQ(m->method(), Method::kInvite);
  EXPECT_EQ(m->cseq(), 2147483647U);
  EXPECT_TRUE(validate(*m));
}

TEST(Message, HeaderNamesInCapitalsAreTheSameHeaders) {
  const auto m = Message::parse(causeway::testing::teams_invite());
  ASSERT_TRUE(m);
  EXPECT_TRUE(validate(*m));
  EXPECT_EQ(m->value(HeaderId::kAllow), "INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY");
  EXPECT_EQ(m->value(HeaderId::kSupported), "histinfo,timer");
  EXPECT_EQ(m->value(HeaderId::kMinSe), "300");
  EXPECT_EQ(m->value(HeaderId::kPrivacy), "id");
  EXPECT_EQ(m->find(HeaderId::kAllow)->name, "ALLOW") << "as it came";
  EXPECT_EQ(m->find("allow"), m->find(HeaderId::kAllow));
  EXPECT_EQ(m->body(), causeway::testing::teams_sdp());
}

TEST(Message, EveryKnownNameIsFoundInAnyCase) {
  for (std::size_t i = 1; i < kHeaderIdCount; ++i) {
    const auto id = static_cast<HeaderId>(i);
    std::string upper(header_name(id)), lower(upper);
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(header_id(header_name(id)), id) << lower;
    EXPECT_EQ(header_id(upper), id) << upper;
    EXPECT_EQ(header_id(lower), id) << lower;
  }
  EXPECT_EQ(header_id("X-MS-SBC"), HeaderId::kOther);
  EXPECT_EQ(header_id(""), HeaderId::kOther);
  EXPECT_EQ(header_id("Call\rID"),
            HeaderId::kOther);  // '-' and CR differ as letters and capitals do
  EXPECT_EQ(header_id("Content\rLength"), HeaderId::kOther);
}

TEST(Message, CompactNamesStandForLongOnes) {
  const std::pair<const char*, HeaderId> kTable[] = {{"i", HeaderId::kCallId},
                                                     {"m", HeaderId::kContact},
                                                     {"e", HeaderId::kContentEncoding},
                                                     {"l", HeaderId::kContentLength},
                                                     {"c", HeaderId::kContentType},
                                                     {"f", HeaderId::kFrom},
                                                     {"s", HeaderId::kSubject},
                                                     {"k", HeaderId::kSupported},
                                                     {"t", HeaderId::kTo},
                                                     {"v", HeaderId::kVia},
                                                     {"r", HeaderId::kReferTo},
                                                     {"b", HeaderId::kReferredBy},
                                                     {"x", HeaderId::kSessionExpires},
                                                     {"o", HeaderId::kEvent},
                                                     {"y", HeaderId::kIdentity},
                                                     {"n", HeaderId::kIdentityInfo},
                                                     {"a", HeaderId::kAcceptContact},
                                                     {"j", HeaderId::kRejectContact},
                                                     {"d", HeaderId::kRequestDisposition},
                                                     {"V", HeaderId::kVia},
                                                     {"q", HeaderId::kOther},
                                                     {"\xe9", HeaderId::kOther}};
  for (const auto& [name, id] : kTable) EXPECT_EQ(header_id(name), id) << name;
}

TEST(Message, FoldsStayInTheValueByteForByte) {
  const auto m =
      Message::parse(options("Subject : first\r\n  second\r\n\tthird  \r\nX-After: 1\r\n"));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->value(HeaderId::kSubject), "first\r\n  second\r\n\tthird");
  EXPECT_EQ(m->find("x-after")->value, "1");
}

TEST(Message, LineFeedsAloneEndLines) {
  std::string text = options("Subject: a\r\n b\r\n", "body");
  std::erase(text, '\r');
  const auto m = Message::parse(text);
  ASSERT_TRUE(m);
  EXPECT_TRUE(validate(*m));
  EXPECT_EQ(m->value(HeaderId::kSubject), "a\n b");
  EXPECT_EQ(m->body(), "body");
}

TEST(Message, ACarriageReturnAloneIsRefusedSinceOthersTakeItForALineEnd) {
  EXPECT_FALSE(Message::parse(options("Subject: a\rX-Evil: 1\r\n")));
  EXPECT_FALSE(Message::parse("OPTIONS sip:a\rb@example.com SIP/2.0\r\nVia: x\r\n\r\n"));
  EXPECT_TRUE(Message::parse(options("Subject: a\r\n b\r\n")));
}

TEST(Message, ACarriageReturnIsNoHyphenInAName) {
  EXPECT_FALSE(Message::parse("BYE sip:a@b SIP/2.0\r\nCall\rID: 1\r\n\r\n"));
}

TEST(Message, OfItsLinesItIsWhatTheParserMakesOfTheBytes) {
  for (const std::string& bytes :
       {std::string(causeway::testing::teams_invite()),
        std::string(
            "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h\r\nCSeq: 1 BYE\r\nX-A: \r\nX-A: b\r\n c\r\n\r\n"),
        std::string("BYE sip:a@b SIP/2.0\r\nTo: <sip:b@c>\r\nTo: <sip:b@c>\r\n\r\n")}) {
    const auto m = Message::parse(bytes);
    ASSERT_TRUE(m);
    const auto again =
        Message::of_lines(bytes.substr(0, bytes.find('\r')), m->headers(), m->body());
    ASSERT_TRUE(again);
    const auto read = Message::parse(again->bytes());
    ASSERT_TRUE(read);
    ASSERT_EQ(again->headers().size(), read->headers().size());
    for (std::size_t i = 0; i < read->headers().size(); ++i) {
      const HeaderField &a = again->headers()[i], &b = read->headers()[i];
      EXPECT_EQ(a.id, b.id);
      EXPECT_EQ(a.name, b.name);
      EXPECT_EQ(a.value, b.value);
    }
    EXPECT_EQ(again->body(), read->body());
    EXPECT_EQ(again->method(), read->method());
    EXPECT_EQ(again->status(), read->status());
    EXPECT_EQ(again->cseq(), read->cseq());
    EXPECT_EQ(again->value(HeaderId::kTo), read->value(HeaderId::kTo));
    EXPECT_EQ(validate(*again).has_value(), validate(*read).has_value());
  }
}

TEST(Message, OfTooManyLinesThereIsNone) {
  const std::vector<HeaderField> lines(257, {HeaderId::kOther, "X-A", "1"});
  EXPECT_EQ(Message::of_lines("BYE sip:a@b SIP/2.0", lines, {}).error().code, ErrorCode::kTooLarge);
  const std::string body(65'535, 'b');
  EXPECT_EQ(Message::of_lines("BYE sip:a@b SIP/2.0", {}, body).error().code, ErrorCode::kTooLarge);
}

TEST(Message, WhatItWasMadeOfIsNotValidatedAgain) {
  const auto with = [](std::string_view contact, std::string_view to) {
    return *Message::parse(
        "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: " +
        std::string(to) + "\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: " + std::string(contact) +
        "\r\n\r\n");
  };
  const auto bad = with("<sip:", "<sip:b@c>");
  EXPECT_FALSE(validate(bad));
  EXPECT_TRUE(validate(with("<sip:", "<sip:d@e>"), &bad)) << "its Contact is as it was";
  EXPECT_FALSE(validate(with("<sip: ", "<sip:"), &bad)) << "its To is not";
  EXPECT_FALSE(validate(with("<sip:x", "<sip:b@c>"), &bad));
  EXPECT_FALSE(validate(with("<sip:\r\nContact: <sip:", "<sip:b@c>"), &bad)) << "one more";
}

TEST(Message, EmptyValuesAndLeadingLineEndsAreFine) {
  const auto m = Message::parse("\r\n\r\n" + options("Subject:\r\nSupported: \r\n"));
  ASSERT_TRUE(m);
  EXPECT_TRUE(validate(*m));
  EXPECT_TRUE(m->has(HeaderId::kSubject));
  EXPECT_EQ(m->value(HeaderId::kSubject), "");
  EXPECT_EQ(m->value(HeaderId::kSupported), "");
}

TEST(Message, RepeatedHeadersKeepTheirOrder) {
  const auto m =
      Message::parse(options("Route: <sip:1>\r\nX-A: 1\r\nroute: <sip:2>\r\nX-A: 2\r\n"));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->count(HeaderId::kRoute), 2U);
  EXPECT_EQ(m->value(HeaderId::kRoute), "<sip:1>");
  EXPECT_EQ(m->find("x-a")->value, "1");
  EXPECT_EQ(m->headers()[7].value, "<sip:2>");
}

TEST(Message, NothingThatHasNoStartLineOrHeadersIsParsed) {
  for (const char* text : {"",
                           "\r\n\r\n",
                           "\r\n",
                           "INVITE",
                           "INVITE sip:a@b SIP/2.0",
                           "INVITE sip:a@b SIP/2.0\r\n",
                           "INVITE sip:a@b\r\n\r\n",
                           " sip:a@b SIP/2.0\r\n\r\n",
                           "IN(VITE sip:a@b SIP/2.0\r\n\r\n",
                           "INVITE sip:a@b HTTP/1.1\r\n\r\n",
                           "SIP/2.0 20 OK\r\n\r\n",
                           "SIP/2.0 2OO OK\r\n\r\n",
                           "SIP/2.0 099 X\r\n\r\n",
                           "SIP/2.0 700 X\r\n\r\n",
                           "SIP/2.0 2000 X\r\n\r\n",
                           "OPTIONS sip:a@b SIP/2.0\r\nVia\r\n\r\n",
                           "OPTIONS sip:a@b SIP/2.0\r\n: x\r\n\r\n",
                           "OPTIONS sip:a@b SIP/2.0\r\n Via: x\r\n\r\n",
                           "OPTIONS sip:a@b SIP/2.0\r\nVi a: x\r\n\r\n",
                           "OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n",
                           "OPTIONS sip:a@b SIP/2.0\r\nVia\r\n : x\r\n\r\n"}) {
    const auto m = Message::parse(text);
    EXPECT_FALSE(m) << text;
    if (!m) {
      EXPECT_EQ(m.error().code, ErrorCode::kMalformed) << text;
    }
  }
}

TEST(Message, TheVersionIsComparedWithoutCase) {
  EXPECT_EQ(refusal(without(options(), "OPTIONS", "OPTIONS sip:a@example.com sip/2.0\r\n")), 0);
  EXPECT_TRUE(Message::parse("Sip/2.0 200 OK\r\nVia: x\r\n\r\n"));
}

TEST(Message, BoundsAreRefusedAsTooLarge) {
  const ParseLimits small{
      .max_message = 1000, .max_headers = 8, .max_header_name = 16, .max_start_line = 64};
  const auto code = [&](const std::string& text) {
    const auto m = Message::parse(text, small);
    return m ? ErrorCode::kInternal : m.error().code;
  };
  EXPECT_TRUE(Message::parse(options("X: 1\r\nX: 2\r\nX: 3\r\n"), small));
  EXPECT_EQ(code(options("X: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\n")), ErrorCode::kTooLarge);
  EXPECT_EQ(code(options("X-Seventeen-Chars: 1\r\n")), ErrorCode::kTooLarge);
  EXPECT_EQ(code(options({}, std::string(1000, 'b'))), ErrorCode::kTooLarge);
  EXPECT_EQ(
      code(without(options(), "OPTIONS", "OPTIONS sip:" + std::string(60, 'u') + "@h SIP/2.0\r\n")),
      ErrorCode::kTooLarge);
  EXPECT_EQ(error_info(ErrorCode::kTooLarge).sip_status, 513);
}

TEST(Message, ADatagramsContentLengthCutsItsBody) {
  const auto m = Message::parse(options("Content-Length: 3\r\n", "abcdef"));
  ASSERT_TRUE(m);
  EXPECT_TRUE(validate(*m));
  EXPECT_EQ(m->body(), "abc");
  EXPECT_EQ(Message::parse(options({}, "abcdef"))->body(), "abcdef") << "to the end without one";
}

TEST(Message, ValidateAnswersWithTheCodeOfTheMistake) {
  const std::string good = options();
  EXPECT_EQ(refusal(good), 0);
  for (const char* header : {"Via:", "From:", "To:", "Call-ID:", "CSeq:"})
    EXPECT_EQ(refusal(without(good, header)), 400) << header;
  for (const char* twice :
       {"From: <sip:x@y>;tag=2\r\n", "To: <sip:x@y>\r\n", "Call-ID: 2\r\n", "CSeq: 8 OPTIONS\r\n",
        "Max-Forwards: 70\r\nMax-Forwards: 70\r\n", "Content-Length: 0\r\nl: 0\r\n"})
    EXPECT_EQ(refusal(options(twice)), 400) << twice;
  EXPECT_EQ(refusal(options("Max-Forwards: 256\r\n")), 400);
  EXPECT_EQ(refusal(options("Max-Forwards: -1\r\n")), 400);
  EXPECT_EQ(refusal(options("Max-Forwards: 0\r\n")), 0);
  EXPECT_EQ(refusal(options("Content-Length: 5\r\n", "1234")), 400);
  EXPECT_EQ(refusal(options("Content-Length: -5\r\n", "12345")), 400);
  EXPECT_EQ(refusal(options("Content-Length: 5x\r\n", "12345")), 400);
  EXPECT_EQ(refusal(options("Content-Length: \r\n")), 400);
  for (const char* cseq : {"CSeq: OPTIONS\r\n", "CSeq: 4294967296 OPTIONS\r\n", "CSeq: 1\r\n",
                           "CSeq: 1 INVITE\r\n", "CSeq: 1 OPTIONS x\r\n", "CSeq: -1 OPTIONS\r\n"})
    EXPECT_EQ(refusal(without(good, "CSeq:", cseq)), 400) << cseq;
  EXPECT_EQ(refusal(without(good, "Call-ID:", "Call-ID:\r\n")), 400);
  EXPECT_EQ(refusal(without(good, "Via:", "Via: SIP/2.0/UDP\r\n")), 400);
  EXPECT_EQ(refusal(options("Via: rubbish\r\n")), 400) << "every Via goes back in the response";
  EXPECT_EQ(refusal(without(good, "From:", "From: \"x <sip:b@example.com>;tag=1\r\n")), 400);
  EXPECT_EQ(refusal(without(good, "To:", "To: <sip:a@example.com\r\n")), 400);
  const auto line = [&](std::string_view l) { return refusal(without(good, "OPTIONS", l)); };
  EXPECT_EQ(line("OPTIONS sip:a@example.com SIP/3.0\r\n"), 505);
  EXPECT_EQ(line("OPTIONS mailto:a@example.com SIP/2.0\r\n"), 416);
  EXPECT_EQ(line("OPTIONS urn:service:sos SIP/2.0\r\n"), 0) << "policy says which are routed";
  EXPECT_EQ(line("OPTIONS urn:service: SIP/2.0\r\n"), 416);
  EXPECT_EQ(line("OPTIONS <sip:a@example.com> SIP/2.0\r\n"), 400);
  EXPECT_EQ(line("OPTIONS sip:a@ex ample.com SIP/2.0\r\n"), 400);
  EXPECT_EQ(line("OPTIONS sip:@example.com SIP/2.0\r\n"), 400);
  EXPECT_EQ(line("OPTIONS tel:+4930901820 SIP/2.0\r\n"), 0);
}

TEST(Message, MethodsAreCaseSensitive) {
  for (int i = 0; i < static_cast<int>(Method::kOther); ++i) {
    const auto m = static_cast<Method>(i);
    EXPECT_EQ(method_of(to_string(m)), m);
  }
  EXPECT_EQ(method_of("invite"), Method::kOther);
  EXPECT_EQ(to_string(Method::kOther), "OTHER");
}

TEST(Message, WhatIdentifiesADialogIsStrict) {
  const std::string good = options();
  EXPECT_EQ(refusal(good), 0);
  const auto with = [&](const char* header, const char* line) {
    return without(good, header, line);
  };
  EXPECT_EQ(refusal(with("CSeq", "CSeq: 2147483648 OPTIONS\r\n")), 400);  // 8.1.1.5: below 2^31
  EXPECT_EQ(refusal(with("Call-ID", "Call-ID: a b\r\n")), 400);
  EXPECT_EQ(refusal(with("Call-ID", "Call-ID: a@b@c\r\n")), 400);
  EXPECT_EQ(refusal(with("Call-ID", "Call-ID: a!%*_+`'~()<>:\\\"/[]?{}@b\r\n")), 0);
  EXPECT_EQ(refusal(with("From", "From: <sip:b@example.com>;tag=\"1\"\r\n")), 400);
  EXPECT_EQ(refusal(with("From", "From: <sip:b@example.com>;tag=\r\n")), 400);
  EXPECT_EQ(refusal(with("To", "To: <sip:a@example.com>;tag=a,b\r\n")), 400);
}

TEST(Message, RoutesAreAddressesInBrackets) {
  EXPECT_EQ(refusal(options("Route: <sip:p;lr>, \"P\" <sip:q:5061;lr>\r\n")), 0);
  EXPECT_EQ(refusal(options("Record-Route: <sip:p;lr>,<sips:q>;x=1\r\n")), 0);
  EXPECT_EQ(refusal(options("Record-Route: sip:p\r\n")), 400);
  EXPECT_EQ(refusal(options("Route: <sip:p;lr>\r\nRoute: <mailto:a@b>\r\n")), 400);
  EXPECT_EQ(refusal(options("Record-Route: <sip:p;lr\r\n")), 400);
}

TEST(Message, QuirksAreTakenAndNamed) {
  const auto quirks = [](const std::string& text) {
    const auto m = Message::parse(text);
    EXPECT_TRUE(m && validate(*m)) << text;
    return m ? int{m->quirks()} : -1;
  };
  const std::string good =
      options("Contact: \"\xc3\xa4\" <sip:c@h>, Some Token.1 <sip:d@h>\r\n", "a\nb");
  EXPECT_EQ(quirks(good), 0) << "a body may hold what it likes";
  std::string feeds = good;
  feeds.replace(feeds.find("\r\nCall-ID"), 2, "\n");
  EXPECT_EQ(quirks(feeds), kBareLineFeed);
  std::string last = options();
  last.replace(last.size() - 2, 2, "\n");
  EXPECT_EQ(quirks(last), kBareLineFeed);
  std::string start = options();
  start.replace(start.find("\r\n"), 2, "\n");
  EXPECT_EQ(quirks(start), kBareLineFeed);
  EXPECT_EQ(quirks(options("Subject: a\n b\r\n")), kBareLineFeed) << "inside a fold";
  EXPECT_EQ(quirks(options("Contact: <sip:a@my_host>\r\n")), kUnderscoreInHost);
  EXPECT_EQ(quirks(without(good, "From", "From: J\xc3\xbcrgen <sip:b@h>;tag=1\r\n")),
            kFreeDisplayName);
  EXPECT_EQ(quirks(without(good, "From", "From: \"J\"x <sip:b@h>;tag=1\r\n")), kFreeDisplayName);
  EXPECT_EQ(quirks(without(good, "To", "To: <sip:50%@h>\r\n")), kBrokenEscape);
  EXPECT_EQ(quirks(without(good, "To", "To: <sip:%4g@h>\r\n")), kBrokenEscape);
  EXPECT_EQ(quirks(without(good, "To", "To: <sip:%23%2B@h>\r\n")), 0);
  for (const std::uint8_t bit : {kBareLineFeed, kUnderscoreInHost, kFreeDisplayName, kBrokenEscape})
    EXPECT_FALSE(describe_quirk(bit).empty());
  EXPECT_TRUE(describe_quirk(0).empty());
}

}  // namespace
}  // namespace causeway::sip
