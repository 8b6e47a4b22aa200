// Properties over generated values: what is written is read back the same, and no sequence of
// events leaves two offers outstanding.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "sdp/compose.h"
#include "sdp/crypto_line.h"
#include "sdp/examples.h"
#include "sdp/offer_answer.h"

namespace causeway::sdp {
namespace {

Direction any_direction() { return static_cast<Direction>(*rc::gen::inRange(0, 4)); }

MediaWish any_wish() {
  static const char* const kNames[] = {"PCMA", "PCMU", "G722", "opus", "SILK", "telephone-event",
                                       "CN"};
  MediaWish w;
  const int n = *rc::gen::inRange(1, 12);
  for (int i = 0; i < n; ++i) {
    Codec c;
    c.pt = PayloadType(static_cast<std::uint8_t>(96 + i));
    c.name = kNames[*rc::gen::inRange(0, 7)];
    c.clock = *rc::gen::element(8000u, 16000u, 48000u);
    c.channels = *rc::gen::element<std::uint8_t>(1, 2);
    c.fmtp = *rc::gen::element<std::string>("", "0-16", "mode-set=7; octet-align=1");
    w.codecs.push_back(c);
  }
  w.direction = any_direction();
  w.ptime = *rc::gen::element<std::uint16_t>(0, 20, 30);
  w.maxptime = *rc::gen::element<std::uint16_t>(0, 60);
  return w;
}

struct Offer {
  Origin origin;
  LocalMedia local;
  MediaWish wish;
  Dialect dialect;
};

Offer any_offer() {
  Offer o;
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  o.wish = any_wish();
  o.dialect.security = *rc::gen::element(Security::kRtp, Security::kSdes);
  o.dialect.suites = {CryptoSuite::kAesCm128HmacSha1_80, CryptoSuite::kAesCm128HmacSha1_32};
  o.dialect.key_lifetime = *rc::gen::element<std::string>("", "2^31");
  const bool v6 = *rc::gen::arbitrary<bool>();
  o.local.rtp = {v6 ? *IpAddress::parse("2001:db8::7")
                    : IpAddress::v4(*rc::gen::inRange<std::uint32_t>(1, 0xdfffffff)),
                 *rc::gen::inRange<std::uint16_t>(1, 65000)};
  o.local.rtcp_port =
      *rc::gen::element<std::uint16_t>(static_cast<std::uint16_t>(o.local.rtp.port + 1), 9000);
  o.local.rtcp_mux = *rc::gen::arbitrary<bool>();
  o.local.crypto = make_crypto(random, o.dialect);
  o.origin = {"-", *rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>(),
              o.local.rtp.address};
  return o;
}

TEST(SdpProperty, WhatIsOfferedIsReadBack) {
  EXPECT_TRUE(rc::check("read(write_offer(x)) == x", [] {
    const Offer o = any_offer();
    const auto text = write_offer(o.origin, o.local, o.wish, o.dialect);
    const auto d = parse(text);
    RC_ASSERT(d.has_value());
    RC_ASSERT(write(*d) == text);
    const auto r = read_audio(*d);
    RC_ASSERT(r.has_value());
    RC_ASSERT(r->wish == o.wish);
    RC_ASSERT(r->media.rtp == o.local.rtp);
    RC_ASSERT(r->media.rtcp.port == o.local.rtcp_port);
    RC_ASSERT(r->media.rtcp_mux == o.local.rtcp_mux);
    RC_ASSERT(r->session_id == o.origin.session_id);
    RC_ASSERT(r->version == o.origin.version);
    if (o.dialect.security == Security::kSdes)
      RC_ASSERT(r->media.crypto == o.local.crypto);
    else
      RC_ASSERT(r->media.crypto.empty());
  }));
}

TEST(SdpProperty, ParsingWhatWasWrittenGivesTheSameDescription) {
  EXPECT_TRUE(rc::check("parse(write(x)) == x over mutated text", [] {
    std::string text = *rc::gen::element(examples::kTeams, examples::kCore);
    const int edits = *rc::gen::inRange(0, 6);
    for (int i = 0; i < edits; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      const auto c = *rc::gen::inRange<int>(0, 256);
      if (*rc::gen::arbitrary<bool>())
        text[at] = static_cast<char>(c);
      else
        text.erase(at, *rc::gen::inRange<std::size_t>(0, 20));
      if (text.empty()) break;
    }
    const auto d = parse(text);
    if (!d) return;
    const auto again = parse(write(*d));
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == *d);
    (void)read_audio(*d);
  }));
}

TEST(SdpProperty, AnAnswerFitsItsOffer) {
  EXPECT_TRUE(rc::check("answers are within the offer", [] {
    const Offer theirs_as_written = any_offer();
    const auto theirs = read_audio(write_offer(theirs_as_written.origin, theirs_as_written.local,
                                               theirs_as_written.wish, theirs_as_written.dialect));
    RC_ASSERT(theirs.has_value());
    Offer ours = any_offer();
    ours.dialect.security = theirs_as_written.dialect.security;
    const auto chosen = answer_wish(theirs->wish, ours.wish);
    if (!chosen) return;
    const auto text = write_answer(ours.origin, *theirs, ours.local, *chosen, ours.dialect);
    RC_ASSERT(text.has_value());
    const auto answer = read_audio(*text);
    RC_ASSERT(answer.has_value());
    RC_ASSERT(answer->media_lines.size() == theirs->media_lines.size());
    RC_ASSERT(!sends(answer->wish.direction) || receives(theirs->wish.direction));
    RC_ASSERT(!receives(answer->wish.direction) || sends(theirs->wish.direction));
    for (const Codec& c : answer->wish.codecs) {
      bool found = false;
      for (const Codec& o : theirs->wish.codecs)
        found = found || (o.pt == c.pt && same_codec(o, c));
      RC_ASSERT(found);
    }
    if (theirs->media.secure) {
      RC_ASSERT(answer->media.crypto.size() == 1u);
      RC_ASSERT(accepted_crypto(theirs->media.crypto, answer->media.crypto).has_value());
    }
  }));
}

TEST(SdpProperty, NeverTwoOffersOutstanding) {
  EXPECT_TRUE(rc::check("random events", [] {
    const Dialect d;
    OfferAnswer s = start_offer_answer(1, IpAddress::v4(1));
    const LocalMedia local{Endpoint{IpAddress::v4(0x0a000001), 4000}, 4001, false, {}};
    int outstanding = 0;  // our own book-keeping
    bool ours = false;
    std::uint64_t sent_version = 0;
    std::string sent;
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
      MediaWish w;
      w.codecs = {Codec{PayloadType(8), "PCMA", 8000, 1, ""}};
      w.direction = any_direction();
      const std::string remote =
          write_offer({"-", 5, static_cast<std::uint64_t>(i), IpAddress::v4(9)}, local, w, d);
      const OfferAnswer before = s;
      const auto check_sent = [&](const std::string& text) {
        const auto v = read_audio(text)->version;
        RC_ASSERT((text == sent) == (v == sent_version));
        RC_ASSERT(v >= sent_version);
        sent = text;
        sent_version = v;
      };
      bool ok = false;
      switch (*rc::gen::inRange(0, 5)) {
        case 0:
          if (auto r = local_offer(s, local, w, d)) {
            ok = true;
            RC_ASSERT(outstanding == 0);
            outstanding = 1;
            ours = true;
            check_sent(*r);
          }
          break;
        case 1:
          if (remote_offer(s, remote, d)) {
            ok = true;
            RC_ASSERT(outstanding == 0);
            outstanding = 1;
            ours = false;
          }
          break;
        case 2:
          if (auto theirs = last_remote(s, d)) {
            if (auto r = local_answer(s, *theirs, local, w, d)) {
              ok = true;
              RC_ASSERT(outstanding == 1 && !ours);
              outstanding = 0;
              check_sent(*r);
            }
          }
          break;
        case 3:
          if (remote_answer(s, remote, d)) {
            ok = true;
            RC_ASSERT(outstanding == 1 && ours);
            outstanding = 0;
          }
          break;
        default:
          if (rollback(s)) {
            ok = true;
            RC_ASSERT(outstanding == 1);
            outstanding = 0;
          }
      }
      if (!ok) RC_ASSERT(s == before);
    }
  }));
}

}  // namespace
}  // namespace causeway::sdp
