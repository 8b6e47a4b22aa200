#include "lab/ladder.h"

#include <fmt/core.h>
#include <unistd.h>

#include "lab/sdp_text.h"

namespace causeway::lab {
namespace {
constexpr int kColumn = 44;
}

Ladder::Ladder(const Loop& loop, Settings settings)
    : loop_(loop), settings_(settings), start_(loop.now()) {
  colour_ = settings_.show && isatty(fileno(settings_.out)) == 1;
}

std::string summary_of(const SipMessage& m) {
  std::string s;
  if (m.request) {
    s = m.method;
    if (const auto u = parse_sip_uri(m.uri);
        u && m.method == "INVITE" && tag_of(m.get("To")).empty()) {
      s += " " + u->user;
    } else if (m.method == "INVITE") {
      s = "re-INVITE";
    }
  } else {
    s = std::to_string(m.status) + " " + m.reason;
    const std::string method = m.cseq_method();
    if (method != "INVITE") s += " (" + method + ")";
  }
  if (!m.body.empty()) {
    const auto sdp = parse_sdp(m.body);
    if (sdp) {
      s += sdp->protocol == "RTP/SAVP" ? " [SAVP" : " [AVP";
      if (sdp->way != Way::kSendRecv) s += " " + std::string(to_string(sdp->way));
      if (sdp->address.is_unspecified()) s += " 0.0.0.0";
      s += "]";
    }
  }
  return s;
}

void Ladder::heading() {
  if (!settings_.show) return;
  fmt::print(settings_.out, "{:>8}  {:<16} {:<{}}gateway{:>{}}\n", "seconds", "call", "operator",
             kColumn - 2, "Phone System", kColumn - 3);
  std::fflush(settings_.out);
}

// arrow: 1 to the right, -1 to the left, 0 none.
void Ladder::line(Side side, const std::string& label, const std::string& text, int arrow) {
  const double t = to_seconds(loop_.now() - start_);
  std::string shown = text.substr(0, kColumn - 6);
  const int dashes = kColumn - 4 - static_cast<int>(shown.size());
  std::string bar;
  for (int i = 0; i < dashes; ++i) bar += arrow == 0 ? " " : "─";
  std::string cell;
  if (arrow > 0) {
    cell = side == Side::kOperator ? shown + " " + bar + "▶ " : " " + bar + "▶ " + shown;
  } else if (arrow < 0) {
    cell = side == Side::kOperator ? shown + " ◀" + bar + " " : " ◀" + bar + " " + shown;
  } else {
    cell = " " + shown + bar + "  ";
  }
  const std::string empty(kColumn - 1, ' ');
  const std::string left = side == Side::kOperator ? cell : empty;
  const std::string right = side == Side::kOperator ? "" : cell;
  const char* on = !colour_ ? "" : side == Side::kOperator ? "\x1b[36m" : "\x1b[35m";
  fmt::print(settings_.out, "{:8.3f}  {:<16} {}{}│{}{}\n", t, label.substr(0, 16), on, left, right,
             colour_ ? "\x1b[0m" : "");
  std::fflush(settings_.out);
}

void Ladder::message(Side side, bool sent, const std::string& label, const SipMessage& m) {
  if (settings_.messages != nullptr) {
    fmt::print(settings_.messages, "{:.6f} {} {} {}\n{}\n\n", to_seconds(loop_.now() - start_),
               to_string(side), sent ? "sent" : "received", label, m.to_text());
    std::fflush(settings_.messages);
  }
  if (!settings_.show) return;
  const bool options = m.request ? m.method == "OPTIONS" : m.cseq_method() == "OPTIONS";
  if (options && !settings_.options) return;
  const int arrow = (side == Side::kOperator) == sent ? 1 : -1;
  line(side, label, summary_of(m), arrow);
}

void Ladder::note(Side side, const std::string& label, const std::string& text) {
  if (settings_.messages != nullptr)
    fmt::print(settings_.messages, "# {} {}: {}\n\n", to_string(side), label, text);
  if (settings_.show) line(side, label, text, 0);
}

}  // namespace causeway::lab
