#include "telemetry/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/host_name.h"
#include "telemetry/text.h"

namespace causeway::telemetry {
namespace {

constexpr std::size_t kTimeColumns = 9;
constexpr std::string_view kUs = "causeway";

bool is_message(const Event& e) {
  return e.kind == EventKind::kMessageIn || e.kind == EventKind::kMessageOut;
}

std::string_view first_line(std::string_view m) { return m.substr(0, m.find_first_of("\r\n")); }

// Value of the first header of this name, long or compact form; empty when there is none.
std::string_view header(std::string_view m, std::string_view name, std::string_view compact = {}) {
  std::size_t at = m.find('\n');
  while (at != std::string_view::npos && at + 1 < m.size()) {
    const std::string_view line = first_line(m.substr(at + 1));
    if (line.empty()) return {};
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::string_view n = line.substr(0, colon);
      while (!n.empty() && (n.back() == ' ' || n.back() == '\t')) n.remove_suffix(1);
      if (equal_ignoring_case(n, name) || (!compact.empty() && equal_ignoring_case(n, compact))) {
        const std::size_t value = line.find_first_not_of(" \t", colon + 1);
        return value == std::string_view::npos ? std::string_view{} : line.substr(value);
      }
    }
    at = m.find('\n', at + 1);
  }
  return {};
}

std::string_view cseq_method(std::string_view m) {
  const std::string_view value = header(m, "CSeq");
  const std::size_t space = value.find_last_of(" \t");
  return space == std::string_view::npos ? std::string_view{} : value.substr(space + 1);
}

// "SDP", "SDP sendonly": what a person looks for first.
std::string body_label(std::string_view m) {
  const std::size_t blank = m.find("\r\n\r\n");
  if (blank == std::string_view::npos || blank + 4 >= m.size()) return {};
  const std::string_view body = m.substr(blank + 4);
  std::string out;
  if (body.starts_with("v=0") || body.find("\nv=0") != std::string_view::npos) {
    out = "SDP";
    for (const std::string_view d : {"sendonly", "recvonly", "inactive"})
      if (body.find("a=" + std::string(d)) != std::string_view::npos) out += " " + std::string(d);
  }
  const std::string_view type = header(m, "Content-Type", "c");
  if (out.empty()) out = std::string(type.substr(0, type.find(';')));
  return out;
}

std::string user_of(std::string_view request_line) {
  const std::size_t uri = request_line.find(' ');
  if (uri == std::string_view::npos) return {};
  std::string_view rest = request_line.substr(uri + 1);
  rest = rest.substr(0, rest.find(' '));
  const std::size_t scheme = rest.find(':');
  if (scheme == std::string_view::npos) return {};
  rest.remove_prefix(scheme + 1);
  const std::size_t at = rest.find('@');
  return at == std::string_view::npos ? std::string{}
                                      : std::string(rest.substr(0, rest.find_first_of(";@")));
}

std::string label_of(std::string_view raw, bool with_user) {
  const std::string_view line = first_line(raw);
  std::string out;
  if (line.starts_with("SIP/2.0 ")) {
    out = line.substr(8);
    const std::string_view method = cseq_method(raw);
    if (!method.empty() && method != "INVITE") out += " (" + std::string(method) + ")";
  } else {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !line.ends_with(" SIP/2.0")) return {};
    out = line.substr(0, space);
    const std::string user = user_of(line);
    if (with_user && out == "INVITE" && !user.empty()) out += " " + user;
  }
  const std::string body = body_label(raw);
  if (!body.empty()) out += " [" + body + "]";
  return printable(out);
}

std::string short_label(std::string_view raw) { return label_of(raw, false); }

// One line of the ladder as cells of one column each, so that lifelines and labels can be laid over
// it.
class Line {
 public:
  explicit Line(std::size_t width) : cells_(width, " ") {}
  void put(std::size_t at, std::string_view text) {
    while (!text.empty() && at < cells_.size()) {
      const std::size_t n = std::max<std::size_t>(utf8_sequence(text), 1);
      cells_[at++] = text.substr(0, n);
      text.remove_prefix(n);
    }
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& c : cells_) out += c;
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  }

 private:
  std::vector<std::string> cells_;
};

