// What crosses from one side to the other, and what never does.
#include <algorithm>
#include <set>

#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class CrossingTest : public CallTest {
 public:
  explicit CrossingTest(const ConfigOptions& o = {}) : CallTest(make_config(o)) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, CrossingTest, ::testing::ValuesIn(all_modes()), mode_name);

// Headers that a test cannot send at will: they carry the message itself.
bool structural(HeaderId id) {
  switch (id) {
    case HeaderId::kVia:
    case HeaderId::kFrom:
    case HeaderId::kTo:
    case HeaderId::kCallId:
    case HeaderId::kCSeq:
    case HeaderId::kContact:
    case HeaderId::kMaxForwards:
    case HeaderId::kContentLength:
    case HeaderId::kContentType:
    case HeaderId::kContentEncoding:
    case HeaderId::kRequire:
    case HeaderId::kProxyRequire: return true;
    default: return false;
  }
}

std::string value_for(const std::string& name) {
  if (name == "P-Asserted-Identity" || name == "P-Preferred-Identity" || name == "Remote-Party-ID")
    return "<sip:+4930777@core.example>";
  if (name == "History-Info") return "<sip:+4930888@core.example?Reason=SIP%3Bcause%3D302>;index=1";
  if (name == "Diversion" || name == "Referred-By" || name == "Refer-To")
    return "<sip:+4930888@core.example>";
  if (name == "Privacy") return "none";
  if (name == "Session-Expires") return "1800";
  if (name == "Record-Route") return "<sip:10.1.0.1;lr>";
  return "probe-" + name;
}

// Every name that the gateway knows, and some that it does not.
std::vector<std::string> walked_names() {
  std::vector<std::string> names{"X-Private",
                                 "X-MS-FMC",
                                 "X-MS-SBC",
                                 "MS-Conversation-ID",
                                 "P-Charging-Vector",
                                 "P-Access-Network-Info",
                                 "P-Served-User",
                                 "Alert-Info",
                                 "Organization",
                                 "Call-Info",
                                 "Proxy-Authorization",
                                 "Accept-Language",
                                 "Geolocation-Error"};
  for (std::size_t i = 1; i < sip::kHeaderIdCount; ++i)
    if (!structural(static_cast<HeaderId>(i)))
      names.emplace_back(sip::header_name(static_cast<HeaderId>(i)));
  return names;
}

std::string all_headers() {
  std::string out;
  for (const auto& n : walked_names())
    if (n != "Route" && n != "Replaces") out += n + ": " + value_for(n) + "\r\n";
  return out;
}

std::set<std::string> crossed(const sip::Message& m) {
  std::set<std::string> out;
  for (const auto& n : walked_names())
    for (const auto& f : m.headers())
      if (sip::iequals(f.name, n) &&
          f.value.find(value_for(n).substr(0, value_for(n).find('@'))) != std::string_view::npos)
        out.insert(n);
  return out;
}

const std::set<std::string> kToService{"Privacy",    "History-Info",      "User-to-User",
                                       "Session-ID", "Resource-Priority", "Priority",
                                       "Subject"};
const std::set<std::string> kToCore{"Privacy",           "Diversion",    "History-Info",
                                    "Referred-By",       "User-to-User", "Session-ID",
                                    "Resource-Priority", "Geolocation",  "Geolocation-Routing",
                                    "Priority",          "Subject",      "Alert-Info"};

std::set<std::string> with(std::set<std::string> s, std::initializer_list<const char*> more) {
  for (const char* m : more) s.insert(m);
  return s;
}

