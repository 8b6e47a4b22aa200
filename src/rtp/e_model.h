// The E-model (ITU-T G.107): what a listener thinks of a connection, from what is measured on it.
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::rtp {

// Impairment by a codec and how much loss hurts it (G.113 Appendix I).
struct CodecImpairment {
  double ie = 0;
  double bpl = 25.1;
};
// By the name of its rtpmap, any case. What G.113 has no value for on the narrow-band scale (the
// wideband codecs) is given that of G.711 with concealment: on this scale they cannot be better.
[[nodiscard]] CodecImpairment impairment_of(std::string_view codec);

// Names and defaults of G.107 table 2.
struct EModelInput {
  double slr = 8;    // send loudness rating, dB
  double rlr = 2;    // receive loudness rating
  double stmr = 15;  // sidetone masking rating
  double ds = 3;     // D-values of the telephones
  double dr = 3;
  double telr = 65;   // talker echo loudness rating
  double wepl = 110;  // weighted echo path loss
  double delay = 0;   // Ta = T, ms, one way from mouth to ear; Tr is twice that
  double qdu = 1;     // quantisation distortion units
  double ie = 0;      // equipment impairment
  double bpl = 4.3;   // packet-loss robustness
  double ppl = 0;     // packet loss, per cent
  double burst_ratio = 1;
  double nc = -70;    // circuit noise, dBm0p
  double nfor = -64;  // noise floor at the receive side
  double ps = 35;     // room noise, dB(A)
  double pr = 35;
  double advantage = 0;
};
[[nodiscard]] double r_factor(const EModelInput& in);

// With the default telephones; for each interval of a call, not for each packet.
[[nodiscard]] double r_factor(const CodecImpairment& codec, double loss_percent, double burst_ratio,
                              double delay_ms);

[[nodiscard]] double mos_of(double r);  // 1 to 4.5 (G.107 Annex B)

}  // namespace causeway::rtp
