// Calls over a network that loses, doubles and reorders, by many seeds; and calls that are rebuilt
// at every stable point beside calls that are not.
#include <cstdlib>
#include <map>
#include <memory>

#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

std::uint64_t seeds() {
  const char* s = std::getenv("CAUSEWAY_SEEDS");
  return s ? std::strtoull(s, nullptr, 10) : 2'000;
}

enum class Story : std::uint8_t { kAnswered, kHeld, kBusy, kCancelled };

// Plain UDP on either side. Where four datagrams in a row may be lost, 4 s say nothing of a peer.
std::string lossy_config() {
  std::string text = make_config({.core = "timers = { hunt = \"31s\" }\n",
                                  .cloud = "timers = { silence = \"30s\", hunt = \"31s\" }\n",
                                  .service = "contact_host_required = false\n"});
  const auto put = [&](const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  };
  put("transport = \"tls\"\naddress = \"10.0.0.2:5061\"\ntls_identity = \"id\"\n",
      "transport = \"udp\"\naddress = \"10.0.0.2:5061\"\n");
  put("certificate_names = [\"sip.pstnhub.example\"]\n", "");
  for (int i = 0; i < 2; ++i) put("transport = \"tls\"\n", "transport = \"udp\"\n");
  return text;
}

// A call of the core to a service, over links that lose on both sides. Each repeats what nobody
// answered, as a UA over UDP does: requests, and final answers without their ACK.
class LossyCall : public CallTest {
 public:
  explicit LossyCall(Mode mode)
      : CallTest(lossy_config(), mode), service(rig, "service", "10.2.0.9:5061", Transport::kUdp) {
    world::Link link;
    link.loss = 0.05;
    link.duplicate = 0.05;
    link.reorder = 0.1;
    link.jitter = Millis(3);
    const auto lossy = [&](const char* peer, const char* gateway) {
      rig.world.network().set_links(*IpAddress::parse(peer), *IpAddress::parse(gateway), link);
    };
    lossy("10.1.0.1", "10.0.0.1");
    lossy("10.2.0.9", "10.0.0.2");
    rig.zone.set_a("sip.pstnhub.example", {"10.2.0.9"});
  }
  void TestBody() override {}

  void play(Story story) {
    story_ = story;
    dialog_ = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    const auto tag_less = dialog_;
    const std::string invite = core.last_request;
    if (story == Story::kCancelled) {
      repeat(invite, [&] { return core.has("180"); });
      auto cancel = tag_less;
      core.request(cancel, "CANCEL");
      repeat(core.last_request, [&] { return core.has("487 INVITE"); });
      core.ack_failure(dialog_, core.expect("487 INVITE"));
    } else if (story == Story::kBusy) {
      repeat(invite, [&] { return core.has("486 INVITE"); });
      core.ack_failure(dialog_, core.expect("486 INVITE"));
    } else {
      (void)complete(invite);
      for (int v = 2; story == Story::kHeld && v < 4; ++v) {
        // While the last ACK is lost: 491 (RFC 5407 3.1.4), and again a little later.
        for (bool done = false; !done;) {
          core.request(dialog_, "INVITE", "",
                       sdp("10.1.0.1", 40000, v == 2 ? "sendonly" : "sendrecv",
                           "8 PCMA/8000,101 telephone-event/8000", v));
          done = complete(core.last_request);
        }
      }
      core.request(dialog_, "BYE");
      repeat(core.last_request, [&] { return core.has("200 BYE"); });
    }
    for (int i = 0; i < 1000; ++i) turn();  // 100 s: whatever is repeated ends
  }
  void expect_nothing_left() {
    EXPECT_EQ(rig.records.size(), 1U);
    EXPECT_EQ(rig.calls(), 0U);
    EXPECT_EQ(rig.transactions(), 0U);
    EXPECT_EQ(rig.media_legs(), 0U);
    ASSERT_FALSE(rig.records.empty());
    static constexpr const char* kEnd[] = {"completed", "completed", "busy", "cancelled"};
    EXPECT_EQ(rig.records[0].termination, kEnd[static_cast<int>(story_)]);
  }
  [[nodiscard]] std::uint64_t digest() const { return rig.world.digest(); }

