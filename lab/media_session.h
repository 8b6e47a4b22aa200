// The media of one call of a lab peer: a port pair, RTP out every 20 ms, RTCP every second, what
// arrives decoded and kept for the judge. Lab thread; lives as long as its call.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/net.h"
#include "base/random.h"
#include "lab/judge.h"
#include "lab/loop.h"
#include "lab/port_range.h"
#include "lab/srtp_session.h"

namespace causeway::lab {

class MediaSession;

// One timer paces all streams of the process.
class MediaPump {
 public:
  explicit MediaPump(Loop& loop) : loop_(loop) {}
  ~MediaPump() { loop_.cancel(timer_); }
  MediaPump(const MediaPump&) = delete;
  MediaPump& operator=(const MediaPump&) = delete;
  void add(MediaSession& s);
  void remove(MediaSession& s);

 private:
  void tick();
  Loop& loop_;
  Loop::TimerId timer_ = 0;
  Instant due_;
  std::unordered_set<MediaSession*> sessions_;
};

struct MediaCounters {
  std::uint64_t sent = 0, received = 0, rtcp_received = 0, rtcp_sent = 0;
  std::uint64_t refused_by_srtp = 0, malformed = 0, wrong_source = 0, wrong_payload = 0;
};

class MediaSession {
 public:
  MediaSession(Loop& loop, MediaPump& pump, Random& random, Sound sound);
  ~MediaSession();
  MediaSession(const MediaSession&) = delete;
  MediaSession& operator=(const MediaSession&) = delete;

  [[nodiscard]] Status open(const IpAddress& at, PortRange& ports);
  [[nodiscard]] const Endpoint& local() const { return local_; }

  void set_remote(const Endpoint& rtp, const Endpoint& rtcp, int payload_type);
  void set_sending(bool on);
  // Nullopt: plain RTP. The same suite and key again change nothing (the rollover counter goes on).
  [[nodiscard]] Status set_outbound_key(const std::string& suite, const std::string& key);
  [[nodiscard]] Status set_inbound_key(const std::string& suite, const std::string& key);
  // A new SSRC and sequence: another fork of the service answers.
  void restart_stream();
  void stop();
  // In the place of `before`, which has stopped: what that heard is heard by this one.
  void continue_from(const MediaSession& before);
  // The other side moves: packets from elsewhere count as wrong from `until` on.
  void tolerate(Instant until) { tolerant_ = until; }

  // Media bypass: STUN goes to `stun`, and of every RTP packet `rtp` is told.
  void set_ears(std::function<void(std::string_view, bool rtcp, const Endpoint& from)> stun,
                std::function<void()> rtp);
  void send_raw(bool rtcp, const std::string& packet, const Endpoint& to) {
    transmit(rtcp ? rtcp_fd_ : rtp_fd_, packet, to);
  }

  void send_due();  // called by the pump

  [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
  [[nodiscard]] const MediaCounters& counters() const { return counters_; }
  [[nodiscard]] std::optional<Instant> first_packet() const { return first_packet_; }
  [[nodiscard]] const Sound& sound() const { return sound_; }

 private:
  void read(int fd, bool rtcp);
  void take_rtp(std::string packet, const Endpoint& from);
  void send_rtcp();
  void transmit(int fd, const std::string& packet, const Endpoint& to);

  Loop& loop_;
  MediaPump& pump_;
  Random& random_;
  Sound sound_;
  SoundSource source_;
  int rtp_fd_ = -1, rtcp_fd_ = -1;
  Endpoint local_;
  std::optional<Endpoint> remote_rtp_, remote_rtcp_;
  int payload_type_ = 8;
  bool sending_ = false, mark_ = true, pumped_ = false;
  std::uint32_t ssrc_ = 0, timestamp_ = 0;
  std::uint16_t sequence_ = 0;
  unsigned ticks_ = 0;
  struct Keyed {
    std::string suite, key;
    SrtpSession session;
  };
  std::optional<Keyed> out_, in_;
  std::vector<Frame> frames_;  // bounded by kMaxFrames
  std::optional<Instant> first_packet_;
  MediaCounters counters_;
  Instant tolerant_{};
  std::function<void(std::string_view, bool, const Endpoint&)> stun_ear_;
  std::function<void()> rtp_ear_;
};

}  // namespace causeway::lab
