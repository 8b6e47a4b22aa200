#include "call/identity.h"

#include <gmock/gmock.h>

#include "support/proves.h"

namespace causeway::call {
namespace {

using deployment::DiversionForm;
using deployment::IdentityForm;
using deployment::IdentityMismatch;
using ::testing::ElementsAre;

sip::Message invite(const std::string& headers, const std::string& target = "sip:+4989@b",
                    const std::string& from = "<sip:+4930555@core.example>") {
  return *sip::Message::parse("INVITE " + target + " SIP/2.0\r\nFrom: " + from +
                              ";tag=1\r\nTo: <sip:+4989@b>\r\n" + headers +
                              "Content-Length: 0\r\n\r\n");
}

// What a peer of that profile is sent for it: "Name: value", in the order written; "-Name" for what
// is kept back.
struct Far {
  deployment::Profile profile;
  bool source_trusted = true, trusted = true;

  std::vector<std::string> sees(const sip::Message& m) const {
    deployment::Deployment d;
    const deployment::NumberPlan plan;
    const NumberForms forms{&d, &plan, &plan, profile.number_format};
    const Caller caller = caller_of(m, d, profile, source_trusted, forms, trusted);
    std::vector<std::string> out;
    for (const auto& h :
         identity_headers(m, {profile, source_trusted && trusted, trusted, "us.example", caller,
                              forms, "sip:+4989@far.example"}))
      out.push_back(h.value.empty() ? "-" + h.name : h.name + ": " + h.value);
    return out;
  }
};
Far far(IdentityForm form, IdentityMismatch mismatch = IdentityMismatch::kKeep) {
  Far f;
  f.profile.number_format = deployment::NumberFormat::kE164Plus;
  f.profile.identity = form;
  f.profile.identity_mismatch = mismatch;
  return f;
}
Far far(DiversionForm form) {
  Far f;
  f.profile.number_format = deployment::NumberFormat::kE164Plus;
  f.profile.diversion = form;
  f.profile.pass_headers = {"Diversion", "History-Info"};
  return f;
}

// --- who calls ---------------------------------------------------------------------------------

TEST(Identity, IsAssertedOfWhateverNamedTheCaller) {
  PROVES("ZM-12");
  const auto f = far(IdentityForm::kAsserted);
  const std::string pai = "P-Asserted-Identity: \"A\" <sip:+49301@core.example>, <tel:+49302>\r\n";
  const std::string rpid = "Remote-Party-ID: \"B\" <sip:+49303@10.0.0.1>;party=calling\r\n";
  const std::string ppi = "P-Preferred-Identity: <tel:+49304>\r\n";
  const std::string diversion = "Diversion: <sip:+49305@core.example>;reason=user-busy\r\n";
  EXPECT_THAT(f.sees(invite(pai + rpid + ppi)),
              ElementsAre("P-Asserted-Identity: \"A\" <sip:+49301@core.example>, <tel:+49302>",
                          "-P-Preferred-Identity", "-Remote-Party-ID"));
  EXPECT_THAT(f.sees(invite(rpid + ppi)),
              ElementsAre("-P-Preferred-Identity", "-Remote-Party-ID",
                          "P-Asserted-Identity: \"B\" <sip:+49303@us.example>"));
  EXPECT_THAT(f.sees(invite(ppi)),
              ElementsAre("-P-Preferred-Identity", "P-Asserted-Identity: <sip:+49304@us.example>"));
  EXPECT_THAT(f.sees(invite("")), ElementsAre("P-Asserted-Identity: <sip:+4930555@us.example>"));
  const std::string nobody = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
  EXPECT_THAT(f.sees(invite(diversion, "sip:+4989@b", nobody)),
              ElementsAre("P-Asserted-Identity: <sip:+49305@us.example>"));
  EXPECT_THAT(f.sees(invite("", "sip:+4989@b", nobody)), ElementsAre());
}

TEST(Identity, IsToldInTheHeaderThatThePeerReads) {
  const auto m = invite("P-Asserted-Identity: \"A\" <sip:+49301@core.example>\r\n");
  EXPECT_THAT(
      far(IdentityForm::kPreferred).sees(m),
      ElementsAre("-P-Asserted-Identity", "P-Preferred-Identity: \"A\" <sip:+49301@us.example>"));
  EXPECT_THAT(far(IdentityForm::kRemoteParty).sees(m),
              ElementsAre("-P-Asserted-Identity",
                          "Remote-Party-ID: \"A\" <sip:+49301@us.example>;"
                          "party=calling;screen=yes;privacy=off"));
  EXPECT_THAT(far(IdentityForm::kRemoteParty).sees(invite("Privacy: id\r\n")),
              ElementsAre("Remote-Party-ID: <sip:+4930555@us.example>;party=calling;screen=no;"
                          "privacy=full"));
  EXPECT_THAT(far(IdentityForm::kNone).sees(m), ElementsAre("-P-Asserted-Identity"));
  EXPECT_THAT(far(IdentityForm::kAsReceived).sees(m), ElementsAre());
}

TEST(Identity, OutsideOfTheTrustDomainNothingIsAssertedAndNothingHiddenIsTold) {
  PROVES("TDR-63");
  auto f = far(IdentityForm::kAsserted);
  f.trusted = false;
  const std::string pai = "P-Asserted-Identity: <tel:+49301>\r\n";
  EXPECT_THAT(f.sees(invite(pai)), ElementsAre());
  EXPECT_THAT(f.sees(invite(pai + "Privacy: id\r\nRemote-Party-ID: <tel:+49301>\r\n")),
              ElementsAre("-P-Asserted-Identity", "-Remote-Party-ID"));
  auto g = far(IdentityForm::kAsserted);
  g.source_trusted = false;
  EXPECT_THAT(g.sees(invite(pai)), ElementsAre());
  deployment::Deployment d;
  const auto m = invite(pai + "Privacy: user;id\r\n");
  EXPECT_TRUE(caller_of(m, d, f.profile, true, {}, false).anonymous);
  // Peers of before RFC 3325 say it in the header itself, and From has the number all the same.
  const auto old = invite("Remote-Party-ID: <tel:+4930555>;party=calling;privacy=full\r\n");
  EXPECT_TRUE(caller_of(old, d, f.profile, true, {}, false).anonymous);
  EXPECT_FALSE(caller_of(invite("Remote-Party-ID: <tel:+4930555>;privacy=off\r\n"), d, f.profile,
                         true, {}, false)
                   .anonymous);
  EXPECT_EQ(caller_of(m, d, f.profile, true, {}, true).user, "+4930555");
}

TEST(Identity, OfRemotePartyIdIsTheCallersAlone) {
  const auto f = far(IdentityForm::kAsserted);
  EXPECT_THAT(f.sees(invite("Remote-Party-ID: <tel:+49307>;party=called, "
                            "<tel:+49303>;party=Calling;privacy=off\r\n")),
              ElementsAre("-Remote-Party-ID", "P-Asserted-Identity: <sip:+49303@us.example>"));
  EXPECT_THAT(f.sees(invite("Remote-Party-ID: <tel:+49307>;party=called;privacy=full\r\n")),
              ElementsAre("-Remote-Party-ID", "P-Asserted-Identity: <sip:+4930555@us.example>"));
}

TEST(Identity, OfRemotePartyIdKeepsItsWishForPrivacy) {
  const std::string hidden = "Remote-Party-ID: <tel:+49303>;party=calling;privacy=full\r\n";
  const auto f = far(IdentityForm::kAsserted);
  EXPECT_THAT(f.sees(invite(hidden)), ElementsAre("Privacy: id", "-Remote-Party-ID",
                                                  "P-Asserted-Identity: <sip:+49303@us.example>"));
  EXPECT_THAT(f.sees(invite(hidden + "Privacy: none\r\n")),
              ElementsAre("-Remote-Party-ID", "P-Asserted-Identity: <sip:+49303@us.example>"))
      << "what there is, crosses";
  auto g = f;
  g.trusted = false;
  EXPECT_THAT(g.sees(invite("P-Asserted-Identity: <tel:+49301>\r\n" + hidden)),
              ElementsAre("-P-Asserted-Identity", "-Remote-Party-ID"));
  EXPECT_THAT(g.sees(invite("Remote-Party-ID: <tel:+49303>;privacy=off\r\n")), ElementsAre());
}

TEST(Identity, OfAFreeDisplayNameIsQuoted) {
  EXPECT_THAT(far(IdentityForm::kAsserted)
                  .sees(invite("Remote-Party-ID: J. M\xc3\xbcller@x <tel:+49303>\r\n")),
              ElementsAre("-Remote-Party-ID",
                          "P-Asserted-Identity: \"J. M\xc3\xbcller@x\" "
                          "<sip:+49303@us.example>"));
  EXPECT_EQ(diversions_of(invite("Diversion: J@x <tel:+49303>\r\n")).at(0).display, "\"J@x\"");
}

TEST(Identity, ThatDiffersFromTheCallerIsKeptRemovedOrRewritten) {
  PROVES("TDR-65");
  const auto m = invite("P-Asserted-Identity: <tel:+49301>\r\n");  // From: +4930555
  EXPECT_THAT(far(IdentityForm::kAsReceived).sees(m), ElementsAre());
  EXPECT_THAT(far(IdentityForm::kAsReceived, IdentityMismatch::kRemove).sees(m),
              ElementsAre("-P-Asserted-Identity"));
  EXPECT_THAT(
      far(IdentityForm::kAsReceived, IdentityMismatch::kFrom).sees(m),
      ElementsAre("-P-Asserted-Identity", "P-Asserted-Identity: <sip:+4930555@us.example>"));
  EXPECT_THAT(far(IdentityForm::kRemoteParty, IdentityMismatch::kFrom).sees(m),
              ElementsAre("-P-Asserted-Identity",
                          "Remote-Party-ID: <sip:+4930555@us.example>;"
                          "party=calling;screen=no;privacy=off"));
  const auto same = invite("P-Asserted-Identity: <tel:+4930555>\r\n");
  EXPECT_THAT(far(IdentityForm::kAsReceived, IdentityMismatch::kRemove).sees(same), ElementsAre());
}

TEST(Identity, ThatIsValidOutlivesAnAnonymousFrom) {
  PROVES("TDR-64");
  const auto m = invite("P-Asserted-Identity: <tel:+49301>\r\nPrivacy: id\r\n", "sip:+4989@b",
                        "<sip:anonymous@anonymous.invalid>");
  for (const auto mismatch : {IdentityMismatch::kRemove, IdentityMismatch::kFrom})
    EXPECT_THAT(far(IdentityForm::kAsReceived, mismatch).sees(m), ElementsAre());
  EXPECT_THAT(far(IdentityForm::kAsserted, IdentityMismatch::kFrom).sees(m),
              ElementsAre("P-Asserted-Identity: <tel:+49301>"));
}

TEST(Identity, EveryFormOfACallerOfTheServiceIsUnderstood) {
  PROVES("TDR-62");
  deployment::Deployment d;
  deployment::Profile p;
  const auto of = [&](const std::string& from) {
    return caller_of(invite("", "sip:+4989@b", from), d, p, true);
  };
  EXPECT_EQ(of("<sip:+4930555@sip.pstnhub.example;user=phone>").user, "+4930555");
  EXPECT_EQ(of("\"Service\" <sip:+49800@sip.pstnhub.example:5061;transport=tls>").user, "+49800");
  EXPECT_EQ(of("<tel:+49-30-555>").user, "+4930555");
  for (const char* nobody :
       {"<sip:anonymous@anonymous.invalid>", "\"Anonymous\" <sip:Anonymous@anonymous.invalid:5061>",
        "<sip:restricted@anonymous.invalid>", "<sip:unavailable@unknown.invalid>",
        "<sip:sip.pstnhub.example>"})
    EXPECT_TRUE(of(nobody).anonymous) << nobody;
}

// --- who sent it on ----------------------------------------------------------------------------

TEST(Diversions, BecomeHistoryWithTheirCauses) {
  PROVES("TDR-59");
  const auto f = far(DiversionForm::kHistoryInfo);
  EXPECT_THAT(
      f.sees(invite("Diversion: <sip:+49302@10.0.0.1>;reason=no-answer;counter=1\r\n"
                    "Diversion: \"One\" <tel:+49301>;reason=unconditional;privacy=full\r\n")),
      ElementsAre("History-Info: <sip:+49301@us.example?Reason=SIP%3Bcause%3D302&Privacy=history>"
                  ";index=1, <sip:+49302@us.example;cause=302?Reason=SIP%3Bcause%3D408>;index=1.1;"
                  "mp=1, <sip:+4989@far.example;cause=408>;index=1.1.1;mp=1.1",
                  "-Diversion"));
}

TEST(Diversions, ComeOfHistoryInEitherOfItsForms) {
  PROVES("TDR-59", "TDR-66");
  const auto f = far(DiversionForm::kDiversion);
  const std::string expected =
      "Diversion: <sip:+49302@us.example>;reason=user-busy;privacy=off;counter=1, "
      "<sip:+49301@us.example>;reason=unconditional;privacy=off;counter=1";
  for (const char* history :
       {"<sip:+49301@sip.pstnhub.example;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%22>;"
        "index=1,<sip:+49302@sip.pstnhub.example;user=phone?Reason=SIP%3Bcause%3D486>;index=1.1",
        "<sip:+49301@h?Reason=SIP;cause=302;text=\"Moved\">;index=1, "
        "<sip:+49302@h?Reason=SIP;cause=486>;index=1.1",
        "<sip:+49301@h>;index=1,<sip:+49302@h;cause=302>;index=1.1;mp=1,"
        "<sip:+4989@b;cause=486>;index=1.1.1;mp=1.1"})
    EXPECT_THAT(f.sees(invite(std::string("History-Info: ") + history + "\r\n")),
                ElementsAre("-History-Info", expected))
        << history;
}

TEST(Diversions, CausesAreMappedBothWays) {
  const std::pair<const char*, int> kTable[] = {{"unconditional", 302}, {"user-busy", 486},
                                                {"no-answer", 408},     {"unavailable", 503},
                                                {"deflection", 480},    {"unknown", 404}};
  for (const auto& [reason, cause] : kTable) {
    EXPECT_EQ(cause_of_reason(reason), cause);
    EXPECT_EQ(reason_of_cause(cause), reason);
  }
  for (const char* other :
       {"time-of-day", "do-not-disturb", "follow-me", "out-of-service", "away", ""})
    EXPECT_EQ(cause_of_reason(other), 404) << other;
  EXPECT_EQ(reason_of_cause(487), "deflection");
  EXPECT_EQ(reason_of_cause(200), "unknown");
  EXPECT_EQ(cause_of_reason("User-Busy"), 486);
}

TEST(Diversions, InTheWantedFormCrossAsTheyCame) {
  const std::string history =
      "<sip:+49301@core.example?Reason=SIP%3Bcause%3D302>;index=1;x=y, <sip:+4989@b>;index=1.1";
  const std::string both =
      "History-Info: " + history + "\r\nDiversion: <tel:+49301>;reason=away\r\n";
  EXPECT_THAT(far(DiversionForm::kHistoryInfo).sees(invite(both)),
              ElementsAre("History-Info: " + history, "-Diversion"));
  EXPECT_THAT(far(DiversionForm::kBoth).sees(invite(both)),
              ElementsAre("History-Info: " + history, "Diversion: <tel:+49301>;reason=away"));
  EXPECT_THAT(far(DiversionForm::kNone).sees(invite(both)),
              ElementsAre("-History-Info", "-Diversion"));
  EXPECT_THAT(far(DiversionForm::kAsReceived).sees(invite(both)), ElementsAre());
}

TEST(Diversions, ThatAreHiddenHaveNoNameOutsideOfTheTrustDomain) {
  PROVES("TDR-63");
  auto f = far(DiversionForm::kAsReceived);
  f.trusted = false;
  const auto seen =
      f.sees(invite("Diversion: \"Boss\" <tel:+49302>;reason=user-busy;privacy=full, "
                    "<tel:+49301>;reason=away\r\n"));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0],
            "Diversion: <sip:anonymous@anonymous.invalid>;reason=user-busy;privacy=full;counter=1, "
            "<sip:+49301@us.example>;reason=unknown;privacy=off;counter=1");
  f.profile.diversion = DiversionForm::kHistoryInfo;
  for (const char* m :
       {"History-Info: <sip:+49301@h?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1\r\n",
        "Privacy: history\r\nHistory-Info: <sip:+49301@h?Reason=SIP%3Bcause%3D302>;"
        "index=1\r\n"})
    EXPECT_EQ(f.sees(invite(m)).at(0),
              "History-Info: <sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>;index=1, "
              "<sip:+4989@far.example;cause=302>;index=1.1;mp=1");
}

