// A long call's trail once its set-up is told: messages that repeat each other's headers.
#include <lz4.h>

#include "base/archive.h"
#include "telemetry/trail.h"

namespace causeway::telemetry {
namespace {

// What most calls say once: a third of what their trails need when they are packed. The last lines
// are the ones that are found first.
constexpr std::string_view kVocabulary =
    "BYE sip:CANCEL sip:UPDATE sip:PRACK sip:OPTIONS sip:REFER sip:NOTIFY sip:"
    "Privacy: id\r\nReason: Q.850;cause=16;text=\"Normal call clearing\"\r\n"
    "P-Asserted-Identity: <sip:+\r\nHistory-Info: <sip:+;user=phone>;index=1\r\n"
    "Require: 100rel\r\nRSeq: 1\r\nRAck: 1 1 INVITE\r\nSession-Expires: 1800;refresher=uac\r\n"
    "Min-SE: 90\r\nRoute: <sip:;lr>\r\nRecord-Route: <sip:;transport=tls;lr>\r\nUser-Agent: "
    "a=group:BUNDLE 0\r\na=ice-lite\r\na=ice-ufrag:\r\na=ice-pwd:\r\na=candidate:1 1 UDP "
    "2130706431 "
    " typ host\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:|2^31|1:1\r\na=rtcp:\r\na=rtcp-mux\r\n"
    "b=AS:80\r\na=maxptime:200\r\na=rtpmap:18 G729/8000\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\na=inactive\r\na=sendonly\r\n"
    "listener configuration calls 0, of group from group ''; routes_to: trying  at  over udp tcp "
    "tls"
    "media: RTP to SRTP, relayed media goes past us, straight between the two sides"
    "SIP/2.0 100 Trying\r\nSIP/2.0 183 Session Progress\r\nSIP/2.0 180 Ringing\r\nSIP/2.0 200 "
    "OK\r\n"
    "ACK sip:;transport=UDP SIP/2.0\r\nINVITE sip:+;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/TLS ;branch=z9hG4bK;rport=5060;received=\r\n"
    "Via: SIP/2.0/UDP ;branch=z9hG4bK;rport\r\nFrom: <sip:+;user=phone>;tag=\r\nTo: "
    "<sip:+>;tag=\r\n"
    "Call-ID: \r\nCSeq: 1 ACK\r\nCSeq: 1 INVITE\r\nContact: <sip:;transport=UDP>\r\n"
    "Max-Forwards: 70\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE, REFER\r\n"
    "Supported: timer, replaces, norefersub\r\nContent-Type: application/sdp\r\n"
    "Content-Length: 0\r\n\r\nv=0\r\no=- 1 IN IP4 \r\ns=-\r\nc=IN IP4 \r\nt=0 0\r\n"
    "m=audio  RTP/SAVP 0 8 101\r\nm=audio  RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

// Written and read back by the same program within one call's life: no version, no suspicion.
template <typename A>
void describe(A& a, IpAddress& x) {
  bool v6 = x.is_v6();
  auto bytes = x.bytes();
  a.field(v6);
  for (auto& b : bytes) a.field(b);
  if constexpr (A::kReading) {
    const auto quad = [&](std::size_t i, int shift) { return std::uint32_t{bytes[i]} << shift; };
    x = v6 ? IpAddress::v6(bytes)
           : IpAddress::v4(quad(0, 24) | quad(1, 16) | quad(2, 8) | quad(3, 0));
  }
}

template <typename A>
void describe(A& a, Event& e) {
  a.field(e.kind), a.field(e.at.micros), a.field(e.leg), a.field(e.peer), a.field(e.text);
  auto fields = static_cast<std::uint32_t>(e.fields.size());
  a.field(fields);
  if constexpr (A::kReading) e.fields.resize(fields);
  for (Field& f : e.fields) a.field(f.name), a.field(f.value);
  a.field(e.transport);
  describe(a, e.local.address), a.field(e.local.port);
  describe(a, e.remote.address), a.field(e.remote.port);
  a.field(e.message);
}

}  // namespace

void Trail::pack() {
  if (packed() || head_.empty()) return;
  Writer w;
  w.field(static_cast<std::uint32_t>(head_.size()));
  w.field(static_cast<std::uint32_t>(tail_.size()));
  for (Event& e : head_) describe(w, e);
  for (Event& e : tail_) describe(w, e);
  const std::string plain = w.take();
  std::string packed(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(plain.size()))),
                     '\0');
  LZ4_stream_t stream;
  LZ4_initStream(&stream, sizeof stream);
  LZ4_loadDict(&stream, kVocabulary.data(), static_cast<int>(kVocabulary.size()));
  const int size = LZ4_compress_fast_continue(&stream, plain.data(), packed.data(),
                                              static_cast<int>(plain.size()),
                                              static_cast<int>(packed.size()), 1);
  if (size <= 0) return;
  packed_.assign(packed, 0, static_cast<std::size_t>(size));
  plain_size_ = static_cast<std::uint32_t>(plain.size());
  std::vector<Event>().swap(head_);  // and its room
  tail_.clear();
}

void Trail::unpack() {
  if (!packed()) return;
  std::string plain(plain_size_, '\0');
  const int size = LZ4_decompress_safe_usingDict(
      packed_.data(), plain.data(), static_cast<int>(packed_.size()),
      static_cast<int>(plain.size()), kVocabulary.data(), static_cast<int>(kVocabulary.size()));
  Reader r(std::string_view(plain).substr(0, size < 0 ? 0 : static_cast<std::size_t>(size)));
  std::uint32_t head = 0, tail = 0;
  r.field(head), r.field(tail);
  head_.resize(head);
  tail_.resize(tail);
  for (Event& e : head_) describe(r, e);
  for (Event& e : tail_) describe(r, e);
  std::string().swap(packed_);
  plain_size_ = 0;
}

}  // namespace causeway::telemetry
