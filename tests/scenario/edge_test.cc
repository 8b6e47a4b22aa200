// The edge towards one peer: where answers go, and that what belongs together meets on one shard.
#include "scenario/fixture.h"
#include "sip/tag.h"

namespace causeway::scenario {
namespace {

class EdgeTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, EdgeTest, ::testing::ValuesIn(all_modes()), mode_name);

// A tag as we write them, of that bucket: of a call that is over.
std::string replaces(int bucket) {
  char tag[32];
  (void)std::snprintf(tag, sizeof tag, "01%02x0123456789abcdef", bucket);
  return "Replaces: other@call;to-tag=" + std::string(tag) + ";from-tag=x\r\n";
}

std::string without_replaces() {
  return make_config({.service = "[[profile]]\nname = \"plain\"\nextends = \"operator\"\n"
                                 "replaces = \"off\"\n",
                      .core_profile = "plain"});
}

TEST_P(EdgeTest, WhereReplacesIsOffAnInviteWithItIsACallLikeAnyOtherOnWhicheverShard) {
  ASSERT_TRUE(rig.apply(without_replaces()));
  for (int bucket = 0; bucket < 3; ++bucket) {
    auto up = core_calls(replaces(bucket));
    core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40002, "sendrecv", "8 PCMA/8000", 2));
    core.learn(up.core, core.expect("200 INVITE"));
    core.ack(up.core);
    rig.run(Seconds(1));
    core_hangs_up(up);
  }
  expect_clean(3);
  for (const auto& r : rig.records) EXPECT_EQ(r.termination, "completed");
}

TEST_P(EdgeTest, CancelFindsAnInviteThatWentWhereItsReplacesLed) {
  ASSERT_TRUE(rig.apply(without_replaces()));
  for (int bucket = 0; bucket < 3; ++bucket) {
    auto d = core.invite("+4989123", replaces(bucket), sdp("10.1.0.1", 40000));
    auto inv = cloud.expect("INVITE");
    cloud.reply(inv, 180);
    (void)core.expect("180");
    core.send(core.last_request);  // repeated, it is the same one
    (void)core.expect("180");
    core.request(d, "CANCEL");
    (void)core.expect("200 CANCEL");
    core.ack_failure(d, core.expect("487 INVITE"));
    cloud.reply(cloud.expect("CANCEL"), 200);
    cloud.reply(inv, 487);
    (void)cloud.expect("ACK");
  }
  expect_clean(3);
}

TEST_P(EdgeTest, WhereReplacesIsOffAnInviteThatRequiresItIsAnswered420) {
  ASSERT_TRUE(rig.apply(without_replaces()));
  auto d = core.invite("+4989123", replaces(1) + "Require: replaces\r\n", sdp("10.1.0.1", 40000));
  const auto answer = failure(core, d, 420);
  EXPECT_EQ(answer.find("Unsupported")->value, "replaces");
  expect_clean(1);
}

TEST_P(EdgeTest, AnswersGoToThePortOfTheViaUnlessRportAsksForAnother) {
  Peer other(rig, "other", "10.1.0.1:5099", Transport::kUdp);
  const std::string rest =
      "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCSeq: 1 OPTIONS\r\n"
      "Content-Length: 0\r\n";
  const std::string start = "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5099;";
  core.send(start + "branch=z9hG4bKr1\r\nCall-ID: r1\r\n" + rest + "\r\n");
  (void)other.expect("200 OPTIONS");
  core.send(start + "rport;branch=z9hG4bKr2\r\nCall-ID: r2\r\n" + rest + "\r\n");
  (void)core.expect("200 OPTIONS");
  // One that is refused before anybody looks further: the same.
  core.send(start + "branch=z9hG4bKr3\r\nCall-ID: r3\r\n" + rest + "Max-Forwards: 71\r\n\r\n");
  (void)other.expect("400 OPTIONS");
  EXPECT_EQ(core.count("400 OPTIONS"), 0U);
  expect_clean(0);
}

