// What single services and cores are known to send and to expect, as whole calls.
#include <algorithm>
#include <set>

#include "directory/directory.h"
#include "scenario/fixture.h"
#include "sip/fields.h"

namespace causeway::scenario {
namespace {

namespace dir = causeway::directory;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  return at == std::string::npos ? "nothing to replace" : text.replace(at, from.size(), to);
}

std::string header(const sip::Message& m, std::string_view name) {
  for (const auto& f : m.headers())
    if (sip::iequals(f.name, name)) return std::string(f.value);
  return "-";
}

std::string all_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& t : texts) out += t;
  return out;
}

constexpr const char* kKeepTrails = "[limits]\nkeep_one_in = 1\n";

// --- Zoom Phone --------------------------------------------------------------------------------

std::string zoom_config(const ConfigOptions& o = {}) {
  return replaced(make_config(o), "extends = \"teams-direct-routing\"",
                  "extends = \"zoom-provider-exchange\"");
}

class ZoomTest : public CallTest {
 protected:
  explicit ZoomTest(const std::string& config = zoom_config({.top = kKeepTrails}))
      : CallTest(config) {}

  // Zero octets in base64: a key of the length that the suite asks for.
  static std::string key(std::size_t octets) {
    std::string out((octets + 2) / 3 * 4, 'A');
    for (std::size_t i = 0; i < (3 - octets % 3) % 3; ++i) out[out.size() - 1 - i] = '=';
    return out;
  }
  // Its own offer: Opus first, four suites, the strongest first.
  static std::string its_offer(bool with_gcm = true) {
    std::string extra = "a=fmtp:102 useinbandfec=1;maxaveragebitrate=40000\r\na=ptime:20\r\n";
    if (with_gcm) extra += "a=crypto:1 AEAD_AES_256_GCM inline:" + key(44) + "\r\n";
    extra += "a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:" + key(46) +
             "\r\na=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + key(30) +
             "\r\na=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:" + key(30) + "\r\n";
    return sdp("10.2.0.1", 50000, "sendrecv",
               "102 opus/48000/2,9 G722/8000,0 PCMU/8000,8 PCMA/8000,18 G729/8000,101 "
               "telephone-event/8000",
               1, extra, "RTP/SAVP");
  }
  static std::string its_headers() {
    return "P-Asserted-Identity: \"Alice\" <sip:+4989123@4711.zoom.example>\r\nPrivacy: none\r\n"
           "X-Trace-ID: zt-77\r\nAllow: INVITE, ACK, CANCEL, BYE, REGISTER, REFER, INFO, "
           "SUBSCRIBE, NOTIFY, UPDATE, OPTIONS, MESSAGE, PUBLISH\r\nSupported: timer,replaces\r\n"
           "Session-Expires: 1800\r\nMin-SE: 90\r\nAccept: application/sdp, application/isup, "
           "multipart/mixed\r\nContent-Disposition: session;handling=required\r\n";
  }
  PeerDialog zoom_calls(const std::string& offer = its_offer()) {
    return cloud.invite("+4930111", its_headers(), offer, "+4989123");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ZoomTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ZoomTest, ItsOwnInviteIsTakenAsItIs) {
  PROVES("ZM-05", "ZM-07", "ZM-10");
  auto d = zoom_calls();
  const auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4930111@10.1.0.1") << "routed by the Request-URI alone";
  EXPECT_EQ(header(inv, "X-Trace-ID"), "-");
  EXPECT_NE(inv.body().find("PCMA/8000"), std::string_view::npos);
  EXPECT_NE(inv.body().find("opus/48000/2"), std::string_view::npos);
  EXPECT_NE(inv.body().find("a=fmtp:102 useinbandfec=1;maxaveragebitrate=40000"),
            std::string_view::npos)
      << inv.body();
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_NE(line_of(ok.body(), "m=audio").find(" RTP/SAVP "), std::string::npos) << ok.body();
  cloud.learn(d, ok);
  cloud.ack(d);
  rig.run(Millis(100));
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_NE(rig.trail_of(0).find("X-Trace-ID: zt-77"), std::string::npos)
      << "to be asked for by its name at the service";
}

TEST_P(ZoomTest, HostsOfFromAndToDoNotMatter) {
  PROVES("ZM-07");
  for (const char* host : {"sbc.operator.example", "4711.zoom.example", "10.2.0.1"}) {
    auto d = cloud.invite(
        "+4930111",
        "From: <sip:+4989123@" + std::string(host) + ">;tag=z" + host + "\r\n" + its_headers(),
        its_offer(), "+4989123");
    const auto inv = core.expect("INVITE");
    EXPECT_EQ(inv.request_uri(), "sip:+4930111@10.1.0.1") << host;
    core.reply(inv, 486);
    cloud.expect("486 INVITE");
  }
}

TEST_P(ZoomTest, TheFirstSuiteOfItsOfferIsTakenWithItsTag) {
  PROVES("ZM-06");
  const auto chosen = [&](bool with_gcm) {
    auto d = zoom_calls(its_offer(with_gcm));
    const auto inv = core.expect("INVITE");
    core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
    core.expect("ACK");
    const auto ok = cloud.expect("200 INVITE");
    cloud.learn(d, ok);
    cloud.ack(d);
    rig.run(Millis(100));
    cloud.request(d, "BYE");
    core.reply(core.expect("BYE"), 200);
    cloud.expect("200 BYE");
    return line_of(ok.body(), "a=crypto:");
  };
  EXPECT_TRUE(chosen(true).starts_with("a=crypto:1 AEAD_AES_256_GCM inline:"));
  EXPECT_TRUE(chosen(false).starts_with("a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:"));
  expect_clean(2);
}

class ZoomWithOneSuite : public ZoomTest {
 protected:
  ZoomWithOneSuite()
      : ZoomTest(zoom_config({.service_sdp = "suites = [\"AES_CM_128_HMAC_SHA1_80\"]\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ZoomWithOneSuite, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ZoomWithOneSuite, TheThirdOfItsLinesIsAnsweredWithTagThree) {
  PROVES("ZM-06");
  auto d = zoom_calls();
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_TRUE(
      line_of(ok.body(), "a=crypto:").starts_with("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"))
      << ok.body();
  cloud.learn(d, ok);
  cloud.ack(d);
  rig.run(Millis(100));
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(ZoomTest, IsCalledWithAnOfferInE164AndNothingOfTheInside) {
  PROVES("ZM-03", "ZM-04", "ZM-11");
  auto d = core.invite("004989123", "Remote-Party-ID: <sip:+4930777@10.1.0.1>;party=calling\r\n",
                       "", "4930555");
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kContentType), "application/sdp")
      << "an INVITE without SDP becomes one with an offer";
  EXPECT_NE(inv.body().find("telephone-event/8000"), std::string_view::npos);
  EXPECT_EQ(inv.body().find("G729"), std::string_view::npos) << inv.body();
  EXPECT_EQ(line_of(inv.body(), "a=ptime:"), "a=ptime:20");
  EXPECT_EQ(sip::parse_name_addr(inv.value(HeaderId::kFrom))->target.user, "+4930555");
  EXPECT_EQ(inv.value(HeaderId::kPAssertedIdentity),
            "<sip:+4930777@sbc.operator.example;user=phone>");
  EXPECT_EQ(header(inv, "Remote-Party-ID"), "-");
  cloud.reply(inv, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
  EXPECT_EQ(all_of(cloud.received).find("10.1."), std::string::npos);
  EXPECT_EQ(all_of(cloud.received).find("100rel"), std::string::npos);
}

TEST_P(ZoomTest, RingingHasSdpIn183Alone) {
  PROVES("ZM-13", "ZM-14", "GW-10");
  auto d = zoom_calls();
  const auto inv = core.expect("INVITE");
  core.reply(inv, 183);
  EXPECT_TRUE(cloud.expect("180").body().empty()) << "a 183 without SDP";
  core.reply(inv, 180, "", sdp("10.1.0.1", 40000));
  const auto early = cloud.expect("183");
  EXPECT_FALSE(early.body().empty()) << "a 180 with SDP";
  // What the core plays is heard.
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(inv.body()), 5);
  rig.run(Millis(100));
  EXPECT_GE(cloud.rtp.size(), 5U);
  core.reply(inv, 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
}

TEST_P(ZoomTest, HoldOfEveryKindWorksByReinviteAndByUpdate) {
  PROVES("ZM-22");
  auto d = zoom_calls();
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  const auto ok = cloud.expect("200 INVITE");
  cloud.learn(d, ok);
  cloud.ack(d);
  rig.run(Millis(100));
  const std::string ours = line_of(ok.body(), "a=crypto:");
  int version = 1;
  const auto change = [&](const std::string& method, const std::string& direction,
                          const std::string& seen, const std::string& answer) {
    const std::string offer = replaced(its_offer(), "a=sendrecv", "a=" + direction);
    cloud.request(d, method, "",
                  replaced(offer, " 1 IN IP4", " " + std::to_string(++version) + " IN IP4"));
    const auto far = core.expect("INVITE");
    EXPECT_EQ(direction_of(far.body()), seen) << method << " " << direction;
    core.reply(far, 200, "",
               sdp("10.1.0.1", 40000, answer, "8 PCMA/8000,101 telephone-event/8000", version));
    core.expect("ACK");
    const auto answered = cloud.expect("200 " + method);
    if (method == "INVITE") cloud.ack(d);
    EXPECT_EQ(line_of(answered.body(), "a=crypto:"), ours) << "the key stays";
    rig.run(Millis(100));
    return direction_of(answered.body());
  };
  for (const char* method : {"INVITE", "UPDATE"}) {
    EXPECT_EQ(change(method, "sendonly", "sendonly", "recvonly"), "recvonly");
    EXPECT_EQ(change(method, "sendrecv", "sendrecv", "sendrecv"), "sendrecv");
    EXPECT_EQ(change(method, "inactive", "inactive", "inactive"), "inactive");
    EXPECT_EQ(change(method, "sendrecv", "sendrecv", "sendrecv"), "sendrecv");
  }
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(ZoomTest, AReferOfItsOwnNeverReachesTheCore) {
  PROVES("ZM-21");
  auto d = zoom_calls();
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  rig.run(Millis(100));
  cloud.request(d, "REFER",
                "Refer-To: <sip:+4989777@sip.pstnhub.example>\r\nReferred-By: "
                "<sip:+4989123@4711.zoom.example>\r\n");
  rig.run(Seconds(2));
  EXPECT_TRUE(cloud.has("202 REFER") || cloud.has("405 REFER") || cloud.has("603 REFER"))
      << "it is ended here or declined";
  EXPECT_EQ(core.count("REFER"), 0U);
  EXPECT_EQ(all_of(core.received).find("Refer-To"), std::string::npos);
}

class ZoomZones : public ZoomTest {
 protected:
  ZoomZones()
      : ZoomTest(zoom_config({.cloud_options = "60s"})),
        secondary(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"}) {
    secondary.gateway = "10.0.0.2:5061";
  }
  Peer secondary;
};
INSTANTIATE_TEST_SUITE_P(Modes, ZoomZones, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ZoomZones, ThePrimaryIsCalledByNameThenTheSecondary) {
  PROVES("ZM-15", "ZM-16");
  for (Peer* p : {&cloud, &secondary}) {
    const auto options = p->expect("OPTIONS");
    EXPECT_EQ(options.value(HeaderId::kContact), "<sip:sbc.operator.example:5061;transport=tls>");
    p->reply(options, 200);
  }
  PeerDialog o;
  o.call_id = "o1", o.local = "<sip:zoom.example>;tag=1", o.remote = "<sip:sbc.operator.example>",
  o.target = "sip:sbc.operator.example";
  cloud.request(o, "OPTIONS");
  cloud.expect("200 OPTIONS");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto first = cloud.expect("INVITE");
  EXPECT_EQ(cloud.asked_for(first), "sip.pstnhub.example");
  cloud.reply(first, 503);
  const auto second = secondary.expect("INVITE");
  EXPECT_EQ(second.request_uri(), "sip:+4989123@sip2.pstnhub.example;user=phone");
  EXPECT_NE(second.value(HeaderId::kContact).find("@sbc.operator.example:5061"),
            std::string_view::npos);
  secondary.reply(second, 486);
  (void)failure(core, d, 486);
}

// --- Direct Routing ----------------------------------------------------------------------------

class ServiceTest : public CallTest {
 protected:
  explicit ServiceTest(const ConfigOptions& o = {}) : CallTest(make_config(o)) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ServiceTest, ::testing::ValuesIn(all_modes()), mode_name);

// Of good calls no trail is kept there.
class RefusedTest : public ServiceTest {
 protected:
  RefusedTest() : ServiceTest({.top = "[limits]\nkeep_one_in = 0\n"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RefusedTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RefusedTest, ARefusalIsKeptWithItsWordsForSupport) {
  PROVES("TDR-60");
  const std::pair<const char*, const char*> kRefusals[] = {
      {"532", "7e2b9c1a-0000-4000-8000-000000000532;Provided Trunk FQDN is not allowed"},
      {"534", "7e2b9c1a-0000-4000-8000-000000000534;Blocked number"},
      {"560", "7e2b9c1a-0000-4000-8000-000000000560;User is not licensed"}};
  std::size_t n = 0;
  for (const auto& [code, text] : kRefusals) {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    const auto inv = cloud.expect("INVITE");
    cloud.reply(inv, 403,
                "Reason: Q.850;cause=63;text=\"" + std::string(text) + "\"\r\nX-MS-Sub-Code: 510" +
                    code + "\r\n");
    (void)failure(core, d, 403);
    rig.run(Seconds(1));
    const std::string trail = rig.trail_of(n++);
    EXPECT_NE(trail.find(text), std::string::npos) << trail;
    EXPECT_NE(trail.find(std::string("510") + code), std::string::npos) << trail;
  }
  auto up = core_calls();
  core_hangs_up(up);
  expect_clean(4);
  EXPECT_EQ(rig.trail_of(3), "");
  EXPECT_NE(rig.trail_of(0), "") << "while the others are";
}

TEST_P(ServiceTest, ARefusalByLocationIsToldAndNeverTriedElsewhere) {
  PROVES("LBR-01");
  Peer second(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 403,
              "Reason: Q.850;cause=63;text=\"10500 Location-based routing\"\r\n");
  const auto no = failure(core, d, 403);
  EXPECT_NE(no.value(HeaderId::kReason).find("cause=63"), std::string_view::npos)
      << no.value(HeaderId::kReason);
  rig.run(Seconds(20));
  EXPECT_EQ(second.count("INVITE"), 0U);
  expect_clean(1);
  EXPECT_NE(rig.trail_of(0).find("Location-based routing"), std::string::npos);
  EXPECT_EQ(rig.records[0].sip_status, 403);
}

class ToImsCore : public ServiceTest {
 protected:
  ToImsCore() : ServiceTest({.core_profile = "ims-core"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ToImsCore, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ToImsCore, AForwardedCallSaysWhoForwardedItAndWhy) {
  PROVES("TDR-59", "TDR-66", "TDR-67");
  for (const char* reason :
       {"SIP%3Bcause%3D302%3Btext%3D%22Moved%22", "SIP;cause=302;text=\"Moved\""}) {
    auto d = cloud.invite(
        "+4930111",
        "History-Info: <sip:+4989123@sip.pstnhub.example;user=phone?Reason=" + std::string(reason) +
            ">;index=1\r\nReferred-By: <sip:x@y.example>\r\n",
        secure_sdp("10.2.0.1", 50000), "+4989555");
    const auto inv = core.expect("INVITE");
    EXPECT_EQ(inv.request_uri(), "sip:+4930111@10.1.0.1;user=phone;cause=302");
    EXPECT_NE(inv.value(HeaderId::kHistoryInfo).find("+4989123@"), std::string_view::npos);
    EXPECT_EQ(inv.value(HeaderId::kReferredBy), "<sip:x@y.example>");
    core.reply(inv, 486);
    (void)failure(cloud, d, 486);
  }
  // A cause in the Request-URI of the service is no reason to refuse, and is told on.
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto plain = core.expect("INVITE");
  EXPECT_EQ(plain.request_uri(), "sip:+4930111@10.1.0.1;user=phone");
  core.reply(plain, 486);
  (void)failure(cloud, d, 486);
  PeerDialog with_cause;
  with_cause.call_id = "cause-1", with_cause.local = "<sip:+4989123@10.2.0.1>;tag=c1";
  with_cause.target = "sip:+4930111@10.0.0.2:5061;user=phone;cause=486";
  with_cause.remote = "<sip:+4930111@10.0.0.2>", with_cause.cseq = 0;
  cloud.request(with_cause, "INVITE", "", secure_sdp("10.2.0.1", 50000));
  const auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4930111@10.1.0.1;user=phone;cause=486");
  core.reply(inv, 486);
  (void)failure(cloud, with_cause, 486);
  expect_clean(4);
}

TEST_P(ToImsCore, DiversionOfTheCoreIsHistoryAtTheService) {
  PROVES("TDR-59");
  auto d = core.invite("+4989123",
                       "Diversion: <sip:+4930777@core.example>;reason=user-busy;privacy=off\r\n",
                       sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kHistoryInfo),
            "<sip:+4930777@sbc.operator.example;user=phone?Reason=SIP%3Bcause%3D486>;index=1, "
            "<sip:+4989123@sip.pstnhub.example;user=phone;cause=486>;index=1.1;mp=1");
  EXPECT_EQ(header(inv, "Diversion"), "-");
  cloud.reply(inv, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

TEST_P(ToImsCore, UserToUserAndSessionIdCrossUnchangedBothWays) {
  const std::string uui = "56a390f3d2b7310023a2;encoding=hex;purpose=isdn-uui;content=isdn-uui";
  const std::string id = "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000";
  const std::string lines = "User-to-User: " + uui + "\r\nSession-ID: " + id + "\r\n";
  auto d = core.invite("+4989123", lines, sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(header(inv, "User-to-User"), uui);
  EXPECT_EQ(header(inv, "Session-ID"), id);
  cloud.reply(inv, 486, lines);
  const auto no = failure(core, d, 486);
  EXPECT_EQ(header(no, "User-to-User"), uui);
  EXPECT_EQ(header(no, "Session-ID"), id);
  expect_clean(1);
}

class ToLegacyCore : public ServiceTest {
 protected:
  ToLegacyCore() : ServiceTest({.top = kKeepTrails, .core_profile = "legacy-core"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ToLegacyCore, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ToLegacyCore, ALocationIsLeftOutAndTheTrailSaysSo) {
  PROVES("EM-06");
  const std::string body =
      "--b1\r\nContent-Type: application/sdp\r\n\r\n" + secure_sdp("10.2.0.1", 50000) +
      "\r\n--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <loc@example>\r\n\r\n<p/>"
      "\r\n--b1--\r\n";
  auto d = cloud.invite("112",
                        "Content-Type: multipart/mixed;boundary=b1\r\n"
                        "Geolocation: <cid:loc@example>\r\nPriority: emergency\r\n",
                        body, "+4989123");
  const auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kContentType), "application/sdp");
  EXPECT_EQ(header(inv, "Geolocation"), "-");
  EXPECT_EQ(header(inv, "Priority"), "emergency");
  core.reply(inv, 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
  EXPECT_NE(rig.trail_of(0).find("application/pidf+xml left out"), std::string::npos)
      << rig.trail_of(0);
}

TEST_P(ToLegacyCore, NeitherEarlyMediaNorNewerHeadersReachIt) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  const auto inv = cloud.expect("INVITE");
  EXPECT_NE(inv.body().find("telephone-event"), std::string_view::npos) << "tones become events";
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  const auto ringing = core.expect("180");
  EXPECT_TRUE(ringing.body().empty());
  EXPECT_EQ(ringing.value(HeaderId::kAllow).find("UPDATE"), std::string_view::npos);
  cloud.reply(inv, 486);
  (void)failure(core, d, 486);
  auto e =
      cloud.invite("+4930111",
                   "From: <sip:anonymous@anonymous.invalid>;tag=a\r\nPrivacy: id\r\n"
                   "P-Asserted-Identity: <tel:+4989123>\r\n"
                   "History-Info: <sip:+4989777@h.example?Reason=SIP%3Bcause%3D302>;index=1\r\n",
                   secure_sdp("10.2.0.1", 50000));
  const auto call = core.expect("INVITE");
  EXPECT_EQ(sip::parse_name_addr(call.value(HeaderId::kFrom))->uri, "sip:anonymous@10.0.0.1");
  EXPECT_EQ(header(call, "Remote-Party-ID"),
            "<sip:+4989123@10.0.0.1>;party=calling;screen=yes;privacy=full");
  EXPECT_EQ(header(call, "Diversion"),
            "<sip:+4989777@10.0.0.1>;reason=unconditional;privacy=off;counter=1");
  EXPECT_EQ(header(call, "History-Info"), "-");
  EXPECT_EQ(header(call, "P-Asserted-Identity"), "-");
  core.reply(call, 486);
  cloud.expect("486 INVITE");
}

// --- Emergencies -------------------------------------------------------------------------------

TEST_P(ServiceTest, AnEmergencyKeepsItsLocationAndPriority) {
  PROVES("EM-03", "EM-04", "EM-05", "EM-14");
  const std::string pidf = "<?xml version=\"1.0\"?>\r\n<presence>\t<x/> \r\n\r\n</presence>";
  const std::string body =
      "--b1\r\nContent-Type: application/sdp\r\n\r\n" + secure_sdp("10.2.0.1", 50000) +
      "\r\n--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <loc@example>\r\n"
      "Content-Disposition: render;handling=optional\r\nX-Kept: yes\r\n\r\n" +
      pidf + "\r\n--b1--\r\n";
  auto d = cloud.invite("112",
                        "Content-Type: multipart/mixed;boundary=b1\r\n"
                        "Geolocation: <cid:loc@example>;inserted-by=\"endpoint\"\r\n"
                        "Geolocation-Routing: yes\r\nPriority: emergency\r\n"
                        "Resource-Priority: esnet.1\r\n",
                        body, "+4989123");
  const auto inv = core.expect("INVITE");
  EXPECT_EQ(header(inv, "Geolocation"), "<cid:loc@example>;inserted-by=\"endpoint\"");
  EXPECT_EQ(header(inv, "Geolocation-Routing"), "yes");
  EXPECT_EQ(header(inv, "Priority"), "emergency");
  EXPECT_EQ(header(inv, "Resource-Priority"), "esnet.1");
  const std::string got(inv.body());
  EXPECT_NE(got.find("Content-ID: <loc@example>\r\nContent-Disposition: render;handling=optional"
                     "\r\nX-Kept: yes\r\n\r\n" +
                     pidf + "\r\n--"),
            std::string::npos)
      << got;
  // The SDP part is ours: our address, RTP, and nothing of the key.
  EXPECT_NE(got.find("c=IN IP4 10.0.0.1"), std::string::npos);
  EXPECT_EQ(got.find("a=crypto"), std::string::npos);
  EXPECT_EQ(got.find("10.2.0.1"), std::string::npos);
  EXPECT_EQ(inv.value(HeaderId::kContentLength), std::to_string(got.size()));
  core.reply(inv, 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
}

TEST_P(ServiceTest, AnEmergencyWithoutALocationIsACallLikeAnyAndCounted) {
  PROVES("EM-17", "EM-18");
  const auto under_way = [&] {
    std::uint32_t n = 0;
    rig.each([&](call::GatewayShard& s) { n += s.counters().emergency_now; });
    return n;
  };
  auto normal = cloud_calls();
  EXPECT_EQ(under_way(), 0U);
  auto d = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto inv = core.expect("INVITE");
  EXPECT_EQ(under_way(), 1U);
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  rig.run(Millis(100));
  EXPECT_EQ(under_way(), 1U);
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  rig.run(Seconds(1));
  EXPECT_EQ(under_way(), 0U);
  cloud_hangs_up(normal);
  expect_clean(2);
}

TEST_P(ServiceTest, AFurtherLegAndReinvitesOfAnEmergencyAreTaken) {
  PROVES("EM-19");
  auto d = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  rig.run(Millis(100));
  // The security desk: a second call of the same user to another number while the first goes on.
  auto desk = cloud.invite("+4930911", "", secure_sdp("10.2.0.1", 50010), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40010));
  core.expect("ACK");
  cloud.learn(desk, cloud.expect("200 INVITE"));
  cloud.ack(desk);
  rig.run(Millis(100));
  // The media moves into a conference.
  cloud.request(d, "INVITE", "", secure_sdp("10.2.0.9", 50500, "sendrecv", 2));
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  cloud.ack(d);
  rig.run(Millis(100));
  for (PeerDialog* each : {&d, &desk}) {
    cloud.request(*each, "BYE");
    core.reply(core.expect("BYE"), 200);
    cloud.expect("200 BYE");
  }
  expect_clean(2);
}

// --- Trunks and peers ---------------------------------------------------------------------------

TEST_P(ServiceTest, APeerThatFailsTakesItsCallsAlongAndTheNextCallSucceedsAtOnce) {
  PROVES("GW-03");
  Peer second(rig, "core2", "10.1.0.2:5060", Transport::kUdp);
  second.gateway = "10.0.0.1:5060";
  auto up = cloud_calls();
  rig.world.network().isolate(*IpAddress::parse("10.1.0.1"));
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50010), "+4989123");
  const auto inv = second.expect("INVITE", Seconds(5));
  second.reply(inv, 200, "", sdp("10.1.0.2", 40000));
  second.expect("ACK");
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  rig.run(Millis(100));
  cloud.request(d, "BYE");
  second.reply(second.expect("BYE"), 200);
  cloud.expect("200 BYE");
  // Nobody is there to hear or say anything of the first: it ends, and the service is told.
  cloud.reply(cloud.expect("BYE", Seconds(900)), 200);
  rig.run(Seconds(60));
  EXPECT_EQ(rig.calls(), 0U);
  EXPECT_EQ(rig.records.size(), 2U);
}

// The DSCP of what the gateway sends from each of its ports of signalling, and of media.
struct DscpTap final : world::Tap {
  void on_packet(const world::Packet& p) override {
    if (p.from.address == *IpAddress::parse("10.0.0.1")) core[p.from.port >= 20000].insert(p.dscp);
    if (p.from.address == *IpAddress::parse("10.0.0.2"))
      cloud[p.transport == Transport::kUdp].insert(p.dscp);
  }
  std::set<int> core[2], cloud[2];  // signalling, media
};

class MarkedTest : public ServiceTest {
 protected:
  MarkedTest() {
    const auto ok = rig.apply(replaced(make_config(), "media_port_min = 30000",
                                       "media_port_min = 30000\nsignalling_dscp = 40\n"
                                       "media_dscp = 34"));
    EXPECT_TRUE(ok) << (ok ? "" : ok.error().what);
    rig.world.network().set_tap(&tap);
  }
  ~MarkedTest() override { rig.world.network().set_tap(nullptr); }
  DscpTap tap;
};
INSTANTIATE_TEST_SUITE_P(Modes, MarkedTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(MarkedTest, MediaAndSignallingHaveTheirDscp) {
  PROVES("TDM-22");
  auto up = core_calls();
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(6));
  core_hangs_up(up);
  EXPECT_EQ(tap.core[0], (std::set<int>{24})) << "CS3, unless the realm says otherwise";
  EXPECT_EQ(tap.core[1], (std::set<int>{46})) << "EF, of the reports";
  EXPECT_EQ(tap.cloud[0], (std::set<int>{40}));
  EXPECT_EQ(tap.cloud[1], (std::set<int>{34}));
}

class ProtectedCore : public ServiceTest {
 protected:
  ProtectedCore()
      : ServiceTest({.service = "[[profile]]\nname = \"protected\"\nextends = \"sip-trunk\"\n"
                                "[profile.sdp]\nsecurity = \"sdes\"\n",
                     .core_profile = "protected"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ProtectedCore, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ProtectedCore, ACoreMayHaveSrtpOfItsOwn) {
  PROVES("GW-07");
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto inv = core.expect("INVITE");
  EXPECT_NE(line_of(inv.body(), "m=audio").find(" RTP/SAVP "), std::string::npos);
  EXPECT_NE(line_of(inv.body(), "a=crypto:").find("AES_CM_128_HMAC_SHA1_80"), std::string::npos);
  core.reply(inv, 200, "", secure_sdp("10.1.0.1", 40000));
  core.expect("ACK");
  const auto ok = cloud.expect("200 INVITE");
  cloud.learn(d, ok);
  cloud.ack(d);
  EXPECT_NE(line_of(inv.body(), "a=crypto:"), line_of(ok.body(), "a=crypto:")) << "a key for each";
  rig.run(Millis(100));
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(ServiceTest, RtpOverUdpOnOneSideMeetsSrtpOverTlsOnTheOther) {
  PROVES("GW-07");
  auto up = core_calls();
  EXPECT_EQ(line_of(up.to_core, "a=crypto:"), "");
  EXPECT_NE(line_of(up.to_cloud, "a=crypto:"), "");
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 3);
  rig.run(Millis(100));
  ASSERT_GE(cloud.rtp.size(), 3U);
  EXPECT_EQ(cloud.rtp[0].bytes.size(), 172U + 10U) << "with the tag of 80 bits";
  core_hangs_up(up);
  expect_clean(1);
}

class TrunkTest : public ServiceTest {
 protected:
  static ConfigOptions options() {
    ConfigOptions o;
    o.cloud_options = "60s";
    o.core = "trunk = \"fixed\"\n[peer_group.numbers]\ncountry = \"49\"\n";
    o.cloud = "service = \"direct-routing\"\n";
    o.service = "customer_in_contact = true\n";
    return o;
  }
  TrunkTest()
      : ServiceTest(options()),
        cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"}) {
    dir::Builder b;
    b.add(dir::Account{"Contoso", "tenant-c", dir::kDirectRouting, false, "contoso", "", "", {}});
    b.add(dir::Account{"Fabrikam", "tenant-f", dir::kDirectRouting, false, "fabrikam", "", "", {}});
    b.add("+4989123", {"Contoso", dir::kDirectRouting, ""});
    b.add("+4989555", {"Fabrikam", dir::kDirectRouting, ""});
    const auto directory = b.build(1);
    rig.each([&](call::GatewayShard& s) { s.use_directory(directory); });
  }
  void answer_options(Micros during) {
    const auto end = rig.world.now() + during;
    while (rig.world.now() < end) {
      rig.run(Millis(200));
      for (Peer* p : {&cloud, &cloud2})
        while (p->has("OPTIONS")) p->reply(p->expect("OPTIONS"), 200);
    }
  }
  Peer cloud2;
};
INSTANTIATE_TEST_SUITE_P(Modes, TrunkTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(TrunkTest, OptionsAreForTheCarriersNameAlone) {
  PROVES("TDR-41");
  answer_options(Seconds(185));
  for (Peer* p : {&cloud, &cloud2}) {
    EXPECT_GE(p->count("OPTIONS"), 3U);
    EXPECT_LE(p->count("OPTIONS"), 4U) << "one a minute, however many enterprises there are";
  }
  for (const auto& text : cloud.received) {
    EXPECT_NE(text.find("Contact: <sip:sbc.operator.example:5061"), std::string::npos) << text;
    EXPECT_EQ(text.find("contoso"), std::string::npos);
    EXPECT_EQ(text.find("fabrikam"), std::string::npos);
  }
}

TEST_P(TrunkTest, DrainingTheCarriersTrunkDrainsAllEnterprises) {
  PROVES("MT-12");
  answer_options(Seconds(1));
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kGroup, "cloud", peers::Admin::kDrain));
  });
  for (const char* number : {"+4989123", "+4989555"}) {
    auto d = core.invite(number, "", sdp("10.1.0.1", 40000));
    (void)failure(core, d, 503);
  }
  for (const char* label : {"contoso", "fabrikam"}) {
    cloud.request_host = std::string(label) + ".sbc.operator.example";
    auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
    (void)failure(cloud, d, 503);
  }
  EXPECT_EQ(cloud.count("INVITE"), 0U);
  EXPECT_EQ(core.count("INVITE"), 0U);
}

TEST_P(TrunkTest, TheSameExtensionOfTwoEnterprisesIsTwoCallers) {
  PROVES("MT-13");
  answer_options(Seconds(1));
  const auto tenant_of = [&](const std::string& label) {
    cloud.request_host = label + ".sbc.operator.example";
    auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "2100");
    const auto inv = core.expect("INVITE");
    core.reply(inv, 486);
    const auto no = failure(cloud, d, 486);
    EXPECT_NE(no.value(HeaderId::kTo), "");
    return header(inv, "X-MS-TenantID");
  };
  EXPECT_EQ(tenant_of("contoso"), "tenant-c");
  EXPECT_EQ(tenant_of("fabrikam"), "tenant-f");
  rig.run(Seconds(1));
  ASSERT_EQ(rig.records.size(), 2U);
  EXPECT_EQ(rig.records[0].account, "Contoso");
  EXPECT_EQ(rig.records[1].account, "Fabrikam");
}

TEST_P(TrunkTest, EachNameHasItsOptionsWhateverTheOthersSay) {
  PROVES("TDR-35");
  // One region refuses, is silent, loses its connections or is well, while the other is well: at
  // neither is there a gap of the five minutes after which the service tries a trunk last.
  Instant last[2] = {rig.world.now(), rig.world.now()};
  Micros longest[2] = {};
  enum { kRefuses, kSilent, kResets, kWell, kSpans };
  for (int span = 0; span < 2 * kSpans; ++span) {
    const auto end = rig.world.now() + Seconds(600);
    while (rig.world.now() < end) {
      rig.run(Millis(500));
      for (int i = 0; i < 2; ++i) {
        Peer& p = i == 0 ? cloud : cloud2;
        while (p.has("OPTIONS")) {
          const auto m = p.expect("OPTIONS");
          longest[i] = std::max(longest[i], rig.world.now() - last[i]);
          last[i] = rig.world.now();
          const int how = i == 0 ? span % kSpans : kWell;
          if (how == kWell) p.reply(m, 200);
          if (how == kRefuses) p.reply(m, 503, "Retry-After: 3600\r\n");
          if (how == kResets)
            rig.world.reset_streams(p.endpoint().address, *IpAddress::parse("10.0.0.2"));
        }
      }
    }
  }
  for (int i = 0; i < 2; ++i) {
    longest[i] = std::max(longest[i], rig.world.now() - last[i]);
    EXPECT_LE(longest[i], Micros(Seconds(120))) << i;  // one may get lost
  }
}

}  // namespace
}  // namespace causeway::scenario
