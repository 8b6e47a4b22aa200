// Every message of tests/sip/torture (RFC 4475, RFC 5118), by its section, against what index.txt
// says; and what the valid ones mean.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "sip/build.h"
#include "sip/headers.h"
#include "sip/message.h"

namespace causeway::sip {
namespace {

struct Case {
  std::string name, rfc, section, transport, verdict, answer;
};

std::string directory() {
  return std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/tests/sip/torture/";
}

std::string bytes_of(const std::string& name) {
  std::ifstream in(directory() + name + ".sip", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Case> cases() {
  std::vector<Case> out;
  if (!std::getenv("CAUSEWAY_SOURCE_DIR")) return out;  // run by hand: ctest sets it
  std::ifstream in(directory() + "index.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    Case c;
    words >> c.name >> c.rfc >> c.section >> c.transport >> c.verdict >> c.answer;
    out.push_back(c);
  }
  return out;
}

Message parsed(const std::string& name) {
  auto m = Message::parse(bytes_of(name));
  EXPECT_TRUE(m) << name;
  return std::move(*m);
}

TEST(Torture, EverySectionIsThere) {
  const auto all = cases();
  std::size_t of_4475 = 0;
  std::size_t of_5118 = 0;
  for (const Case& c : all) ++(c.rfc == "4475" ? of_4475 : of_5118);
  EXPECT_EQ(of_4475, 49U);
  EXPECT_EQ(of_5118, 12U);  // ten sections, two of them with a pair
}

TEST(Torture, IsTakenOrRefusedAsTheIndexSays) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.rfc + " " + c.section + " " + c.name);
    const auto m = Message::parse(bytes_of(c.name));
    if (c.verdict.starts_with("-")) {
      ASSERT_FALSE(m);
      EXPECT_EQ("-" + std::to_string(error_info(m.error().code).sip_status), c.verdict);
      continue;
    }
    ASSERT_TRUE(m) << m.error().what;
    const auto s = validate(*m);
    EXPECT_EQ(s ? "ok" : std::to_string(error_info(s.error().code).sip_status), c.verdict)
        << (s ? "" : s.error().what);
  }
}

TEST(Torture, WhatIsRefusedSaysWhichFieldIsWrong) {
  for (const Case& c : cases()) {
    const auto m = Message::parse(bytes_of(c.name));
    if (!m) continue;
    if (const auto s = validate(*m); !s) {
      EXPECT_GT(s.error().what.size(), 10U) << c.name;
      EXPECT_LT(s.error().what.size(), 200U) << c.name;
    }
  }
}

TEST(Torture, NamesAndValuesAreWrittenBackByteForByte) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto m = Message::parse(bytes_of(c.name));
    if (!m) continue;
    Builder b;
    b.request_line("OPTIONS", "sip:x@example.com");
    for (const HeaderField& f : m->headers())
      if (f.id != HeaderId::kContentLength) b.copy(f);
    const auto again = Message::parse(b.finish());
    ASSERT_TRUE(again);
    std::size_t i = 0;
    for (const HeaderField& f : m->headers()) {
      if (f.id == HeaderId::kContentLength) continue;
      EXPECT_EQ(again->headers()[i].name, f.name);
      EXPECT_EQ(again->headers()[i].value, f.value);
      EXPECT_EQ(again->headers()[i].id, f.id);
      ++i;
    }
  }
}

TEST(TortureContent, ShortTortuousInviteMeansWhatItSays) {
  const auto m = parsed("wsinv");
  EXPECT_EQ(m.cseq(), 9U);
  EXPECT_EQ(m.value(HeaderId::kMaxForwards), "0068");
  EXPECT_EQ(parse_name_addr(m.value(HeaderId::kTo))->tag(), "1918fold");
  EXPECT_EQ(parse_name_addr(m.value(HeaderId::kFrom))->tag(), "98fold8");
  EXPECT_EQ(parse_name_addr(m.value(HeaderId::kFrom))->display, "\"J Smith \\\\\\\"\"");
  EXPECT_EQ(m.count(HeaderId::kVia), 2U);
  EXPECT_EQ(parse_via(m.value(HeaderId::kVia))->branch, "390folded");
  EXPECT_EQ(m.find("NewFangledHeader")->value, "newfangled value\r\n continued newfangled value");
  EXPECT_EQ(m.find("unknownheaderwithunusualvalue")->value, ";;,,;;,;");
  EXPECT_EQ(m.value(HeaderId::kSubject), "");
  std::string_view second;
  for (const HeaderField& f : m.headers())
    if (f.id == HeaderId::kVia) second = f.value;
  EXPECT_EQ(parse_via(next_value(second))->host, "spindle.example.com");
  EXPECT_EQ(parse_via(next_value(second))->branch, "z9hG4bK30fold");
  const auto contact = parse_name_addr(m.value(HeaderId::kContact));
  ASSERT_TRUE(contact);
  EXPECT_EQ(contact->param("newparam"), "newvalue");
  EXPECT_EQ(contact->param("q"), "0.33");
}

