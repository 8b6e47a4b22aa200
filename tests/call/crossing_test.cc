#include "call/crossing.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

sip::Message message(const std::string& headers) {
  return *sip::Message::parse("INVITE sip:a@b SIP/2.0\r\n" + headers + "Content-Length: 0\r\n\r\n");
}

TEST(HideAddresses, AddressesBecomeOurHostAndNamesStay) {
  const auto h = [](const char* v) { return hide_addresses(v, "us.example"); };
  EXPECT_EQ(h("<sip:+49@10.1.0.1:5060;user=phone>;x=1"), "<sip:+49@us.example;user=phone>;x=1");
  EXPECT_EQ(h("<sip:+49@[2001:db8::1]:5060>, <sip:10.1.0.1>"),
            "<sip:+49@us.example>, <sip:us.example>");
  EXPECT_EQ(h("<sip:+49@core.example:5060>"), "<sip:+49@core.example:5060>");
  EXPECT_EQ(h("<sips:+49@core.example>"), "<sip:+49@core.example>");
  EXPECT_EQ(h("<tel:+49>, \"10.1.0.1\" <sip:a@10.1.0.1?Reason=SIP%3Bcause%3D302>;index=1"),
            "<tel:+49>, \"10.1.0.1\" <sip:a@us.example?Reason=SIP%3Bcause%3D302>;index=1");
  EXPECT_EQ(h("gossip:10.1.0.1"), "gossip:10.1.0.1");
  EXPECT_EQ(h("sip:"), "sip:");
  EXPECT_EQ(h(""), "");
}

TEST(Caller, TelephoneNumberOfTwoIdentitiesIsTheOneToBill) {
  const auto m = message(
      "From: <sip:anonymous@anonymous.invalid>;tag=1\r\nPrivacy: id\r\n"
      "P-Asserted-Identity: <tel:+4989555>\r\nP-Asserted-Identity: <sip:user@contoso.example>\r\n");
  EXPECT_EQ(billing_number(m, true), "+4989555");
  EXPECT_EQ(billing_number(m, false), "anonymous");
}

TEST(Caller, AssertedIdentityIsShownUnlessPrivacyIsAsked) {
  deployment::Deployment d;
  deployment::Profile p;
  p.from_source = deployment::FromSource::kAssertedIdentity;
  p.number_format = deployment::NumberFormat::kE164Plus;
  const std::string from = "From: \"X\" <sip:+4930555@b>;tag=1\r\n";
  const std::string pai = "P-Asserted-Identity: \"Y\" <sip:4930777@b>\r\n";
  EXPECT_EQ(caller_of(message(from + pai), d, p, true).user, "+4930777");
  EXPECT_EQ(caller_of(message(from + pai), d, p, false).user, "+4930555");
  EXPECT_EQ(caller_of(message(from + pai + "Privacy: id\r\n"), d, p, true).user, "+4930555");
  EXPECT_TRUE(
      caller_of(message("From: <sip:anonymous@x>;tag=1\r\nPrivacy: id\r\n" + pai), d, p, true)
          .anonymous);
  p.from_source = deployment::FromSource::kFrom;
  EXPECT_EQ(caller_of(message(from + pai), d, p, true).user, "+4930555");
}

TEST(Reason, CausesAreReadAndWritten) {
  EXPECT_EQ(q850_of(message("Reason: SIP;cause=200;text=\"a,b;c\", Q.850 ;cause=34\r\n")), 34);
  EXPECT_EQ(q850_of(message("Reason: Q.850;cause=999\r\n")), 0);
  EXPECT_EQ(q850_of(message("Reason: Q.850\r\n")), 0);
  EXPECT_EQ(q850_of(message("")), 0);
  EXPECT_EQ(reason_value(17, "a \"b\"\r\nc"), "Q.850;cause=17;text=\"a 'b'''c\"");
  EXPECT_EQ(sip_reason_of(message("Reason: Q.850;cause=16\r\nReason: SIP;cause=200\r\n")),
            "SIP;cause=200");
}

TEST(PartyUri, NumbersAreMarkedAndHashesEscaped) {
  EXPECT_EQ(party_uri("+4930", "h", 0, true), "sip:+4930@h;user=phone");
  EXPECT_EQ(party_uri("alice", "h", 5070, true), "sip:alice@h:5070");
  EXPECT_EQ(party_uri("*21#", "h", 0, false), "sip:*21%23@h");
  EXPECT_EQ(party_uri("", "h", 0, true), "sip:h");
}

TEST(Caller, PrivacyOfAnyHeaderCountsAndNonsenseIsAWishForIt) {
  deployment::Deployment d;
  deployment::Profile p;
  p.from_source = deployment::FromSource::kAssertedIdentity;
  const auto user = [&](const std::string& privacy) {
    return caller_of(
               message("From: <sip:+4930555@b>;tag=1\r\nP-Asserted-Identity: <sip:+4930777@b>\r\n" +
                       privacy),
               d, p, true)
        .user;
  };
  EXPECT_EQ(user(""), "+4930777");
  EXPECT_EQ(user("Privacy: none\r\n"), "+4930777");
  EXPECT_EQ(user("Privacy: none\r\nPrivacy: id\r\n"), "+4930555");
  EXPECT_EQ(user("Privacy: none;id\r\n"), "+4930555");
  EXPECT_EQ(user("Privacy: i d\r\n"), "+4930555");
}

TEST(Caller, AnAssertedIdentityThatCannotBeReadAssertsNothing) {
  const auto m =
      message("From: <sip:+4930555@b>;tag=1\r\nP-Asserted-Identity: <sip:+4930777@b>, <sip:x\r\n");
  EXPECT_EQ(billing_number(m, true), "+4930555");
}

TEST(Caller, DisplayNamesAreWrittenAsTheGrammarHasThem) {
  deployment::Deployment d;
  const auto display = [&](const std::string& from) {
    return caller_of(message("From: " + from + "<sip:+4930555@b>;tag=1\r\n"), d, {}, true).display;
  };
  EXPECT_EQ(display(""), "");
  EXPECT_EQ(display("Ada Example "), "Ada Example");
  EXPECT_EQ(display("\"A \\\" B\" "), "\"A \\\" B\"");
  EXPECT_EQ(display("J. Smith@x "), "\"J. Smith@x\"");
  EXPECT_EQ(display("J\xc3\xbcrgen "), "\"J\xc3\xbcrgen\"");
}

TEST(Reason, ValuesThatCannotBeReadArePassedOver) {
  EXPECT_EQ(q850_of(message("Reason: Q.850;cause=x, q.850 ;cause=17;text=\"a,b\"\r\n")), 17);
  EXPECT_EQ(q850_of(message(
                "Reason: SIP;cause=200\r\nReason: Q.850;cause=200\r\nReason: Q.850;cause=31\r\n")),
            31);
  EXPECT_EQ(q850_of(message("Reason: Q.850\r\n")), 0);
  EXPECT_EQ(sip_reason_of(message(
                "Reason: Q.850;cause=16, SIP;cause=200;text=\"Call completed elsewhere\"\r\n")),
            "SIP;cause=200;text=\"Call completed elsewhere\"");
  EXPECT_EQ(sip_reason_of(message("Reason: SIP;cause=200;text=no quotes\r\n")), "");
}

}  // namespace
}  // namespace causeway::call
