#include <gmock/gmock.h>

#include <algorithm>

#include "sample.h"
#include "support/proves.h"

namespace causeway::deployment {
namespace {

using ::testing::HasSubstr;
using testing::kSample;
using testing::line_of;
using testing::load_sample;
using testing::sample_with;
using testing::with;

struct Case {
  const char* name;
  std::string text;
  std::string at;  // text of the line that the mistake must name
  std::string field;
  std::string says;       // part of what is said
  std::size_t count = 1;  // with those that follow from it
};

class Mistakes : public ::testing::TestWithParam<Case> {};

TEST_P(Mistakes, AreReportedWithLineFieldValueAndRemedy) {
  const Case& c = GetParam();
  const auto r = load_sample(c.text);
  EXPECT_FALSE(r.deployment);
  ASSERT_FALSE(r.mistakes.empty());
  const auto found = std::find_if(r.mistakes.begin(), r.mistakes.end(), [&](const Mistake& m) {
    return m.line == line_of(c.text, c.at) && m.field == c.field &&
           m.to_string().find(c.says) != std::string::npos;
  });
  EXPECT_NE(found, r.mistakes.end())
      << "wanted line " << line_of(c.text, c.at) << " " << c.field << " " << c.says << "\ngot:\n"
      << r.to_string();
  EXPECT_EQ(r.mistakes.size(), c.count) << r.to_string();
}

const std::string kTls = with(
    with(std::string(kSample), "transport = \"udp\"", "transport = \"tls\"\ntls_identity = \"id\""),
    "",
    "[[tls_identity]]\nname = \"id\"\ncertificate = \"c\"\nkey = \"k\"\n"
    "trusted_roots = [\"r\"]\n");

// What [nameserver] needs, and something else in one place of it.
std::string named(std::string_view from, std::string_view to) {
  return with(
      std::string(kSample) +
          "[nameserver]\ndomain = \"gw.example.net\"\nservers = [\"ns.example.org\"]\n"
          "contact = \"hostmaster@example.net\"\n[[nameserver.region]]\nregion = \"north\"\n"
          "service_addresses = [\"192.0.2.9\"]\n",
      from, to);
}

const Case kCases[] = {
    {"internal_realm_is_the_own",
     with(std::string(kSample), "profile = \"operator\"",
          "profile = \"teams\"\ninternal_media_realm = \"core\"") +
         "[[profile]]\nname = \"teams\"\nextends = \"operator\"\n"
         "local_media = { location = \"X-Place\" }\n",
     "internal_media_realm", "peer_group[1].internal_media_realm", "inside the enterprise"},
    {"internal_realm_without_header",
     with(std::string(kSample), "profile = \"operator\"",
          "profile = \"operator\"\ninternal_media_realm = \"lan\"") +
         "[[realm]]\nname = \"lan\"\nmedia_addresses = [\"127.0.0.2\"]\nmedia_port_min = 20000\n"
         "media_port_max = 29999\n",
     "internal_media_realm", "peer_group[1].internal_media_realm", "local_media.location"},
    {"first_address_of_one",
     with(std::string(kSample), "profile = \"operator\"",
          "profile = \"operator\"\nfirst_media_address = \"internal\""),
     "first_media_address", "peer_group[1].first_media_address", "or remove the key"},
    {"known_as_a_label",
     with(std::string(kSample), "host = \"192.0.2.1\"",
          "host = \"192.0.2.1\"\nknown_as = \"branch\""),
     "known_as", "peer_group[1].peer[1].known_as", "full host name"},
    {"known_as_us",
     with(std::string(kSample), "host = \"192.0.2.1\"",
          "host = \"192.0.2.1\"\nknown_as = \"SBC.example.net\"") +
         "[[profile]]\nname = \"x\"\ncontact_host = \"sbc.example.net\"\n",
     "known_as", "peer_group[1].peer[1].known_as", "that is us"},
    {"known_as_another",
     with(with(std::string(kSample), "host = \"192.0.2.1\"",
               "host = \"192.0.2.1\"\nknown_as = \"a.example.net\""),
          "host = \"192.0.2.2\"", "host = \"192.0.2.2\"\nknown_as =  \"A.example.net\""),
     "known_as =  ", "peer_group[2].peer[1].known_as", "peer \"a1\" is known by this name"},
    {"local_media_header_of_ours",
     std::string(kSample) + "[[profile]]\nname = \"x\"\nlocal_media = { path = \"Via\" }\n",
     "local_media", "profile[1].local_media.path", "the name of a header"},
    {"domain_too_long",
     named("\"gw.example.net\"", "\"a-gateway-with-a-very-long-name.of.example.net\""),
     "domain = ", "nameserver.domain", "would pass 48 characters"},
    {"domain_of_unknown_region", named("region = \"north\"\nservice", "region = \"east\"\nservice"),
     "region = \"east\"", "nameserver.region[1].region", "name one of [[region]]"},
    {"name_server_without_address", named("ns.example.org", "ns1.gw.example.net"),
     "servers = ", "nameserver.servers", "[[nameserver.host]] named \"ns1\""},
    {"text_with_quotes",
     named("[[nameserver.region]]",
           "[[nameserver.host]]\nname = \"@\"\ntexts = ['a\"b']\n[[nameserver.region]]"),
     "texts", "nameserver.host[1].texts[1]", "1 to 255 printable"},
    {"pattern_without_number", named("contact", "service_pattern = \"1r1\"\ncontact"),
     "service_pattern", "nameserver.service_pattern", "with {n}"},
    {"caa_without_quotes", named("contact", "caa = [\"0 issue ca.example.net\"]\ncontact"), "caa",
     "nameserver.caa[1]", "flags, tag and value"},
    {"name_server_everywhere", named("contact", "listen = [\"0.0.0.0:53\"]\ncontact"),
     "listen =", "nameserver.listen", "one address of this machine"},
    {"service_without_protocol",
     named("[[nameserver.region]]",
           "[[nameserver.service]]\nname = \"sips\"\nport = 5061\n[[nameserver.region]]"),
     "name = \"sips\"", "nameserver.service[1].name", "service and protocol"},
    {"unknown_key", sample_with("media_port_min", "media_prt_min = 1\nmedia_port_min"),
     "media_prt_min", "realm[1].media_prt_min", "did you mean \"media_port_min\""},
    {"unknown_section", sample_with("", "[widgets]\n"), "[widgets]", "widgets", "unknown key"},
    {"wrong_type", sample_with("media_port_min = 20000", "media_port_min = \"20000\""),
     "media_port_min", "realm[1].media_port_min", "found \"20000\"; write a whole number"},
    {"single_bracket", sample_with("[[region]]", "[region]"), "[region]", "region",
     "double brackets", 3},
    {"transcoding_share", sample_with("", "[limits]\ntranscoding = 1.5\n"), "transcoding",
     "limits.transcoding", "found 1.5; write a share of one core from 0 to 1"},
    {"odd_port", sample_with("20000", "20001"), "20001", "realm[1].media_port_min", "even number"},
    {"port_order", sample_with("29999", "19999"), "19999", "realm[1].media_port_max",
     "larger than media_port_min"},
    {"port_range", sample_with("29999", "70000"), "70000", "realm[1].media_port_max",
     "from 1024 to 65535"},
    {"missing_key", sample_with("transport = \"udp\"\n", ""), "[[listener]]",
     "listener[1].transport", "required"},
    {"bad_word", sample_with("\"udp\"\naddress", "\"udb\"\naddress"), "\"udb\"",
     "listener[1].transport", "\"udp\", \"tcp\" or \"tls\""},
    {"bad_address", sample_with("127.0.0.1:5060", "127.0.0.1"), "address = \"127.0.0.1\"",
     "listener[1].address", "ADDRESS:PORT"},
    {"any_address", sample_with("127.0.0.1:5060", "0.0.0.0:5060"), "0.0.0.0", "listener[1].address",
     "one address"},
    {"address_family", sample_with("127.0.0.1:5060", "[::1]:5060"), "[::1]", "listener[1].address",
     "family", 3},
    {"signalling_in_media", sample_with("127.0.0.1:5060", "127.0.0.1:20010"), "20010",
     "listener[1].address", "media ports"},
    {"dangling_realm", sample_with("realm = \"core\"\ntransport", "realm = \"croe\"\ntransport"),
     "croe", "listener[1].realm", "did you mean \"core\""},
    {"dangling_route", sample_with("[\"b\"]", "[\"bb\"]"), "[\"bb\"]", "peer_group[1].routes_to[1]",
     "no peer_group"},
    {"route_to_itself", sample_with("[\"b\"]", "[\"a\"]"), "[\"a\"]", "peer_group[1].routes_to",
     "go back"},
    {"route_twice", sample_with("[\"b\"]", "[\"b\", \"b\"]"), "[\"b\", \"b\"]",
     "peer_group[1].routes_to", "once"},
    {"duplicate_group",
     sample_with("name = \"b\"", "name = \"a\"  # again\nroutes_to = [\"a\", \"b\"]"), "# again",
     "peer_group[2].name", "has this name already", 3},
    {"duplicate_peer", sample_with("\"b1\"", "\"a1\" #"), "\"a1\" #", "peer_group[2].peer[1].name",
     "already"},
    {"bad_name", sample_with("\"b1\"", "\"b 1\""), "\"b 1\"", "peer_group[2].peer[1].name",
     "letters, digits"},
    {"no_peer",
     sample_with("[[peer_group.peer]]\nname = \"b1\"\nhost = \"192.0.2.2\"\n",
                 "[peer_group.recognise]\nsources = [\"192.0.2.9\"]\n"),
     "[[peer_group]]\nname = \"b\"", "peer_group[2].peer", "required"},
    {"peer_transport", sample_with("\"192.0.2.1\"\n", "\"192.0.2.1\"\ntransport = \"tcp\"\n"),
     "transport = \"tcp\"", "peer_group[1].peer[1].transport", "speaks udp"},
    {"peer_family", sample_with("192.0.2.1", "2001:db8::1"), "2001:db8::1",
     "peer_group[1].peer[1].host", "IPv4"},
    {"peer_host",
     sample_with("\"192.0.2.1\"\n", "\"a b\"\n[peer_group.recognise]\nsources=[\"10.0.0.1\"]\n"),
     "a b", "peer_group[1].peer[1].host", "host name"},
    {"sources_needed", sample_with("192.0.2.1", "sip.example.com"), "[[peer_group]]\nname = \"a\"",
     "peer_group[1].recognise.sources", "by name"},
    {"bad_prefix",
     sample_with("\"192.0.2.1\"\n",
                 "\"192.0.2.1\"\n[peer_group.recognise]\nsources=[\"10.0.0.1/8\"]\n"),
     "10.0.0.1/8", "peer_group[1].recognise.sources[1]", "beyond its prefix length"},
    {"forking_alone",
     sample_with("routes_to = [\"b\"]", "routes_to = [\"b\"]\nforking = \"parallel\""), "forking",
     "peer_group[1].forking", "2 to 8"},
    {"forking_word", sample_with("routes_to", "forking = \"both\"\nroutes_to"), "forking",
     "peer_group[1].forking", "parallel"},
    {"duration", sample_with("routes_to", "options_interval = 30\nroutes_to"), "options_interval",
     "peer_group[1].options_interval", "in quotes"},
    {"media_timeout", sample_with("", "[limits]\nmedia_timeout = \"5s\"\n"), "media_timeout",
     "limits.media_timeout", "at least"},
    {"part_second", sample_with("routes_to", "options_interval = \"500ms\"\nroutes_to"),
     "options_interval", "peer_group[1].options_interval", "whole seconds"},
    {"silence_over_hunt",
     sample_with("routes_to = [\"b\"]",
                 "routes_to = [\"b\"]\n[peer_group.timers]\nsilence = \"10s\""),
     "[peer_group.timers]", "peer_group[1].timers", "longer than hunt"},
    {"tls_without_identity",
     with(std::string(kSample), "transport = \"udp\"", "transport = \"tls\""), "[[listener]]",
     "listener[1].tls_identity", "needs one"},
    {"udp_with_identity", with(kTls, "transport = \"tls\"", "transport = \"tcp\""),
     "tls_identity = \"id\"", "listener[1].tls_identity", "shows no certificate"},
    {"names_without_tls",
     sample_with("\"192.0.2.1\"\n",
                 "\"192.0.2.1\"\n[peer_group.recognise]\ncertificate_names=[\"a.example.com\"]\n"),
     "[peer_group.recognise]", "peer_group[1].recognise", "shows a certificate"},
    {"long_contact_host",
     sample_with("", "[[profile]]\nname=\"p\"\ncontact_host=\"" + std::string(50, 'a') +
                         ".example.com.au\"\n"),
     "contact_host", "profile[1].contact_host", "63 characters"},
    {"contact_address", sample_with("", "[[profile]]\nname=\"p\"\ncontact_host=\"192.0.2.1\"\n"),
     "contact_host", "profile[1].contact_host", "host name"},
    {"contact_host_needed",
     sample_with("profile = \"operator\"", "profile = \"teams-direct-routing\""),
     "teams-direct-routing", "peer_group[1].profile", "needs contact_host"},
    {"unknown_base", sample_with("", "[[profile]]\nname=\"p\"\nextends=\"operatr\"\n"), "operatr",
     "profile[1].extends", "did you mean \"operator\""},
    {"own_header", sample_with("", "[[profile]]\nname=\"p\"\npass_headers=[\"Contact\"]\n"),
     "Contact", "profile[1].pass_headers[1]", "never crosses"},
    {"method_nobody_answers", sample_with("", "[[profile]]\nname=\"p\"\nallow=[\"MESSAGE\"]\n"),
     "MESSAGE", "profile[1].allow[1]", "does not answer this method"},
    {"refer_in_allow", sample_with("", "[[profile]]\nname=\"p\"\nallow=[\"REFER\"]\n"), "REFER",
     "profile[1].allow[1]", "transfer"},
    {"replaces_in_supported",
     sample_with("", "[[profile]]\nname=\"p\"\nsupported=[\"replaces\"]\n"), "replaces",
     "profile[1].supported[1]", "the key replaces"},
    {"transfer_id_with_value", sample_with("", "[[profile]]\nname=\"p\"\ntransfer_id=\"x=y\"\n"),
     "x=y", "profile[1].transfer_id", "name of a URI parameter"},
    {"prack_in_allow", sample_with("", "[[profile]]\nname=\"p\"\nallow=[\"PRACK\"]\n"), "PRACK",
     "profile[1].allow[1]", "reliable_provisionals"},
    {"rel_in_supported", sample_with("", "[[profile]]\nname=\"p\"\nsupported=[\"100rel\"]\n"),
     "100rel", "profile[1].supported[1]", "reliable_provisionals"},
    {"bad_header_line", sample_with("", "[[profile]]\nname=\"p\"\nadd_headers=[\"X-A\"]\n"), "X-A",
     "profile[1].add_headers[1]", "Name: value"},
    {"header_injection",
     sample_with("", "[[profile]]\nname=\"p\"\nadd_headers=[\"X-A: b\\r\\nX: y\"]\n"), "X-A",
     "profile[1].add_headers[1]", "control"},
    {"bad_suite", sample_with("", "[[profile]]\nname=\"p\"\n[profile.sdp]\nsuites=[\"AEAD\"]\n"),
     "AEAD", "profile[1].sdp.suites[1]", "AES_CM_128_HMAC_SHA1_80"},
    {"bad_lifetime",
     sample_with("", "[[profile]]\nname=\"p\"\n[profile.sdp]\nkey_lifetime=\"2^99\"\n"), "2^99",
     "profile[1].sdp.key_lifetime", "2^31"},
    {"bad_status", sample_with("", "[[profile]]\nname=\"p\"\nq850_by_status = { 200 = 17 }\n"),
     "q850", "profile[1].q850_by_status.200", "300 to 699"},
    {"builtin_name", sample_with("", "[[profile]]\nname=\"operator\" #x\n"), "#x",
     "profile[1].name", "exists already"},
    {"emergency_twice", sample_with("", "[emergency]\nsos = [\"112\", \"+112\"]\n"),
     "sos =", "emergency.sos[2]", "once"},
    {"emergency_service", sample_with("", "[emergency]\npolice = [\"112\"]\n"), "police",
     "emergency.police", "RFC 5031"},
    {"emergency_digits", sample_with("", "[emergency]\nsos = [\"one\"]\n"),
     "sos =", "emergency.sos[1]", "digits"},
    {"resolver", sample_with("[[region]]", "resolvers = [\"localhost\"]\n[[region]]"), "localhost",
     "resolvers[1]", "ADDRESS:PORT"},
    {"public_family",
     sample_with("media_port_min", "public_addresses = [\"2001:db8::1\"]\nmedia_port_min"),
     "public_addresses", "realm[1].public_addresses", "no address of this family"},
    {"realm_overlap",
     sample_with(
         "",
         "[[realm]]\nname=\"two\"\nmedia_addresses=[\"127.0.0.1\"]\nmedia_port_min = 29998\n"
         "media_port_max=31000\n"),
     "29998", "realm[2].media_port_min", "realm \"core\" (line 4) uses 20000-29999"},
    {"listener_twice",
     sample_with("",
                 "[[listener]]\nname=\"l2\"\nrealm=\"core\"\ntransport=\"udp\"\naddress=\"127.0.0."
                 "1:5060\"\n"),
     "address=", "listener[2].address", "listener \"udp\" (line 10) has this UDP port already"},
    {"other_realm",
     with(with(std::string(kSample), "realm = \"core\"\nlistener", "realm = \"two\"\nlistener"), "",
          "[[realm]]\nname=\"two\"\nmedia_addresses=[\"127.0.0.2\"]\nmedia_port_min=20000\nmedia_"
          "port_max=31000\n"),
     "listener = \"udp\"", "peer_group[1].listener", "never leaves by another realm"},
    {"same_sources", sample_with("192.0.2.2", "192.0.2.1"), "[[peer_group]]\nname = \"b\"",
     "peer_group[2].recognise", "\"a\" and \"b\" cannot be told apart"},
    {"overlapping_sources",
     sample_with("host = \"192.0.2.2\"",
                 "host = \"192.0.2.2\"\n[peer_group.recognise]\nsources = [\"192.0.0.0/16\"]"),
     "[peer_group.recognise]", "peer_group[2].recognise", "cannot be told apart"},
    {"syntax", sample_with("name = \"core\"", "name = \"core"), "name = \"core", "", "not TOML"},
};

INSTANTIATE_TEST_SUITE_P(Each, Mistakes, ::testing::ValuesIn(kCases),
                         [](const auto& i) { return std::string(i.param.name); });

TEST(MistakesTogether, EveryOneIsReportedAtOnceInOrderOfLines) {
  std::string text = sample_with("20000", "20001");
  text = with(text, "address = \"127.0.0.1:5060\"", "address = \"x\"");
  text = with(text, "routes_to = [\"b\"]", "routs_to = [\"b\"]\nmax_calls = -1");
  text = with(text, "name = \"b1\"", "name = 7");
  const auto r = load_sample(text);
  EXPECT_FALSE(r.deployment);
  ASSERT_EQ(r.mistakes.size(), 5u) << r.to_string();
  EXPECT_EQ(r.mistakes[0].field, "realm[1].media_port_min");
  EXPECT_EQ(r.mistakes[1].field, "listener[1].address");
  EXPECT_EQ(r.mistakes[2].field, "peer_group[1].routs_to");
  EXPECT_EQ(r.mistakes[3].field, "peer_group[1].max_calls");
  EXPECT_EQ(r.mistakes[4].field, "peer_group[2].peer[1].name");
}

TEST(MistakesTogether, OneLineSaysEverything) {
  const auto r = load_sample(sample_with("20000", "20001"));
  EXPECT_EQ(r.to_string(),
            "test.toml:7: realm[1].media_port_min: found 20001; RTP takes the even port of a pair: "
            "write an even "
            "number\n");
}

TEST(MistakesTogether, ProfilesInACircleAreBothNamed) {
  const auto r = load_sample(sample_with("",
                                         "[[profile]]\nname=\"p\"\nextends=\"q\"\n"
                                         "[[profile]]\nname=\"q\"\nextends=\"p\"\n"));
  ASSERT_EQ(r.mistakes.size(), 2u) << r.to_string();
  EXPECT_THAT(r.mistakes[0].remedy, HasSubstr("circle"));
}

TEST(MistakesTogether, AnEmptyFileSaysWhatIsMissing) {
  const auto r = load_sample("");
  EXPECT_EQ(r.mistakes.size(), 4u) << r.to_string();
}

TEST(MistakesTogether, TheirNumberIsBounded) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "k" + std::to_string(i) + " = 1\n";
  EXPECT_EQ(load_sample(text).mistakes.size(), kMaxMistakes);
}

TEST(Nameserver, AServicesNameHasOneAddressOfEachFamily) {
  PROVES("TDR-07");
  const auto with = [](const std::string& addresses) {
    return load_sample(named("\"192.0.2.9\"", addresses));
  };
  EXPECT_TRUE(with("\"192.0.2.9\"").deployment);
  EXPECT_TRUE(with("\"192.0.2.9\", \"2001:db8::9\"").deployment);
  EXPECT_THAT(with("\"192.0.2.9\", \"192.0.2.10\"").to_string(),
              ::testing::HasSubstr("refuse a name with several addresses"));
  EXPECT_FALSE(with("\"2001:db8::9\", \"2001:db8::10\"").deployment);
  EXPECT_FALSE(with("").deployment) << "a name without an address is none for a service";
}

}  // namespace
}  // namespace causeway::deployment