TEST_P(CrossingTest, ExactlyTheListedHeadersReachTheService) {
  PROVES("TDR-71");
  auto d = core.invite("+4989123", all_headers(), sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(crossed(inv), with(kToService, {"P-Asserted-Identity"}));
  cloud.reply(inv, 480, all_headers());
  auto no = failure(core, d, 480);
  EXPECT_EQ(crossed(no), with(kToCore, {"P-Asserted-Identity", "P-Preferred-Identity", "Identity",
                                        "P-Charging-Vector"}));
  expect_clean(1);
}

TEST_P(CrossingTest, ExactlyTheListedHeadersReachTheCore) {
  PROVES("TDR-71");
  auto d = cloud.invite("+4930111", all_headers(), secure_sdp("10.2.0.1", 50000), "+4989123");
  auto inv = core.expect("INVITE");
  EXPECT_EQ(crossed(inv), with(kToCore, {"P-Asserted-Identity", "P-Preferred-Identity", "Identity",
                                         "P-Charging-Vector"}));
  core.reply(inv, 180, all_headers());
  // Its own Record-Route comes back to it (RFC 3261 12.1.1).
  EXPECT_EQ(crossed(cloud.expect("180")),
            with(kToService, {"P-Asserted-Identity", "Record-Route"}));
  core.reply(inv, 200, all_headers(), sdp("10.1.0.1", 40000));
  auto ok = cloud.expect("200 INVITE");
  // The session that it asked for is answered by us.
  EXPECT_EQ(crossed(ok),
            with(kToService, {"P-Asserted-Identity", "Record-Route", "Session-Expires"}));
  cloud.learn(d, ok);
  cloud.ack(d);
  core.expect("ACK");
  rig.run(Millis(100));
  cloud.request(d, "BYE", all_headers());
  auto bye = core.expect("BYE");
  EXPECT_EQ(crossed(bye), with(kToCore, {"P-Asserted-Identity", "P-Preferred-Identity", "Identity",
                                         "P-Charging-Vector"}));
  core.reply(bye, 200);
  expect_clean(1);
}

class UntrustedCore : public CallTest {
 protected:
  UntrustedCore()
      : CallTest([] {
          std::string text = make_config();
          text.replace(text.find("trusted = true"), 14,
                       "trusted = false");  // the first group: the core
          return text;
        }()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, UntrustedCore, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(UntrustedCore, AssertedIdentityNeedsTrustOnBothSides) {
  PROVES("TDR-63");
  auto d = core.invite("+4989123", all_headers(), sdp("10.1.0.1", 40000), "+4930555");
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(crossed(inv), kToService);
  EXPECT_EQ(sip::parse_uri(sip::parse_name_addr(inv.value(HeaderId::kFrom))->uri)->user, "+4930555")
      << "what it asserts is not believed";
  cloud.reply(inv, 480, all_headers());
  EXPECT_EQ(crossed(failure(core, d, 480)), kToCore);
  expect_clean(1);
}

TEST_P(CrossingTest, LocationCrossesByteForByteAndOnlyWhereListed) {
  const std::string pidf =
      "<?xml version=\"1.0\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\">\r\n <x/>\t "
      "\r\n</presence>";
  const auto multipart = [&](const std::string& offer) {
    return "preamble\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n" + offer +
           "\r\n--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <loc@example>\r\n\r\n" +
           pidf +
           "\r\n--b1\r\nContent-Type: application/x-private\r\n"
           "Content-Disposition: signal;handling=optional\r\n\r\nsecret\r\n--b1--\r\n";
  };
  auto d = cloud.invite(
      "112", "Content-Type: multipart/mixed;boundary=b1\r\nGeolocation: <cid:loc@example>\r\n",
      multipart(secure_sdp("10.2.0.1", 50000)), "+4989123");
  auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kGeolocation), "<cid:loc@example>");
  const std::string body(inv.body());
  EXPECT_NE(body.find("Content-ID: <loc@example>\r\n\r\n" + pidf + "\r\n--"), std::string::npos)
      << body;
  EXPECT_EQ(body.find("secret"), std::string::npos);
  EXPECT_NE(body.find("m=audio"), std::string::npos);
  core.reply(inv, 486);
  (void)failure(cloud, d, 486);
  auto e = core.invite("+4989123", "Content-Type: multipart/mixed;boundary=b1\r\n",
                       multipart(sdp("10.1.0.1", 40000)));
  auto inv2 = cloud.expect("INVITE");
  EXPECT_EQ(inv2.body().find("presence"), std::string::npos);
  EXPECT_EQ(inv2.value(HeaderId::kContentType), "application/sdp");
  cloud.reply(inv2, 486);
  (void)failure(core, e, 486);
  expect_clean(2);
}

TEST_P(CrossingTest, NothingOfTheCoreIsSeenByTheService) {
  PROVES("TDR-33", "TDR-52", "TDR-25", "TDR-26", "TDM-17", "TDR-51");
  const std::string headers =
      "P-Asserted-Identity: \"A\" <sips:+4930777@10.1.0.1:5060;user=phone>, <tel:+4930777>\r\n"
      "History-Info: <sip:+4930888@10.1.0.1?Reason=SIP%3Bcause%3D302>;index=1, "
      "<sip:+4930889@[2001:db8::1]>;index=1.1\r\n"
      "Record-Route: <sip:10.1.0.8;lr>\r\nSubject: no address here\r\n";
  auto up =
      core_calls(headers, sdp("10.1.0.1", 40000, "sendrecv",
                              "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", 1,
                              "a=label:7\r\na=candidate:1 1 UDP 1 10.1.0.1 4000 typ host\r\n"));
  (void)core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2), "inactive",
      2);
  core.request(up.core, "BYE", "Reason: Q.850;cause=16;text=\"10.1.0.1 says bye\"\r\n");
  cloud.reply(cloud.expect("BYE"), 200);
  // And the other way: responses.
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  auto inv = core.expect("INVITE");
  core.reply(inv, 180,
             headers +
                 "Contact: <sip:x@10.1.0.1>\r\nServer: core at 10.1.0.1\r\nWarning: 399 10.1.0.1 "
                 "\"x\"\r\n");
  cloud.expect("180");
  core.reply(inv, 503,
             "Reason: Q.850;cause=41;text=\"10.1.0.1\"\r\nWarning: 399 10.1.0.1 \"x\"\r\n");
  (void)failure(cloud, d, 503);
  // A failure of the gateway's own making names no address either.
  rig.world.network().isolate(*IpAddress::parse("10.1.0.1"));
  rig.world.network().isolate(*IpAddress::parse("10.1.0.2"));
  auto e = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, e, 504, Seconds(12));
  for (const auto& text : cloud.received) {
    EXPECT_EQ(text.find("10.1."), std::string::npos) << text;
    EXPECT_EQ(text.find("2001:db8"), std::string::npos) << text;
    EXPECT_EQ(text.find("sips:"), std::string::npos) << text;
    EXPECT_EQ(text.find("candidate"), std::string::npos) << text;
    EXPECT_EQ(text.find("a=label"), std::string::npos) << text;
    EXPECT_EQ(text.find("\r\nRecord-Route"), std::string::npos) << text;
    EXPECT_EQ(text.find("sip:@"), std::string::npos) << text;
  }
  expect_clean(3);
}

