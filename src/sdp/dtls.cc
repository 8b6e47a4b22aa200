#include "sdp/dtls.h"

#include <algorithm>
#include <array>

#include "sdp/text.h"

namespace causeway::sdp {
namespace {

struct Hash {
  std::string_view name;
  std::size_t octets;
};
// RFC 8122 5; MD5 and MD2 stand there to be refused.
constexpr std::array<Hash, 4> kHashes{
    {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}, {"sha-1", 20}}};

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string_view word(DtlsSetup s) {
  switch (s) {
    case DtlsSetup::kActpass: return "actpass";
    case DtlsSetup::kActive: return "active";
    case DtlsSetup::kPassive: return "passive";
  }
  return "";
}

Status usable(const RemoteMedia& m) {
  if (!m.dtls)
    return fail(ErrorCode::kNotAcceptable,
                "DTLS-SRTP is needed: UDP/TLS/RTP/SAVP with a=fingerprint of sha-1, sha-256, "
                "sha-384 or sha-512");
  if (!m.rtcp_mux)
    return fail(ErrorCode::kNotAcceptable, "DTLS-SRTP without a=rtcp-mux is not supported");
  return {};
}

}  // namespace

std::optional<Fingerprint> read_fingerprint(std::string_view value) {
  std::string_view rest = value;
  const auto name = text::next_word(rest);
  const auto known = std::find_if(kHashes.begin(), kHashes.end(),
                                  [&](const Hash& h) { return text::same_word(h.name, name); });
  rest = text::trimmed(rest);
  if (known == kHashes.end() || rest.size() != known->octets * 3 - 1) return std::nullopt;
  Fingerprint f;
  f.hash = known->name;
  f.octets.reserve(known->octets);
  for (std::size_t i = 0; i < rest.size(); i += 3) {
    const int high = hex(rest[i]), low = hex(rest[i + 1]);
    if (high < 0 || low < 0 || (i + 2 < rest.size() && rest[i + 2] != ':')) return std::nullopt;
    f.octets.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return f;
}

std::optional<DtlsSetup> read_setup(std::string_view value) {
  for (const DtlsSetup s : {DtlsSetup::kActpass, DtlsSetup::kActive, DtlsSetup::kPassive})
    if (text::same_word(text::trimmed(value), word(s))) return s;
  return std::nullopt;
}

std::string dtls_lines(const DtlsParameters& ours, DtlsSetup setup) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const Fingerprint& f : ours.fingerprints) {
    out += "a=fingerprint:" + f.hash;
    char before = ' ';
    for (const std::uint8_t o : f.octets) {
      out += {before, kHex[o >> 4], kHex[o & 15]};
      before = ':';
    }
    out += "\r\n";
  }
  out.append("a=setup:").append(word(setup)).append("\r\n");
  return out;
}

Result<DtlsSetup> answer_setup(const RemoteMedia& offered,
                               const std::optional<DtlsParameters>& ours) {
  if (auto ok = usable(offered); !ok) return tl::unexpected(ok.error());
  switch (offered.dtls->setup.value_or(DtlsSetup::kActpass)) {
    case DtlsSetup::kActive: return DtlsSetup::kPassive;
    case DtlsSetup::kPassive: return DtlsSetup::kActive;
    case DtlsSetup::kActpass: break;
  }
  const auto before = ours ? ours->setup : std::nullopt;
  return before && *before != DtlsSetup::kActpass ? *before : DtlsSetup::kActive;
}

Result<DtlsSetup> setup_left_by(const RemoteMedia& answered) {
  if (auto ok = usable(answered); !ok) return tl::unexpected(ok.error());
  // RFC 4145 4: an answer that does not say is passive. "actpass" is no answer; whoever says so
  // waits, as a rule, for us.
  return answered.dtls->setup == DtlsSetup::kActive ? DtlsSetup::kPassive : DtlsSetup::kActive;
}

}  // namespace causeway::sdp