// Outside of the trust domain, with both headers listed.
std::vector<std::string> stranger_sees(const std::string& headers,
                                       DiversionForm form = DiversionForm::kAsReceived) {
  auto f = far(form);
  f.trusted = false;
  return f.sees(invite(headers));
}

TEST(Diversions, ThatAreHiddenAndSayNoReasonAreKeptBackFromStrangers) {
  for (const char* m :
       {"Privacy: history\r\nHistory-Info: <sip:+49301@h>;index=1\r\n",
        "Privacy: header\r\nHistory-Info: <sip:+49301@h>;index=1, <sip:+4989@b>;index=1.1\r\n",
        "Privacy: session\r\nHistory-Info: x\r\n",
        "History-Info: <sip:+49301@h?Privacy=history>;index=1\r\n",
        "History-Info: <sip:+49301@h?Privacy=%zz>;index=1\r\n",
        "History-Info: <sip:+49301@h?Reason=SIP;cause=302;text=\"x\"&Privacy=history>;index=1\r\n",
        "History-Info: <sip:+49301@h>;index=none\r\n"})
    for (const auto form : {DiversionForm::kAsReceived, DiversionForm::kHistoryInfo,
                            DiversionForm::kDiversion, DiversionForm::kBoth})
      EXPECT_THAT(stranger_sees(m, form), ElementsAre("-History-Info")) << m;
  EXPECT_THAT(stranger_sees("Diversion: <tel:+49301>;privacy=full;counter=x\r\n"),
              ElementsAre("-Diversion"));
  EXPECT_THAT(stranger_sees("History-Info: <sip:+49301@h?Privacy=history&Reason=SIP%3Bcause%3D302>;"
                            "index=1\r\n")
                  .at(0),
              ::testing::StartsWith("History-Info: <sip:anonymous@"));
  EXPECT_THAT(stranger_sees("History-Info: <sip:+49301@h?Privacy=none>;index=1\r\n"), ElementsAre())
      << "nothing to hide";
}

