#include "dns/answer_decoder.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "dns/message.h"

namespace causeway::dns {
namespace {

using testing::DnsMessage;

Result<Answer> decode(const std::string& bytes, RecordType type = RecordType::kA,
                      std::string_view name = "a.example") {
  return decode_answer(std::as_bytes(std::span(bytes)), name, type);
}

TEST(AnswerDecoder, ReadsAddressesWithTheirTtl) {
  DnsMessage m(1, 0, "A.example", 1);
  m.record("@12", 1, 300, std::string("\xc0\x00\x02\x01", 4));
  m.record("@12", 1, 0x80000001, std::string("\xc0\x00\x02\x02", 4));  // RFC 2181: as 0
  const auto answer = decode(m.bytes);
  ASSERT_TRUE(answer) << answer.error().what;
  ASSERT_EQ(answer->records.size(), 2U);
  EXPECT_EQ(answer->records[0].address.to_string(), "192.0.2.1");
  EXPECT_EQ(answer->records[0].ttl, Seconds{300});
  EXPECT_EQ(answer->records[1].ttl, Seconds{0});
  DnsMessage six(1, 0, "a.example", 28);
  six.record("@12", 28, 60, std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01");
  const auto v6 = decode(six.bytes, RecordType::kAaaa);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->records.at(0).address.to_string(), "2001:db8::1");
}

TEST(AnswerDecoder, FollowsAliasesAndTakesTheLeastTtl) {
  DnsMessage m(1, 0, "a.example", 1);
  m.record("c.example", 1, 300, std::string("\xc0\x00\x02\x01", 4));
  m.record("a.example", 5, 20, DnsMessage::wire_name("B.example"));
  m.record("b.example", 5, 100, DnsMessage::wire_name("c.example"));
  m.record("unrelated.example", 1, 300, std::string("\xc0\x00\x02\x63", 4));
  const auto answer = decode(m.bytes);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->records.size(), 1U);
  EXPECT_EQ(answer->records[0].ttl, Seconds{20});
  DnsMessage loop(1, 0, "a.example", 1);
  loop.record("a.example", 5, 20, DnsMessage::wire_name("b.example"));
  loop.record("b.example", 5, 20, DnsMessage::wire_name("a.example"));
  const auto none = decode(loop.bytes);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->records.empty());
}

TEST(AnswerDecoder, ReadsServices) {
  DnsMessage m(1, 0, "_sip._udp.a.example", 33);
  m.record("@12", 33, 60, DnsMessage::srv(10, 20, 5060, "Host.example"));
  m.record("@12", 33, 60, DnsMessage::srv(20, 0, 0, ""));
  const auto answer = decode(m.bytes, RecordType::kSrv, "_sip._udp.a.example.");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->records.size(), 2U);
  EXPECT_EQ(answer->records[0].srv, (Srv{10, 20, 5060, "host.example"}));
  EXPECT_EQ(answer->records[1].srv.target, "");
}

TEST(AnswerDecoder, ReadsNamingAuthorityPointers) {
  const auto text = [](std::string_view t) { return static_cast<char>(t.size()) + std::string(t); };
  DnsMessage m(1, 0, "a.example", 35);
  m.record("@12", 35, 60,
           DnsMessage::number(50) + DnsMessage::number(7) + text("S") + text("SIPS+D2T") +
               text("") + DnsMessage::wire_name("_sips._tcp.A.example"));
  const auto answer = decode(m.bytes, RecordType::kNaptr);
  ASSERT_TRUE(answer) << answer.error().what;
  ASSERT_EQ(answer->records.size(), 1U);
  EXPECT_EQ(answer->records[0].naptr, (Naptr{50, 7, "s", "sips+d2t", "_sips._tcp.a.example"}));
  DnsMessage cut(1, 0, "a.example", 35);
  cut.record("@12", 35, 60, DnsMessage::number(50) + DnsMessage::number(7) + "\x40S");
  EXPECT_FALSE(decode(cut.bytes, RecordType::kNaptr));
}

TEST(AnswerDecoder, TellsHowLongANameDoesNotExist) {
  DnsMessage m(1, 3, "a.example", 1);
  m.record("example", 6, 900, DnsMessage::soa(60), 1);
  const auto answer = decode(m.bytes);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->name_exists);
  EXPECT_EQ(answer->negative_ttl, Seconds{60});
}

TEST(AnswerDecoder, RefusesWhatIsNoAnswerToTheQuestion) {
  DnsMessage good(1, 0, "a.example", 1);
  good.record("@12", 1, 300, std::string("\xc0\x00\x02\x01", 4));
  EXPECT_EQ(decode(good.bytes, RecordType::kA, "b.example").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(decode(good.bytes, RecordType::kAaaa).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(decode("").error().code, ErrorCode::kMalformed);
  for (std::size_t n = 0; n < good.bytes.size(); ++n)
    EXPECT_FALSE(decode(good.bytes.substr(0, n))) << n;
  EXPECT_EQ(decode(DnsMessage(1, 2, "a.example", 1).bytes).error().code, ErrorCode::kUnavailable);
  std::string query = good.bytes;
  query[2] = 0x01;
  EXPECT_FALSE(decode(query));
}

TEST(AnswerDecoder, RefusesNamesThatLoopOrDeceive) {
  const auto with_target = [](const std::string& target) {
    DnsMessage m(1, 0, "a.example", 33);
    m.record("@12", 33, 60,
             DnsMessage::number(1) + DnsMessage::number(1) + DnsMessage::number(1) + target);
    return decode(m.bytes, RecordType::kSrv);
  };
  EXPECT_TRUE(with_target(std::string("\x01x\xc0\x0c", 4)));
  EXPECT_FALSE(with_target(std::string("\xc0\x2d", 2)));       // to itself
  EXPECT_FALSE(with_target(std::string("\x01x\xc0\x2d", 4)));  // to its own beginning
  EXPECT_FALSE(with_target(std::string("\xc0\xff", 2)));       // beyond the end
  EXPECT_FALSE(with_target(std::string("\x80x\0", 3)));        // a reserved form
  EXPECT_FALSE(
      with_target(std::string("\x03"
                              "a.b\0",
                              5)));  // a dot within a label
  EXPECT_FALSE(
      with_target(std::string("\x03"
                              "a\0b\0",
                              5)));
  std::string too_long;
  for (int i = 0; i < 5; ++i) too_long += '\x3f' + std::string(63, 'x');
  EXPECT_FALSE(with_target(too_long + '\0'));
}

TEST(AnswerDecoder, SurvivesAnyDamage) {
  DnsMessage m(1, 0, "a.example", 33);
  m.record("@12", 5, 20, DnsMessage::wire_name("b.example"));
  m.record("b.example", 33, 60, DnsMessage::srv(10, 20, 5060, "host.example"));
  m.record("example", 6, 900, DnsMessage::soa(60), 1);
  SeededRandom random(1);
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = m.bytes;
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n)
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    const auto answer = decode(bytes, RecordType::kSrv);
    if (answer) {
      ASSERT_LE(answer->records.size(), kMaxRecords);
    }
  }
}

}  // namespace
}  // namespace causeway::dns
