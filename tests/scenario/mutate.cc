#include "scenario/mutate.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace causeway::scenario {
namespace {

constexpr std::string_view kPieces[] = {"\r\n",
                                        "\r\n ",
                                        "\n",
                                        "\r",
                                        "\xff\xfe",
                                        "\"",
                                        "\\",
                                        "<",
                                        ">",
                                        ";",
                                        ",",
                                        "%",
                                        "%00",
                                        "@",
                                        ":",
                                        "[",
                                        "]",
                                        "[::1]",
                                        "4294967296",
                                        "-1",
                                        "0",
                                        "99999999999999999999",
                                        " ",
                                        "\t",
                                        "SIP/2.0",
                                        "SIP/7.0",
                                        "sip:",
                                        "tel:",
                                        "urn:service:sos",
                                        "*",
                                        "z9hG4bK",
                                        ";tag=",
                                        ";branch=",
                                        ";lr",
                                        "?Replaces=x",
                                        "Content-Length: 70000\r\n",
                                        "Require: x\r\n",
                                        "Max-Forwards: 0\r\n",
                                        "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n",
                                        "Route: <sip:127.0.0.1;lr>\r\n",
                                        "Record-Route: <sip:[",
                                        "m=audio 0 RTP/AVP 8\r\n",
                                        "a=rtpmap:8 ",
                                        "a=sendonly\r\n",
                                        "c=IN IP6 ::1\r\n",
                                        "Content-Type: multipart/mixed;boundary=x\r\n",
                                        "RAck: 1 1 INVITE\r\n",
                                        "CSeq: 1 INVITE\r\n",
                                        "Supported: 100rel\r\n",
                                        "\r\n\r\n"};

std::vector<std::string> lines_of(const std::string& m) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  for (std::size_t end; (end = m.find("\r\n", at)) != std::string::npos; at = end + 2)
    lines.push_back(m.substr(at, end - at));
  lines.push_back(m.substr(at));
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string m;
  for (std::size_t i = 0; i < lines.size(); ++i) m.append(i == 0 ? "" : "\r\n").append(lines[i]);
  return m;
}

std::string changed_once(std::string m, Random& r) {
  const auto roll = [&](std::size_t n) { return static_cast<std::size_t>(r.below(n)); };
  const std::size_t at = roll(m.size() + 1);
  auto lines = lines_of(m);
  const std::size_t n = roll(lines.size());
  switch (roll(9)) {
    case 0: return m.insert(at, kPieces[roll(std::size(kPieces))]);
    case 1:
      if (at < m.size()) m[at] = static_cast<char>(roll(256));
      return m;
    case 2: return m.erase(at, 1 + roll(30));
    case 3: return m.substr(0, at);
    case 4: lines.insert(lines.begin() + static_cast<long>(roll(lines.size())), lines[n]); break;
    case 5: lines.erase(lines.begin() + static_cast<long>(n)); break;
    case 6: std::swap(lines[n], lines[roll(lines.size())]); break;
    case 7:  // a number that is another
      for (std::size_t i = at; i < m.size(); ++i)
        if (m[i] >= '0' && m[i] <= '9') return m.replace(i, 1, roll(2) ? "77777777777" : "-0");
      return m;
    default:  // a header in another place, folded
      if (const std::size_t colon = lines[n].find(": "); colon != std::string::npos)
        lines[n].replace(colon, 2, ":\t \r\n ");
      break;
  }
  return joined(lines);
}

}  // namespace

std::string mutated(std::string message, Random& random) {
  constexpr int kTimes[] = {1, 1, 2, 3, 8};
  for (int n = kTimes[random.below(5)]; n > 0; --n)
    message = changed_once(std::move(message), random);
  return message.empty() ? "\r\n" : message;
}

}  // namespace causeway::scenario