TEST(Diversions, NoValueThatWeWouldNotWriteTellsStrangersWhatItHides) {
  const std::string clean = "<sip:+49301@us.example>;reason=user-busy;privacy=off;counter=1";
  EXPECT_THAT(stranger_sees("History-Info: <sip:+49301@h?Reason=SIP%3Bcause%3D486>;index=1, "
                            "<sip:+49777@h?Privacy=history>;index=1.1\r\n"),
              ElementsAre("History-Info: <sip:+49301@us.example?Reason=SIP%3Bcause%3D486>;index=1, "
                          "<sip:+4989@far.example;cause=486>;index=1.1;mp=1"))
      << "the last one";
  const auto beside = stranger_sees(
      "Diversion: <sip:+49301@h>;reason=user-busy\r\n"
      "History-Info: <sip:+49777@h?Privacy=history>;index=1\r\n");
  ASSERT_EQ(beside.size(), 2u);
  EXPECT_THAT(beside[0], ::testing::Not(::testing::HasSubstr("49777")));
  EXPECT_EQ(beside[1], "Diversion: " + clean);
  const auto same = stranger_sees(
      "Diversion: <sip:+49301@h>;reason=user-busy\r\n"
      "History-Info: <sip:+49301@h?Privacy=history>;index=1\r\n");
  for (const auto& line : same) EXPECT_THAT(line, ::testing::Not(::testing::HasSubstr("49301")));
  std::string many = "Diversion: ";
  for (int i = 0; i < 10; ++i) many += "<sip:+49301@h>;reason=user-busy, ";
  const auto eleventh = stranger_sees(many + "<tel:+49777>;privacy=full\r\n");
  ASSERT_EQ(eleventh.size(), 1u);
  EXPECT_THAT(eleventh[0], ::testing::StartsWith("Diversion: " + clean));
  EXPECT_THAT(eleventh[0], ::testing::Not(::testing::HasSubstr("49777")));
  EXPECT_THAT(stranger_sees("Diversion: <sip:+49301@h>;reason=user-busy\r\n"
                            "Diversion: <tel:+49777>;privacy=name;counter=x\r\n"),
              ElementsAre("Diversion: " + clean));
}