TEST_P(EdgeTest, AProfileMayAnswerWhereRequestsComeFrom) {
  ASSERT_TRUE(
      rig.apply(make_config({.service = "[[profile]]\nname = \"nat\"\nextends = \"operator\"\n"
                                        "symmetric_response = true\n",
                             .core_profile = "nat"})));
  core.send(
      "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5099;branch=z9hG4bKn\r\n"
      "Call-ID: n\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
      "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
  (void)core.expect("200 OPTIONS");
  expect_clean(0);
}

TEST_P(EdgeTest, ARequestThatComesAgainOnANewConnectionIsAnsweredThere) {
  Peer two(rig, "cloud2", "10.2.0.7:5061", Transport::kTls, {"sip.pstnhub.example"});
  two.gateway = cloud.gateway;
  const std::string options =
      "OPTIONS sip:sbc.operator.example SIP/2.0\r\nVia: SIP/2.0/TLS "
      "sip.pstnhub.example:5061;branch=z9hG4bKagain\r\nCall-ID: again\r\nMax-Forwards: 70\r\n"
      "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
  cloud.send(options);
  (void)cloud.expect("200 OPTIONS");
  two.send(options);
  (void)two.expect("200 OPTIONS");
  EXPECT_EQ(cloud.count("200 OPTIONS"), 1U);
  expect_clean(0);
}

// An INVITE with a To-tag that nobody has: 481, and remembered until an ACK that never comes.
std::string stray_invite(int i) {
  const std::string n = std::to_string(i);
  return "INVITE sip:+4989123@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKs" +
         n +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=gone\r\nCall-ID: s" +
         n + "\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
}

TEST_P(EdgeTest, OneGroupThatFillsTheTableStopsNeitherOthersNorItsOwnCalls) {
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nmax_transactions = 100\n"})));
  auto up = core_calls();
  for (int i = 0; i < 600; ++i) {
    core.send(stray_invite(i));
    if (i % 20 == 0) rig.run(Millis(10));
  }
  rig.run(Millis(100));
  EXPECT_GT(core.count("481 INVITE"), 40U);
  EXPECT_GT(core.count("503 INVITE"), 100U);
  EXPECT_GT(rig.dropped("transactions_full"), 100U);
  auto other = cloud_calls();  // another group's call
  auto emergency = core.invite("112", "", sdp("10.1.0.1", 40010));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 486);
  (void)failure(core, emergency, 486);
  core_hangs_up(up);
  core_hangs_up(other);
  expect_clean(3);
}

TEST_P(EdgeTest, OptionsWithoutNumberAreAnsweredAndForgotten) {
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nmax_transactions = 100\n"})));
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    core.send("OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKo" + n +
              "\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: o" + n +
              "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
  }
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("200 OPTIONS"), 500U);
  EXPECT_LE(rig.transactions(), 26U * rig.mode().shards);
  expect_clean(0);
}

TEST_P(EdgeTest, AnswerToCancelHasTheTagOfTheAnswerToItsInvite) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  const auto ringing = core.expect("180");
  core.request(d, "CANCEL");
  const auto ok = core.expect("200 CANCEL");
  EXPECT_FALSE(ok.to_tag().empty());
  EXPECT_EQ(ok.to_tag(), ringing.to_tag());
  const auto gone = core.expect("487 INVITE");
  EXPECT_EQ(ok.to_tag(), gone.to_tag());
  core.ack_failure(d, gone);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  // One that cancels nothing: answered, counted.
  d.via_branch = "z9hG4bKnever";
  core.request(d, "CANCEL");
  EXPECT_FALSE(core.expect("481 CANCEL").to_tag().empty());
  EXPECT_EQ(rig.dropped("no_transaction"), 1U);
  expect_clean(1);
}