TEST_P(CrossingTest, EachLegHasIdentifiersOfItsOwn) {
  auto up = core_calls();
  EXPECT_NE(up.invite.call_id(), up.core.call_id);
  EXPECT_EQ(up.invite.value(HeaderId::kFrom).find(";tag=t1"), std::string_view::npos);
  EXPECT_EQ(up.invite.value(HeaderId::kCSeq), "1 INVITE");
  EXPECT_NE(line_of(up.to_cloud, "o="), line_of(up.to_core, "o="));
  EXPECT_EQ(up.to_cloud.find("42 1 IN"), std::string::npos) << "o= of the caller";
  EXPECT_EQ(up.invite.count(HeaderId::kVia), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(CrossingTest, FromIsTheAssertedNumberUnlessPrivacyIsAsked) {
  PROVES("TDR-48", "TDR-47");
  auto d = core.invite(
      "+4989123", "P-Asserted-Identity: \"Shop\" <sip:+4930777@core.example>, <tel:+4930778>\r\n",
      sdp("10.1.0.1", 40000), "+4930555");
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(sip::parse_uri(sip::parse_name_addr(inv.value(HeaderId::kFrom))->uri)->user,
            "+4930778");
  EXPECT_NE(inv.value(HeaderId::kContact).find("+4930778@"), std::string_view::npos);
  cloud.reply(inv, 480);
  (void)failure(core, d, 480);
  auto e = core.invite("+4989123",
                       "Privacy: id\r\nP-Asserted-Identity: <tel:+4930777>\r\nFrom: \"Anonymous\" "
                       "<sip:anonymous@anonymous.invalid>;tag=x\r\n",
                       sdp("10.1.0.1", 40000));
  auto anon = cloud.expect("INVITE");
  EXPECT_EQ(sip::parse_name_addr(anon.value(HeaderId::kFrom))->uri,
            "sip:anonymous@anonymous.invalid");
  EXPECT_EQ(anon.value(HeaderId::kPrivacy), "id");
  EXPECT_EQ(anon.value(HeaderId::kContact).find("777"), std::string_view::npos);
  cloud.reply(anon, 480);
  core.expect("480 INVITE");
  expect_clean(2);
  EXPECT_EQ(rig.records[1].from, "+4930777") << "the bill knows who it was";
}

TEST_P(CrossingTest, AnonymousCallsOfTheServiceReachTheCore) {
  PROVES("TDR-64", "TDR-63");
  for (const char* from : {"<sip:anonymous@anonymous.invalid>;tag=1",
                           "\"Anonymous\" <sip:anonymous@anonymous.invalid:5061>;tag=2",
                           "<sip:sip.pstnhub.example>;tag=3"}) {
    auto d = cloud.invite("+4930111",
                          std::string("From: ") + from +
                              "\r\nPrivacy: id\r\nP-Asserted-Identity: <tel:+4989555>, "
                              "<sip:user@contoso.example>\r\n",
                          secure_sdp("10.2.0.1", 50000), "+4989123");
    auto inv = core.expect("INVITE");
    EXPECT_EQ(sip::parse_name_addr(inv.value(HeaderId::kFrom))->uri,
              "sip:anonymous@anonymous.invalid");
    EXPECT_NE(inv.value(HeaderId::kPAssertedIdentity).find("tel:+4989555"), std::string_view::npos)
        << "a valid identity stays";
    EXPECT_EQ(inv.value(HeaderId::kPrivacy), "id");
    core.reply(inv, 480);
    cloud.expect("480 INVITE");
  }
  expect_clean(3);
  for (const auto& r : rig.records) EXPECT_EQ(r.from, "+4989555");
}

TEST_P(CrossingTest, EveryMessageToTheServiceCarriesTheVendorHeader) {
  PROVES("TDR-56", "TDR-57");
  auto up = cloud_calls();
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  cloud.request(up.cloud, "INFO");
  cloud.expect("405 INFO");
  core.request(up.core, "BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  PeerDialog o;
  o.call_id = "o1", o.local = "<sip:sip.pstnhub.example>;tag=1",
  o.remote = "<sip:sbc.operator.example>", o.target = "sip:sbc.operator.example";
  cloud.request(o, "OPTIONS");
  cloud.expect("200 OPTIONS");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  core.request(d, "CANCEL");
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  (void)failure(core, d, 487);
  rig.run(Millis(100));
  for (const auto& text : cloud.received) {
    const std::string line = text.substr(0, text.find("\r\n"));
    EXPECT_TRUE(line.starts_with("SIP/2.0 ") || line.ends_with(" SIP/2.0")) << line;
    const auto m = sip::Message::parse(text);
    if (m->is_request() &&
        (m->method() == sip::Method::kCancel || m->method() == sip::Method::kAck))
      continue;
    if (!m->is_request() && m->status() == 100) continue;
    EXPECT_TRUE(m->find("X-MS-SBC")) << text;
  }
  for (const auto& text : core.received) EXPECT_EQ(text.find("X-MS-SBC"), std::string::npos);
}

}  // namespace
}  // namespace causeway::scenario