class Ladder {
 public:
  Ladder(const Trail& trail, std::size_t width)
      : trail_(trail), events_(trail.events()), width_(std::clamp<std::size_t>(width, 60, 240)) {
    if (!events_.empty()) start_ = events_.front()->at.micros;
    find_columns();
    place_columns();
  }

  std::string render() {
    title();
    names();
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (i == trail_.dropped_after() && trail_.dropped() > 0) gap();
      const Event& e = *events_[i];
      if (is_message(e))
        arrow(e);
      else
        note(e);
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] static std::string name_of(const Event& e) {
    return printable(e.peer.empty() ? e.remote.to_string() : e.peer);
  }
  // The side of a message: the first leg stands left of us, every other peer right.
  [[nodiscard]] std::string key_of(const Event& e) const {
    return (e.leg == first_leg_ ? "<" : ">") + name_of(e);
  }

  void find_columns() {
    for (const Event* e : events_)
      if (is_message(*e)) {
        first_leg_ = e->leg;
        add_column(key_of(*e), name_of(*e));
        break;
      }
    add_column("", std::string(kUs));
    us_ = names_.size() - 1;
    for (const Event* e : events_)
      if (is_message(*e)) add_column(key_of(*e), name_of(*e));
  }

  void add_column(const std::string& key, const std::string& name) {
    if (column_.contains(key)) return;
    constexpr std::size_t kLeast = 18;  // columns that an arrow needs to say anything
    const std::size_t most = std::max<std::size_t>(3, (width_ - kTimeColumns) / kLeast);
    if (names_.size() >= most) {
      column_[key] = names_.size() - 1;
      names_.back() = "others";
      return;
    }
    column_[key] = names_.size();
    names_.push_back(name);
  }

  void place_columns() {
    const auto half = [&](const std::string& n) {
      return std::clamp<std::size_t>(columns(n) / 2 + 1, 2, 12);
    };
    const std::size_t left = kTimeColumns + half(names_.front()), right = half(names_.back());
    const std::size_t n = names_.size();
    gap_ = n > 1 ? (width_ - left - right - 1) / (n - 1) : 0;
    for (std::size_t i = 0; i < n; ++i) at_.push_back(left + i * gap_);
  }

  void title() {
    out_ += fmt::format("Call {:016x}", trail_.id().value);
    if (!events_.empty()) {
      const double seconds = static_cast<double>(events_.back()->at.micros - start_) / 1e6;
      out_ += fmt::format("   started {}   {:.3f} s", format_rfc3339(events_.front()->at), seconds);
    }
    out_ = fitted(out_, width_) + "\n\n";
  }

