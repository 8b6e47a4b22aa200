// The tones of national networks, from ITU-T E.180 Supplement 2 and the national pages it refers
// to. Where a network allows several, the one that most exchanges send.
#include <array>
#include <utility>

#include "tone/cadence.h"

namespace causeway::tone {
namespace {

struct Row {
  std::string_view country;
  std::array<std::string_view, 3> text;  // ringback, busy, congestion
};

constexpr Row kRows[] = {
    {"AT", {"420/1000,0/5000", "420/400,0/400", "420/200,0/200"}},
    {"BE", {"425/1000,0/3000", "425/500,0/500", "425/167,0/167"}},
    {"BG", {"425/1000,0/4000", "425/500,0/500", "425/250,0/250"}},
    {"CH", {"425/1000,0/4000", "425/500,0/500", "425/200,0/200"}},
    {"CZ", {"425/1000,0/4000", "425/330,0/330", "425/165,0/165"}},
    {"DE", {"425/1000,0/4000", "425/480,0/480", "425/240,0/240"}},
    {"DK", {"425/1000,0/4000", "425/500,0/500", "425/200,0/200"}},
    {"EE", {"425/1000,0/4000", "425/300,0/300", "425/200,0/200"}},
    {"ES", {"425/1500,0/3000", "425/200,0/200", "425/200,0/200,425/200,0/200,425/200,0/600"}},
    {"FI", {"425/1000,0/4000", "425/300,0/300", "425/200,0/200"}},
    {"FR", {"440/1500,0/3500", "440/500,0/500", "440/250,0/250"}},
    {"GB",
     {"400+450/400,0/200,400+450/400,0/2000", "400/375,0/375", "400/400,0/350,400/225,0/525"}},
    {"GR", {"425/1000,0/4000", "425/300,0/300", "425/200,0/200"}},
    {"HU", {"425/1250,0/3750", "425/300,0/300", "425/300,0/300"}},
    {"IE", {"400+450/400,0/200,400+450/400,0/2000", "425/500,0/500", "425/250,0/250"}},
    {"IT", {"425/1000,0/4000", "425/500,0/500", "425/200,0/200"}},
    {"LT", {"425/1000,0/4000", "425/350,0/350", "425/200,0/200"}},
    {"NL", {"425/1000,0/4000", "425/500,0/500", "425/250,0/250"}},
    {"NO", {"425/1000,0/4000", "425/500,0/500", "425/200,0/200"}},
    {"PL", {"425/1000,0/4000", "425/500,0/500", "425/500,0/500"}},
    {"PT", {"425/1000,0/5000", "425/500,0/500", "425/200,0/200"}},
    {"SE", {"425/1000,0/5000", "425/250,0/250", "425/250,0/750"}},
    {"US", {"440+480/2000,0/4000", "480+620/500,0/500", "480+620/250,0/250"}},
};
constexpr std::size_t kCount = std::size(kRows);

const std::array<std::array<Cadence, 3>, kCount> kCadences = [] {
  std::array<std::array<Cadence, 3>, kCount> out;
  for (std::size_t i = 0; i < kCount; ++i)
    for (std::size_t s = 0; s < 3; ++s)
      out[i][s] = parse_cadence(kRows[i].text[s]).value_or(Cadence{});
  // North America sets a level of its own for each (E.180 Supplement 2).
  out[kCount - 1][0].level = -19;
  out[kCount - 1][1].level = -24;
  out[kCount - 1][2].level = -24;
  return out;
}();

const std::array<std::string_view, kCount> kNames = [] {
  std::array<std::string_view, kCount> out;
  for (std::size_t i = 0; i < kCount; ++i) out[i] = kRows[i].country;
  return out;
}();

const std::array<Cadence, 3> kRecommended = [] {
  constexpr std::string_view text[] = {"425/1000,0/4000", "425/500,0/500", "425/250,0/250"};
  std::array<Cadence, 3> out;
  for (std::size_t s = 0; s < 3; ++s) out[s] = parse_cadence(text[s]).value_or(Cadence{});
  return out;
}();

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

const Cadence* cadence_of(std::string_view country, Signal signal) {
  if (country.size() != 2) return nullptr;
  std::array<char, 2> code = {upper(country[0]), upper(country[1])};
  if (code == std::array{'U', 'K'}) code = {'G', 'B'};
  for (std::size_t i = 0; i < kCount; ++i)
    if (kRows[i].country == std::string_view(code.data(), 2))
      return &kCadences[i][static_cast<std::size_t>(signal)];
  return nullptr;
}

const Cadence& recommended_cadence(Signal signal) {
  return kRecommended[static_cast<std::size_t>(signal)];
}

std::span<const std::string_view> countries() { return kNames; }

}  // namespace causeway::tone
