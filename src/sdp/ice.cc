#include "sdp/ice.h"

#include <algorithm>

#include "sdp/text.h"

namespace causeway::sdp {
namespace {

constexpr std::size_t kMaxFoundation = 32;  // RFC 8839 5.1
constexpr std::size_t kMaxOptions = 8;

struct Kind {
  std::string_view word;
  CandidateType type;
};
constexpr Kind kKinds[] = {{"host", CandidateType::kHost},
                           {"srflx", CandidateType::kServerReflexive},
                           {"prflx", CandidateType::kPeerReflexive},
                           {"relay", CandidateType::kRelayed}};

bool ice_chars(std::string_view s, std::size_t least, std::size_t most) {
  return s.size() >= least && s.size() <= most && std::all_of(s.begin(), s.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

std::optional<Endpoint> endpoint(std::string_view address, std::string_view port) {
  Endpoint e;
  const auto a = IpAddress::literal(address);
  if (!a || !text::number(port, e.port) || e.port == 0) return std::nullopt;
  e.address = *a;
  return e;
}

// "1 1 UDP 2130706431 192.0.2.1 40000 typ host ..."
std::optional<IceCandidate> read_candidate(std::string_view v) {
  IceCandidate c;
  const auto foundation = text::next_word(v);
  if (!ice_chars(foundation, 1, kMaxFoundation)) return std::nullopt;
  c.foundation = foundation;
  if (!text::number(text::next_word(v), c.component) || c.component == 0) return std::nullopt;
  if (!text::same_word(text::next_word(v), "UDP")) return std::nullopt;
  if (!text::number(text::next_word(v), c.priority)) return std::nullopt;
  const auto address = text::next_word(v);
  const auto e = endpoint(address, text::next_word(v));
  if (!e || text::next_word(v) != "typ") return std::nullopt;
  c.address = *e;
  const auto word = text::next_word(v);
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const Kind& k) { return k.word == word; });
  if (kind == std::end(kKinds)) return std::nullopt;
  c.type = kind->type;
  return c;
}

// "1 192.0.2.1 40000 2 192.0.2.1 40001"
void read_remote_candidates(std::string_view v, IceParameters& out) {
  while (out.remote_candidates.size() < 2) {
    IceRemoteCandidate r;
    const auto component = text::next_word(v);
    if (!text::number(component, r.component) || r.component == 0) return;
    const auto address = text::next_word(v);
    const auto e = endpoint(address, text::next_word(v));
    if (!e) return;
    r.address = *e;
    out.remote_candidates.push_back(r);
  }
}

void read_line(std::string_view whole, IceParameters& out) {
  const auto colon = std::min(whole.find(':'), whole.size());
  const auto name = text::trimmed(whole.substr(0, colon));
  std::string_view value = text::trimmed(whole.substr(std::min(colon + 1, whole.size())));
  if (name == "ice-ufrag") out.ufrag = value;
  if (name == "ice-pwd") out.pwd = value;
  if (name == "ice-lite") out.lite = true;
  if (name == "candidate" && out.candidates.size() < kMaxCandidates)
    if (auto c = read_candidate(value)) out.candidates.push_back(std::move(*c));
  if (name == "remote-candidates") read_remote_candidates(value, out);
  if (name != "ice-options") return;
  out.options.clear();
  while (out.options.size() < kMaxOptions) {
    const auto option = text::next_word(value);
    if (option.empty()) break;
    out.options.emplace_back(option);
  }
}

}  // namespace

std::optional<IceParameters> read_ice(const SessionDescription& d, std::size_t media_index) {
  if (media_index >= d.media().size()) return std::nullopt;
  IceParameters out;
  for (const Line& l : d.session_lines())
    if (l.type == 'a') read_line(d.value(l), out);
  out.candidates.clear();  // mean something at media level alone
  out.remote_candidates.clear();
  for (const Line& l : d.lines_of(d.media()[media_index]))
    if (l.type == 'a') read_line(d.value(l), out);
  if (!ice_chars(out.ufrag, 4, 256) || !ice_chars(out.pwd, 22, 256)) return std::nullopt;
  return out;
}

bool default_is_candidate(const IceParameters& ice, const Endpoint& rtp) {
  if (ice.candidates.empty()) return ice.lite;
  return std::any_of(ice.candidates.begin(), ice.candidates.end(),
                     [&](const IceCandidate& c) { return c.component == 1 && c.address == rtp; });
}

std::string ice_lines(const LocalMedia& local, bool mux) {
  if (!local.ice) return {};
  const IceParameters& ice = *local.ice;
  std::string out = "a=ice-ufrag:" + ice.ufrag + "\r\na=ice-pwd:" + ice.pwd + "\r\n";
  if (!ice.options.empty()) {
    out += "a=ice-options:";
    for (const auto& o : ice.options) out += (&o == &ice.options.front() ? "" : " ") + o;
    out += "\r\n";
  }
  const auto candidate = [&](unsigned component, std::uint16_t port) {
    const std::uint32_t priority = 126u << 24 | 65'535u << 8 | (256u - component);
    out += "a=candidate:1 " + std::to_string(component) + " UDP " + std::to_string(priority) + " " +
           local.rtp.address.to_string() + " " + std::to_string(port) + " typ host\r\n";
  };
  candidate(1, local.rtp.port);
  if (!mux || (local.rtcp_port != 0 && local.rtcp_port != local.rtp.port))
    candidate(
        2, local.rtcp_port != 0 ? local.rtcp_port : static_cast<std::uint16_t>(local.rtp.port + 1));
  return out;
}

}  // namespace causeway::sdp
