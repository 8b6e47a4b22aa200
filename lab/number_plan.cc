#include "lab/number_plan.h"

namespace causeway::lab {

using namespace std::chrono_literals;

std::string_view to_string(Side s) { return s == Side::kOperator ? "operator" : "phone-system"; }

std::string_view to_string(Step s) {
  switch (s) {
    case Step::kHoldSendOnly: return "hold (sendonly)";
    case Step::kHoldInactive: return "hold (inactive)";
    case Step::kHoldZeroAddress: return "hold (0.0.0.0)";
    case Step::kResume: return "resume";
    case Step::kResumeWithoutOffer: return "resume without an offer";
    case Step::kRefresh: return "session refresh";
    case Step::kTransfer: return "transfer";
    case Step::kTransferAndLeave: return "transfer, hang-up at once";
    case Step::kIceFinal: return "final offer of ICE";
    case Step::kIceRestart: return "ICE restart";
    case Step::kEscalate: return "escalation";
    case Step::kMove: return "move";
    case Step::kIceLost: return "hang-up over a lost path";
    case Step::kConsult: return "consultation";
    case Step::kAttendedTransfer: return "attended transfer";
    case Step::kReplace: return "INVITE with Replaces";
    case Step::kHangUp: return "hang-up";
  }
  return "?";
}

const std::vector<NumberRule>& number_rules() {
  static const std::vector<NumberRule> rules{
      {"001", "rings, answers after 0.4 s, plays a tone"},
      {"002", "answers and speaks"},
      {"003", "answers, hangs up after 5 s"},
      {"004", "rings three telephones, then 183 with early media, then answers"},
      {"005", "as 004, and another telephone than the one heard early answers"},
      {"006", "answers, holds after 3 s, resumes after 6 s"},
      {"007", "answers, refreshes the session every 5 s (five times)"},
      {"008", "answers without ringing first"},
      {"009", "answers after 20 s of ringing"},
      {"010",
       "answers; holds with 0.0.0.0 after 3 s, resumes without an offer after 6 s (operator only)"},
      {"404", "404 not found"},
      {"408", "never answers anything at all"},
      {"480", "rings until the caller gives up"},
      {"486", "486 busy"},
      {"503", "503 unavailable"},
      {"603", "603 decline"},
  };
  return rules;
}

bool same_subscriber(std::string_view a, std::string_view b) {
  constexpr std::size_t kDigits = 8;
  return a.size() >= kDigits && b.size() >= kDigits &&
         a.substr(a.size() - kDigits) == b.substr(b.size() - kDigits);
}

Behaviour behaviour_for(std::string_view number, Side side) {
  const auto last = number.size() > 3 ? number.substr(number.size() - 3) : number;
  Behaviour b;
  b.sound.hertz = side == Side::kOperator ? 440 : 620;
  const Step hold = side == Side::kOperator ? Step::kHoldSendOnly : Step::kHoldInactive;
  if (last == "002") b.sound.content = Content::kSpeech;
  if (last == "003") b.actions = {{5'000ms, Step::kHangUp}};
  if (last == "004" || last == "005") {
    b.rings = 3;
    b.early_media = true;
    b.final_after = 3'000ms;
    b.answer_on_other_fork = last == "005";
  }
  if (last == "006") b.actions = {{3'000ms, hold}, {6'000ms, Step::kResume}};
  if (last == "007")
    for (int i = 1; i <= 5; ++i) b.actions.push_back({Millis(5'000 * i), Step::kRefresh});
  if (last == "008") b.rings = 0;
  if (last == "009") b.final_after = 20'000ms;
  if (last == "010" && side == Side::kOperator)
    b.actions = {{3'000ms, Step::kHoldZeroAddress}, {6'000ms, Step::kResumeWithoutOffer}};
  if (last == "408") b.gone = true;
  if (last == "480") b.answers = false;
  for (const int status : {404, 486, 503, 603})
    if (last == std::to_string(status)) b.final_status = status;
  if (b.final_status == 404 || b.final_status == 503) b.rings = 0;
  return b;
}

}  // namespace causeway::lab
