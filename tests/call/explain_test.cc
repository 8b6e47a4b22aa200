// What `causeway explain` says of a message.
#include "call/explain.h"

#include <gtest/gtest.h>

#include "deployment/load.h"

namespace causeway::call {
namespace {

constexpr const char* kConfig = R"(
[emergency]
sos = ["112"]
[routing]
custom_header = "X-Operator-Content"
[[region]]
name = "west"
[[region]]
name = "east"
[[realm]]
name = "all"
media_addresses = ["10.0.0.1"]
media_port_min = 20000
media_port_max = 20999
public_addresses = ["192.0.2.1"]
[[listener]]
name = "udp"
realm = "all"
transport = "udp"
address = "10.0.0.1:5060"
[[profile]]
name = "tenants"
extends = "operator"
contact_host = "1r1.sbc.example"
customer_in_contact = true
number_format = "e164_plus"
[[peer_group]]
name = "core"
region = "west"
realm = "all"
listener = "udp"
profile = "operator"
trusted = true
trunk = "fixed"
routes_to = ["direct-east", "direct"]
[peer_group.numbers]
country = "49"
national_prefix = "0"
[[peer_group.peer]]
name = "core-1"
host = "10.1.0.1"
[[peer_group]]
name = "direct"
region = "west"
realm = "all"
listener = "udp"
profile = "tenants"
service = "direct-routing"
routes_to = ["core"]
[[peer_group.peer]]
name = "direct-1"
host = "10.2.0.1"
[[peer_group]]
name = "direct-east"
region = "east"
realm = "all"
listener = "udp"
profile = "tenants"
service = "direct-routing"
routes_to = ["core"]
[[peer_group.peer]]
name = "direct-2"
host = "10.2.0.2"
port = 5070
)";

class Explain : public ::testing::Test {
 protected:
  Explain() {
    use(kConfig);
    directory::Builder b;
    b.add(directory::Account{
        "Contoso", "tenant-c", directory::kDirectRouting, true, "contoso", "", "", {}});
    b.add("+4989123", {"Contoso", directory::kDirectRouting, "gold"});
    directory = b.build(1);
  }
  void use(const std::string& config) {
    deployment::LoadOptions options;
    options.check_files = false;
    auto loaded = deployment::load_text(config, "test.toml", options);
    EXPECT_TRUE(loaded.deployment) << loaded.to_string();
    d = loaded.deployment;
  }
  static std::string invite(const std::string& to, const std::string& host = "gw.example",
                            const std::string& more = "") {
    return "INVITE sip:" + to + "@" + host +
           " SIP/2.0\n"
           "Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKx\nMax-Forwards: 70\n"
           "From: <sip:030111@core.example>;tag=1\nTo: <sip:" +
           to + "@" + host +
           ">\nCall-ID: c1\nCSeq: 1 INVITE\nContact: <sip:10.1.0.1>\nX-Private: secret\n"
           "P-Asserted-Identity: <sip:030111@core.example>\n" +
           more;
  }
  Result<Explanation> of(const std::string& message, const std::string& from = "core-1") {
    return explain(*d, directory.get(), from, message);
  }
  std::string text(const std::string& message, const std::string& from = "core-1") {
    const auto e = of(message, from);
    return e ? to_text(*e) : "error: " + e.error().what;
  }
  deployment::DeploymentPtr d;
  directory::DirectoryPtr directory;
};

TEST_F(Explain, EveryRuleAndWhatWouldBeSent) {
  const std::string t =
      text(invite("089123", "gw.example", "Diversion: <sip:030999@core.example>\n"));
  for (const char* line :
       {"from     core-1 of group core (trunk fixed)\n",
        "'089123' is +4989123 by the number plan of 'core'\n",
        "+4989123 is provisioned for direct-routing, account 'Contoso'\n",
        "account  Contoso, tenant tenant-c, at most 10 calls\n",
        "to       direct-1 of group direct at 10.2.0.1 over udp\n",
        "to       direct-2 of group direct-east at 10.2.0.2:5070 over udp, of another region",
        "INVITE sip:+4989123@10.2.0.1\n", "From: <sip:+4930111@contoso.1r1.sbc.example>\n",
        "Contact: <sip:+4930111@contoso.1r1.sbc.example:5060>\n", "X-Operator-Content: gold\n",
        "Diversion: <sip:+4930999@core.example>\n",
        "X-Private: profile 'tenants' does not list it\n",
        "P-Asserted-Identity: only between groups that are trusted, both\n"})
    EXPECT_NE(t.find(line), std::string::npos) << line << "\nin\n" << t;
  EXPECT_LT(t.find("direct-1"), t.find("direct-2")) << "the own region first";
}

TEST_F(Explain, WhichRuleChangesWhatBeforeAndAfter) {
  std::string config = kConfig;
  config.insert(config.find("[[profile]]"), R"([[rule_set]]
name = "heard"
[[rule_set.rule]]
name = "prefix"
when = { direction = "in" }
actions = [
  { rewrite = "request_uri", part = "user", pattern = '^9089', value = "089" },
  { capture = "site", from = "X-Private", pattern = '^\w' },
]
[[rule_set]]
name = "said"
[[rule_set.rule]]
name = "site"
actions = [
  { add = "X-Site", value = "${site} ${account}" },
  { rewrite = "From", part = "user", pattern = '^\+49', value = "0" },
  { remove_codecs = ["PCMU"] },
]
[[profile]]
name = "ruled"
extends = "operator"
rules_in = ["heard"]
)");
  config.insert(config.find("contact_host ="), "rules_out = [\"said\"]\n");
  config.replace(config.find("profile = \"operator\""), 20, "profile = \"ruled\"");
  use(config);
  const std::string m =
      invite("9089123", "gw.example",
             "Content-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 10.1.0.1\ns=-\n"
             "c=IN IP4 10.1.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0 8\n");
  const std::string t = text(m);
  for (const char* line :
       {("rules    heard/prefix: Request-URI user: sip:9089123@gw.example -> "
         "sip:089123@gw.example\n"),
        "         heard/prefix: variable site: (none) -> s\n", "INVITE sip:+4989123@10.2.0.1\n",
        "From: <sip:030111@contoso.1r1.sbc.example>\n",
        "rules    said/site: X-Site: (none) -> s Contoso\n",
        "         said/site: From user: <sip:+4930111@contoso.1r1.sbc.example>;tag=0 -> ",
        "         said/site: sdp: m=audio", "X-Site: s Contoso\n", "offering m=audio * RTP/AVP 8"})
    EXPECT_NE(t.find(line), std::string::npos) << line << "\nin\n" << t;
  const auto e = of(m);
  ASSERT_TRUE(e);
  const std::string j = to_json(*e);
  EXPECT_NE(j.find(R"("rules":[{"set":"heard","rule":"prefix","what":"Request-URI user")"),
            std::string::npos)
      << j;
  EXPECT_NE(j.find(R"("what":"X-Site","before":"","after":"s Contoso","refused":"")"),
            std::string::npos)
      << j;
}

TEST_F(Explain, ARefusalWithItsReason) {
  const std::string t = text(invite("+44123", "contoso.1r1.sbc.example"), "direct");
  EXPECT_NE(t.find("from     direct (service direct-routing)"), std::string::npos) << t;
  EXPECT_NE(t.find("refused  403 (Q.850 cause 21, counted as screened): the calling number "
                   "'030111' is not a direct-routing number of account 'Contoso'"),
            std::string::npos)
      << t;
  EXPECT_NE(text(invite("0800")).find("refused  404"), std::string::npos) << text(invite("0800"));
  EXPECT_NE(text(invite("112")).find("refused  403"), std::string::npos);
  EXPECT_NE(text(invite("112"), "direct").find("to       core-1"), std::string::npos);
}

TEST_F(Explain, JsonHoldsTheSame) {
  const auto e = of(invite("089123"));
  ASSERT_TRUE(e);
  const std::string j = to_json(*e);
  for (const char* part :
       {R"("group":"core")", R"("account":"Contoso")", R"("other_region":true)",
        R"("request_uri":"sip:+4989123@10.2.0.1")", R"("X-Operator-Content: gold")"})
    EXPECT_NE(j.find(part), std::string::npos) << part << "\nin\n" << j;
  EXPECT_EQ(j.find("refused"), std::string::npos);
  const auto no = of(invite("0800"));
  ASSERT_TRUE(no);
  EXPECT_NE(to_json(*no).find(R"("refused":{"status":404)"), std::string::npos) << to_json(*no);
}

TEST_F(Explain, TargetsThatWouldBeCalledSideBySide) {
  std::string config = kConfig;
  const std::string routes = "routes_to = [\"direct-east\", \"direct\"]";
  config.replace(config.find(routes), routes.size(),
                 "forking = \"parallel\"\nroutes_to = [\"direct-east\", \"direct\", \"more\"]");
  config += R"([[peer_group]]
name = "more"
region = "west"
realm = "all"
listener = "udp"
profile = "tenants"
service = "direct-routing"
routes_to = ["core"]
[[peer_group.peer]]
name = "more-1"
host = "10.2.0.3"
)";
  use(config);
  const std::string t = text(invite("089123"));
  for (const char* line :
       {"routes_to, all at once (forking): direct-east, direct, more",
        "to       direct-1 of group direct at 10.2.0.1 over udp\n",
        "more-1 of group more at 10.2.0.3 over udp, at the same time (forking)\n",
        "direct-2 of group direct-east at 10.2.0.2:5070 over udp, of another"})
    EXPECT_NE(t.find(line), std::string::npos) << line << "\nin\n" << t;
  EXPECT_NE(to_json(*of(invite("089123"))).find(R"("at_once":true)"), std::string::npos);
  EXPECT_EQ(text(invite("112")).find("at the same time"), std::string::npos);
}

TEST_F(Explain, WhatIsNoQuestionIsSaidSo) {
  EXPECT_NE(text(invite("089123"), "nobody").find("peers: core-1, direct-1, direct-2"),
            std::string::npos);
  EXPECT_NE(text("hello").find("error: "), std::string::npos);
  EXPECT_EQ(text("OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\nFrom: "
                 "<sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n"),
            "error: it is no INVITE");
}

}  // namespace
}  // namespace causeway::call