TEST(Diversions, AreBoundedAndNonsenseIsNone) {
  std::string many = "Diversion: ";
  for (int i = 0; i < 40; ++i)
    many += (i ? "," : "") + std::string("<tel:+49") + std::to_string(100 + i) + ">";
  EXPECT_EQ(diversions_of(invite(many + "\r\n")).size(), kMaxDiversions);
  EXPECT_TRUE(diversions_of(invite("Diversion: <<>\r\nHistory-Info: x\r\n")).empty());
  EXPECT_TRUE(diversions_of(invite("History-Info: <sip:+49301@h>;index=1\r\n")).empty())
      << "nothing says that this one sent it on";
  EXPECT_THAT(far(DiversionForm::kDiversion).sees(invite("History-Info: x\r\n")),
              ElementsAre("-History-Info"));
}

TEST(Diversions, ACounterStandsForHopsWithoutAName) {
  const auto seen = far(DiversionForm::kHistoryInfo)
                        .sees(invite("Diversion: <tel:+49301>;reason=user-busy;counter=2\r\n"));
  EXPECT_EQ(seen.at(0),
            "History-Info: <sip:unknown@unknown.invalid>;index=1, "
            "<sip:+49301@us.example;cause=404?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1, "
            "<sip:+4989@far.example;cause=486>;index=1.1.1;mp=1.1");
}

