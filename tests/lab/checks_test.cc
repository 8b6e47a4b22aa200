// Each breach that the lab is to notice, made on purpose: a check that never fails checks nothing.
#include "lab/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "lab/ladder.h"

namespace causeway::lab {
namespace {

const ServiceView kView{{"sbc.operator.example"},
                        {"sbc.operator.example"},
                        {"sip.pstnhub.example"},
                        "pstnhub.example",
                        "127.0.0.21"};
const OperatorView kOperator{*IpAddress::parse("127.0.0.31"), *IpAddress::parse("127.0.0.31"),
                             true};

SipMessage good_invite() {
  SipMessage m;
  m.method = "INVITE";
  m.uri = "sip:+3225550001@sip.pstnhub.example;user=phone";
  m.add("Via", "SIP/2.0/TLS sbc.operator.example:5061;branch=z9hG4bK1");
  m.add("Max-Forwards", "69");
  m.add("From", "<sip:+442079460001@sbc.operator.example;user=phone>;tag=a");
  m.add("To", "<sip:+3225550001@sip.pstnhub.example;user=phone>");
  m.add("Call-ID", "one");
  m.add("CSeq", "1 INVITE");
  m.add("Contact", "<sip:+442079460001@sbc.operator.example:5061;transport=tls>");
  m.add("X-MS-SBC", "Causeway/SBC/0.1");
  m.body = "v=0";
  return m;
}

std::vector<std::string> ids(const Violations& v) {
  std::vector<std::string> out;
  for (const auto& x : v) out.push_back(x.requirement);
  return out;
}

std::vector<std::string> breaches(const SipMessage& m) {
  return ids(check_service_request(m, kView));
}

using ::testing::Contains;
using ::testing::IsEmpty;

TEST(ServiceChecks, a_good_invite_is_clean_and_accepted) {
  const auto v = check_service_request(good_invite(), kView);
  EXPECT_THAT(ids(v), IsEmpty());
  EXPECT_FALSE(service_refusal(v));
}

TEST(ServiceChecks, addresses_and_foreign_names_in_contact_are_refused) {
  auto m = good_invite();
  m.set("Contact", "<sip:+44@127.0.0.31:5061;transport=tls>");
  EXPECT_THAT(breaches(m), Contains("TDR-33"));
  EXPECT_EQ(service_refusal(check_service_request(m, kView))->status, 403);
  m.set("Contact", "<sip:+44@other.example:5061;transport=tls>");
  EXPECT_THAT(breaches(m), ::testing::IsSupersetOf({"TDR-60", "TDR-14"}));
  EXPECT_EQ(service_refusal(check_service_request(m, kView))->status, 403);
  m.set("Contact", "<sip:+44@sbc.operator.example:5061>");
  EXPECT_THAT(breaches(m), Contains("TDR-49"));
}

TEST(ServiceChecks, each_rule_of_an_invite_is_noticed) {
  const std::vector<std::pair<std::string, std::function<void(SipMessage&)>>> cases{
      {"TDR-45", [](auto& m) { m.uri = "sip:3225550001@sip.pstnhub.example;user=phone"; }},
      {"TDR-45", [](auto& m) { m.uri = "sip:+3225550001@127.0.0.11;user=phone"; }},
      {"TDR-46", [](auto& m) { m.uri = "sip:+3225550001@sip.pstnhub.example"; }},
      {"TDR-47", [](auto& m) { m.set("From", "<sip:2079460001@sbc.operator.example>;tag=a"); }},
      {"TDR-53", [](auto& m) { m.set("Via", "SIP/2.0/TLS 127.0.0.31:5061;branch=z9hG4bK1"); }},
      {"TDR-54", [](auto& m) { m.body.clear(); }},
      {"TDR-55", [](auto& m) { m.add("Replaces", "x;to-tag=1;from-tag=2"); }},
      {"TDR-56",
       [](auto& m) {
         std::erase_if(m.headers, [](const auto& h) { return h.name == "X-MS-SBC"; });
       }},
      {"TDR-88", [](auto& m) { m.add("Require", "100rel"); }},
      {"TDR-25", [](auto& m) { m.add("P-Asserted-Identity", "<sips:+44@sbc.operator.example>"); }},
      {"TDR-26", [](auto& m) { m.add("P-Asserted-Identity", "<sip:@sbc.operator.example>"); }},
      {"TDR-51", [](auto& m) { m.add("Record-Route", "<sip:127.0.0.31;lr>"); }},
      {"TDR-44", [](auto& m) { m.method = "UPDATE"; }},
      {"GW-PRIVATE", [](auto& m) { m.add("P-Charging-Vector", "icid-value=1"); }},
      {"GW-TOPOLOGY", [](auto& m) { m.add("Subject", "from 127.0.0.21"); }},
  };
  for (const auto& [id, spoil] : cases) {
    auto m = good_invite();
    spoil(m);
    EXPECT_THAT(breaches(m), Contains(id));
  }
}

TEST(ServiceChecks, anonymous_callers_are_accepted) {
  auto m = good_invite();
  m.set("From", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=a");
  EXPECT_THAT(breaches(m), IsEmpty());
}

TEST(ServiceChecks, failures_carry_a_reason) {
  SipMessage r = good_invite();
  r.request = false;
  r.status = 503;
  EXPECT_THAT(ids(check_service_response(r, kView, "INVITE")), Contains("TDR-85"));
  r.add("Reason", "Q.850;cause=41;text=\"x\"");
  EXPECT_THAT(ids(check_service_response(r, kView, "INVITE")), IsEmpty());
}

SdpText sdp(Way way, std::vector<CryptoLine> crypto, bool secure = true) {
  SdpToWrite w;
  w.address = *IpAddress::parse("127.0.0.31");
  w.port = 40'000;
  w.formats = {8};
  w.way = way;
  w.secure = secure;
  w.crypto = std::move(crypto);
  return *parse_sdp(write_sdp(w));
}

const std::string k80 = "AES_CM_128_HMAC_SHA1_80", k32 = "AES_CM_128_HMAC_SHA1_32";

TEST(ServiceChecks, offers_are_secure_and_hold_is_inactive) {
  const CryptoLine line{1, k80, std::string(30, 'k'), "", false};
  EXPECT_THAT(check_service_sdp(sdp(Way::kSendRecv, {line}), kView, nullptr), IsEmpty());
  EXPECT_THAT(check_service_sdp(sdp(Way::kInactive, {line}), kView, nullptr), IsEmpty());
  EXPECT_THAT(ids(check_service_sdp(sdp(Way::kSendOnly, {line}), kView, nullptr)),
              Contains("TDR-93"));
  EXPECT_THAT(ids(check_service_sdp(sdp(Way::kRecvOnly, {line}), kView, nullptr)),
              Contains("TDR-93"));
  const auto plain = check_service_sdp(sdp(Way::kSendRecv, {}, false), kView, nullptr);
  EXPECT_THAT(ids(plain), Contains("TDM-01"));
  EXPECT_EQ(service_refusal(plain)->status, 488);
  EXPECT_THAT(
      ids(check_service_sdp(sdp(Way::kSendRecv, {{1, k32, line.key, "", false}}), kView, nullptr)),
      Contains("TDM-02"));
  auto gcm = sdp(Way::kSendRecv, {line, {2, "AEAD_AES_256_GCM", line.key, "", false}});
  EXPECT_THAT(ids(check_service_sdp(gcm, kView, nullptr)), Contains("TDM-05"));
  auto zero = sdp(Way::kSendRecv, {line});
  zero.address = IpAddress{};
  const auto v = check_service_sdp(zero, kView, nullptr);
  EXPECT_THAT(ids(v), Contains("TDR-94"));
  EXPECT_EQ(service_refusal(v)->status, 488);
}

TEST(ServiceChecks, the_answer_takes_the_80_bit_line_with_its_tag_and_another_key) {
  const auto ours = sdp(Way::kSendRecv, {{0, k32, std::string(30, 'a'), "", false},
                                         {1, k80, std::string(30, 'b'), "", false}});
  const auto answered = [&](const CryptoLine& c) {
    return ids(check_service_sdp(sdp(Way::kSendRecv, {c}), kView, &ours));
  };
  const std::string own(30, 'z');
  EXPECT_THAT(answered({1, k80, own, "2^31", false}), IsEmpty());
  EXPECT_THAT(answered({2, k80, own, "", false}), Contains("TDM-03"));
  EXPECT_THAT(answered({0, k32, own, "", false}), Contains("TDM-03"));
  EXPECT_THAT(answered({1, k80, std::string(30, 'b'), "", false}), Contains("TDM-03"));
}

TEST(Continuity, media_and_keys_stay_where_they_are) {
  const CryptoLine line{1, k80, std::string(30, 'k'), "", false};
  const auto before = sdp(Way::kSendRecv, {line});
  EXPECT_THAT(check_continuity(before, before, true, true), IsEmpty());
  auto moved = before;
  moved.port = 40'002;
  EXPECT_THAT(ids(check_continuity(before, moved, false, true)), Contains("TDR-96"));
  auto rekeyed = before;
  rekeyed.crypto[0].key = std::string(30, 'x');
  EXPECT_THAT(ids(check_continuity(before, rekeyed, false, true)), Contains("TDM-07"));
  auto newer = before;
  newer.origin_version = "99";
  EXPECT_THAT(ids(check_continuity(before, newer, true, true)), Contains("TDR-87"));
  EXPECT_THAT(check_continuity(before, newer, false, true), IsEmpty());
}

TEST(OperatorChecks, nothing_of_the_service_reaches_the_operator) {
  SipMessage m = good_invite();
  m.headers.clear();
  m.add("Via", "SIP/2.0/UDP 127.0.0.31:5060;branch=z9hG4bK1");
  m.add("From", "<sip:+44@127.0.0.31>;tag=a");
  m.add("To", "<sip:+32@127.0.0.21>");
  m.add("Contact", "<sip:+44@127.0.0.31:5060>");
  EXPECT_THAT(check_operator_message(m, kOperator), IsEmpty());
  auto x = m;
  x.add("X-MS-Anything", "1");
  EXPECT_THAT(ids(check_operator_message(x, kOperator)), Contains("GW-PRIVATE"));
  x = m;
  x.set("Contact", "<sip:api-du-a-euwe.pstnhub.example:443>");
  EXPECT_THAT(ids(check_operator_message(x, kOperator)), Contains("GW-TOPOLOGY"));
  x = m;
  x.add("P-Asserted-Identity", "<tel:+44>");
  EXPECT_THAT(check_operator_message(x, kOperator), IsEmpty());
  auto stranger = kOperator;
  stranger.trusted = false;
  EXPECT_THAT(ids(check_operator_message(x, stranger)), Contains("TDR-63"));
  SipMessage busy = m;
  busy.request = false;
  busy.status = 486;
  busy.add("Reason", "Q.850;cause=34");
  EXPECT_THAT(ids(check_operator_message(busy, kOperator)), Contains("TDR-84"));
}

TEST(OperatorChecks, media_is_plain_and_the_gateways) {
  EXPECT_THAT(check_operator_sdp(sdp(Way::kSendRecv, {}, false), kOperator), IsEmpty());
  const CryptoLine line{1, k80, std::string(30, 'k'), "", false};
  EXPECT_THAT(ids(check_operator_sdp(sdp(Way::kSendRecv, {line}), kOperator)),
              Contains("GW-MEDIA"));
  auto elsewhere = sdp(Way::kSendRecv, {}, false);
  elsewhere.address = *IpAddress::parse("127.0.0.11");
  EXPECT_THAT(ids(check_operator_sdp(elsewhere, kOperator)), Contains("GW-MEDIA"));
}

TEST(ServiceChecks, a_private_address_is_no_use_on_the_internet) {
  ServiceView view = kView;
  auto s = sdp(Way::kSendRecv, {{1, k80, std::string(30, 'k'), "2^31", false}});
  s.address = *IpAddress::parse("192.168.7.5");
  EXPECT_THAT(ids(check_service_sdp(s, view, nullptr)), IsEmpty());
  view.on_internet = true;
  EXPECT_THAT(ids(check_service_sdp(s, view, nullptr)), ::testing::ElementsAre("TDM-16"));
  view.inside = s.address;
  EXPECT_THAT(ids(check_service_sdp(s, view, nullptr)), IsEmpty());
  view.inside.reset();
  s.address = *IpAddress::parse("203.0.113.10");
  EXPECT_THAT(ids(check_service_sdp(s, view, nullptr)), IsEmpty());
}

TEST(OperatorChecks, an_operator_with_srtp_is_given_a_suite_of_its_own) {
  OperatorView view = kOperator;
  view.suites = {k80};
  const CryptoLine ours{1, k80, std::string(30, 'o'), "", false};
  const CryptoLine line{1, k80, std::string(30, 'k'), "", false};
  const CryptoLine other{1, "AES_CM_128_HMAC_SHA1_32", std::string(30, 'k'), "", false};
  const CryptoLine retagged{2, k80, std::string(30, 'k'), "", false};
  const auto offer = sdp(Way::kSendRecv, {ours});
  EXPECT_THAT(check_operator_sdp(sdp(Way::kSendRecv, {other, line}), view), IsEmpty());
  EXPECT_THAT(check_operator_sdp(sdp(Way::kSendRecv, {line}), view, &offer), IsEmpty());
  EXPECT_THAT(ids(check_operator_sdp(sdp(Way::kSendRecv, {}, false), view)), Contains("GW-MEDIA"));
  EXPECT_THAT(ids(check_operator_sdp(sdp(Way::kSendRecv, {other}), view)), Contains("GW-MEDIA"));
  for (const auto& bad : {std::vector{retagged}, std::vector{ours}, std::vector{line, line}})
    EXPECT_THAT(ids(check_operator_sdp(sdp(Way::kSendRecv, bad), view, &offer)),
                Contains("GW-MEDIA"));
}

TEST(Ladder, summaries_say_what_matters) {
  auto m = good_invite();
  m.body = write_sdp({.address = *IpAddress::parse("127.0.0.31"),
                      .port = 9,
                      .secure = true,
                      .formats = {8},
                      .way = Way::kInactive});
  EXPECT_EQ(summary_of(m), "INVITE +3225550001 [SAVP inactive]");
  m.set("To", "<sip:x@y>;tag=b");
  EXPECT_EQ(summary_of(m), "re-INVITE [SAVP inactive]");
  m.request = false;
  m.status = 486;
  m.reason = "Busy Here";
  m.body.clear();
  EXPECT_EQ(summary_of(m), "486 Busy Here");
}

}  // namespace
}  // namespace causeway::lab
