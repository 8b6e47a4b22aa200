#include "sdp/image.h"

#include <optional>
#include <utility>

#include "sdp/text.h"

namespace causeway::sdp {
namespace {

const MediaSection* live_image(const SessionDescription& d) {
  for (const MediaSection& m : d.media())
    if (m.port != 0 && text::same_word(m.media(d), "image") &&
        text::same_word(m.proto(d), "udptl") && text::same_word(text::trimmed(m.formats(d)), "t38"))
      return &m;
  return nullptr;
}

// "IN IP4 192.0.2.1"
std::optional<IpAddress> address_in(std::string_view connection) {
  (void)text::next_word(connection);
  (void)text::next_word(connection);
  const auto address = IpAddress::parse(text::trimmed(connection));
  return address ? std::optional(*address) : std::nullopt;
}

}  // namespace

void add_image(const SessionDescription& d, bool may_be_alone, Result<RemoteOffer>& read) {
  const MediaSection* m = live_image(d);
  if (!m) return;
  const bool audio = read && !read->declined;
  if (!audio && !may_be_alone) return;
  if (!read && read.error().code != ErrorCode::kNotAcceptable) return;
  std::optional<IpAddress> at;
  for (const Line& l : d.session_lines())
    if (l.type == 'c') at = address_in(d.value(l));
  for (const Line& l : d.lines_of(*m))
    if (l.type == 'c') at = address_in(d.value(l));
  if (!at || at->is_unspecified()) return;
  Image image;
  image.alone = !audio;
  for (const Line& l : d.lines_of(*m)) {
    const std::string_view v = d.value(l);
    if (l.type == 'a' && v.size() > 3 && text::same_word(v.substr(0, 3), "T38") &&
        v.size() <= kMaxImageAttribute && image.attributes.size() < kMaxImageAttributes)
      image.attributes.emplace_back(v);
  }
  if (!read) {
    RemoteOffer out;
    for (const MediaSection& each : d.media())
      out.media_lines.emplace_back(d.value(d.lines()[each.first]));
    out.audio_index = out.media_lines.size();
    const OriginLine origin = d.origin();
    out.origin_user.append(origin.username);
    out.session_id = origin.session_id;
    out.version = origin.version;
    read = std::move(out);
  }
  RemoteOffer& out = *read;
  const Endpoint where{*at, m->port};
  out.image_index = static_cast<std::size_t>(m - d.media().data());
  out.media.image = where;
  if (image.alone) {
    out.declined = false;
    out.wish = {};
    out.media.rtp = out.media.rtcp = where;
  }
  out.wish.image = std::move(image);
}

std::string image_lines(const Image& image, std::uint16_t port) {
  std::string out = "m=image " + std::to_string(port) + " udptl t38\r\n";
  for (const std::string& a : image.attributes) out += "a=" + a + "\r\n";
  return out;
}

std::vector<std::string_view> media_lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (auto at = text.find("\nm="); at != std::string_view::npos; at = text.find("\nm=", at + 1)) {
    const auto line = text.substr(at + 3);
    out.push_back(text::trimmed(line.substr(0, line.find_first_of("\r\n"))));
  }
  return out;
}

}  // namespace causeway::sdp