 private:
  // INVITE until its 200, whose ACK is sent for each copy of it.
  bool complete(const std::string& invite) {
    repeat(invite, [&] { return answer_ || core.has("491 INVITE"); });
    if (!answer_) {
      core.ack_failure(dialog_, core.expect("491 INVITE"));
      for (int i = 0; i < 20; ++i) turn();
      while (core.has("491 INVITE")) core.ack_failure(dialog_, core.expect("491 INVITE"));
      return false;
    }
    core.learn(dialog_, *answer_);
    core.ack(dialog_);
    acks_[answer_->cseq()] = core.last_request;
    answer_.reset();
    for (int i = 0; i < 5; ++i) turn();
    return true;
  }
  template <typename Done>
  void repeat(const std::string& bytes, const Done& done) {
    for (int i = 0; i < 320 && !done(); ++i) {
      if (i % 5 == 0 && i > 0) core.send(bytes);
      turn();
    }
    EXPECT_TRUE(done()) << bytes << rig.trail_of_all() << [&] {
      std::string t;
      for (const auto& x : core.transcript) t += x + "\n";
      for (const auto& x : service.transcript) t += "service " + x + "\n";
      return t;
    }();
  }
  void turn() {
    rig.run(Millis(100));
    while (service.has("INVITE")) ring(service.expect("INVITE"));
    while (service.has("CANCEL")) {
      service.reply(service.expect("CANCEL"), 200);
      const auto it = finals_.find(1);
      if (it != finals_.end() && it->second.status == 0) it->second.status = 487, say(it->second);
    }
    while (service.has("BYE")) service.reply(service.expect("BYE"), 200);
    while (service.has("ACK")) {
      const auto it = finals_.find(service.expect("ACK").cseq());
      if (it != finals_.end()) it->second.acknowledged = true;
    }
    if (++turns_ % 5 == 0)
      for (const auto& [cseq, f] : finals_)
        if (f.status != 0 && !f.acknowledged && turns_ - f.began < 320) say(f);
    while (core.has("200 INVITE")) {
      auto ok = core.expect("200 INVITE");
      const auto ack = acks_.find(ok.cseq());
      if (ack != acks_.end())
        core.send(ack->second);  // it was lost
      else
        answer_ = std::make_unique<sip::Message>(std::move(ok));
    }
  }
  // What the service says to an INVITE, and says again.
  struct Final {
    std::unique_ptr<sip::Message> invite;
    int status = 0;  // 0: it rings
    std::string body;
    bool acknowledged = false;
    int began = 0;
  };
  void say(const Final& f) { service.reply(*f.invite, f.status, "", f.body); }
  void ring(const sip::Message& inv) {
    const auto known = finals_.find(inv.cseq());
    if (known != finals_.end()) {
      if (known->second.status != 0)
        say(known->second);
      else
        service.reply(inv, 180);
      return;
    }
    Final& f = finals_[inv.cseq()];
    f.invite = std::make_unique<sip::Message>(*sip::Message::parse(inv.bytes()));
    f.began = turns_;
    if (inv.cseq() == 1) service.reply(inv, 180);
    if (story_ == Story::kCancelled) return;
    f.status = story_ == Story::kBusy ? 486 : 200;
    if (f.status == 200)
      f.body = secure_sdp("10.2.0.9", 50000,
                          inv.cseq() == 1 ? "sendrecv" : direction_of(inv.body()), ++version_);
    say(f);
  }
  Peer service;
  std::map<std::uint32_t, Final> finals_;  // by CSeq
  int turns_ = 0;
  Story story_ = Story::kAnswered;
  PeerDialog dialog_;
  std::map<std::uint32_t, std::string> acks_;  // by CSeq
  std::unique_ptr<sip::Message> answer_;       // not acknowledged yet
  int version_ = 0;
};

TEST(RandomRuns, EveryCallEndsWithOneRecordAndNothingLeft) {
  const auto n = seeds();
  for (std::uint64_t seed = 1; seed <= n && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LossyCall call(Mode{seed % 2 ? 1U : 3U, seed % 3 == 0, seed});
    call.play(static_cast<Story>(seed % 4));
    call.expect_nothing_left();
  }
}

TEST(RandomRuns, TheSameSeedGivesTheSameEvents) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::uint64_t digests[2] = {};
    for (auto& d : digests) {
      LossyCall call(Mode{3, false, seed});
      call.play(Story::kHeld);
      d = call.digest();
    }
    EXPECT_EQ(digests[0], digests[1]);
    LossyCall other(Mode{3, false, seed + 100});
    other.play(Story::kHeld);
    EXPECT_NE(other.digest(), digests[0]);
  }
}

// --- With and without rebuilding -----------------------------------------------------------------

class Story2 : public CallTest {
 public:
  explicit Story2(Mode mode) : CallTest(make_config(), mode) {}
  void TestBody() override {}
  void play() {
    const auto a = [](const char* d, int v) {
      return sdp("10.1.0.1", 40000, d, "8 PCMA/8000,101 telephone-event/8000", v);
    };
    auto up = core_calls("P-Asserted-Identity: <tel:+4930777>\r\nUser-to-User: abc\r\n");
    (void)core_reinvites(up, a("sendonly", 2), "inactive", 2);
    (void)core_reinvites(up, a("sendrecv", 3), "sendrecv", 3);
    cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));  // refresh
    cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Millis(100));
    cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 4));
    core.reply(core.expect("INVITE"), 200, "", a("inactive", 4));
    core.expect("ACK");
    cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Seconds(5));
    core.request(up.core, "OPTIONS");
    core.expect("200 OPTIONS");
    cloud.request(up.cloud, "BYE", "Reason: Q.850;cause=16\r\n");
    cloud.expect("200 BYE");
    core.reply(core.expect("BYE"), 200);
    expect_clean(1);
  }
  [[nodiscard]] std::vector<std::string> seen(bool by_core) const {
    std::vector<std::string> out;
    for (const auto& text : by_core ? core.received : cloud.received)
      out.push_back(without_random_parts(text));
    return out;
  }
  [[nodiscard]] telemetry::CallRecord record() const { return rig.records.at(0); }
  [[nodiscard]] std::size_t rebuilt() const { return rig.rebuilt; }
};

TEST(Rebuilt, PeersSeeTheSameMessagesApartFromRandomIdentifiers) {
  for (const std::size_t shards : {1U, 3U}) {
    Story2 plain(Mode{shards, false, 7}), rebuilt(Mode{shards, true, 7});
    plain.play();
    rebuilt.play();
    EXPECT_EQ(plain.rebuilt(), 0U);
    EXPECT_GE(rebuilt.rebuilt(), 5U);
    EXPECT_EQ(plain.seen(true), rebuilt.seen(true));
    EXPECT_EQ(plain.seen(false), rebuilt.seen(false));
    auto a = plain.record(), b = rebuilt.record();
    for (auto* r : {&a, &b}) {
      r->call = 0;
      r->egress_call_id.clear();
    }
    EXPECT_EQ(a, b);
  }
}

}  // namespace
}  // namespace causeway::scenario
