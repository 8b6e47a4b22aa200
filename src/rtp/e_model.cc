#include "rtp/e_model.h"

#include <algorithm>
#include <cmath>

namespace causeway::rtp {
namespace {

double db(double x) { return 10 * std::log10(x); }
double of_db(double x) { return std::pow(10.0, x / 10); }

// (1 + x^n)^(1/n)
double soft(double x, double n) { return std::pow(1 + std::pow(x, n), 1 / n); }

double noise(const EModelInput& in) {
  const double olr = in.slr + in.rlr;
  const double nos = in.ps - in.slr - in.ds - 100 + 0.004 * std::pow(in.ps - olr - in.ds - 14, 2);
  const double lstr = in.stmr + in.dr;
  const double pre = in.pr + db(1 + of_db(10 - lstr));
  const double nor = in.rlr - 121 + pre + 0.008 * std::pow(pre - 35, 2);
  const double nfo = in.nfor + in.rlr;
  return db(of_db(in.nc) + of_db(nos) + of_db(nor) + of_db(nfo));
}

double sidetone(const EModelInput& in) {
  const double t = in.delay;
  const double stmro = -db(of_db(-in.stmr) + std::exp(-t / 4) * of_db(-in.telr));
  return 12 * soft((stmro - 13) / 6, 8) - 28 * soft((stmro + 1) / 19.4, 35) -
         13 * soft((stmro - 3) / 33, 13) + 29;
}

double simultaneous(const EModelInput& in, double ro, double no) {
  const double olr = in.slr + in.rlr;
  const double xolr = olr + 0.2 * (64 + no - in.rlr);
  const double iolr = 20 * (soft(xolr / 8, 8) - xolr / 8);
  const double q = 37 - 15 * std::log10(in.qdu);
  const double g = 1.07 + 0.258 * q + 0.0602 * q * q;
  const double y = (ro - 100) / 15 + 46 / 8.4 - g / 9;
  const double z = 46.0 / 30 - g / 40;
  const double iq = 15 * std::log10(1 + std::pow(10, y) + std::pow(10, z));
  return iolr + sidetone(in) + iq;
}

double by_delay_alone(double ta) {
  if (ta <= 100) return 0;
  const double x = std::log2(ta / 100);
  return 25 * (soft(x, 6) - 3 * soft(x / 3, 6) + 2);
}

double by_delay(const EModelInput& in, double ro, double no) {
  const double t = in.delay;
  const double ist = sidetone(in);
  double terv =
      in.telr - 40 * std::log10((1 + t / 10) / (1 + t / 150)) + 6 * std::exp(-0.3 * t * t);
  if (in.stmr < 9) terv += ist / 2;
  const double re = 80 + 2.5 * (terv - 14);
  const double roe = -1.5 * (no - in.rlr);
  double idte =
      ((roe - re) / 2 + std::sqrt((roe - re) * (roe - re) / 4 + 100) - 1) * (1 - std::exp(-t));
  if (in.stmr > 20) idte = std::sqrt(idte * idte + ist * ist);
  const double rle = 10.5 * (in.wepl + 7) * std::pow(2 * t + 1, -0.25);
  const double idle = (ro - rle) / 2 + std::sqrt((ro - rle) * (ro - rle) / 4 + 169);
  return idte + idle + by_delay_alone(t);
}

double by_equipment(double ie, double bpl, double ppl, double burst_ratio) {
  if (ppl <= 0) return ie;
  return ie + (95 - ie) * ppl / (ppl / std::max(burst_ratio, 0.01) + bpl);
}

struct Named {
  std::string_view name;
  CodecImpairment impairment;
};
// G.113 (2007) tables I.1 to I.4. Loss is taken to be concealed, as every receiver of today does;
// where no robustness is published it is that of G.711, or of the nearest relative.
constexpr Named kCodecs[] = {
    {"PCMU", {0, 25.1}},    {"PCMA", {0, 25.1}},     {"G726-40", {2, 25.1}},
    {"G726-32", {7, 25.1}}, {"G726-24", {25, 25.1}}, {"G726-16", {50, 25.1}},
    {"G728", {7, 17}},      {"G729", {11, 19}},      {"G723", {15, 16.1}},
    {"GSM-EFR", {5, 10}},   {"AMR", {5, 10}},        {"GSM", {20, 10}},
    {"iLBC", {11, 32}},
};

bool same(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

CodecImpairment impairment_of(std::string_view codec) {
  for (const auto& n : kCodecs)
    if (same(n.name, codec)) return n.impairment;
  return {};
}

double r_factor(const EModelInput& in) {
  const double no = noise(in);
  const double ro = 15 - 1.5 * (in.slr + no);
  return ro - simultaneous(in, ro, no) - by_delay(in, ro, no) -
         by_equipment(in.ie, in.bpl, in.ppl, in.burst_ratio) + in.advantage;
}

double r_factor(const CodecImpairment& codec, double loss_percent, double burst_ratio,
                double delay_ms) {
  EModelInput in;
  in.delay = std::clamp(delay_ms, 0.0, 10'000.0);
  in.ie = codec.ie;
  in.bpl = codec.bpl;
  in.ppl = std::clamp(loss_percent, 0.0, 100.0);
  in.burst_ratio = burst_ratio;
  return r_factor(in);
}

double mos_of(double r) {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return std::max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

}  // namespace causeway::rtp
