#include "lab/sdp_text.h"

#include <openssl/evp.h>

#include <charconv>

#include "lab/sip_text.h"

namespace causeway::lab {
namespace {

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const auto space = line.find(' ');
    if (space != 0) out.push_back(line.substr(0, space));
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  return out;
}

int number(std::string_view t) {
  int n = -1;
  std::from_chars(t.data(), t.data() + t.size(), n);
  return n;
}

Status read_crypto(std::string_view value, SdpText& s) {
  const auto w = words(value);
  if (w.size() < 3 || !w[2].starts_with("inline:"))
    return fail(ErrorCode::kMalformed, "a=crypto: " + std::string(value));
  CryptoLine c;
  c.tag = number(w[0]);
  c.suite = w[1];
  auto rest = w[2].substr(7);
  const auto bar = rest.find('|');
  auto key = from_base64(rest.substr(0, bar));
  if (!key) return tl::unexpected(key.error());
  c.key = std::move(*key);
  while (rest.find('|') != std::string_view::npos) {
    rest = rest.substr(rest.find('|') + 1);
    const auto part = rest.substr(0, rest.find('|'));
    if (part.find(':') != std::string_view::npos) {
      c.mki = true;
    } else {
      c.lifetime = part;
    }
  }
  if (s.crypto.size() < 8) s.crypto.push_back(std::move(c));
  return {};
}

void read_candidate(std::string_view value, SdpText& s) {
  const auto w = words(value);
  if (w.size() < 8 || !same_text(w[2], "UDP") || s.candidates.size() >= 32) return;
  SdpCandidate c;
  c.component = number(w[1]);
  std::from_chars(w[3].data(), w[3].data() + w[3].size(), c.priority);
  const auto address = IpAddress::parse(w[4]);
  if (!address) return;
  c.address = {*address, static_cast<std::uint16_t>(number(w[5]))};
  c.type = w[7];
  s.candidates.push_back(std::move(c));
}

Status read_attribute(std::string_view a, bool in_audio, SdpText& s) {
  if (s.attributes.size() < 128) s.attributes.emplace_back(a);
  const auto colon = a.find(':');
  const auto name = a.substr(0, colon);
  const auto value = colon == std::string_view::npos ? std::string_view{} : a.substr(colon + 1);
  if (name == "sendrecv") s.way = Way::kSendRecv;
  if (name == "sendonly") s.way = Way::kSendOnly;
  if (name == "recvonly") s.way = Way::kRecvOnly;
  if (name == "inactive") s.way = Way::kInactive;
  if (name == "ice-lite") s.ice_lite = true;
  if (name == "ice-ufrag") s.ice_ufrag = value;
  if (name == "ice-pwd") s.ice_pwd = value;
  if (!in_audio) return {};
  if (name == "candidate") read_candidate(value, s);
  if (name == "rtcp-mux") s.rtcp_mux = true;
  if (name == "ptime") s.ptime = number(value);
  if (name == "rtcp") s.rtcp_port = static_cast<std::uint16_t>(number(value));
  if (name == "crypto") return read_crypto(value, s);
  if (name == "rtpmap") {
    const auto w = words(value);
    if (w.size() >= 2 && s.rtpmaps.size() < 64)
      s.rtpmaps.push_back({number(w[0]), std::string(w[1])});
  }
  return {};
}

Status read_connection(std::string_view value, SdpText& s) {
  const auto w = words(value);
  if (w.size() < 3) return fail(ErrorCode::kMalformed, "c= line: " + std::string(value));
  auto a = IpAddress::parse(w[2]);
  if (!a) return tl::unexpected(a.error());
  s.address = *a;
  return {};
}

}  // namespace

std::string_view to_string(Way w) {
  switch (w) {
    case Way::kSendRecv: return "sendrecv";
    case Way::kSendOnly: return "sendonly";
    case Way::kRecvOnly: return "recvonly";
    case Way::kInactive: return "inactive";
  }
  return "?";
}

