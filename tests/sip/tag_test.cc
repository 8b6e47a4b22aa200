#include "sip/tag.h"

#include <gtest/gtest.h>

#include <set>

namespace causeway::sip {
namespace {

constexpr Owner kOurs{NodeId{3}, Bucket{0xa7}};
constexpr NodeId kSelf{9};

Message parsed(const std::string& first_line, const std::string& via, const std::string& to,
               const std::string& cseq, const std::string& extra = {}) {
  auto m =
      Message::parse(first_line + "\r\nVia: " + via + "\r\nFrom: <sip:a@h>;tag=peer\r\nTo: " + to +
                     "\r\nCall-ID: the-call\r\nCSeq: " + cseq + "\r\n" + extra + "\r\n");
  EXPECT_TRUE(m) << (m ? "" : m.error().what);
  return std::move(*m);
}
Message request(const std::string& method, const std::string& to, const std::string& extra = {}) {
  return parsed(method + " sip:gw@h SIP/2.0", "SIP/2.0/UDP p;branch=z9hG4bKpeer", to, "1 " + method,
                extra);
}

struct Tags : ::testing::Test {
  SeededRandom random{1};
  std::string tag = make_tag(kOurs, random);
  std::string branch = make_branch(kOurs, random);
  Owner by_call_id{kSelf, bucket_of_call_id("the-call")};
};

TEST_F(Tags, CarryNodeAndBucket) {
  EXPECT_EQ(tag.size(), 20U);
  EXPECT_EQ(tag.substr(0, 4), "03a7");
  EXPECT_EQ(owner_of_tag(tag), kOurs);
  EXPECT_TRUE(branch.starts_with("z9hG4bK03a7"));
  EXPECT_EQ(owner_of_branch(branch), kOurs);
  for (int node = 0; node < 256; node += 51)
    for (int bucket = 0; bucket < 256; ++bucket) {
      const Owner o{NodeId{static_cast<std::uint8_t>(node)},
                    Bucket{static_cast<std::uint8_t>(bucket)}};
      EXPECT_EQ(owner_of_tag(make_tag(o, random)), o);
    }
}

TEST_F(Tags, AreNotGuessedTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(make_tag(kOurs, random));
  EXPECT_EQ(seen.size(), 10'000U);
}

TEST_F(Tags, OfOthersBelongToNobody) {
  for (const char* t : {"", "peer", "03a7", "03a70123456789abcdeg", "03A70123456789ABCDEF",
                        "03a70123456789abcdef0"})
    EXPECT_EQ(owner_of_tag(t), std::nullopt) << t;
  EXPECT_EQ(owner_of_branch(tag), std::nullopt) << "no magic cookie";
  EXPECT_EQ(owner_of_branch("z9hG4bK"), std::nullopt);
}

TEST_F(Tags, AResponseGoesByOurBranch) {
  const auto response = [&](const std::string& b) {
    return parsed("SIP/2.0 200 OK", "SIP/2.0/TLS gw;branch=" + b, "<sip:b@h>;tag=x", "1 INVITE");
  };
  EXPECT_EQ(owner_of(response(branch), kSelf), kOurs);
  EXPECT_EQ(owner_of(response("z9hG4bKnotours"), kSelf), std::nullopt);
}

TEST_F(Tags, ARequestInADialogGoesByOurTag) {
  for (const char* method : {"BYE", "INVITE", "ACK", "UPDATE", "PRACK", "INFO", "NOTIFY", "REFER"})
    EXPECT_EQ(owner_of(request(method, "<sip:gw@h>;tag=" + tag), kSelf), kOurs) << method;
  EXPECT_EQ(owner_of(request("BYE", "<sip:gw@h>;tag=foreign"), kSelf), by_call_id);
}

TEST_F(Tags, InitialRequestsAndTheirCancelGoByCallId) {
  EXPECT_EQ(owner_of(request("INVITE", "<sip:gw@h>"), kSelf), by_call_id);
  EXPECT_EQ(owner_of(request("CANCEL", "<sip:gw@h>"), kSelf), by_call_id);
  EXPECT_EQ(owner_of(request("OPTIONS", "<sip:gw@h>"), kSelf), by_call_id);
}

// On a dialog that we started, Call-ID was chosen by us and its hash says nothing about the owner.
TEST_F(Tags, TheCancelOfAReInviteFollowsTheReInvite) {
  EXPECT_EQ(owner_of(request("CANCEL", "<sip:gw@h>;tag=" + tag), kSelf),
            owner_of(request("INVITE", "<sip:gw@h>;tag=" + tag), kSelf));
}

TEST_F(Tags, AnInviteWithReplacesGoesToTheDialogThatItNames) {
  const std::string replaces = "Replaces: other@h;from-tag=zz;to-tag=" + tag + ";early-only\r\n";
  EXPECT_EQ(owner_of(request("INVITE", "<sip:gw@h>", replaces), kSelf), kOurs);
  EXPECT_EQ(owner_of(request("INVITE", "<sip:gw@h>",
                             "Replaces: other@h;to-tag=zz;from-tag=" + tag + "\r\n"),
                     kSelf),
            by_call_id);
  EXPECT_EQ(owner_of(request("INVITE", "<sip:gw@h>", "Replaces: other@h\r\n"), kSelf), by_call_id);
}

TEST(CallIdHash, SpreadsOverAllBuckets) {
  std::array<int, 256> hits{};
  for (int i = 0; i < 25'600; ++i)
    ++hits[bucket_of_call_id(std::to_string(i) + "@192.0.2.1").value];
  for (const int h : hits) {
    EXPECT_GT(h, 50);
    EXPECT_LT(h, 160);
  }
}

}  // namespace
}  // namespace causeway::sip