TEST(Diversions, CountersOfAllHopsTogetherStandForNoMoreThanOneOfThemMay) {
  std::string many = "Diversion: ";
  for (int i = 0; i < 10; ++i)
    many += (i ? ", " : "") + std::string("<tel:+49301>;reason=user-busy;counter=10");
  const auto seen = far(DiversionForm::kHistoryInfo).sees(invite(many + "\r\n"));
  std::size_t unknown = 0;
  for (std::size_t at = seen.at(0).find("<sip:unknown@"); at != std::string::npos;
       at = seen[0].find("<sip:unknown@", at + 1))
    ++unknown;
  EXPECT_EQ(unknown, kMaxDiversions);
  EXPECT_LT(seen[0].size(), 4'096u);
}

TEST(Diversions, ACauseIsAParameterOfTheUriAndOneThatDiverts) {
  const auto uri = [](const std::string& value) {
    return diversions_of(invite("Diversion: " + value + "\r\n")).at(0).uri;
  };
  EXPECT_EQ(uri("<sip:a@h;Cause=302;x=y>"), "sip:a@h;x=y");
  EXPECT_EQ(uri("<sip:a@h;x=y;cause=302?Reason=SIP>"), "sip:a@h;x=y");
  EXPECT_EQ(uri("<sip:a;cause=1@h;x=y>"), "sip:a;cause=1@h;x=y") << "of the user part";
  EXPECT_EQ(uri("<sip:a;cause=1@h;cause=302>"), "sip:a;cause=1@h");
  for (const char* cause : {"200", "99", "700", "4294967295"})
    EXPECT_TRUE(diversions_of(invite(std::string("History-Info: <sip:+49301@h?Reason=SIP%3Bcause"
                                                 "%3D") +
                                     cause + ">;index=1\r\n"))
                    .empty())
        << cause;
}

TEST(Diversions, TheCauseInTheRequestUriIsReadWhereNothingElseSaysWhy) {
  PROVES("TDR-67");
  const std::string target = "sip:+4989@b;user=phone;cause=302";
  EXPECT_EQ(diversion_cause(invite("", target)), 302);
  EXPECT_EQ(diversion_cause(invite("")), 0);
  EXPECT_EQ(diversion_cause(invite("", "sip:+4989@b;cause=banana")), 0);
  EXPECT_EQ(diversion_cause(invite("Diversion: <tel:+49301>;reason=user-busy\r\n")), 486);
  EXPECT_EQ(diversions_of(invite("Diversion: <tel:+49301>\r\n", target)).at(0).cause, 302);
  EXPECT_EQ(
      diversions_of(invite("Diversion: <tel:+49301>;reason=user-busy\r\n", target)).at(0).cause,
      486);
}

}  // namespace
}  // namespace causeway::call
