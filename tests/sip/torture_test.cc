// The torture messages of RFC 4475, rewritten from what each section asks: same name, same trap.
// Where the RFC leaves a choice (refuse, or be liberal), the table says what Causeway does and why.
#include <gtest/gtest.h>

#include <string>

#include "sip/headers.h"
#include "sip/message.h"

namespace causeway::sip {
namespace {

struct Case {
  const char* name;  // of RFC 4475
  int refused;       // 0: taken; 400, 416, 505, 513: what validate() answers; -400, -513: parse()
  std::string text;
};

// Headers that have nothing to do with the trap.
std::string common(const std::string& cseq, const std::string& skip = {}) {
  std::string out;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (skip.find(name) == std::string::npos) out += name + ": " + value + "\r\n";
  };
  add("Via", "SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423");
  add("To", "<sip:user@example.com>");
  add("From", "<sip:other@example.net>;tag=39291");
  add("Call-ID", "case.192.0.2.1");
  add("CSeq", cseq);
  add("Max-Forwards", "70");
  return out;
}

std::string with(const std::string& line, const std::string& cseq, const std::string& extra,
                 const std::string& body = {}, const std::string& skip = {}) {
  return line + "\r\n" + common(cseq, skip) + extra + "\r\n" + body;
}

std::string repeat(const std::string& s, int n) {
  std::string out;
  while (n-- > 0) out += s;
  return out;
}

std::vector<Case> cases() {
  using namespace std::string_literals;
  const std::string sdp =
      "v=0\r\no=m 2 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49217 "
      "RTP/AVP 0\r\n";
  const std::string opt = "OPTIONS sip:user@example.com SIP/2.0";
  return {
      // 3.1.1 valid
      {"wsinv", 0,
       "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
       "TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
       "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = "
       "98asjd8\r\n"
       "MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\n"
       "Content-Length   : " +
           std::to_string(sdp.size()) +
           "\r\ncseq: 0009\r\n  INVITE\r\n"
           "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns "
           ":\r\nNewFangledHeader:   newfangled value\r\n"
           " continued newfangled value\r\nUnknownHeaderWithUnusualValue: "
           ";;,,;;,;\r\nContent-Type: application/sdp\r\n"
           "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
           "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
           " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
           "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue "
           ";\r\n  secondparam ; q = 0.33\r\n\r\n" +
           sdp},
      {"intmeth", 0,
       "!interesting-Method0123456789_*+`.%indeed'~ "
       "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/"
       ";;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\r\n"
       "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n"
       "To: \"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\r\n"s
       "From: token1~` token2'+_ token3*%!.- "
       "<sip:mundane@example.com>;fromParam''~+*_!.-%=\"\xd1\x80\xd0\xb0\";tag=_token~1'+`*%!-.\r\n"
       "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\nCSeq: 139122385 "
       "!interesting-Method0123456789_*+`.%indeed'~\r\n"
       "Max-Forwards: "
       "255\r\nextensionHeader-!.%*+_`'~:"
       "\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb\r\nContent-Length: 0\r\n\r\n"},
      {"esc01", 0,
       with("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "234234 INVITE",
            "Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>\r\n")},
      {"escnull", 0,
       with("REGISTER sip:example.com SIP/2.0", "14398234 REGISTER",
            "Contact: <sip:%00@host5.example.com>\r\nContact: "
            "<sip:%00%00@host5.example.com>\r\nL:0\r\n")},
      {"esc02", 0,
       with("RE%47IST%45R sip:registrar.example.com SIP/2.0", "29344 RE%47IST%45R",
            "Contact: <sip:alias1@host1.example.com>\r\nC%6Fntact: "
            "<sip:alias2@host2.example.com>\r\n")},
      {"lwsdisp", 0,
       with(opt, "60 OPTIONS", "From: caller<sip:caller@example.com>;tag=323\r\n", {}, "From")},
      {"longreq", 0,
       with("INVITE sip:user@example.com SIP/2.0", "3882340 INVITE",
            "To: \"I have a user name of " + repeat("extreme", 10) +
                " proportion\"<sip:user@example.com:6000;unknownparam1=very" + repeat("long", 20) +
                "value;longparam" + repeat("name", 25) +
                "=shortvalue>\r\n"
                "F: sip:" +
                repeat("amazinglylongcallername", 5) + "@example.net;tag=12" + repeat("982", 50) +
                "424;unknownheaderparam" + repeat("name", 20) +
                "=unknown\r\n"
                "Unknown-" +
                repeat("Long", 20) + "-Name: unknown-" + repeat("long", 20) + "-value\r\n",
            {}, "To From")},
      {"dblreq", 0,
       with("REGISTER sip:example.com SIP/2.0", "8 REGISTER", "Content-Length: 0\r\n",
            "INVITE sip:joe@example.com SIP/2.0\r\nt: <sip:joe@example.com>\r\n\r\n")},
      {"semiuri", 0,
       with("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "8 OPTIONS", "l: 0\r\n")},
      {"transports", 0,
       with(opt, "60 OPTIONS",
            "Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw\r\nVia: SIP/2.0/SCTP "
            "t2.example.com;branch=z9hG4bKklasjdhf\r\nVia: SIP/2.0/TLS "
            "t3.example.com;branch=z9hG4bK2980unddj\r\nVia: SIP/2.0/UNKNOWN "
            "t4.example.com;branch=z9hG4bKasd0f3en\r\nVia: SIP/2.0/TCP "
            "t5.example.com;branch=z9hG4bK0a9idfnee\r\n",
            {}, "Via")},
      {"mpart01", 0,
       with("MESSAGE sip:kumiko@example.org SIP/2.0", "1 MESSAGE",
            "Content-Type: multipart/mixed;boundary=7a9\r\nContent-Length: 20\r\n",
            "--7a9\r\n\r\n\x00\xff\r\n--7a9--"s)},
      {"unreason", 0,
       with("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe - \xd0\xb2\xd0\xb5", "3 INVITE", "")},
      {"noreason", 0, with("SIP/2.0 100 ", "35 INVITE", "")},
      // 3.1.2 invalid
      {"badinv01", 400,
       with("INVITE sip:user@example.com SIP/2.0", "8 INVITE",
            "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\nContact: \"Joe\" <sip:joe@example.org>;;;;\r\n",
            {}, "Via")},
      {"clerr", 400,
       with("INVITE sip:user@example.com SIP/2.0", "8 INVITE", "Content-Length: 9999\r\n", sdp)},
      {"ncl", 400,
       with("INVITE sip:user@example.com SIP/2.0", "8 INVITE", "Content-Length: -999\r\n", sdp)},
      {"scalar02", 400,
       with("REGISTER sip:example.com SIP/2.0", "36893488147419103232 REGISTER",
            "Max-Forwards: 300\r\nExpires: 10000000000000000000000000000000\r\n", {},
            "Max-Forwards")},
      {"scalarlg", 400,
       with("SIP/2.0 503 Service Unavailable", "9292394834772304023312 OPTIONS",
            "Retry-After: 949302838503028349304023988\r\nWarning: 1812 overture \"In "
            "Progress\"\r\n")},
      {"quotbal", 400,
       with(opt, "8 OPTIONS", "To: \"Mr. J. User <sip:j.user@example.com>\r\n", {}, "To")},
      {"ltgtruri", 400, with("INVITE <sip:user@example.com> SIP/2.0", "1 INVITE", "")},
      {"lwsruri", 400, with("INVITE sip:user@example.com; lr SIP/2.0", "2130706432 INVITE", "")},
      {"lwsstart", 400, with("INVITE  sip:user@example.com  SIP/2.0", "1 INVITE", "")},
      {"trws", -400, with("OPTIONS sip:remote-target@example.com SIP/2.0  ", "8 OPTIONS", "")},
      // Liberal: headers in a Request-URI are never acted on, so they do no harm.
      {"escruri", 0,
       with("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", "149209342 INVITE",
            "")},
      // Liberal: we do not read Date, and the Contact of a REGISTER is not ours to judge.
      {"baddate", 0,
       with("INVITE sip:user@example.com SIP/2.0", "2234923 INVITE",
            "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n")},
      {"regbadct", 0,
       with("REGISTER sip:example.com SIP/2.0", "8 REGISTER",
            "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\r\n")},
      // Liberal, as the RFC allows: spaces around the addr-spec and a comma in the display name.
      {"badaspec", 0,
       with(opt, "8 OPTIONS", "To: \"Watson, Thomas\" < sip:t.watson@example.org >\r\n", {}, "To")},
      {"baddn", 0,
       with(opt, "3923423 OPTIONS", "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\n",
            {}, "From")},
      {"badvers", 505, with("OPTIONS sip:t.watson@example.org SIP/7.0", "4 OPTIONS", "")},
      {"mismatch01", 400, with(opt, "8 INVITE", "")},
      {"mismatch02", 400, with("NEWMETHOD sip:user@example.com SIP/2.0", "8 INVITE", "")},
      {"bigcode", -400,
       with("SIP/2.0 4294967301 better not break the receiver", "353494 INVITE", "")},
      // 3.2 and 3.3, as far as a parser can tell
      {"badbranch", 0,
       with(opt, "8 OPTIONS", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\r\n", {}, "Via")},
      {"insuf", 400,
       with("INVITE sip:user@example.com SIP/2.0", "193942 INVITE", "", {}, "Call-ID From To")},
      {"unkscm", 416,
       with("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "3923423 OPTIONS", "")},
      {"novelsc", 416, with("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "3923423 OPTIONS", "")},
      {"unksm2", 0,
       with("REGISTER sip:example.com SIP/2.0", "3234200 REGISTER",
            "To: isbn:2983792873\r\nContact: <name:John_Smith>\r\n", {}, "To")},
      {"bext01", 0,
       with(opt, "8 OPTIONS",
            "Require: nothingSupportsThis, nothingSupportsThisEither\r\nProxy-Require: "
            "noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n")},
      {"invut", 0,
       with("INVITE sip:user@example.com SIP/2.0", "8 INVITE",
            "Content-Type: application/unknownformat\r\nContent-Length: 10\r\n",
            "<audio>\r\n\r\n")},
      {"regaut01", 0,
       with("REGISTER sip:example.com SIP/2.0", "9338 REGISTER",
            "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n")},
      {"multi01", 400,
       with("INVITE sip:user@example.com SIP/2.0", "5 INVITE",
            "CSeq: 59 INVITE\r\nCall-ID: multi01.1\r\nFrom: <sip:x@example.com>;tag=3\r\nTo: "
            "<sip:y@example.com>\r\nMax-Forwards: 5\r\n")},
      {"mcl01", 400,
       with(opt, "59 OPTIONS", "Content-Length: 13\r\nContent-Length: 5\r\n",
            "There's no way to know how many octets are supposed to be here.\r\n")},
      {"bcast", 0,
       with("SIP/2.0 200 OK", "1 INVITE",
            "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\n")},
      {"zeromf", 0, with(opt, "39234321 OPTIONS", "Max-Forwards: 0\r\n", {}, "Max-Forwards")},
      {"cparam01", 0,
       with("REGISTER sip:example.com SIP/2.0", "79 REGISTER",
            "Contact: sip:+19725552222@gw1.example.net;unknownparam\r\n")},
      {"cparam02", 0,
       with("REGISTER sip:example.com SIP/2.0", "80 REGISTER",
            "Contact: <sip:+19725552222@gw1.example.net;unknownparam>\r\n")},
      {"sdp01", 0,
       with("INVITE sip:user@example.com SIP/2.0", "8 INVITE",
            "Accept: text/nobodyKnowsThis\r\nContent-Type: application/sdp\r\nContent-Length: " +
                std::to_string(sdp.size()) + "\r\n",
            sdp)},
      {"inv2543", 0,
       with("INVITE sip:UserB@example.com SIP/2.0", "0 INVITE",
            "Via: SIP/2.0/UDP iftgw.example.com\r\nFrom: "
            "<sip:+13035551111@ift.client.example.net;user=phone>\r\n",
            {}, "Via From Max-Forwards")},
  };
}

class Torture : public ::testing::TestWithParam<Case> {};

TEST_P(Torture, IsTakenOrRefusedAsTheRfcAsks) {
  const Case& c = GetParam();
  const auto m = Message::parse(c.text);
  if (c.refused < 0) {
    ASSERT_FALSE(m);
    EXPECT_EQ(error_info(m.error().code).sip_status, -c.refused);
    return;
  }
  ASSERT_TRUE(m) << m.error().what;
  const auto s = validate(*m);
  EXPECT_EQ(s ? 0 : error_info(s.error().code).sip_status, c.refused) << (s ? "" : s.error().what);
}

INSTANTIATE_TEST_SUITE_P(Rfc4475, Torture, ::testing::ValuesIn(cases()),
                         [](const auto& i) { return std::string(i.param.name); });

const Case& named(const std::vector<Case>& all, std::string_view name) {
  for (const Case& c : all)
    if (name == c.name) return c;
  std::abort();
}

TEST(Rfc4475Content, TheShortTortuousInviteMeansWhatItSays) {
  const auto all = cases();
  const auto m = Message::parse(named(all, "wsinv").text);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->cseq(), 9U);
  EXPECT_EQ(m->value(HeaderId::kMaxForwards), "0068");
  EXPECT_EQ(parse_name_addr(m->value(HeaderId::kTo))->tag(), "1918181833n");
  EXPECT_EQ(parse_name_addr(m->value(HeaderId::kFrom))->tag(), "98asjd8");
  EXPECT_EQ(m->count(HeaderId::kVia), 2U);
  EXPECT_EQ(parse_via(m->value(HeaderId::kVia))->branch, "390skdjuw");
  std::string_view vias = m->headers()[12].value;
  ASSERT_EQ(m->headers()[12].id, HeaderId::kVia);
  EXPECT_EQ(parse_via(next_value(vias))->host, "spindle.example.com");
  EXPECT_EQ(parse_via(next_value(vias))->branch, "z9hG4bK30239");
  const auto contact = parse_name_addr(m->value(HeaderId::kContact));
  ASSERT_TRUE(contact);
  EXPECT_EQ(contact->param("newparam"), "newvalue");
  EXPECT_EQ(contact->param("q"), "0.33");
}

TEST(Rfc4475Content, TrailingOctetsOfADatagramAreDiscarded) {
  const auto all = cases();
  EXPECT_EQ(Message::parse(named(all, "dblreq").text)->body(), "");
}

TEST(Rfc4475Content, AnEscapedUserIsNotUnescaped) {
  const auto all = cases();
  const auto m = Message::parse(named(all, "esc01").text);
  EXPECT_EQ(parse_uri(m->request_uri())->user, "sips%3Auser%40example.com");
}

}  // namespace
}  // namespace causeway::sip
