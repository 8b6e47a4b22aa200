// The media half of Call: what its SDP says and what it plays.
#include <algorithm>

#include "lab/agent.h"
#include "lab/call.h"

namespace causeway::lab {
namespace {
constexpr const char* kLifetime = "2^31";
constexpr std::uint16_t kNoMediaPort = 9;  // discard: a load call has no sound
}  // namespace

bool Call::open_media() {
  if (!behaviour_.media) return true;
  media_ = std::make_unique<MediaSession>(agent_.loop(), agent_.pump(), agent_.random(),
                                          behaviour_.sound);
  const MediaPlace* place = facts_.escalated > 0 ? &behaviour_.escalations[facts_.escalated - 1]
                            : behaviour_.from    ? &*behaviour_.from
                                                 : nullptr;
  std::optional<PortRange> own;
  if (place) own.emplace(place->first, place->last);
  auto s = media_->open(place ? place->address : agent_.settings().media_address,
                        own ? *own : agent_.ports());
  if (!s) trouble(s.error().what);
  return s.has_value() && open_ice(own ? &*own : nullptr);
}

std::string Call::written(Way way, const std::vector<CryptoLine>& crypto, bool zero_address) {
  SdpToWrite s;
  s.id = sdp_id_;
  s.version = sdp_version_;
  s.address = media_ ? media_->local().address : agent_.settings().media_address;
  s.port = media_ ? media_->local().port : kNoMediaPort;
  s.secure = agent_.secure();
  s.formats = formats_;
  s.way = way;
  s.crypto = crypto;
  s.zero_address = zero_address;
  if (ice_) ice_into(s);
  last_sdp_ = write_sdp(s);
  if (auto parsed = parse_sdp(last_sdp_)) ours_ = std::move(*parsed);
  return last_sdp_;
}

std::string Call::offer(Way way, bool new_version, bool zero_address) {
  if (new_version) ++sdp_version_;
  way_ = way;
  std::vector<CryptoLine> crypto;
  for (const auto& s : agent_.suites())
    crypto.push_back({static_cast<int>(crypto.size()), s, key_of(s), kLifetime, false});
  return written(way, crypto, zero_address);
}

std::string Call::answer(const SdpText& theirs) {
  const Way way = theirs.address.is_unspecified() ? Way::kInactive : answer_to(theirs.way);
  if (ours_ && way != way_) ++sdp_version_;
  way_ = way;
  std::vector<CryptoLine> crypto;
  if (agent_.secure())
    crypto = {{answer_tag_, answer_suite_, key_of(answer_suite_), kLifetime, false}};
  formats_.clear();
  for (const int f : theirs.formats)
    if (f == 0 || f == 8 || f == 101) formats_.push_back(f);
  if (formats_.empty()) formats_ = {8};
  std::string text = written(way, crypto, false);
  // Sound of ours may follow the answer at once.
  if (media_) media_->set_sending(way_sends(way));
  return text;
}

std::optional<SdpText> Call::read_sdp(const SipMessage& m, bool is_answer) {
  auto s = parse_sdp(m.body);
  if (!s) {
    trouble("SDP: " + s.error().what);
    return std::nullopt;
  }
  violation(agent_.check_sdp(*s, is_answer && ours_ ? &*ours_ : nullptr));
  return *s;
}

void Call::adopt(const SdpText& s, const std::string& our_suite, const std::string& our_key) {
  theirs_ = s;
  if (!media_) return;
  int pt = -1;
  for (const int f : s.formats)
    if (pt < 0 && (f == 0 || f == 8)) pt = f;
  if (pt < 0) return trouble("no G.711 in the SDP");
  payload_type_ = pt;
  if (!agent_.secure()) {
    set_remote(s);
    return;
  }
  const auto line = std::find_if(s.crypto.begin(), s.crypto.end(),
                                 [&](const auto& c) { return c.suite == our_suite; });
  if (line == s.crypto.end()) return trouble("no crypto line with " + our_suite);
  answer_tag_ = line->tag;
  auto in = media_->set_inbound_key(line->suite, line->key);
  auto out = media_->set_outbound_key(our_suite, our_key);
  if (!in) trouble(in.error().what);
  if (!out) trouble(out.error().what);
  set_remote(s);
}

void Call::set_remote(const SdpText& s) {
  if (take_ice(s)) return;
  media_->set_remote({s.address, s.port}, {s.address, muxed(s) ? s.port : s.rtcp_port},
                     payload_type_);
}

void Call::take_offer(const SdpText& s) {
  answer_suite_ = agent_.choose_suite(s);
  adopt(s, answer_suite_, key_of(answer_suite_));
}

std::string Call::key_of(const std::string& suite) {
  std::string& key = keys_[suite];
  if (key.empty()) {
    key.resize(SrtpSession::key_length(suite));
    agent_.random().fill(std::as_writable_bytes(std::span(key)));
  }
  return key;
}

void Call::take_answer(const SdpText& s) {
  const std::string chosen = s.crypto.empty() ? std::string() : s.crypto.front().suite;
  adopt(s, chosen, chosen.empty() ? std::string() : key_of(chosen));
  // Our direction is what we offered, cut down by what they answered.
  const Way mirrored = answer_to(s.way);
  if (ours_) {
    const bool sends = way_sends(ours_->way) && way_sends(mirrored);
    const bool receives = way_receives(ours_->way) && way_receives(mirrored);
    way_ = sends ? (receives ? Way::kSendRecv : Way::kSendOnly)
                 : (receives ? Way::kRecvOnly : Way::kInactive);
  }
  if (media_) media_->set_sending(way_sends(way_) && !(ours_ && ours_->address.is_unspecified()));
}

// Another telephone of the service answers: another tag, key and stream, on the same port.
void Call::other_fork() {
  local_tag_ = tags_.back();
  ++sdp_version_;
  keys_.clear();
  sdp_id_ = agent_.random().u64() >> 33;
  if (ice_) {  // a phone elsewhere, with an agent of its own
    media_->stop();
    if (!open_media()) return;
  } else if (media_) {
    media_->restart_stream();
  }
  if (theirs_) take_offer(*theirs_);
}

void Call::phase(Known sends, Known receives) {
  if (facts_.phases.size() < 256) facts_.phases.push_back({agent_.loop().now(), sends, receives});
}

void Call::phase_by(Way way) {
  phase(way_sends(way) ? Known::kYes : Known::kNo, way_receives(way) ? Known::kYes : Known::kNo);
}

}  // namespace causeway::lab