TEST(TortureContent, WideRangeOfCharactersIsKept) {
  using namespace std::string_literals;
  const auto m = parsed("intmeth");
  EXPECT_EQ(m.method(), Method::kOther);
  EXPECT_EQ(m.method_text(), "!interesting-Method0123456789_*+`.%indeed'~");
  EXPECT_EQ(m.cseq(), 139122385U);
  const auto uri = parse_uri(m.request_uri());
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  EXPECT_EQ(uri->password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  EXPECT_EQ(uri->host, "example.com");
  const auto to = parse_name_addr(m.value(HeaderId::kTo));
  ASSERT_TRUE(to);
  EXPECT_EQ(to->display, "\"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\""s);
  EXPECT_EQ(parse_name_addr(m.value(HeaderId::kFrom))->tag(), "_token~1'+`*%!-.");
}

TEST(TortureContent, EscapesAreKeptAndMeanNothingInNames) {
  const auto m = parsed("esc01");
  EXPECT_EQ(parse_uri(m.request_uri())->user, "sips%3Auser%40example.com");
  EXPECT_EQ(parse_uri(m.request_uri())->host, "example.net");
  const auto other = parsed("esc02");
  EXPECT_EQ(other.method(), Method::kOther);  // not REGISTER
  EXPECT_EQ(other.count(HeaderId::kContact), 2U);
  EXPECT_EQ(other.find("C%6Fntact")->id, HeaderId::kOther);
}

TEST(TortureContent, TrailingOctetsOfADatagramAreDiscarded) {
  EXPECT_EQ(parsed("dblreq").body(), "");
}

TEST(TortureContent, LongValuesAreWhole) {
  const auto m = parsed("longreq");
  EXPECT_EQ(m.count(HeaderId::kVia), 25U);
  EXPECT_EQ(parse_name_addr(m.value(HeaderId::kFrom))->tag().size(), 155U);
  EXPECT_EQ(m.value(HeaderId::kContentLength), std::to_string(m.body().size()));
}

TEST(TortureContent, ReasonPhrasesMayHoldAnythingOrNothing) {
  EXPECT_TRUE(parsed("unreason").reason_phrase().starts_with("= 2**3 * 5**2 "));
  EXPECT_EQ(parsed("noreason").reason_phrase(), "");
  EXPECT_EQ(parsed("noreason").status(), 100);
}

TEST(TortureContent, SemicolonsOfTheUserPartAreNoParameters) {
  const auto m = parsed("semiuri");
  const auto uri = parse_uri(m.request_uri());
  EXPECT_EQ(uri->user, "user;par=u%40example.net");
  EXPECT_EQ(uri->host, "example.com");
}

TEST(TortureContent, ParametersOfAContactBelongWhereTheyStand) {
  const auto outside = parsed("cparam01");
  EXPECT_TRUE(parse_name_addr(outside.value(HeaderId::kContact))->param("unknownparam"));
  const auto inside = parsed("cparam02");
  const auto contact = parse_name_addr(inside.value(HeaderId::kContact));
  EXPECT_FALSE(contact->param("unknownparam"));
  EXPECT_TRUE(parse_uri(contact->uri)->param("unknownparam"));
  const auto escaped = parsed("regescrt");
  EXPECT_EQ(parse_uri(parse_name_addr(escaped.value(HeaderId::kContact))->uri)->headers,
            "Route=%3Csip:sip.example.com%3E");
}

TEST(TortureContent, PortOfAnIpv6ReferenceStandsBehindTheBracket) {
  const auto in = parse_uri(parsed("port-ambiguous").request_uri());
  EXPECT_EQ(in->port, 0);
  const auto m = parsed("port-unambiguous");
  EXPECT_EQ(parse_uri(m.request_uri())->host, "[2001:db8::10]");
  EXPECT_EQ(parse_uri(m.request_uri())->port, 5070);
}

TEST(TortureContent, ReceivedMayHaveBracketsOrNone) {
  for (const char* name : {"via-received-with-delim", "via-received-no-delim"}) {
    const auto m = parsed(name);
    const auto via = parse_via(m.value(HeaderId::kVia));
    ASSERT_TRUE(via) << name;
    const auto received = find_param(via->params, "received");
    ASSERT_TRUE(received);
    EXPECT_EQ(IpAddress::parse(*received)->to_string(), "2001:db8::9:255") << name;
  }
}

}  // namespace
}  // namespace causeway::sip
