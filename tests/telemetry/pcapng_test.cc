#include "telemetry/pcapng.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace causeway::telemetry {
namespace {

using ::testing::HasSubstr;

std::uint32_t u32(const std::vector<std::byte>& b, std::size_t at) {
  std::uint32_t v = 0;
  std::memcpy(&v, b.data() + at, 4);
  return v;
}

Trail sample() {
  Trail t(CallId(0x2a));
  const auto local4 = *Endpoint::parse("192.0.2.1:5060"),
             remote4 = *Endpoint::parse("192.0.2.2:5070");
  const auto local6 = *Endpoint::parse("[2001:db8::1]:5060"),
             remote6 = *Endpoint::parse("[2001:db8::2]:5060");
  const std::string invite =
      "INVITE sip:+1@a.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: "
      "<sip:a@a>;tag=1\r\n"
      "To: <sip:b@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
  t.message(true, WallTime{1'790'000'000'123'456}, 1, "site-a", Transport::kUdp, local4, remote4,
            invite);
  t.message(false, WallTime{1'790'000'000'123'999}, 2, "six", Transport::kUdp, local6, remote6,
            invite);
  t.add(EventKind::kNote, WallTime{1'790'000'000'124'000}, 0, "no message");
  return t;
}

std::vector<std::byte> capture() {
  PcapngWriter w("causeway test");
  w.trail(sample(), [](const Endpoint& local) { return local.address.is_v6() ? "six" : "core"; });
  return w.take();
}

TEST(Pcapng, BlocksAreAlignedAndSayTheirLengthTwice) {
  const auto bytes = capture();
  std::vector<std::uint32_t> types;
  for (std::size_t at = 0; at < bytes.size();) {
    ASSERT_LE(at + 12, bytes.size());
    const std::uint32_t length = u32(bytes, at + 4);
    ASSERT_EQ(length % 4, 0u);
    ASSERT_LE(at + length, bytes.size());
    EXPECT_EQ(u32(bytes, at + length - 4), length);
    types.push_back(u32(bytes, at));
    at += length;
  }
  EXPECT_THAT(types, ::testing::ElementsAre(0x0a0d0d0a, 1, 6, 1, 6));
}

TEST(Pcapng, ALongPayloadIsCutToWhatAPacketHolds) {
  PcapngWriter w("t");
  const std::vector<std::byte> big(100'000);
  const auto e = *Endpoint::parse("192.0.2.1:1");
  w.packet("core", WallTime{}, e, e, big);
  EXPECT_LT(w.take().size(), 66'000u);
}

// A trail keeps the beginning of a long message: the capture says so instead of ending it early.
TEST(Pcapng, AMessageThatATrailCutIsAPacketThatWasCut) {
  Trail t(CallId(1));
  const auto e = *Endpoint::parse("192.0.2.1:5060");
  const std::string head = "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 9000\r\n\r\n";
  t.message(true, WallTime{}, 1, "a", Transport::kTls, e, e, head + std::string(9'000, 'x'));
  PcapngWriter w("t");
  w.trail(t, [](const Endpoint&) { return "core"; });
  const auto bytes = w.take();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(text.find("bytes cut]"), std::string::npos);
  std::size_t at = 0;
  while (u32(bytes, at) != 6) at += u32(bytes, at + 4);
  const std::uint32_t captured = u32(bytes, at + 20), whole = u32(bytes, at + 24);
  EXPECT_EQ(whole, 20 + 8 + head.size() + 9'000);
  EXPECT_EQ(captured, 20 + 8 + 4'096);
  EXPECT_THAT(
      text, HasSubstr("; " + std::to_string(whole - captured) + " bytes at its end were not kept"));
}

// Wireshark gives up a message whose a=crypto key is no base64, and the media that it announces.
TEST(Pcapng, MaskedKeysAreNotWrittenAsKeys) {
  Trail t(CallId(1));
  const auto e = *Endpoint::parse("192.0.2.1:5060");
  const std::string body =
      "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\na=crypto:2 x\r\n";
  const std::string message =
      "INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  t.message(true, WallTime{}, 1, "a", Transport::kTls, e, e, message);
  PcapngWriter w("t");
  w.trail(t, [](const Endpoint&) { return "core"; });
  const auto bytes = w.take();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_THAT(text, HasSubstr("\r\na=masked:1 AES_CM_128_HMAC_SHA1_80 inline:********\r\n"
                              "a=masked:2 x\r\n"));
  EXPECT_EQ(text.find("a=crypto"), std::string::npos);
}

TEST(Pcapng, TsharkReadsWhatWasWritten) {
  if (std::system("command -v tshark >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "tshark is not installed";
  const std::string path =
      ::testing::TempDir() + "/causeway-" + std::to_string(::getpid()) + ".pcapng";
  const auto bytes = capture();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const std::string command = "tshark -r " + path +
                              " -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields -e "
                              "frame.time_epoch -e ip.src -e ipv6.dst"
                              " -e udp.checksum.status -e ip.checksum.status -e sip.Method -e "
                              "frame.comment -e frame.interface_name"
                              " 2>/dev/null";
  std::FILE* p = ::popen(command.c_str(), "r");
  ASSERT_NE(p, nullptr);
  std::string out;
  std::array<char, 512> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), p) != nullptr) out += buffer.data();
  ::pclose(p);
  std::filesystem::remove(path);
  EXPECT_THAT(out, HasSubstr("1790000000.123456000\t192.0.2.2\t\t1\t1\tINVITE\tcall "
                             "000000000000002a, leg 1, from site-a over UDP\tcore\n"));
  EXPECT_THAT(out, HasSubstr("1790000000.123999000\t\t2001:db8::2\t1\t\tINVITE\tcall "
                             "000000000000002a, leg 2, to six over UDP\tsix\n"));
}

}  // namespace
}  // namespace causeway::telemetry