Way answer_to(Way offered) {
  switch (offered) {
    case Way::kSendRecv: return Way::kSendRecv;
    case Way::kSendOnly: return Way::kRecvOnly;
    case Way::kRecvOnly: return Way::kSendOnly;
    case Way::kInactive: return Way::kInactive;
  }
  return Way::kInactive;
}

int SdpText::telephone_event() const {
  for (const auto& r : rtpmaps)
    if (r.encoding.size() >= 15 &&
        same_text(std::string_view(r.encoding).substr(0, 15), "telephone-event"))
      return r.pt;
  return -1;
}

Result<SdpText> parse_sdp(std::string_view text) {
  SdpText s;
  bool in_audio = false, in_media = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.size() < 2 || line[1] != '=') continue;
    const auto value = line.substr(2);
    if (line[0] == 'o') {
      const auto w = words(value);
      if (w.size() >= 6) s.origin_id = w[1], s.origin_version = w[2], s.origin_address = w[5];
    } else if (line[0] == 'm') {
      const auto w = words(value);
      if (w.size() < 4) return fail(ErrorCode::kMalformed, "m= line: " + std::string(value));
      in_audio = w[0] == "audio" && s.protocol.empty();
      in_media = true;
      if (s.media_kinds.size() < 16) s.media_kinds.emplace_back(w[0]);
      if (!in_audio) continue;
      s.port = static_cast<std::uint16_t>(number(w[1]));
      s.rtcp_port = static_cast<std::uint16_t>(s.port + 1);
      s.protocol = w[2];
      for (std::size_t i = 3; i < w.size() && i < 64; ++i) s.formats.push_back(number(w[i]));
    } else if (line[0] == 'c' && (in_audio || !in_media)) {
      if (auto r = read_connection(value, s); !r) return tl::unexpected(r.error());
    } else if (line[0] == 'a' && (in_audio || !in_media)) {
      if (auto r = read_attribute(value, in_audio, s); !r) return tl::unexpected(r.error());
    }
  }
  if (s.protocol.empty()) return fail(ErrorCode::kMalformed, "SDP without m=audio");
  return s;
}

std::string write_sdp(const SdpToWrite& s) {
  const std::string family = s.address.is_v6() ? "IN IP6 " : "IN IP4 ";
  const std::string address = family + s.address.to_string();
  std::string out = "v=0\r\no=- " + std::to_string(s.id) + " " + std::to_string(s.version) + " " +
                    address +
                    "\r\ns=session\r\nc=" + (s.zero_address ? "IN IP4 0.0.0.0" : address) +
                    "\r\nt=0 0\r\n" + s.session_lines + "m=audio " + std::to_string(s.port) + " " +
                    (!s.protocol.empty() ? s.protocol
                     : s.secure          ? "RTP/SAVP"
                                         : "RTP/AVP");
  for (const int f : s.formats) out += " " + std::to_string(f);
  out += "\r\na=rtcp:" + std::to_string(s.port + 1) + "\r\n";
  for (const auto& c : s.crypto)
    out += "a=crypto:" + std::to_string(c.tag) + " " + c.suite + " inline:" + to_base64(c.key) +
           (c.lifetime.empty() ? "" : "|" + c.lifetime) + "\r\n";
  for (const int f : s.formats) {
    if (f == 0) out += "a=rtpmap:0 PCMU/8000\r\n";
    if (f == 8) out += "a=rtpmap:8 PCMA/8000\r\n";
    if (f == 13) out += "a=rtpmap:13 CN/8000\r\n";
    if (f == 101) out += "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n";
  }
  return out + s.media_lines + "a=ptime:20\r\na=" + std::string(to_string(s.way)) + "\r\n";
}

std::string to_base64(std::string_view raw) {
  std::string out((raw.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(raw.data()),
                                static_cast<int>(raw.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  std::string out(padded.size() / 4 * 3 + 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(padded.data()),
                                static_cast<int>(padded.size()));
  if (n < 0) return fail(ErrorCode::kMalformed, "not base64: " + std::string(text));
  std::size_t length = static_cast<std::size_t>(n);
  for (auto it = padded.rbegin(); it != padded.rend() && *it == '=' && length > 0; ++it) --length;
  out.resize(length);
  return out;
}

}  // namespace causeway::lab
