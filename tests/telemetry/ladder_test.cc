#include "telemetry/ladder.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace causeway::telemetry {
namespace {

constexpr std::int64_t kStart = 1'790'000'000'000'000;
const Endpoint kHere = *Endpoint::parse("127.0.0.1:5060");
const Endpoint kThere = *Endpoint::parse("127.0.0.2:5061");

std::string request(const std::string& method, const std::string& extra = {},
                    const std::string& body = {}) {
  return method + " sip:+442075550100@sip.example.com;user=phone SIP/2.0\r\nCSeq: 1 " + method +
         "\r\n" + extra + (body.empty() ? "" : "Content-Type: application/sdp\r\n") + "\r\n" + body;
}
std::string response(const std::string& status, const std::string& method,
                     const std::string& extra = {}, const std::string& body = {}) {
  return "SIP/2.0 " + status + "\r\nCSeq: 1 " + method + "\r\n" + extra +
         (body.empty() ? "" : "Content-Type: application/sdp\r\n") + "\r\n" + body;
}

const std::string kSdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n";

Trail failover() {
  Trail t(CallId(0x00c0ffee00000001));
  const auto at = [](std::int64_t ms) { return WallTime{kStart + ms * 1'000}; };
  const auto in = [&](std::int64_t ms, int leg, const char* peer, const std::string& m) {
    t.message(true, at(ms), static_cast<std::uint32_t>(leg), peer, Transport::kUdp, kHere, kThere,
              m);
  };
  const auto out = [&](std::int64_t ms, int leg, const char* peer, const std::string& m) {
    t.message(false, at(ms), static_cast<std::uint32_t>(leg), peer, Transport::kTls, kHere, kThere,
              m);
  };
  in(0, 1, "site-a", request("INVITE", "", kSdp));
  out(0, 1, "site-a", response("100 Trying", "INVITE"));
  t.add(EventKind::kDecision, at(1), 0,
        "group operator to group phone-system: every number of this group goes there",
        {{"class", "ordinary"}, {"from", "+442075550199"}, {"to", "+442075550100"}});
  t.add(EventKind::kRouteAttempt, at(1), 2, "first of 3 peers", {}, "sip");
  out(2, 2, "sip", request("INVITE", "", kSdp));
  in(504, 1, "site-a", request("INVITE", "", kSdp));
  in(900, 2, "sip",
     response("503 Service Unavailable", "INVITE",
              "Reason: Q.850;cause=42;text=\"congestion\"\r\n"));
  out(900, 2, "sip", request("ACK"));
  t.add(EventKind::kRouteAttempt, at(901), 3, "503 may be tried elsewhere; second of 3 peers", {},
        "sip2");
  out(903, 3, "sip2", request("INVITE", "", kSdp));
  in(1'210, 3, "sip2", response("180 Ringing", "INVITE"));
  out(1'211, 1, "site-a", response("180 Ringing", "INVITE"));
  in(3'000, 3, "sip2", response("200 OK", "INVITE", "", kSdp));
  out(3'000, 3, "sip2", request("ACK"));
  t.add(EventKind::kMediaStart, at(3'001), 0,
        "RTP PCMA at site-a, SRTP PCMA at sip2: decrypt and encrypt, no transcoding");
  out(3'001, 1, "site-a", response("200 OK", "INVITE", "", kSdp));
  in(3'020, 1, "site-a", request("ACK"));
  in(9'000, 1, "site-a", request("INVITE", "", kSdp + "a=sendonly\r\n"));
  out(9'001, 3, "sip2", request("INVITE", "", kSdp + "a=inactive\r\n"));
  in(12'345, 3, "sip2",
     request("BYE", "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
  out(12'345, 3, "sip2", response("200 OK", "BYE"));
  t.add(EventKind::kMediaLoss, at(12'346), 1, "of 600 packets 12 did not arrive", {}, "site-a");
  t.add(EventKind::kEnd, at(12'346), 0, "answered, released by the callee",
        {{"duration", "9.345 s"}});
  return t;
}

std::string golden(const std::string& name, const std::string& now) {
  const std::string path =
      std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/tests/telemetry/golden/" + name;
  if (std::getenv("CAUSEWAY_WRITE_GOLDEN") != nullptr) std::ofstream(path) << now;
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::size_t columns_of(std::string_view s) {
  std::size_t n = 0;
  for (const char c : s) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return n;
}

TEST(Ladder, TellsACallThatWentToItsSecondPeer) {
  const std::string text = render_ladder(failover(), 100);
  EXPECT_EQ(text, golden("failover.txt", text));
}

TEST(Ladder, NoLineIsWiderThanAsked) {
  for (const std::size_t width : {60u, 80u, 100u, 160u}) {
    std::istringstream lines(render_ladder(failover(), width));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), width) << line;
  }
}

TEST(Ladder, HostileBytesDoNotReachTheTerminal) {
  Trail t(CallId(1));
  t.message(true, WallTime{1}, 1, "p\x1b[2J", Transport::kUdp, kHere, kThere,
            "INVITE sip:\x1b]0;x\x07@a SIP/2.0\r\n\r\n");
  t.message(true, WallTime{1}, 1, "", Transport::kUdp, kHere, kThere,
            std::string("\x00\xff\x1b", 3));
  t.add(EventKind::kNote, WallTime{2}, 0, std::string(3'000, '\x1b'));
  const std::string text = render_ladder(t, 80);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
}

TEST(Ladder, AnEmptyTrailAndAFullOneAreShown) {
  EXPECT_FALSE(render_ladder(Trail(CallId(1)), 100).empty());
  Trail t(CallId(1), 4'096);
  for (int i = 0; i < 200; ++i) t.add(EventKind::kNote, WallTime{i}, 0, "x");
  EXPECT_NE(render_ladder(t, 100).find("events were not kept"), std::string::npos);
}

TEST(Ladder, ManyPeersShareTheLastColumn) {
  Trail t(CallId(1), 65'536);
  for (int i = 1; i < 12; ++i)
    t.message(i == 1, WallTime{i}, static_cast<std::uint32_t>(i), "peer-" + std::to_string(i),
              Transport::kUdp, kHere, kThere, request("INVITE"));
  EXPECT_NE(render_ladder(t, 100).find("peer-11: INVITE"), std::string::npos);
}

}  // namespace
}  // namespace causeway::telemetry