  void names() {
    Line line(width_);
    line.put(kTimeColumns - 3, "ms");
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::string name = fitted(names_[i], gap_ > 4 ? gap_ - 2 : 20);
      const std::size_t half = columns(name) / 2;
      line.put(std::max(at_[i] > half ? at_[i] - half : 0, kTimeColumns), name);
    }
    out_ += line.text();
  }

  void lifelines(Line& line) const {
    for (const std::size_t at : at_) line.put(at, "│");
  }

  void stamp(Line& line, const Event& e) const {
    const std::string ms = std::to_string((e.at.micros - start_) / 1'000);
    line.put(ms.size() < kTimeColumns - 1 ? kTimeColumns - 1 - ms.size() : 0, ms);
  }

  [[nodiscard]] bool seen_before(const Event& e) {
    return !seen_.insert({key_of(e) + (e.kind == EventKind::kMessageIn ? "i" : "o") + e.message, 1})
                .second;
  }

  void arrow(const Event& e) {
    const bool in = e.kind == EventKind::kMessageIn;
    const auto found = column_.find(key_of(e));
    const std::size_t peer = found == column_.end() ? 0 : found->second;
    const std::size_t from = at_[in ? peer : us_], to = at_[in ? us_ : peer];
    const std::size_t low = std::min(from, to), high = std::max(from, to);
    Line line(width_);
    stamp(line, e);
    lifelines(line);
    for (std::size_t x = low + 1; x < high; ++x) line.put(x, "─");
    line.put(to > from ? high - 1 : low + 1, to > from ? "▶" : "◀");
    std::string before = seen_before(e) ? "again: " : "";
    if (names_[peer] == "others") before += name_of(e) + ": ";
    const std::size_t room = high - low > 6 ? high - low - 6 : 1;
    std::string label = before + message_label(e.message);
    // What the SDP says matters more than the number, which the decision repeats.
    if (columns(label) > room) label = before + short_label(e.message);
    if (label == before) label += "(not SIP)";
    const std::string text = " " + fitted(label, room) + " ";
    line.put(low + 3, text);
    out_ += line.text();
    reasons(e);
  }

  // A Reason or Warning header under a failure or a BYE says why.
  void reasons(const Event& e) {
    const std::string_view status = first_line(e.message);
    const bool failure = status.starts_with("SIP/2.0 ") && status.size() > 8 && status[8] >= '3';
    const bool ends = status.starts_with("BYE ") || status.starts_with("CANCEL ");
    if (!failure && !ends) return;
    for (const std::string_view name : {"Reason", "Warning"}) {
      const std::string_view value = header(e.message, name);
      if (!value.empty()) beside("", fmt::format("{}: {}", name, printable(value)));
    }
  }

  [[nodiscard]] static std::string_view sign(EventKind k) {
    switch (k) {
      case EventKind::kDecision: return "◆ decision";
      case EventKind::kRouteAttempt: return "▷ route";
      case EventKind::kMediaStart: return "≈ media";
      case EventKind::kMediaLoss: return "≈ media lost";
      case EventKind::kMediaEnd: return "≈ media end";
      case EventKind::kState: return "· state";
      case EventKind::kRefusal: return "✕ refused";
      case EventKind::kTimer: return "· timer";
      case EventKind::kError: return "✕ error";
      case EventKind::kEnd: return "■ end";
      case EventKind::kRule: return "✎ rule";
      case EventKind::kNote:
      case EventKind::kMessageIn:
      case EventKind::kMessageOut: return "· note";
    }
    return "·";
  }

  void note(const Event& e) {
    std::string text(sign(e.kind));
    if (!e.peer.empty()) text += " " + printable(e.peer);
    if (!e.text.empty()) text += ": " + printable(e.text);
    if (!e.fields.empty() && e.kind != EventKind::kRule) {  // its fields are in the text
      text += " (";
      for (std::size_t i = 0; i < e.fields.size(); ++i)
        text += fmt::format("{}{} {}", i == 0 ? "" : ", ", printable(e.fields[i].name),
                            printable(e.fields[i].value));
      text += ")";
    }
    const std::string ms = std::to_string((e.at.micros - start_) / 1'000);
    beside(ms, text);
  }

  // Text that runs over the lifelines, wrapped at words and hung under its beginning.
  void beside(const std::string& ms, std::string_view text) {
    const std::size_t at = ms.empty() ? at_[us_] + 4 : kTimeColumns + 1;
    std::size_t indent = at;
    bool first = true;
    while (!text.empty()) {
      const std::size_t room = width_ - indent;
      std::string part = std::string(text);
      if (columns(text) > room) {
        const std::string most = fitted(text, room);  // the last cell holds the ellipsis
        std::size_t bytes = most.size() - std::string_view("…").size();
        const std::size_t space = text.substr(0, bytes + 1).rfind(' ');
        if (space != std::string_view::npos && space > bytes / 2) bytes = space;
        part = text.substr(0, bytes);
      }
      text.remove_prefix(part.size());
      if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
      Line line(width_);
      lifelines(line);
      if (first && !ms.empty())
        line.put(ms.size() < kTimeColumns - 1 ? kTimeColumns - 1 - ms.size() : 0, ms);
      line.put(indent > 0 ? indent - 1 : 0, " " + part + (columns(part) < room ? " " : ""));
      out_ += line.text();
      if (first) indent += 2;
      first = false;
    }
  }

  void gap() {
    Line line(width_);
    line.put(kTimeColumns + 1,
             fmt::format("⋮ {} events were not kept: the trail was full", trail_.dropped()));
    out_ += line.text();
  }

  const Trail& trail_;
  std::vector<const Event*> events_;
  std::size_t width_;
  std::int64_t start_ = 0;
  std::uint32_t first_leg_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> column_;
  std::size_t us_ = 0, gap_ = 0;
  std::vector<std::size_t> at_;
  std::unordered_map<std::string, int> seen_;
  std::string out_;
};

}  // namespace

std::string message_label(std::string_view raw) { return label_of(raw, true); }

std::string render_ladder(const Trail& trail, std::size_t width) {
  return Ladder(trail, width).render();
}

}  // namespace causeway::telemetry