TEST_P(EdgeTest, WhatTheLayerSaysByItselfHasTheLinesOfTheProfile) {
  PROVES("TDR-56");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  (void)core.expect("180");
  core.request(d, "CANCEL");
  const auto cancel = cloud.expect("CANCEL");
  EXPECT_NE(cancel.find("X-MS-SBC"), nullptr);
  cloud.reply(cancel, 200);
  cloud.reply(inv, 487);
  EXPECT_NE(cloud.expect("ACK").find("X-MS-SBC"), nullptr);
  core.ack_failure(d, core.expect("487 INVITE"));
  // Towards us: nobody answers for more than 200 ms.
  auto in =
      cloud.invite("+4930111", "Timestamp: 54\r\n", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto trying = cloud.expect("100");
  EXPECT_NE(trying.find("X-MS-SBC"), nullptr);
  EXPECT_EQ(trying.value(HeaderId::kTimestamp), "54 0.200");
  core.reply(core.expect("INVITE"), 486);
  (void)failure(cloud, in, 486);
  expect_clean(2);
}

TEST_P(EdgeTest, StatelessRefusalsSpeakTheDialectOfTheirSender) {
  PROVES("TDR-85");
  cloud.send(
      "OPTIONS sip:sbc.operator.example SIP/2.0\r\nVia: SIP/2.0/TLS "
      "sip.pstnhub.example:5061;branch=z9hG4bKbad\r\nCall-ID: bad\r\nMax-Forwards: 700\r\n"
      "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
  const auto bad = cloud.expect("400 OPTIONS");
  EXPECT_NE(bad.find("X-MS-SBC"), nullptr);
  EXPECT_TRUE(bad.value(HeaderId::kReason).starts_with("Q.850;cause=41"))
      << bad.value(HeaderId::kReason);
  auto d = cloud.invite("+4930111", "X-Big: " + std::string(11'000, 'x') + "\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto large = cloud.expect("513 INVITE");
  EXPECT_TRUE(large.value(HeaderId::kReason).starts_with("Q.850;cause=127"));
  cloud.ack_failure(d, large);
  expect_clean(1);  // a refused call has a record
}

TEST_P(EdgeTest, AMergedRequestOfAnyMethodIsAnswered482) {
  const auto options = [](const std::string& branch) {
    return "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK" +
           branch +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: merged\r\n"
           "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
  };
  core.send(options("one"));
  core.send(options("one"));  // only repeated
  core.send(options("two"));
  (void)core.expect("482 OPTIONS");
  EXPECT_EQ(core.count("200 OPTIONS"), 2U);
  rig.run(Seconds(40));
  core.send(options("three"));  // forgotten
  (void)core.expect("200 OPTIONS");
  EXPECT_EQ(rig.dropped("merged"), 1U);
  expect_clean(0);
}

TEST_P(EdgeTest, ResponsesThatOthersAskedForAreDropped) {
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  auto inv = core.expect("INVITE");
  const std::string via(inv.value(HeaderId::kVia));
  const auto answer = [&](const std::string& vias) {
    core.send("SIP/2.0 486 Busy\r\n" + vias + "From: " + std::string(inv.value(HeaderId::kFrom)) +
              "\r\nTo: " + std::string(inv.value(HeaderId::kTo)) + ";tag=x\r\nCall-ID: " +
              std::string(inv.call_id()) + "\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
  };
  answer("Via: " + via + "\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n");
  answer("Via: " + via + ", SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n");
  std::string other = via;
  other.replace(other.find("10.0.0.1"), 8, "10.9.9.9");
  answer("Via: " + other + "\r\n");
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("486 INVITE"));
  EXPECT_EQ(rig.dropped("misdirected_response"), 3U);
  answer("Via: " + via + "\r\n");
  (void)failure(cloud, d, 486);
  (void)core.expect("ACK");
  expect_clean(1);
}

TEST_P(EdgeTest, RequestsThatAreRefusedAreCountedByReason) {
  core.send(stray_invite(1));
  (void)core.expect("481 INVITE");
  PeerDialog none;
  none.call_id = "none";
  none.local = "<sip:a@b>;tag=1";
  none.remote = "<sip:c@d>";
  none.target = "sip:10.0.0.1";
  core.request(none, "SUBSCRIBE");
  (void)core.expect("405 SUBSCRIBE");
  core.request(none, "FOO");
  (void)core.expect("501 FOO");
  core.request(none, "OPTIONS", "Require: magic\r\n");
  (void)core.expect("420 OPTIONS");
  EXPECT_EQ(rig.dropped("no_dialog"), 1U);
  EXPECT_EQ(rig.dropped("method_not_offered"), 1U);
  EXPECT_EQ(rig.dropped("method_unknown"), 1U);
  EXPECT_EQ(rig.dropped("extension_required"), 1U);
  auto up = core_calls();
  core.request(up.core, "INFO");
  rig.run(Millis(100));
  core.request(up.core, "BYE", "", "", 1);  // out of order
  (void)core.expect("500 BYE");
  EXPECT_EQ(rig.dropped("in_call_500"), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(EdgeTest, ManyConnectionsOfOneTrunkAreTakenSideBySide) {
  PROVES("TDR-19");
  std::vector<std::unique_ptr<Peer>> proxies;
  for (int i = 0; i < 40; ++i) {
    const std::string at = "10.2.0.1:" + std::to_string(7000 + i);
    proxies.push_back(std::make_unique<Peer>(rig, "proxy" + std::to_string(i), at, Transport::kTls,
                                             std::vector<std::string>{"sip.pstnhub.example"}));
    proxies.back()->gateway = cloud.gateway;
    proxies.back()->request_host = "sbc.operator.example";
    PeerDialog d;
    d.call_id = "many" + std::to_string(i);
    d.local = "<sip:a@b>;tag=" + std::to_string(i);
    d.remote = "<sip:c@d>";
    d.target = "sip:sbc.operator.example";
    proxies.back()->request(d, "OPTIONS");
  }
  for (auto& p : proxies) (void)p->expect("200 OPTIONS");
  std::size_t incoming = 0;
  rig.each([&](call::GatewayShard& s) { incoming += s.connections().incoming; });
  EXPECT_EQ(incoming, 40U);
}

TEST_P(EdgeTest, OneAddressHasSoManyConnectionsAndOthersTheirOwn) {
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nconnections_per_source = 2\n"})));
  std::vector<std::unique_ptr<Peer>> doors;
  for (int i = 0; i < 30; ++i) {
    const std::string at = "10.2.0.9:" + std::to_string(7000 + i);
    doors.push_back(std::make_unique<Peer>(rig, "door" + std::to_string(i), at, Transport::kTls,
                                           std::vector<std::string>{"sip.pstnhub.example"}));
    doors.back()->gateway = cloud.gateway;
    doors.back()->send("\r\n\r\n");
    rig.run(Millis(50));
  }
  std::size_t incoming = 0;
  rig.each([&](call::GatewayShard& s) { incoming += s.connections().incoming; });
  EXPECT_EQ(incoming, 2U * rig.mode().shards);
  EXPECT_EQ(rig.dropped("too_many_connections"), 30U - incoming);
  auto up = cloud_calls();
  cloud_hangs_up(up);
}

TEST_P(EdgeTest, WhatIsTooLargeToBeParsedIsAnsweredAllTheSame) {
  PROVES("GW-04");
  const auto request = [](const std::string& uri, const std::string& n, const std::string& more) {
    return "OPTIONS " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKbig" + n +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: big" + n +
           "\r\nCSeq: 1 OPTIONS\r\n" + more + "Content-Length: 0\r\n\r\n";
  };
  core.send(request("sip:" + std::string(17'000, 'x') + "@h", "1", ""));
  (void)core.expect("414 OPTIONS");
  std::string many;
  for (int i = 0; i < 300; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  core.send(request("sip:10.0.0.1", "2", many));
  (void)core.expect("400 OPTIONS");
  core.send(request("sip:10.0.0.1", "3", "X" + std::string(2'000, 'x') + ": y\r\n"));
  (void)core.expect("400 OPTIONS");
  // Nothing to answer to: dropped.
  core.send("OPTIONS sip:" + std::string(17'000, 'x') + "@h SIP/2.0\r\nCall-ID: x\r\n\r\n");
  rig.run(Seconds(1));
  EXPECT_EQ(core.received.size(), 3U);
  // On a connection the end of it cannot be found any more: answered, and closed.
  std::string tls =
      request("sip:sbc.operator.example", "4", "X: " + std::string(70'000, 'x') + "\r\n");
  tls.replace(tls.find("UDP 10.1.0.1:5060"), 17, "TLS sip.pstnhub.example:5061");
  cloud.send(tls);
  const auto answer = cloud.expect("513 OPTIONS");
  EXPECT_NE(answer.find("X-MS-SBC"), nullptr);
  rig.run(Seconds(3));
  std::size_t incoming = 0;
  rig.each([&](call::GatewayShard& s) { incoming += s.connections().incoming; });
  EXPECT_EQ(incoming, 0U);
  expect_clean(0);
}

TEST_P(EdgeTest, UnderLoadNewCallsAreShedAndNothingElse) {
  auto up = core_calls();
  const auto turn = [&](Micros t) {
    for (std::size_t i = 0; i < rig.mode().shards; ++i) rig.world.shard(i).turn = t;
  };
  auto ringing = core.invite("+4989777", "", sdp("10.1.0.1", 40020));
  const std::string before = core.last_request;
  auto far = cloud.expect("INVITE");
  cloud.reply(far, 180);
  (void)core.expect("180");
  turn(Millis(100));
  PeerDialog last;
  for (int i = 0; i < 300; ++i) {
    last = core.invite("not-a-number", "", sdp("10.1.0.1", 40000));
    rig.run(Millis(10));
  }
  const auto shed = rig.dropped("overload");
  EXPECT_GT(shed, 150U);
  EXPECT_EQ(core.count("503 INVITE"), shed);
  const auto refusal = core.expect("503 INVITE");
  EXPECT_TRUE(refusal.has(HeaderId::kRetryAfter));
  // One that was let in may be repeated; one that was shed is shed again.
  core.send(before);
  (void)core.expect("180");
  // Calls in progress go on, and whoever needs help is let in.
  auto emergency = core.invite("112", "", sdp("10.1.0.1", 40010));
  auto help = cloud.expect("INVITE");
  cloud.reply(help, 486);
  (void)failure(core, emergency, 486);
  cloud.reply(far, 486);
  (void)failure(core, ringing, 486);
  core_hangs_up(up);
  turn(Micros(0));
  rig.run(Seconds(1));
  core.send(stray_invite(7));  // something has to arrive
  rig.run(Millis(100));
  auto next = core_calls();
  core_hangs_up(next);
}

TEST_P(EdgeTest, ALoadedGatewayAnswersInTheDialectOfTheCaller) {
  for (std::size_t i = 0; i < rig.mode().shards; ++i) rig.world.shard(i).turn = Millis(100);
  for (int i = 0; i < 100; ++i) {
    (void)cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
    rig.run(Millis(20));
  }
  const auto refusal = cloud.expect("503 INVITE");
  EXPECT_NE(refusal.find("X-MS-SBC"), nullptr);
  EXPECT_TRUE(refusal.value(HeaderId::kReason).starts_with("Q.850;cause=42"));
}

// A listener that hears half the world, as one with certificates would.
std::string open_to_all() {
  return make_config(
      {.third_cloud =
           "[[peer_group]]\nname = \"others\"\nregion = \"west\"\nrealm = \"core\"\n"
           "listener = \"core-udp\"\nprofile = \"operator\"\noptions_interval = \"0s\"\n"
           "routes_to = [\"cloud\"]\n[peer_group.recognise]\nsources = [\"64.0.0.0/2\"]\n"
           "request_hosts = [\"open.example\"]\n"
           "[[peer_group.peer]]\nname = \"other\"\nhost = \"66.0.0.9\"\nport = 5060\n"});
}

TEST_P(EdgeTest, AScannerIsBannedAtOnceAndHeardAgainWhenItIsOver) {
  ASSERT_TRUE(rig.apply(open_to_all()));
  Peer scanner(rig, "scanner", "66.6.0.1:5060", Transport::kUdp);
  scanner.gateway = "10.0.0.1:5060";
  scanner.request_host = "open.example";
  (void)scanner.invite("100", "User-Agent: Friendly-Scanner\r\n");
  rig.run(Seconds(1));
  (void)scanner.invite("100", "");
  rig.run(Seconds(1));
  EXPECT_TRUE(scanner.received.empty());
  EXPECT_EQ(rig.dropped("ban"), 1U);
  EXPECT_EQ(rig.dropped("banned"), 1U);
  rig.each([&](call::GatewayShard& s) {
    ASSERT_EQ(s.bans().size(), 1U);
    EXPECT_EQ(s.bans()[0].source, "66.6.0.1");
    EXPECT_NE(s.bans()[0].reason.find("scanner"), std::string::npos);
    EXPECT_LE(s.bans()[0].left_s, 3600);
  });
  rig.each([&](call::GatewayShard& s) { EXPECT_TRUE(s.unban(*IpAddress::parse("66.6.0.1"))); });
  rig.each([&](call::GatewayShard& s) { EXPECT_FALSE(s.unban(*IpAddress::parse("66.6.0.1"))); });
  auto d = scanner.invite("nobody", "", sdp("66.6.0.1", 40000));
  (void)failure(scanner, d, 404);
}

TEST_P(EdgeTest, WhatCannotBeFramedIsHeldAgainstItsSource) {
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\noffences_per_minute = 2\n"})));
  for (int i = 0; i < 9; ++i) {  // each on the shard that it comes to
    cloud.send("INVITE sip:a@b SIP/2.0\r\nContent-Length: many\r\n\r\n");
    rig.run(Seconds(1));
  }
  EXPECT_EQ(rig.dropped("framing"), 9U);
  EXPECT_GE(rig.dropped("limited_source"), 1U);
}

TEST_P(EdgeTest, WhoSendsTooMuchThatIsMalformedIsBannedButNotAPeer) {
  ASSERT_TRUE(rig.apply(open_to_all()));
  Peer stranger(rig, "stranger", "66.6.0.1:5060", Transport::kUdp);
  stranger.gateway = "10.0.0.1:5060";
  for (int i = 0; i < 200; ++i) stranger.send("nonsense\r\n\r\n");
  rig.run(Seconds(1));
  EXPECT_EQ(rig.dropped("ban"), 1U);
  EXPECT_GE(rig.dropped("banned"), 100U);
  // The service's addresses are one group's alone.
  Peer service(rig, "service", "10.2.0.3:5061", Transport::kTls, {"sip.pstnhub.example"});
  service.gateway = cloud.gateway;
  for (int i = 0; i < 200; ++i) {
    service.send("FOO\r\nContent-Length: 0\r\n\r\n");
    if (i % 10 == 0) rig.run(Millis(20));
  }
  rig.run(Seconds(1));
  EXPECT_EQ(rig.dropped("ban"), 1U);
  EXPECT_GE(rig.dropped("limited_source"), 1U);
  auto up = cloud_calls();
  cloud_hangs_up(up);
}

}  // namespace
}  // namespace causeway::scenario
