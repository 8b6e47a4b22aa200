// Header boundaries and key fields against sofia-sip's parser, which shares no code with ours.
#include <gtest/gtest.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/url.h>

#include <memory>
#include <string>
#include <vector>

#include "sip/headers.h"
#include "sip/message.h"
#include "support/teams_invite.h"

namespace causeway::sip {
namespace {

struct Sofia {
  msg_t* msg;
  sip_t* sip;
  explicit Sofia(const std::string& text)
      : msg(msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, text.data(),
                     static_cast<ssize_t>(text.size()))),
        sip(sip_object(msg)) {}
  ~Sofia() { msg_destroy(msg); }
  Sofia(const Sofia&) = delete;
  Sofia& operator=(const Sofia&) = delete;
};

std::string str(const char* s) { return s ? s : ""; }

std::string message(const std::string& line, const std::string& cseq, const std::string& rest,
                    const std::string& body = {}) {
  return line +
         "\r\nVia: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1;rport, SIP/2.0/TLS "
         "edge.example.net;branch=z9hG4bKb2\r\n"
         "Via: SIP/2.0/TCP [2001:db8::9]:5070;branch=z9hG4bKc3\r\n"
         "From: \"Ada \\\"L\\\"\" <sip:+4930901820@core.example.net:5080;user=phone>;tag=f1\r\n"
         "To: Bob <sip:bob@sbc.example.net>;tag=t1\r\nCall-ID: d8@192.0.2.9\r\nCSeq: " +
         cseq + "\r\nMax-Forwards: 17\r\n" + rest +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::vector<std::string> corpus() {
  return {
      causeway::testing::teams_invite(),
      message("OPTIONS sip:sbc.example.net;transport=tls SIP/2.0", "1 OPTIONS",
              "Contact: <sip:192.0.2.9:5062>\r\n"),
      message("BYE sip:api-du-a.example.com:443;x-i=1;x-c=2/d/8 SIP/2.0", "2147483647 BYE",
              "Reason: Q.850;cause=16;text=\"a, b\"\r\n"),
      message("INVITE sips:alice:secret@[2001:db8::10]:5061;lr SIP/2.0", "7 INVITE",
              "m: \"C, D\" <sip:c@h;x=1>;expires=60\r\nk: timer,\r\n 100rel\r\nSubject: "
              "folded\r\n\tvalue\r\nX-Own: a;b\r\nx-own: c\r\n",
              "hello body"),
      message("INVITE tel:+1-201-555-0123 SIP/2.0", "2 INVITE",
              "Supported:\r\nContact: <sip:a@b>, <sip:c@d>\r\n"),
      message("SIP/2.0 183 Session Progress", "2 INVITE",
              "RSeq: 1\r\nRecord-Route: <sip:p1;lr>,<sip:p2;lr>\r\n"),
      message("SIP/2.0 486 Busy Here", "3 INVITE", "Warning: 370 h \"too, busy\"\r\n"),
      message("SIP/2.0 200 ", "3 UPDATE", ""),
  };
}

void compare_uri(std::string_view ours_text, const url_t* theirs) {
  const auto ours = parse_uri(ours_text);
  ASSERT_TRUE(ours) << ours_text;
  EXPECT_TRUE(iequals(ours->scheme, str(theirs->url_scheme)));
  EXPECT_EQ(ours->user, str(theirs->url_user));
  EXPECT_EQ(ours->password, str(theirs->url_password));
  EXPECT_EQ(ours->host, str(theirs->url_host));
  EXPECT_EQ(ours->port ? std::to_string(ours->port) : "", str(theirs->url_port));
  EXPECT_EQ(ours->params, str(theirs->url_params));
  EXPECT_EQ(ours->headers, str(theirs->url_headers));
}

void compare_vias(const Message& m, const sip_via_t* theirs) {
  for (const HeaderField& f : m.headers()) {
    if (f.id != HeaderId::kVia) continue;
    std::string_view list = f.value;
    for (auto one = next_value(list); !one.empty();
         one = next_value(list), theirs = theirs->v_next) {
      ASSERT_TRUE(theirs);
      const auto v = parse_via(one);
      ASSERT_TRUE(v);
      EXPECT_EQ("SIP/2.0/" + std::string(v->transport), str(theirs->v_protocol));
      EXPECT_EQ(v->host, str(theirs->v_host));
      EXPECT_EQ(v->port ? std::to_string(v->port) : "", str(theirs->v_port));
      EXPECT_EQ(v->branch, str(theirs->v_branch));
    }
  }
  EXPECT_FALSE(theirs) << "sofia found another Via";
}

// Values of the headers that sofia knows nothing about arrive at it untouched.
void compare_unknown(const Message& m, const sip_unknown_t* theirs) {
  for (; theirs; theirs = theirs->un_next) {
    bool found = false;
    for (const HeaderField& f : m.headers())
      found = found || (f.name == str(theirs->un_name) && f.value == str(theirs->un_value));
    EXPECT_TRUE(found) << theirs->un_name << ": " << theirs->un_value;
  }
}

TEST(Differential, SofiaSeesTheSameMessage) {
  for (const std::string& text : corpus()) {
    SCOPED_TRACE(text.substr(0, text.find('\r')));
    const auto m = Message::parse(text);
    ASSERT_TRUE(m);
    ASSERT_TRUE(validate(*m)) << validate(*m).error().what;
    const Sofia s(text);
    ASSERT_TRUE(s.sip && !s.sip->sip_error);
    if (m->is_request()) {
      EXPECT_EQ(m->method_text(), str(s.sip->sip_request->rq_method_name));
      compare_uri(m->request_uri(), s.sip->sip_request->rq_url);
    } else {
      EXPECT_EQ(m->status(), s.sip->sip_status->st_status);
      EXPECT_EQ(m->reason_phrase(), str(s.sip->sip_status->st_phrase));
    }
    EXPECT_EQ(m->cseq(), s.sip->sip_cseq->cs_seq);
    EXPECT_EQ(m->method_text(), str(s.sip->sip_cseq->cs_method_name));
    EXPECT_EQ(m->call_id(), str(s.sip->sip_call_id->i_id));
    EXPECT_EQ(m->value(HeaderId::kMaxForwards), std::to_string(s.sip->sip_max_forwards->mf_count));
    const auto from = parse_name_addr(m->value(HeaderId::kFrom)),
               to = parse_name_addr(m->value(HeaderId::kTo));
    EXPECT_EQ(from->tag(), str(s.sip->sip_from->a_tag));
    EXPECT_EQ(from->display, str(s.sip->sip_from->a_display));
    compare_uri(from->uri, s.sip->sip_from->a_url);
    EXPECT_EQ(to->tag(), str(s.sip->sip_to->a_tag));
    compare_uri(to->uri, s.sip->sip_to->a_url);
    compare_vias(*m, s.sip->sip_via);
    compare_unknown(*m, s.sip->sip_unknown);
    const std::string body =
        s.sip->sip_payload ? std::string(s.sip->sip_payload->pl_data, s.sip->sip_payload->pl_len)
                           : "";
    EXPECT_EQ(m->body(), body);
  }
}

TEST(Differential, ContactListsSplitAtTheSamePlaces) {
  const std::string text =
      message("INVITE sip:a@b SIP/2.0", "1 INVITE",
              "Contact: \"a, <b>\" <sip:c,d@h>;q=0.5 , <sip:e@h>\r\nm: sip:f@h;expires=3\r\n");
  const auto m = Message::parse(text);
  ASSERT_TRUE(m);
  const Sofia s(text);
  const sip_contact_t* c = s.sip->sip_contact;
  for (const HeaderField& f : m->headers()) {
    if (f.id != HeaderId::kContact) continue;
    std::string_view list = f.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list), c = c->m_next) {
      ASSERT_TRUE(c);
      const auto a = parse_name_addr(one);
      ASSERT_TRUE(a);
      compare_uri(a->uri, c->m_url);
      EXPECT_EQ(a->param("q").value_or(""), str(c->m_q));
      EXPECT_EQ(a->param("expires").value_or(""), str(c->m_expires));
    }
  }
  EXPECT_FALSE(c);
}

}  // namespace
}  // namespace causeway::sip
