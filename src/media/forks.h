// The forks of one INVITE on the port of their leg, inside the room: until one has answered, what
// was agreed with each is kept, so that a packet is known for whose it is and a switch back to a
// fork needs neither a new key nor a new handshake. On the plane's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/boxed.h"
#include "base/net.h"
#include "base/time.h"
#include "media/leg_snapshot.h"
#include "rtp/srtp.h"

namespace causeway::media {

// One that is not the current one.
struct Fork {
  std::string tag;
  LegMedia agreed;                 // with the keys that a handshake came to
  Boxed<rtp::Srtp> receive;        // none: plain RTP, or the current one has the same key
  std::optional<Endpoint> source;  // where it was heard from, under its key
  std::uint32_t ssrc = 0;
  bool muted = false;     // not to be heard (RFC 5009)
  bool speaking = false;  // it is heard in place of the current one, which is silent
};

// Of ours, by which another fork was sent to. Its indices were used.
struct SentUnder {
  sdp::Crypto key;
  Boxed<rtp::Srtp> context;
};

class Forks {
 public:
  static constexpr std::size_t kMost = 7;  // with the current one eight candidates
  // Packets are tried with a key that may be theirs at most so often in a second: a stranger that
  // sends wrong tags must stay cheap. Whose source is known is not counted.
  static constexpr unsigned kTrials = 200;

  // The oldest makes room.
  void keep(Fork f);
  void forget(std::string_view tag);
  [[nodiscard]] const Fork* with_receive_key(const std::optional<sdp::Crypto>& key) const;
  [[nodiscard]] const Fork* with_association(const DtlsAgreed& d) const;
  // The key that is given up for good, when there was no room for it.
  [[nodiscard]] std::optional<sdp::Crypto> keep_send(SentUnder s);
  [[nodiscard]] const SentUnder* sent_under(const std::optional<sdp::Crypto>& key) const;
  void forget_send(const sdp::Crypto& key);

  [[nodiscard]] bool may_try(Instant now);

  std::vector<Fork> others;      // oldest first; at most kMost
  std::vector<SentUnder> sends;  // the same

 private:
  Instant second_{};
  unsigned tried_ = 0;
};

}  // namespace causeway::media
