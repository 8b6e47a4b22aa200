#include "nameserver/wire.h"

#include <gmock/gmock.h>

#include "sample.h"
#include "support/proves.h"

namespace causeway::nameserver {
namespace {

using ::testing::ElementsAre;
using testing::OneTenant;
using testing::settings;

std::uint8_t octet(const Bytes& b, std::size_t i) { return std::to_integer<std::uint8_t>(b.at(i)); }
unsigned word(const Bytes& b, std::size_t i) { return octet(b, i) << 8U | octet(b, i + 1); }
unsigned rcode(const Bytes& b) { return octet(b, 3) & 15U; }
bool flag(const Bytes& b, unsigned bit) { return (word(b, 2) & bit) != 0; }
constexpr unsigned kAa = 0x400, kTc = 0x200, kRd = 0x100, kRa = 0x80;

// A question by hand: header, name as given, type, class; OPT with that size when it is not 0.
Bytes question(std::string_view name, unsigned type, unsigned edns = 0, unsigned version = 0) {
  Bytes out;
  const auto put = [&](unsigned v) { out.push_back(static_cast<std::byte>(v)); };
  for (const unsigned v : {0x12U, 0x34U, 1U, 0U, 0U, 1U, 0U, 0U, 0U, 0U, 0U, edns != 0 ? 1U : 0U})
    put(v);
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    put(static_cast<unsigned>(label.size()));
    for (const char c : label) put(static_cast<unsigned char>(c));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  for (const unsigned v : {0U, type >> 8U, type & 255U, 0U, 1U}) put(v);
  if (edns != 0)
    for (const unsigned v : {0U, 0U, 41U, edns >> 8U, edns & 255U, 0U, version, 0x80U, 0U, 0U, 0U})
      put(v);
  return out;
}

class Wire : public ::testing::Test {
 protected:
  [[nodiscard]] Reply reply(const Bytes& query, Over over = Over::kUdp) const {
    auto r = answer(query, over, zone, tenants);
    EXPECT_TRUE(r);
    return r ? *r : Reply{};
  }
  static Challenges many() {
    Challenges out;
    for (int i = 0; i < 40; ++i) out.emplace("many", std::string(43, 'x') + std::to_string(i));
    for (int i = 0; i < 11; ++i) out.emplace("some", std::string(43, 'x') + std::to_string(i));
    return out;
  }
  OneTenant tenants;
  Zone zone{settings(), many(), 1};
};

TEST_F(Wire, AnswerSaysWhoItIsFromAndForWhat) {
  const Reply r = reply(question("contoso.1r1.gw.example.net", 16));
  EXPECT_EQ(word(r.bytes, 0), 0x1234u);
  EXPECT_TRUE(flag(r.bytes, 0x8000));
  EXPECT_TRUE(flag(r.bytes, kAa));
  EXPECT_TRUE(flag(r.bytes, kRd));
  EXPECT_FALSE(flag(r.bytes, kRa));  // it never asks others
  const auto said = read_reply(r.bytes, "contoso.1r1.gw.example.net", Type::kTxt, 0x1234);
  ASSERT_TRUE(said);
  EXPECT_THAT(said->data, ElementsAre("token-1"));
}

TEST_F(Wire, NameIsGivenBackInTheCaseOfTheQuestion) {
  const std::string name = "CoNtOsO.1r1.gW.eXaMpLe.NeT";
  const Bytes query = question(name, 1);
  const Reply r = reply(query);
  // The question, byte for byte; the answer's owner points at it.
  EXPECT_TRUE(std::equal(query.begin() + 12, query.end(), r.bytes.begin() + 12));
  EXPECT_EQ(word(r.bytes, query.size()), 0xc00cu);
}

TEST_F(Wire, WhatDoesNotFitIsTruncatedToNothing) {
  const auto name = "_acme-challenge.some.gw.example.net";
  const Reply small = reply(question(name, 16));
  EXPECT_TRUE(small.truncated);
  EXPECT_TRUE(flag(small.bytes, kTc));
  EXPECT_LE(small.bytes.size(), 512u);
  EXPECT_EQ(word(small.bytes, 6), 0u);
  const Reply big = reply(question(name, 16, 4096));
  EXPECT_FALSE(big.truncated);
  EXPECT_EQ(word(big.bytes, 6), 11u);
  // However much is offered, no more than passes without fragments; over TCP all of it.
  const auto more = "_acme-challenge.many.gw.example.net";
  EXPECT_TRUE(reply(question(more, 16, 65'535)).truncated);
  const Reply tcp = reply(question(more, 16), Over::kTcp);
  EXPECT_FALSE(tcp.truncated);
  EXPECT_EQ(word(tcp.bytes, 6), 40u);
}

TEST_F(Wire, EdnsIsAnsweredWithOurSizeAndOtherVersionsAreRefused) {
  const Reply plain = reply(question("provapi.gw.example.net", 1));
  EXPECT_EQ(word(plain.bytes, 10), 0u);
  const Reply r = reply(question("provapi.gw.example.net", 1, 4096));
  ASSERT_EQ(word(r.bytes, 10), 1u);
  const std::size_t opt = r.bytes.size() - 11;
  EXPECT_EQ(word(r.bytes, opt + 1), 41u);
  EXPECT_EQ(word(r.bytes, opt + 3), kMaxDatagram);
  EXPECT_EQ(octet(r.bytes, opt + 7) & 0x80, 0x80);  // DO comes back (RFC 3225)
  const Reply bad = reply(question("provapi.gw.example.net", 1, 4096, 1));
  EXPECT_EQ(word(bad.bytes, 6), 0u);
  EXPECT_EQ(octet(bad.bytes, bad.bytes.size() - 11 + 5), 1u);  // BADVERS: 16
  EXPECT_EQ(rcode(bad.bytes), 0u);
}

TEST_F(Wire, OtherOperationsAndClassesAreRefused) {
  Bytes update = question("gw.example.net", 6);
  update[2] = std::byte{5 << 3};
  EXPECT_EQ(rcode(reply(update).bytes), 4u);
  EXPECT_EQ(reply(update).bytes.size(), 12u);
  Bytes chaos = question("version.bind", 16);
  chaos.back() = std::byte{3};
  EXPECT_EQ(rcode(reply(chaos).bytes), 5u);
  EXPECT_EQ(rcode(reply(question("example.com", 1)).bytes), 5u);
}

TEST_F(Wire, DotWithinALabelIsNoBorderOfLabels) {
  Bytes query = question("agw.example.net", 1);
  query[13] = std::byte{'.'};  // label ".gw"
  EXPECT_EQ(rcode(reply(query).bytes), 5u);
  Bytes below = question("a.gw.example.net", 1);
  below[13] = std::byte{0xff};
  EXPECT_EQ(rcode(reply(below).bytes), 3u);
}

TEST_F(Wire, WhatIsNoQuestionGetsNoAnswerAndABrokenOneIsToldSo) {
  Bytes response = question("gw.example.net", 1);
  response[2] = std::byte{0x80};
  EXPECT_FALSE(answer(response, Over::kUdp, zone, tenants));
  EXPECT_FALSE(answer(Bytes(11), Over::kUdp, zone, tenants));
  EXPECT_FALSE(answer(Bytes(kMaxQuery + 1), Over::kUdp, zone, tenants));
  Bytes two = question("gw.example.net", 1);
  two[5] = std::byte{2};
  EXPECT_EQ(rcode(reply(two).bytes), 1u);
  const Bytes whole = question("gw.example.net", 1);
  const Bytes cut(whole.begin(), whole.end() - 3);
  EXPECT_EQ(rcode(reply(cut).bytes), 1u);
  Bytes twice = question("gw.example.net", 1, 1232);
  const Bytes opt(twice.end() - 11, twice.end());
  twice.insert(twice.end(), opt.begin(), opt.end());
  twice[11] = std::byte{2};
  EXPECT_EQ(rcode(reply(twice).bytes), 1u);
}

TEST_F(Wire, TruncatedReplyIsTheQuestionAlone) {
  const Bytes query = question("contoso.1r1.gw.example.net", 1, 4096);
  const auto t = truncated(query);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->size(), query.size() - 11);
  EXPECT_TRUE(flag(*t, 0x8000));
  EXPECT_TRUE(flag(*t, kTc));
  EXPECT_EQ(word(*t, 10), 0u);
  EXPECT_FALSE(truncated(Bytes(12)));
  EXPECT_FALSE(truncated(reply(query).bytes));
}

TEST_F(Wire, AskingUnderstandsWhatIsAnsweredAndNothingElse) {
  const auto query = make_query("contoso.1r2.gw.example.net", Type::kTxt, 7);
  ASSERT_TRUE(query);
  const Reply r = reply(*query);
  const auto said = read_reply(r.bytes, "contoso.1r2.gw.example.net", Type::kTxt, 7);
  ASSERT_TRUE(said);
  EXPECT_THAT(said->data, ElementsAre("token-2"));
  EXPECT_FALSE(read_reply(r.bytes, "contoso.1r2.gw.example.net", Type::kTxt, 8));
  EXPECT_FALSE(read_reply(r.bytes, "contoso.1r1.gw.example.net", Type::kTxt, 7));
  EXPECT_FALSE(read_reply(r.bytes, "contoso.1r2.gw.example.net", Type::kA, 7));
  EXPECT_FALSE(read_reply(*query, "contoso.1r2.gw.example.net", Type::kTxt, 7));
  const auto other = make_query("example.com", Type::kA, 7);
  EXPECT_EQ(read_reply(reply(*other).bytes, "example.com", Type::kA, 7).error().code,
            ErrorCode::kUnavailable);
  const auto none = make_query("x.gw.example.net", Type::kA, 7);
  const auto nobody = read_reply(reply(*none).bytes, "x.gw.example.net", Type::kA, 7);
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->rcode, Rcode::kNoSuchName);
  const auto six = make_query("1r1.gw.example.net", Type::kAaaa, 7);
  EXPECT_THAT(read_reply(reply(*six).bytes, "1r1.gw.example.net", Type::kAaaa, 7)->data,
              ElementsAre("2001:db8::1"));
}

}  // namespace
}  // namespace causeway::nameserver
